"""Forms with files (RFC 7578): read whole from a body, and written for a model's server.

A part with a file name is an upload, any other a text. Texts become the JSON strings that a JSON body would have, so
that whoever reads `Call.fields` need not know how they came; a name that occurs several times, or ends in ``[]``, has
a list. Nothing here streams: the core has bounded the body before.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

import msgspec
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from pixapi.errors import BadRequest, UnsupportedMedia
from pixapi.interfaces.call import Upload
from pixapi.wire.json import Fields, decode_any, encode, raw

_MOST_PARTS = 256
_MEDIA_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+-]+")
_ANY_BYTES = "application/octet-stream"


class _Reader:
    """Collects the parts that the parser finds."""

    def __init__(self) -> None:
        self.texts: list[tuple[str, str]] = []
        self.uploads: list[Upload] = []
        self.is_whole = False
        self._name = self._value = b""
        self._headers: dict[bytes, bytes] = {}
        self._data: list[bytes] = []

    def on_part_begin(self) -> None:
        if len(self.texts) + len(self.uploads) == _MOST_PARTS:
            raise BadRequest(f"the form has more than {_MOST_PARTS} parts, the most that is read here")
        self._headers, self._data = {}, []

    def on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def on_header_end(self) -> None:
        self._headers[self._name.lower()] = self._value
        self._name = self._value = b""

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        self._data.append(data[start:end])

    def on_part_end(self) -> None:
        _, said = parse_options_header(self._headers.get(b"content-disposition", b""))
        if b"name" not in said:
            raise BadRequest("a part of the form has no name")
        name, data = said[b"name"].decode("utf-8", "replace"), b"".join(self._data)
        if b"filename" in said:
            filename = said[b"filename"].decode("utf-8", "replace")
            media_type = self._headers.get(b"content-type", b"").decode("latin-1").strip()
            self.uploads.append(Upload(name, filename, media_type or _ANY_BYTES, data))
            return
        try:
            self.texts.append((name, data.decode()))
        except UnicodeDecodeError:
            raise BadRequest(
                f"the form's field {name[:40]!r} is not UTF-8; a file needs a `filename`", param=name[:40]
            ) from None

    def on_end(self) -> None:
        self.is_whole = True


def read_form(content_type: str, body: bytes) -> tuple[Fields, tuple[Upload, ...]]:
    """The texts and the files of a form.

    Raises:
        UnsupportedMedia: the content type is another one.
        BadRequest: it is no form, or not a whole one.
    """
    kind, options = parse_options_header(content_type)
    if kind != b"multipart/form-data":
        raise UnsupportedMedia(
            f"the content type {content_type.split(';')[0][:60] or 'is missing; it'} is not read here; "
            "send a form, `Content-Type: multipart/form-data`"
        )
    boundary = options.get(b"boundary", b"")
    if not boundary:
        raise BadRequest("the content type names no boundary; expected multipart/form-data; boundary=...")
    reader = _Reader()
    names = [name for name in dir(reader) if name.startswith("on_")]
    try:
        parser = MultipartParser(boundary, {name: getattr(reader, name) for name in names})  # ty: ignore[invalid-argument-type]
        parser.write(body)
    except FormParserError:
        raise BadRequest("the body is not the form that its content type announces") from None
    if not reader.is_whole:
        raise BadRequest("the form breaks off before its last boundary")
    return _fields(reader.texts), tuple(reader.uploads)


def _fields(texts: Iterable[tuple[str, str]]) -> Fields:
    found: dict[str, list[str]] = {}
    for name, text in texts:
        found.setdefault(name, []).append(text)
    return {
        name: raw(values if len(values) > 1 or name.endswith("[]") else values[0])
        for name, values in found.items()
    }


def write_form(fields: Fields, uploads: Iterable[Upload], seed: str) -> tuple[str, bytes]:
    """The content type and the body of a form.

    The boundary is made of ``seed``: the same call gives the same bytes, and who sends a file cannot know it.
    """
    parts = [(_disposition(name), text.encode()) for name, value in fields.items() for text in _texts(value)]
    for upload in uploads:
        kind = upload.media_type if _MEDIA_TYPE.fullmatch(upload.media_type) else _ANY_BYTES
        head = f"{_disposition(upload.name)}; filename={_quoted(upload.filename)}\r\nContent-Type: {kind}"
        parts.append((head, upload.data))
    boundary = hashlib.sha256(seed.encode()).hexdigest()[:40].encode()
    while any(boundary in data for _, data in parts):
        boundary = hashlib.sha256(boundary).hexdigest()[:40].encode()
    pieces = []
    for head, data in parts:
        pieces += [b"--", boundary, b"\r\n", head.encode(), b"\r\n\r\n", data, b"\r\n"]
    pieces += [b"--", boundary, b"--\r\n"]
    return f"multipart/form-data; boundary={boundary.decode()}", b"".join(pieces)


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
