"""A call for images in OpenAI's words, as far as Google's image models can be told them (OpenAI API reference, "Create
image", "Create image edit").

Google names no pixels: an image has a ratio, and one of a few sizes (1K, 2K, 4K), each of about four times the pixels
of the one before. ``size`` says both. What these models have no word for is refused by name.
"""

from __future__ import annotations

import re
from decimal import Decimal
from mimetypes import guess_type
from typing import Any

import msgspec

from pixapi.errors import BadRequest
from pixapi.interfaces.call import Call, Upload
from pixapi.wire.gemini_names import whole
from pixapi.wire.json import Fields, is_null, lenient
from pixapi.wire.openai_media_sizes import images_asked, megapixels_of

_SIZE = re.compile(r"(\d+)x(\d+)")
_TOLERANCE = 1.04
"""How far a ratio may be off: the vendor's own images are off by up to 1.03 (864x1184 stands for 3:4)."""
_SMALLEST_MEGAPIXELS = Decimal("0.5")
_MEDIA_TYPES = {"png": "image/png", "jpeg": "image/jpeg"}
_HARMLESS: dict[str, tuple[Any, ...]] = {
    "quality": ("auto", "standard"),
    "background": ("auto", "opaque"),
    "moderation": ("auto",),
    "response_format": ("b64_json",),
    "style": (),
    "input_fidelity": (),
    "partial_images": (0, "0"),
}
"""Fields that these models have no word for, and the values that ask for nothing they do not do anyway."""


class Makes(msgspec.Struct, frozen=True):
    """What a kind of model can be told. ``sizes``: its names for them, each up to so many megapixels; the first is
    what it makes unless told. ``most``: images a call.
    """

    ratios: tuple[str, ...]
    sizes: tuple[tuple[str, Decimal], ...]
    most: int
    chooses_format: bool


class Wanted(msgspec.Struct, frozen=True):
    """What a caller asks for. None: nothing was said, and the model decides."""

    prompt: str
    count: int
    ratio: str | None = None
    size: str | None = None
    media_type: str | None = None
    compression: int | None = None


def read_wanted(call: Call, makes: Makes) -> Wanted:
    """What ``call`` asks for, of a model that can do what ``makes`` says.

    Raises:
        BadRequest: a field asks for something else; the sentence lists what it can be.
    """
    fields = call.fields
    _refuse_the_rest(fields)
    prompt = lenient(fields.get("prompt"))
    if not isinstance(prompt, str) or not prompt:
        raise BadRequest("prompt is missing; expected what the image is to show", param="prompt")
    count = images_asked(fields)
    if count > makes.most:
        sentence = (
            "this model makes one image a call; leave n out and send as many calls as images are wanted"
            if makes.most == 1
            else f"this model makes 1 to {makes.most} images a call; n asks for more"
        )
        raise BadRequest(sentence, param="n")
    ratio, size = _shape(lenient(fields.get("size")), makes)
    media_type, compression = _format(fields, makes)
    return Wanted(prompt, count, ratio, size, media_type, compression)


def pictures(call: Call) -> list[tuple[str, bytes]]:
    """The images that are to be edited, with their media types, in order. Raises BadRequest."""
    if any(upload.name == "mask" for upload in call.uploads):
        raise BadRequest(
            "this model takes no mask; say in the prompt what is to change, and leave mask out", param="mask"
        )
    found = [upload for upload in call.uploads if upload.name in ("image", "image[]")]
    if not found:
        raise BadRequest("image is missing; expected a file in the form's field `image`", param="image")
    return [(_kind(upload), upload.data) for upload in found]


def _kind(upload: Upload) -> str:
    """Clients often say nothing, or only that it is bytes."""
    if upload.media_type.startswith("image/"):
        return upload.media_type
    guessed = guess_type(upload.filename)[0] or ""
    return guessed if guessed.startswith("image/") else "image/png"


def _refuse_the_rest(fields: Fields) -> None:
    for name, harmless in _HARMLESS.items():
        if not is_null(fields.get(name)) and lenient(fields[name]) not in harmless:
            instead = f", or send {' or '.join(map(str, harmless))}" if harmless else ""
            raise BadRequest(f"{name} cannot be chosen at this model; leave it out{instead}", param=name)


def _shape(said: Any, makes: Makes) -> tuple[str | None, str | None]:
    """Ratio and size, each None where the model's own is meant."""
    if said is None or said == "auto":
        return None, None
    if said in makes.ratios:
        return said, None
    match = _SIZE.fullmatch(said) if isinstance(said, str) else None
    megapixels = megapixels_of(said)
    if match is None or megapixels is None or megapixels < _SMALLEST_MEGAPIXELS:
        raise _no_such_size(makes)
    asked = int(match[1]) / int(match[2])
    ratio = min(makes.ratios, key=lambda name: _apart(asked, name))
    size = next((name for name, most in makes.sizes if megapixels <= most), None)
    if _apart(asked, ratio) > _TOLERANCE or size is None:
        raise _no_such_size(makes)
    return ratio, None if size == makes.sizes[0][0] else size


def _apart(asked: float, ratio: str) -> float:
    width, height = map(int, ratio.split(":"))
    quotient = asked * height / width
    return max(quotient, 1 / quotient)


def _no_such_size(makes: Makes) -> BadRequest:
    sizes = ", ".join(f"{name} up to {most}" for name, most in makes.sizes)
    return BadRequest(
        f"size is none that this model makes; expected auto, a ratio ({', '.join(makes.ratios)}), or WIDTHxHEIGHT in "
        f"one of these ratios, from {_SMALLEST_MEGAPIXELS} megapixels on ({sizes} megapixels)",
        param="size",
    )


def _format(fields: Fields, makes: Makes) -> tuple[str | None, int | None]:
    kind, compression = lenient(fields.get("output_format")), lenient(fields.get("output_compression"))
    for name, value in (("output_format", kind), ("output_compression", compression)):
        if value is not None and not makes.chooses_format:
            raise BadRequest(
                f"this model decides on the format itself; leave {name} out, the reply's output_format tells it",
                param=name,
            )
    if kind is None and compression is None:
        return None, None
    if kind not in (None, *_MEDIA_TYPES):
        raise BadRequest(
            "output_format is none that this model makes; expected png or jpeg", param="output_format"
        )
    quality = whole(compression)
    if compression is not None and (kind != "jpeg" or quality is None or not 0 <= quality <= 100):
        raise BadRequest(
            "output_compression is a whole number from 0 to 100, and of output_format jpeg only",
            param="output_compression",
        )
    return _MEDIA_TYPES.get(kind), quality
