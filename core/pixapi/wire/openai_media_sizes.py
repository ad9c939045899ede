"""The most that a call which is no chat can use, read from its body (OpenAI API reference: images, audio, moderations;
Jina API reference: rerank).

Units that are known before are exact: images asked for, characters to be spoken. The others are bounded from above:
seconds by the file's size, searches by how often the documents may be split. Text counts by its bytes, as in
`openai_input`. Tokens of pictures and speech that are made are bounded by what the model may put out, a piece.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec

from pixapi.errors import BadRequest
from pixapi.interfaces.call import Operation, Upload
from pixapi.interfaces.usage import Usage
from pixapi.wire.audio_length import longest_seconds
from pixapi.wire.json import Fields, decode_any, is_null
from pixapi.wire.openai_input import PER_MESSAGE

FORMS: frozenset[Operation] = frozenset({"image_edits", "transcriptions"})
"""The operations whose body is a form with files."""

STREAMED: frozenset[Operation] = frozenset({"images", "image_edits"})
"""The operations that can be answered with a stream of events, by some servers."""
TOKENS_PER_SKETCH = 100
"""What each partial image of a stream takes of output besides (OpenAI documentation, "Image generation")."""

READ = frozenset(
    {
        "documents",
        "input",
        "model",
        "n",
        "partial_images",
        "prompt",
        "query",
        "size",
        "stream",
        "stream_format",
    }
)
"""The fields of calls that are no chats by which they are priced and routed."""
_MOST_IMAGES = 128
_MOST_SKETCHES = 3
_LARGEST_MEGAPIXELS = Decimal("8.2944")
_NAMED_MEGAPIXELS: Mapping[str, Decimal] = MappingProxyType(
    {"1k": Decimal("1.6"), "2k": Decimal("4.7"), "3k": Decimal("9.5"), "4k": Decimal("16.8")}
)
"""The most of an image whose size is asked for by a name, whatever its proportions."""
_USUAL_MEGAPIXELS = Decimal("1.048576")
_AUDIO_TOKENS_PER_S = 32
_TOKENS_PER_SEARCH_DOCUMENT = 500
_DOCUMENTS_PER_SEARCH = 100
_YES = (b"true", b'"true"')
_NO = (b"null", b"false", b'"false"')
_SIZE = re.compile(r"([1-9]\d{1,4})x([1-9]\d{1,4})")


class Body(NamedTuple):
    """A call's body, and what its model is bounded by: tokens of an image put in, and of one piece put out."""

    fields: Fields
    uploads: tuple[Upload, ...]
    image_bound: int
    output_bound: int


def most_used(operation: Operation, body: Body) -> Usage:
    """The most that a call can use: ``input`` and ``output`` are all its tokens, whatever their kind.

    Raises:
        BadRequest: a field that counts is missing or of a wrong type.
    """
    return _MOST[operation](body)


def wants_stream(operation: Operation, fields: Fields) -> bool:
    """Whether a stream is asked for, of an operation that can have one.

    Raises:
        BadRequest: the operation has none, or it is one of several images.
    """
    for name in ("stream", "stream_format"):
        asked = bytes(fields.get(name, b"null"))
        if name == "stream" and asked not in _YES and asked not in _NO:
            raise BadRequest("stream has the wrong type; expected true or false", param=name)
        if asked == b'"sse"' or (asked in _YES and operation not in STREAMED):
            raise BadRequest(
                f"{name} asks for a stream; here such calls are answered whole, leave it out", param=name
            )
    wants = bytes(fields.get("stream", b"null")) in _YES
    if wants and images_asked(fields) > 1:
        raise BadRequest("a stream carries one image; leave n out, or stream", param="n")
    return wants


def images_asked(fields: Fields) -> int:
    """How many images: ``n``, a number or, in a form, its text; 1 without it. Raises BadRequest."""
    value = _value(fields, "n")
    if value is None:
        return 1
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 5:
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= _MOST_IMAGES:
        raise BadRequest(f"n is no whole number from 1 to {_MOST_IMAGES}", param="n")
    return value


def megapixels_of(size: Any) -> Decimal | None:
    """The megapixels of one image of a size such as 1024x1536; None where it is none, or ``auto``."""
    match = _SIZE.fullmatch(size) if isinstance(size, str) else None
    return None if match is None else Decimal(int(match[1]) * int(match[2])) / 1_000_000


def usual_megapixels() -> Decimal:
    """Of an image of which nobody says how large it is: 1024x1024."""
    return _USUAL_MEGAPIXELS


def characters_asked(fields: Fields) -> int:
    """The characters (code points) that are to be spoken. Raises BadRequest."""
    return len(_text(fields, "input", "the text to be spoken"))


def least_searches(fields: Fields) -> int:
    """The searches that a rerank takes where no document is split. Raises BadRequest."""
    return -(-len(_documents(fields)) // _DOCUMENTS_PER_SEARCH)


def _images(body: Body) -> Usage:
    _text(body.fields, "prompt", "what the image is to show")
    count = images_asked(body.fields)
    size = _value(body.fields, "size")
    named = _NAMED_MEGAPIXELS.get(size.lower()) if isinstance(size, str) else None
    one = megapixels_of(size) or named or _LARGEST_MEGAPIXELS
    return Usage(
        input=_bytes(body.fields) + len(body.uploads) * body.image_bound,
        output=count * (body.output_bound + _sketches_asked(body.fields) * TOKENS_PER_SKETCH),
        images=count,
        megapixels=count * one,
    )


def _sketches_asked(fields: Fields) -> int:
    value = _value(fields, "partial_images")
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) == 1:
        value = int(value)
    if value is None or (type(value) is int and 0 <= value <= _MOST_SKETCHES):
        return value or 0
    raise BadRequest(f"partial_images is no whole number from 0 to {_MOST_SKETCHES}", param="partial_images")


def _image_edits(body: Body) -> Usage:
    if not any(upload.name in ("image", "image[]") for upload in body.uploads):
        raise BadRequest("image is missing; expected a file in the form's field `image`", param="image")
    return _images(body)


def _speech(body: Body) -> Usage:
    return Usage(input=_bytes(body.fields), characters=characters_asked(body.fields))


def _transcriptions(body: Body) -> Usage:
    if [upload.name for upload in body.uploads] != ["file"]:
        raise BadRequest("expected one file of sound, in the form's field `file`", param="file")
    seconds = longest_seconds(body.uploads[0])
    return Usage(
        input=_bytes(body.fields) + seconds * _AUDIO_TOKENS_PER_S,
        output=body.output_bound,
        seconds=Decimal(seconds),
    )


def _moderations(body: Body) -> Usage:
    given = _value(body.fields, "input")
    items = given if isinstance(given, list) else [given]
    total = PER_MESSAGE
    for item in items:
        if isinstance(item, str):
            total += _size(item)
        elif isinstance(item, dict):
            text = item.get("text")
            total += _size(text) if isinstance(text, str) else body.image_bound
        else:
            raise BadRequest(
                "input is missing or of a wrong type; expected text, or a list of parts", param="input"
            )
    return Usage(input=total, requests=1)


def _rerank(body: Body) -> Usage:
    query, documents = _size(_text(body.fields, "query", "what is looked for")), _documents(body.fields)
    sizes = [query + PER_MESSAGE + len(msgspec.json.encode(document)) for document in documents]
    parts = sum(-(-size // _TOKENS_PER_SEARCH_DOCUMENT) for size in sizes)
    return Usage(input=sum(sizes), searches=-(-parts // _DOCUMENTS_PER_SEARCH))


_MOST: Mapping[str, Callable[[Body], Usage]] = MappingProxyType(
    {
        "images": _images,
        "image_edits": _image_edits,
        "speech": _speech,
        "transcriptions": _transcriptions,
        "moderations": _moderations,
        "rerank": _rerank,
    }
)


def _bytes(fields: Fields) -> int:
    return PER_MESSAGE + sum(len(value) for name, value in fields.items() if name != "model")


def _size(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def _value(fields: Fields, name: str) -> Any:
    if is_null(fields.get(name)):
        return None
    try:
        return decode_any(fields[name])
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise BadRequest(f"{name} is not valid JSON", param=name) from None


def _text(fields: Fields, name: str, meaning: str) -> str:
    value = _value(fields, name)
    if not isinstance(value, str) or not value:
        raise BadRequest(f"{name} is missing, empty or no text; expected {meaning}", param=name)
    return value


def _documents(fields: Fields) -> list[Any]:
    value = _value(fields, "documents")
    if not isinstance(value, list) or not value or not all(isinstance(item, str | dict) for item in value):
        raise BadRequest(
            "documents is missing, empty or of a wrong type; expected a list of texts", param="documents"
        )
    return value
