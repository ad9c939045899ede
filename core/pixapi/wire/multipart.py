"""Forms with files (RFC 7578): read as they come, and written for a model's server.

A part with a file name is an upload, any other a text. Texts become the JSON strings that a JSON body would have, so
that whoever reads `Call.fields` need not know how they came; a name that occurs several times, or ends in ``[]``, has
a list. Where the bytes of files go is said by whoever reads: into memory, or where there is more room.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

import msgspec
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from pixapi.errors import BadRequest, UnsupportedMedia
from pixapi.interfaces.call import Upload
from pixapi.interfaces.http import Body
from pixapi.wire.json import Fields, decode_any, encode, raw

_MOST_PARTS = 256
_MEDIA_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+-]+")
_ANY_BYTES = "application/octet-stream"


class Keep(Protocol):
    """Where the bytes of one file go."""

    def write(self, data: bytes) -> None:
        """The next of them."""
        ...

    def end(self) -> bytes | Body:
        """There are no more; here they are."""
        ...


class InMemory:
    """Implements `Keep`."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, data: bytes) -> None:
        """See `Keep`."""
        self._pieces.append(data)

    def end(self) -> bytes:
        """See `Keep`."""
        return b"".join(self._pieces)


class _Parts:
    """Collects the parts that the parser finds."""

    def __init__(self, keep: Callable[[], Keep]) -> None:
        self.texts: list[tuple[str, str]] = []
        self.uploads: list[Upload] = []
        self.is_whole = False
        self._keep = keep
        self._part: Keep = InMemory()
        self._name = self._value = b""
        self._headers: dict[bytes, bytes] = {}
        self._said: dict[bytes, bytes] = {}

    def on_part_begin(self) -> None:
        if len(self.texts) + len(self.uploads) == _MOST_PARTS:
            raise BadRequest(f"the form has more than {_MOST_PARTS} parts, the most that is read here")
        self._headers = {}

    def on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def on_header_end(self) -> None:
        self._headers[self._name.lower()] = self._value
        self._name = self._value = b""

    def on_headers_finished(self) -> None:
        _, self._said = parse_options_header(self._headers.get(b"content-disposition", b""))
        if b"name" not in self._said:
            raise BadRequest("a part of the form has no name")
        self._part = self._keep() if b"filename" in self._said else InMemory()

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        self._part.write(data[start:end])

    def on_part_end(self) -> None:
        name, content = self._said[b"name"].decode("utf-8", "replace"), self._part.end()
        if b"filename" in self._said or not isinstance(content, bytes):
            filename = self._said.get(b"filename", b"").decode("utf-8", "replace")
            media_type = self._headers.get(b"content-type", b"").decode("latin-1").strip()
            self.uploads.append(Upload(name, filename, media_type or _ANY_BYTES, content))
            return
        try:
            self.texts.append((name, content.decode()))
        except UnicodeDecodeError:
            raise BadRequest(
                f"the form's field {name[:40]!r} is not UTF-8; a file needs a `filename`", param=name[:40]
            ) from None

    def on_end(self) -> None:
        self.is_whole = True


class FormReader:
    """Reads one form from its bytes, in whatever pieces they come. ``keep`` gives each file its place.

    Raises:
        UnsupportedMedia: the content type is another one.
        BadRequest: it names no boundary, or one of more than the 256 bytes that are read here.
    """

    def __init__(self, content_type: str, keep: Callable[[], Keep] = InMemory) -> None:
        boundary = _boundary_of(content_type)
        self._parts = parts = _Parts(keep)
        names = [name for name in dir(parts) if name.startswith("on_")]
        found = {name: getattr(parts, name) for name in names}
        try:
            self._parser = MultipartParser(boundary, found)  # ty: ignore[invalid-argument-type]
        except FormParserError:
            raise BadRequest("the boundary that the content type names is too long") from None

    def feed(self, data: bytes) -> None:
        """The next bytes of the body. Raises BadRequest: they are of no form. What ``keep`` raises goes through."""
        try:
            self._parser.write(data)
        except FormParserError:
            raise BadRequest("the body is not the form that its content type announces") from None

    def close(self) -> tuple[Fields, tuple[Upload, ...]]:
        """The body has ended: its texts and its files. Raises BadRequest: the form has not."""
        if not self._parts.is_whole:
            raise BadRequest("the form breaks off before its last boundary")
        return _fields(self._parts.texts), tuple(self._parts.uploads)


def _boundary_of(content_type: str) -> bytes:
    kind, options = parse_options_header(content_type)
    if kind != b"multipart/form-data":
        raise UnsupportedMedia(
            f"the content type {content_type.split(';')[0][:60] or 'is missing; it'} is not read here; "
            "send a form, `Content-Type: multipart/form-data`"
        )
    boundary = options.get(b"boundary", b"")
    if not boundary:
        raise BadRequest("the content type names no boundary; expected multipart/form-data; boundary=...")
    return boundary


def read_form(content_type: str, body: bytes | Body) -> tuple[Fields, tuple[Upload, ...]]:
    """The texts and the files of a form, all of it in memory.

    Raises:
        UnsupportedMedia: the content type is another one.
        BadRequest: it is no form, or not a whole one.
    """
    reader = FormReader(content_type)
    for piece in (body,) if isinstance(body, bytes) else body.chunks():
        reader.feed(piece)
    return reader.close()


def _fields(texts: Iterable[tuple[str, str]]) -> Fields:
    found: dict[str, list[str]] = {}
    for name, text in texts:
        found.setdefault(name, []).append(text)
    return {
        name: raw(values if len(values) > 1 or name.endswith("[]") else values[0])
        for name, values in found.items()
    }


class _Form:
    """Implements `Body`: what stands between the files, and the files where they lie."""

    def __init__(self, pieces: list[bytes | Body]) -> None:
        self._pieces = pieces
        self._size = sum(map(len, pieces))

    def __len__(self) -> int:
        return self._size

    def chunks(self) -> Iterator[bytes]:
        for piece in self._pieces:
            if isinstance(piece, bytes):
                yield piece
            else:
                yield from piece.chunks()


def write_form(fields: Fields, uploads: Iterable[Upload], seed: str) -> tuple[str, bytes | Body]:
    """The content type and the body of a form; a `Body` where one of the files is.

    The boundary is made of ``seed``: the same call gives the same bytes, and who sends a file cannot know it.
    """
    parts: list[tuple[str, bytes | Body]] = [
        (_disposition(name), text.encode()) for name, value in fields.items() for text in _texts(value)
    ]
    for upload in uploads:
        kind = upload.media_type if _MEDIA_TYPE.fullmatch(upload.media_type) else _ANY_BYTES
        head = f"{_disposition(upload.name)}; filename={_quoted(upload.filename)}\r\nContent-Type: {kind}"
        parts.append((head, upload.content))
    boundary = hashlib.sha256(seed.encode()).hexdigest()[:40].encode()
    while any(boundary in data for _, data in parts if isinstance(data, bytes)):
        boundary = hashlib.sha256(boundary).hexdigest()[:40].encode()
    pieces: list[bytes | Body] = []
    between = b"--" + boundary + b"\r\n"
    for head, data in parts:
        pieces += [between + head.encode() + b"\r\n\r\n", data]
        between = b"\r\n--" + boundary + b"\r\n"
    pieces.append(between[:-2] + b"--\r\n")
    content_type = f"multipart/form-data; boundary={boundary.decode()}"
    small = [piece for piece in pieces if isinstance(piece, bytes)]
    return content_type, b"".join(small) if len(small) == len(pieces) else _Form(pieces)


def _texts(value: msgspec.Raw) -> list[str]:
    """A field as the texts of as many parts: lists part by part, what is no string as its JSON."""
    try:
        said = decode_any(value)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise BadRequest("a field of the form is not valid JSON") from None
    items = said if isinstance(said, list) else [said]
    return [item if isinstance(item, str) else encode(item).decode() for item in items]


def _disposition(name: str) -> str:
    return f"Content-Disposition: form-data; name={_quoted(name)}"


def _quoted(text: str) -> str:
    """As browsers write names (WHATWG HTML, "Multipart form data")."""
    escaped = text.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
    return f'"{escaped}"'
