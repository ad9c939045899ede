"""Images of Gemini models, by ``:generateContent`` (Gemini API documentation, "Image generation"; Google Cloud
documentation, "Gemini 3.1 Flash Image", for ratios, sizes and counts; Vertex AI reference, "GenerationConfig",
"ImageConfig"; types of the package google-genai 2.25.0).

A model that makes images answers with them as ``inlineData`` parts; asked for images only, it does so without words
beside them. It makes one image a call: it takes no other ``candidateCount``. Images to be edited go along inline. Its
tokens are told by modality; where they are not, what it put out are images, since nothing else was asked for.
"""

from __future__ import annotations

from base64 import b64encode
from decimal import Decimal
from typing import Any

import msgspec

from pixapi.errors import UpstreamError, UpstreamInvalid, UpstreamRejected
from pixapi.interfaces.call import Call, Result
from pixapi.interfaces.usage import Usage
from pixapi.wire.gemini_image_call import Makes, Wanted, pictures, read_wanted
from pixapi.wire.gemini_image_reply import Made, filtered_out, write_images
from pixapi.wire.gemini_names import field, words
from pixapi.wire.gemini_parts import blocked_reason, finish_reason
from pixapi.wire.gemini_reply import open_reply
from pixapi.wire.json import Fields, encode, lenient, lenient_fields, lenient_objects

_RATIOS = (
    "1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9", "1:4", "4:1", "1:8", "8:1",
)  # fmt: skip
_SIZES = (("1K", Decimal("2.1")), ("2K", Decimal(8)), ("4K", Decimal("17.5")))
_UNASKED = frozenset({"", "STOP", "NO_IMAGE"})
"""Reasons to stop that mean, where no image came: the prompt did not ask for one."""


def write_image_call(call: Call, *, chooses_format: bool) -> bytes:
    """The body of ``:generateContent``. ``chooses_format``: the server takes the wanted file format.

    Raises:
        BadRequest: a field asks for what these models cannot do.
    """
    wanted = read_wanted(call, Makes(_RATIOS, _SIZES, most=1, chooses_format=chooses_format))
    parts: list[dict[str, Any]] = [{"text": wanted.prompt}]
    if call.operation == "image_edits":
        parts += [
            {"inlineData": {"mimeType": kind, "data": b64encode(data).decode()}}
            for kind, data in pictures(call)
        ]
    config: dict[str, Any] = {"responseModalities": ["IMAGE"]}
    image_config = _image_config(wanted)
    if image_config:
        config["imageConfig"] = image_config
    return encode({"contents": [{"role": "user", "parts": parts}], "generationConfig": config})


def _image_config(wanted: Wanted) -> dict[str, Any]:
    """Nothing that was not asked for: older models refuse what they do not know."""
    config: dict[str, Any] = {}
    if wanted.ratio is not None:
        config["aspectRatio"] = wanted.ratio
    if wanted.size is not None:
        config["imageSize"] = wanted.size
    if wanted.media_type is not None:
        options: dict[str, Any] = {"mimeType": wanted.media_type}
        if wanted.compression is not None:
            options["compressionQuality"] = wanted.compression
        config["imageOutputOptions"] = options
    return config


def read_image_reply(call: Call, body: bytes) -> Result:
    """The reply as OpenAI's callers read it.

    Raises:
        UpstreamRejected: a filter kept the image back (``moderation_blocked``), or the prompt asked for none.
        UpstreamError: it is an error in spite of its status.
        UpstreamInvalid: it holds no image.
    """
    fields, candidates, usage = open_reply(body)
    made = [image for candidate in candidates for image in _images(candidate)]
    if made:
        return write_images(call, made, _of_images(usage), [])
    if not candidates:
        feedback = lenient(field(fields, "promptFeedback"))
        reason = words(feedback.get("blockReason") or feedback.get("block_reason"))
        raise filtered_out(blocked_reason(feedback) or "", reason)
    raise _without_image(candidates[0])


def _images(candidate: Fields) -> list[Made]:
    """Thoughts may hold sketches; they are no answer."""
    found = []
    for part in lenient_objects(lenient_fields(field(candidate, "content")).get("parts")):
        inline = lenient_fields(field(part, "inlineData"))
        kind, data = words(lenient(field(inline, "mimeType"))), words(lenient(field(inline, "data")))
        if data and kind.startswith("image/") and lenient(field(part, "thought")) is not True:
            found.append(Made(data, kind))
    return found


def _without_image(candidate: Fields) -> UpstreamError:
    reason = words(lenient(field(candidate, "finishReason")))
    if finish_reason(reason, has_calls=False) == "content_filter":
        return filtered_out(words(lenient(field(candidate, "finishMessage"))), reason)
    if reason in _UNASKED:
        return UpstreamRejected(
            "The model made no image of this prompt; say plainly in it what the image is to show.",
            code="no_image",
            param="prompt",
            upstream_status=200,
            upstream_code=reason or None,
        )
    return UpstreamInvalid(
        f"The model broke off before it had made an image ({reason[:60]}); try again.",
        upstream_status=200,
        upstream_code=reason,
        scope="call",
    )


def _of_images(usage: Usage | None) -> Usage | None:
    if usage is None or usage.image_output is not None or usage.output is None:
        return usage
    return msgspec.structs.replace(usage, output=0, image_output=usage.output)
