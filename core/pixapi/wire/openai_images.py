"""Calls for pictures of OpenAI's dialect, for vendors that speak another (OpenAI API reference, "Create image",
"Create image edit").

Without ``response_format`` a caller gets the bytes, as from OpenAI's present models; an address only where he asks for
one. What chooses a price or a filter at OpenAI alone (``user``, ``moderation``) is left out, ``auto`` is the vendor's
own choice, and what the vendor has no word for is refused by name.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

from pixapi.errors import BadRequest, UpstreamInvalid
from pixapi.interfaces.call import Call, Result, Upload
from pixapi.interfaces.usage import Usage
from pixapi.wire.image_errors import CONTENT_CODE, CONTENT_WORDS, content_refused
from pixapi.wire.image_file import may_be_transparent
from pixapi.wire.json import Fields, encode, is_null, lenient
from pixapi.wire.openai_media_sizes import images_asked, megapixels_of, usual_megapixels

_READ = frozenset({"model", "prompt", "n", "size", "response_format"})
_LEFT_OUT = frozenset({"user", "moderation", "partial_images", "stream"})
_OPENAIS_OWN = ("quality", "background", "output_compression", "input_fidelity", "style")
"""What most vendors have no word for, or one of their own."""


class ImagesAsked(NamedTuple):
    """What a caller wants. ``size`` None: whatever the vendor likes. ``more``: further fields, as they came."""

    prompt: str
    count: int
    size: str | None
    as_url: bool
    images: tuple[Upload, ...]
    mask: Upload | None
    more: Fields


def read_images_call(call: Call, known: Collection[str] = ()) -> ImagesAsked:
    """The call; ``known`` are those of OpenAI's fields that the vendor has as well, under the same name.

    Raises:
        BadRequest: a field has a wrong type, or is one that the vendor has no word for.
    """
    fields = call.fields
    prompt, size = lenient(fields.get("prompt")), lenient(fields.get("size"))
    if not isinstance(prompt, str):
        raise BadRequest("prompt is missing or no text; say what the image is to show", param="prompt")
    if not (size is None or isinstance(size, str)):
        raise BadRequest("size is no text such as 1024x1024", param="size")
    more = {
        name: value
        for name, value in fields.items()
        if name not in _READ
        and name not in _LEFT_OUT
        and not is_null(value)
        and not (name in _OPENAIS_OWN and bytes(value) == b'"auto"')
    }
    for name in _OPENAIS_OWN:
        if name in more and name not in known:
            raise BadRequest(
                f"{name} means nothing to the provider of this model; leave it out, or say auto", param=name
            )
    uploads = [upload for upload in call.uploads if upload.name != "mask"]
    images = tuple(upload for upload in uploads if upload.name in ("image", "image[]"))
    if len(images) < len(uploads):
        raise BadRequest("a file has another name than image, image[] and mask, which are read here")
    return ImagesAsked(
        prompt,
        images_asked(fields),
        None if size in (None, "auto") else size,
        wants_url(fields),
        images,
        next((upload for upload in call.uploads if upload.name == "mask"), None),
        more,
    )


def wants_url(fields: Fields) -> bool:
    """Whether an address is asked for instead of bytes. Raises BadRequest."""
    asked = lenient(fields.get("response_format"))
    if asked not in (None, "url", "b64_json"):
        raise BadRequest("response_format is neither b64_json nor url", param="response_format")
    return asked == "url"


def opaque_mask(mask: Upload, colours: str) -> Upload:
    """``mask``, for a vendor that reads its colours; ``colours`` says what they mean there.

    Raises:
        BadRequest: it has an alpha channel, so it most likely means what OpenAI means: see-through is to be changed.
            Read by its colours it would change something else, for money.
    """
    if may_be_transparent(mask.data):
        raise BadRequest(
            "mask has an alpha channel, which the provider of this model does not read; send it in black and white "
            f"without one: {colours}",
            param="mask",
        )
    return mask


def is_text(value: msgspec.Raw | None) -> bool:
    """Whether a member is a string that is not empty. Pictures are large: its text is looked at, not decoded."""
    if value is None:
        return False
    text = memoryview(value)
    return len(text) > 2 and text[0] == 0x22


def refused_item(words: str | None = None) -> dict[str, Any]:
    """An item in place of a picture that was withheld."""
    return {"error": {"code": CONTENT_CODE, "message": words or CONTENT_WORDS}}


def write_images_reply(call: Call, items: list[dict[str, Any]], sizes: Iterable[str | None] = ()) -> Result:
    """The reply of ``items`` (``b64_json`` or ``url``, or `refused_item`), and what it costs: what was delivered.

    ``sizes``: of those that were delivered, as far as they are known.

    Raises:
        UpstreamInvalid: there are none.
        UpstreamRejected: all of them were withheld.
    """
    if not items:
        raise UpstreamInvalid("The provider of this model answered without any image; try again.")
    made = [item for item in items if "error" not in item]
    if not made:
        raise content_refused(items[0]["error"]["message"], status=200)
    known = list(sizes)
    body: dict[str, Any] = {"created": call.created, "data": items}
    if known and known[0] is not None and set(known) == {known[0]}:
        body["size"] = known[0]
    count = min(len(made), images_asked(call.fields))
    usage = Usage(images=count, megapixels=_megapixels(call, known, count))
    return Result(usage, encode(body))


def _megapixels(call: Call, sizes: list[str | None], count: int) -> Decimal:
    """Of all images; never more than the size that was asked for, for which credit is held."""
    asked = megapixels_of(lenient(call.fields.get("size")))
    total = Decimal(0)
    for number in range(count):
        size = sizes[number] if number < len(sizes) else None
        one = megapixels_of(size) or asked or usual_megapixels()
        total += one if asked is None else min(one, asked)
    return total
