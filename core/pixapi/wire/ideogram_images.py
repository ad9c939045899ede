"""Pictures in the words of Ideogram's API (Ideogram API reference, v2, "Generate", "Remix", "Precise edit", "Inpaint":
https://developer.ideogram.ai).

Each model has its own address, and its own word for the size: ``size`` from 4.5 on, ``resolution`` in 4.0, and
``aspect_ratio`` before. The reply is ``{"generation_id", "data": [{"url", "is_image_safe", "resolution", "prompt"}]}``;
``is_image_safe: false``, with an empty ``url``, is a picture that was withheld.
"""

from __future__ import annotations

from typing import Any

import msgspec

from pixapi.errors import BadRequest, UpstreamInvalid
from pixapi.interfaces.call import Call, Result, Upload
from pixapi.wire.image_shapes import closest_ratio, closest_size
from pixapi.wire.json import Fields, decode_fields, encode, lenient, raw
from pixapi.wire.openai_images import (
    ImagesAsked,
    opaque_mask,
    refused_item,
    wants_url,
    write_images_reply,
)
from pixapi.wire.openai_result import open_reply

RATIOS = (
    "1x1", "4x5", "5x4", "3x4", "4x3", "2x3", "3x2", "9x16", "16x9", "10x16", "16x10", "1x2", "2x1", "1x3", "3x1",
)  # fmt: skip
SIZES = (
    "1024x1024", "896x1120", "1120x896", "864x1152", "1152x864", "832x1248", "1248x832", "720x1280", "1280x720",
    "800x1280", "1280x800", "720x1440", "1440x720", "512x1536", "1536x512",
    "2048x2048", "1792x2240", "2240x1792", "1728x2304", "2304x1728", "1664x2496", "2496x1664", "1440x2560",
    "2560x1440", "1600x2560", "2560x1600", "1440x2880", "2880x1440", "1024x3072", "3072x1024",
)  # fmt: skip
_OLDER = ("ideogram-3", "ideogram-2", "ideogram-1")
_REMIXED = ("ideogram-4", "auto")
"""Models besides those before 4.0 that make a picture of another one by remixing it."""
_NOT_HERE = ("async", "webhook_url", "dry_run", "target_collection_id", "custom_model_uri")
"""What would leave the caller without his picture, or reach into the operator's account."""
_MASK_COLOURS = "black is drawn anew, white stays"


def write_ideogram_call(model: str, asked: ImagesAsked) -> tuple[str, Fields, list[Upload]]:
    """The task that is asked for (the part of the address before the model), the form's fields and its files.

    Raises:
        BadRequest: the model cannot do it, or a field is not the caller's to set.
    """
    for name in asked.more:
        if name in _NOT_HERE or name.endswith(("asset_identifier", "asset_identifiers")):
            raise BadRequest(f"{name} is not offered by this gateway; leave it out", param=name)
    fields = {**asked.more, "prompt": raw(asked.prompt), "num_images": raw(str(asked.count))}
    if not asked.images:
        if asked.size is not None:
            name, value = _shape(model, asked.size)
            fields[name] = raw(value)
        return "generate", fields, []
    if asked.size is not None:
        raise BadRequest("an edited image keeps its size here; leave size out", param="size")
    return _edit(model, asked, fields)


def _shape(model: str, size: str) -> tuple[str, str]:
    if model.startswith(_OLDER):
        return "aspect_ratio", closest_ratio(size, RATIOS)
    return "resolution" if model.startswith("ideogram-4") and not _is_newer(model) else "size", closest_size(
        size, SIZES
    )


def _is_newer(model: str) -> bool:
    """4.5 and what comes after it: ``ideogram-4-5``, but not ``ideogram-4-transparent``."""
    return model.removeprefix("ideogram-4-")[:1].isdigit()


def _edit(model: str, asked: ImagesAsked, fields: Fields) -> tuple[str, Fields, list[Upload]]:
    image, *others = asked.images
    files = [msgspec.structs.replace(image, name="image")]
    is_older = model.startswith(_OLDER)
    is_remixed = is_older or model in _REMIXED or (model.startswith("ideogram-4") and not _is_newer(model))
    if others:
        if is_remixed:
            raise BadRequest("this model edits one image a call", param="image")
        files += [msgspec.structs.replace(other, name="reference_images") for other in others]
    if asked.mask is None:
        return "remix" if is_remixed else "precise-edit", fields, files
    if is_remixed and not is_older:
        raise BadRequest("this model takes no mask; leave it out, or take one that does", param="mask")
    files.append(opaque_mask(asked.mask, _MASK_COLOURS))
    return "inpaint" if is_older else "precise-edit", fields, files


def read_ideogram_reply(call: Call, body: bytes) -> Result:
    """The reply in OpenAI's dialect, pictures as addresses.

    Raises:
        UpstreamInvalid: it holds no picture.
        UpstreamRejected: every picture was withheld.
    """
    said = lenient(open_reply(body).get("data"))
    if not isinstance(said, list) or not all(isinstance(item, dict) for item in said):
        raise UpstreamInvalid("The provider of this model answered without any image; try again.")
    items, sizes = [], []
    for each in said:
        url = each.get("url")
        if each.get("is_image_safe") is False or not isinstance(url, str) or not url:
            items.append(refused_item())
            continue
        item: dict[str, Any] = {"url": url}
        if isinstance(each.get("prompt"), str):
            item["revised_prompt"] = each["prompt"]
        items.append(item)
        size = each.get("upscaled_resolution") or each.get("resolution")
        sizes.append(size if isinstance(size, str) else None)
    return write_images_reply(call, items, sizes)


def addresses(call: Call, result: Result) -> list[str]:
    """What has to be fetched, so that the caller gets the bytes that he asked for."""
    if wants_url(call.fields) or result.body is None:
        return []
    return [item["url"] for item in lenient(decode_fields(result.body)["data"]) if "url" in item]


def with_bytes(result: Result, found: dict[str, str]) -> Result:
    """``result`` with base64 in place of the addresses that are in ``found``; the others stay."""
    fields = decode_fields(result.body or b"{}")
    items = lenient(fields["data"])
    for item in items:
        data = found.get(item.get("url"))
        if data is not None:
            del item["url"]
            item["b64_json"] = data
    fields["data"] = raw(items)
    return msgspec.structs.replace(result, body=encode(fields))
