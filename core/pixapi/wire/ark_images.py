"""Seedream's pictures at Volcengine Ark and BytePlus ModelArk (Ark API reference, "Image generation API"; the SDK
`volcengine-python-sdk`, `volcenginesdkarkruntime.resources.images`).

The dialect is OpenAI's with differences: there is no ``n``, but ``sequential_image_generation: "auto"`` makes up to
``max_images`` related pictures; pictures to be edited come in ``image`` as addresses or data URLs, in JSON; each item
of a reply has its ``size``, or an ``error`` in place of a picture that failed; a picture's watermark is on unless
turned off.
"""

from __future__ import annotations

import base64
from decimal import Decimal
from typing import Any

import msgspec

from pixapi.errors import BadRequest, UpstreamError
from pixapi.interfaces.call import Call, Result
from pixapi.interfaces.http import HttpReply
from pixapi.interfaces.usage import Usage
from pixapi.wire.image_errors import CONTENT_CODE
from pixapi.wire.image_file import image_kind
from pixapi.wire.json import Fields, decode_any, encode, lenient, lenient_fields, lenient_objects, raw
from pixapi.wire.openai_error_words import clean_words
from pixapi.wire.openai_images import ImagesAsked, is_text, write_images_reply
from pixapi.wire.openai_media_usage import read_media_usage
from pixapi.wire.openai_result import open_reply

_SEQUENTIAL = "sequential_image_generation"
_OPTIONS = "sequential_image_generation_options"
_REFUSES = ("SensitiveContent", "RiskDetection", "PolicyViolation")


def write_ark_call(asked: ImagesAsked, *, watermark: bool | None) -> Fields:
    """The body's fields but for the model.

    Raises:
        BadRequest: it asks for more pictures than are held for, or for what cannot be counted beforehand.
    """
    fields = {name: _typed(value) for name, value in asked.more.items()}
    if bytes(fields.get("layer_decomposition", b"null")) not in (b"null", b"false"):
        raise BadRequest(
            "layer_decomposition makes a number of images that nobody knows beforehand; leave it out",
            param="layer_decomposition",
        )
    _count(asked, fields)
    fields["prompt"] = raw(asked.prompt)
    fields["response_format"] = raw("url" if asked.as_url else "b64_json")
    if asked.size is not None:
        fields["size"] = raw(asked.size)
    if watermark is not None:
        fields.setdefault("watermark", raw(watermark))
    if asked.mask is not None:
        raise BadRequest("the provider of this model takes no mask; say in the prompt where", param="mask")
    if asked.images:
        pictures = [_data_url(image.data, image.media_type) for image in asked.images]
        fields["image"] = raw(pictures[0] if len(pictures) == 1 else pictures)
    return fields


def _count(asked: ImagesAsked, fields: Fields) -> None:
    """``n`` is what credit is held for, so it is the most that may be made."""
    if lenient(fields.get(_SEQUENTIAL)) != "auto":
        if asked.count > 1:
            raise BadRequest(
                f'this model makes one image a call; with {_SEQUENTIAL} = "auto" it makes up to n that belong '
                "together",
                param="n",
            )
        return
    options = lenient_fields(fields.get(_OPTIONS))
    most = lenient(options.get("max_images"))
    if most is not None and most != asked.count:
        raise BadRequest(
            "max_images is not n; set n to the most images that shall be made: credit is held for so many",
            param="n",
        )
    fields[_OPTIONS] = raw({**options, "max_images": asked.count})


def _typed(value: msgspec.Raw) -> msgspec.Raw:
    """A field of a form as JSON wants it: ``"7"`` is 7, ``"false"`` is false; other texts stay."""
    said = lenient(value)
    if not isinstance(said, str):
        return value
    try:
        meant: Any = decode_any(said.encode())
    except (msgspec.DecodeError, UnicodeDecodeError):
        return value
    return value if isinstance(meant, str) else msgspec.Raw(said.encode())


def _data_url(data: bytes, declared: str) -> str:
    return f"data:{image_kind(data) or declared.lower()};base64,{base64.b64encode(data).decode()}"


def read_ark_reply(call: Call, reply: HttpReply) -> Result:
    """The reply in OpenAI's dialect, and what it costs: the pictures that came.

    Raises:
        UpstreamError: it is an error in spite of its status.
        UpstreamRejected: no picture came, for what they showed.
    """
    fields = lenient_fields(reply.body)
    items = lenient_objects(fields.get("data"))
    if any(_has_picture(item) for item in items):
        fields.pop("error", None)  # of those that failed; each item tells of its own
    fields = open_reply(encode(fields) if fields else reply.body)
    found, sizes = [], []
    for item in lenient_objects(fields.get("data")):
        if not _has_picture(item):
            found.append({"error": _item_error(item)})
            continue
        found.append({name: item[name] for name in ("b64_json", "url") if is_text(item.get(name))})
        size = lenient(item.get("size"))
        sizes.append(size if isinstance(size, str) else None)
    failed = [item["error"] for item in found if "error" in item]
    if failed and len(failed) == len(found) and CONTENT_CODE not in {error["code"] for error in failed}:
        raise UpstreamError(
            "The provider of this model made no image; try again.",
            upstream_status=200,
            upstream_code=failed[0]["code"],
        )
    result = write_images_reply(call, found, sizes)
    return msgspec.structs.replace(result, usage=_usage(fields, result.usage or Usage()))


def _usage(fields: Fields, counted: Usage) -> Usage:
    told = read_media_usage(fields.get("usage"), makes_images=True) or Usage()
    tools = lenient_fields(lenient_fields(fields.get("usage")).get("tool_usage"))
    searches = lenient(tools.get("web_search"))
    return msgspec.structs.replace(
        told,
        images=counted.images,
        megapixels=counted.megapixels or Decimal(0),
        searches=searches if isinstance(searches, int) and searches > 0 else None,
    )


def _item_error(item: Fields) -> dict[str, Any]:
    said = lenient_fields(item.get("error"))
    code, message = lenient(said.get("code")), lenient(said.get("message"))
    is_refusal = isinstance(code, str) and any(word in code for word in _REFUSES)
    words = clean_words(message) if isinstance(message, str) else ""
    if not isinstance(code, str):
        code = "image_failed"
    return {
        "code": CONTENT_CODE if is_refusal else code,
        "message": words or "The provider of this model made no picture here.",
    }


def _has_picture(item: Fields) -> bool:
    return is_text(item.get("b64_json")) or is_text(item.get("url"))
