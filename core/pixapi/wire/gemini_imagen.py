"""Images of Imagen models, by ``:predict`` (Vertex AI reference, "Generate images"; VisionGenerativeModelResult; types
of the package google-genai 2.25.0, which no longer offers them over the Gemini API).

A prediction is an image, or says with ``raiFilteredReason`` that a filter kept it back: that much is asked for, since
else such images are missing without a word. No tokens are told; Google charges by the image that was made.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from pixapi.errors import BadRequest, UpstreamInvalid
from pixapi.interfaces.call import Call, Result
from pixapi.wire.gemini_errors import not_understood
from pixapi.wire.gemini_image_call import Makes, read_wanted
from pixapi.wire.gemini_image_reply import Made, filtered_out, write_images
from pixapi.wire.gemini_names import BROKEN, field, words
from pixapi.wire.json import decode_fields, encode, lenient, lenient_objects

_NAMES = ("imagen-", "imagegeneration@")
_MAKES = Makes(
    ratios=("1:1", "3:4", "4:3", "9:16", "16:9"),
    sizes=(("1K", Decimal("2.1")), ("2K", Decimal(8))),
    most=4,
    chooses_format=True,
)


def is_imagen(model: str) -> bool:
    """Whether a model makes images by ``:predict``, which its name tells."""
    return model.rpartition("/")[2].startswith(_NAMES)


def write_prediction(call: Call) -> bytes:
    """The body of ``:predict``.

    Raises:
        BadRequest: a field asks for what these models cannot do.
    """
    if call.operation == "image_edits":
        raise BadRequest("this model makes images from words only; it edits none", param="model")
    wanted = read_wanted(call, _MAKES)
    parameters: dict[str, Any] = {"sampleCount": wanted.count, "includeRaiReason": True}
    if wanted.ratio is not None:
        parameters["aspectRatio"] = wanted.ratio
    if wanted.size is not None:
        parameters["sampleImageSize"] = wanted.size
    if wanted.media_type is not None:
        options: dict[str, Any] = {"mimeType": wanted.media_type}
        if wanted.compression is not None:
            options["compressionQuality"] = wanted.compression
        parameters["outputOptions"] = options
    return encode({"instances": [{"prompt": wanted.prompt}], "parameters": parameters})


def read_prediction(call: Call, body: bytes) -> Result:
    """The reply as OpenAI's callers read it.

    Raises:
        UpstreamRejected: a filter kept all images back (``moderation_blocked``).
        UpstreamError: it is an error in spite of its status.
        UpstreamInvalid: it holds no image.
    """
    try:
        fields = decode_fields(body)
    except BROKEN:
        raise not_understood(body) from None
    if "error" in fields:
        raise not_understood(body)
    made: list[Made] = []
    filtered: list[str] = []
    for prediction in lenient_objects(field(fields, "predictions")):
        data = words(lenient(field(prediction, "bytesBase64Encoded")))
        reason = words(lenient(field(prediction, "raiFilteredReason")))
        if data:
            made.append(Made(data, words(lenient(field(prediction, "mimeType"))) or "image/png"))
        elif reason:
            filtered.append(reason)
    if made:
        return write_images(call, made, None, filtered)
    if filtered:
        raise filtered_out(filtered[0], "raiFilteredReason")
    raise UpstreamInvalid("The provider of this model answered without any image; try again.")
