"""Images of Gemini and Imagen models for callers of OpenAI's dialect: what is asked for, what comes, what counts."""

from __future__ import annotations

import json
from base64 import b64encode
from decimal import Decimal
from typing import Any

import pytest

from pixapi.errors import BadRequest, UpstreamBusy, UpstreamError, UpstreamInvalid, UpstreamRejected
from pixapi.interfaces import Call, Result, Upload, Usage
from pixapi.wire.gemini_imagen import is_imagen, read_prediction, write_prediction
from pixapi.wire.gemini_images import read_image_reply, write_image_call
from pixapi.wire.json import raw

PNG = b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + b"\0\0\x05\x40\0\0\x03\0" + b"\x08\x02\0\0\0"
"""1344 pixels wide, 768 high."""
IMAGE = b64encode(PNG).decode()
AREA = Decimal("1.032192")
USUAL = Decimal("1.048576")
CAT = Upload("image", "cat.png", "image/png", b"a cat")


def call(operation: Any = "images", *uploads: Upload, **fields: Any) -> Call:
    given = {name: raw(value) for name, value in {"prompt": "a cat", **fields}.items()}
    return Call("req_1", operation, "openai", "alias", "m", given, "ours", 1_750_000_000, uploads=uploads)


def gemini(*, chooses_format: bool = False, **fields: Any) -> Any:
    return json.loads(write_image_call(call(**fields), chooses_format=chooses_format))


def imagen(**fields: Any) -> Any:
    return json.loads(write_prediction(call(**fields)))


def said(result: Result) -> Any:
    return json.loads(result.body or b"")


@pytest.mark.parametrize(
    ("fields", "config"),
    [
        ({}, {}),
        ({"n": 1, "quality": "auto", "size": "auto", "background": "opaque", "user": "u-1"}, {}),
        ({"response_format": "b64_json", "moderation": "auto", "size": None, "style": None}, {}),
        ({"size": "1024x1024"}, {"aspectRatio": "1:1"}),
        ({"size": "1536x1024"}, {"aspectRatio": "3:2"}),
        ({"size": "1024x1536"}, {"aspectRatio": "2:3"}),
        ({"size": "1792x1024"}, {"aspectRatio": "16:9"}),
        ({"size": "864x1184"}, {"aspectRatio": "3:4"}),
        ({"size": "21:9"}, {"aspectRatio": "21:9"}),
        ({"size": "2048x2048"}, {"aspectRatio": "1:1", "imageSize": "2K"}),
        ({"size": "3840x2160"}, {"aspectRatio": "16:9", "imageSize": "4K"}),
    ],
)
def test_gemini_is_told_a_ratio_and_a_size(fields: dict[str, Any], config: dict[str, Any]) -> None:
    expected: dict[str, Any] = {"responseModalities": ["IMAGE"]}
    assert gemini(**fields) == {
        "contents": [{"role": "user", "parts": [{"text": "a cat"}]}],
        "generationConfig": expected | ({"imageConfig": config} if config else {}),
    }


@pytest.mark.parametrize(
    ("fields", "parameters"),
    [
        ({}, {"sampleCount": 1}),
        ({"n": 4, "size": "1024x1024"}, {"sampleCount": 4, "aspectRatio": "1:1"}),
        ({"size": "1792x1024"}, {"sampleCount": 1, "aspectRatio": "16:9"}),
        ({"size": "2048x2048"}, {"sampleCount": 1, "aspectRatio": "1:1", "sampleImageSize": "2K"}),
        (
            {"output_format": "jpeg", "output_compression": 80},
            {"sampleCount": 1, "outputOptions": {"mimeType": "image/jpeg", "compressionQuality": 80}},
        ),
    ],
)
def test_imagen_is_told_a_count_as_well(fields: dict[str, Any], parameters: dict[str, Any]) -> None:
    assert imagen(**fields) == {
        "instances": [{"prompt": "a cat"}],
        "parameters": {"includeRaiReason": True, **parameters},
    }


def test_the_file_format_is_told_where_it_can_be_chosen() -> None:
    asked = gemini(chooses_format=True, output_format="jpeg", output_compression=80)
    options = {"mimeType": "image/jpeg", "compressionQuality": 80}
    assert asked["generationConfig"]["imageConfig"] == {"imageOutputOptions": options}
    png = gemini(chooses_format=True, output_format="png")
    assert png["generationConfig"]["imageConfig"] == {"imageOutputOptions": {"mimeType": "image/png"}}


@pytest.mark.parametrize(
    ("fields", "param", "words"),
    [
        ({"n": 2}, "n", "one image a call"),
        ({"n": 0}, "n", "whole number"),
        ({"size": "1000x400"}, "size", "1:1, 2:3, 3:2"),
        ({"size": "256x256"}, "size", "0.5 megapixels"),
        ({"size": "9000x9000"}, "size", "4K up to 17.5"),
        ({"size": "large"}, "size", "auto"),
        ({"size": 5}, "size", "auto"),
        ({"size": ["1:1"]}, "size", "auto"),
        ({"quality": "high"}, "quality", "auto or standard"),
        ({"background": "transparent"}, "background", "opaque"),
        ({"response_format": "url"}, "response_format", "b64_json"),
        ({"style": "vivid"}, "style", "leave it out"),
        ({"input_fidelity": "high"}, "input_fidelity", "leave it out"),
        ({"output_format": "png"}, "output_format", "decides on the format"),
        ({"output_compression": 5}, "output_compression", "decides on the format"),
        ({"prompt": ""}, "prompt", "what the image is to show"),
    ],
)
def test_what_gemini_has_no_word_for_is_refused_by_name(
    fields: dict[str, Any], param: str, words: str
) -> None:
    with pytest.raises(BadRequest, match=words) as refused:
        gemini(**fields)
    assert refused.value.param == param


@pytest.mark.parametrize(
    ("fields", "param", "words"),
    [
        ({"n": 5}, "n", "1 to 4 images"),
        ({"size": "1536x1024"}, "size", "1:1, 3:4, 4:3, 9:16, 16:9"),
        ({"size": "4096x4096"}, "size", "2K up to 8"),
        ({"output_format": "webp"}, "output_format", "png or jpeg"),
        ({"output_format": "png", "output_compression": 5}, "output_compression", "jpeg only"),
        ({"output_format": "jpeg", "output_compression": 101}, "output_compression", "0 to 100"),
    ],
)
def test_what_imagen_has_no_word_for_is_refused_by_name(
    fields: dict[str, Any], param: str, words: str
) -> None:
    with pytest.raises(BadRequest, match=words) as refused:
        imagen(**fields)
    assert refused.value.param == param


def test_images_to_be_edited_go_along_in_order() -> None:
    hat = Upload("image[]", "hat.jpeg", "application/octet-stream", b"a hat")
    unknown = Upload("image[]", "thing", "", b"a thing")
    asked = json.loads(write_image_call(call("image_edits", CAT, hat, unknown, n="1"), chooses_format=False))
    assert asked["contents"][0]["parts"] == [
        {"text": "a cat"},
        {"inlineData": {"mimeType": "image/png", "data": b64encode(b"a cat").decode()}},
        {"inlineData": {"mimeType": "image/jpeg", "data": b64encode(b"a hat").decode()}},
        {"inlineData": {"mimeType": "image/png", "data": b64encode(b"a thing").decode()}},
    ]


def test_edits_that_cannot_be_are_refused() -> None:
    mask = Upload("mask", "mask.png", "image/png", b"a mask")
    for uploads, param in (((CAT, mask), "mask"), ((), "image")):
        with pytest.raises(BadRequest) as refused:
            write_image_call(call("image_edits", *uploads), chooses_format=False)
        assert refused.value.param == param
    with pytest.raises(BadRequest, match="edits none"):
        write_prediction(call("image_edits", CAT))


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("imagen-4.0-generate-001", True),
        ("models/imagen-4.0-fast-generate-001", True),
        ("imagegeneration@006", True),
        ("gemini-3-pro-image", False),
        ("my-imagen-4", False),
    ],
)
def test_a_name_tells_how_a_model_is_asked(model: str, expected: bool) -> None:
    assert is_imagen(model) is expected


def answer(*parts: dict[str, Any], reason: str = "STOP", **usage: Any) -> bytes:
    candidate = {"content": {"role": "model", "parts": list(parts)}, "finishReason": reason}
    return json.dumps({"candidates": [candidate], "usageMetadata": usage}).encode()


DRAWN = {"inlineData": {"mimeType": "image/png", "data": IMAGE}}
TOLD = {
    "promptTokenCount": 267, "candidatesTokenCount": 1290, "totalTokenCount": 1557,
    "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 9}, {"modality": "IMAGE", "tokenCount": 258}],
    "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 1290}],
}  # fmt: skip


def test_what_gemini_drew_is_delivered_and_counted_by_its_kind() -> None:
    result = read_image_reply(call(), answer({"text": "Here it is."}, DRAWN, **TOLD))
    assert result.usage == Usage(
        input=9, image_input=258, output=0, image_output=1290, images=1, megapixels=AREA
    )
    assert said(result) == {
        "created": 1_750_000_000,
        "data": [{"b64_json": IMAGE}],
        "output_format": "png",
        "size": "1344x768",
        "usage": {
            "input_tokens": 267,
            "input_tokens_details": {"text_tokens": 9, "image_tokens": 258},
            "output_tokens": 1290,
            "output_tokens_details": {"text_tokens": 0, "image_tokens": 1290},
            "total_tokens": 1557,
        },
    }


@pytest.mark.parametrize(
    ("fields", "parts", "usage", "expected"),
    [
        ({}, [DRAWN], {"promptTokenCount": 9, "candidatesTokenCount": 1290}, Usage(input=9, output=0, image_output=1290, images=1, megapixels=AREA)),
        ({}, [DRAWN], {"promptTokenCount": 9, "candidatesTokenCount": 1290, "thoughtsTokenCount": 40}, Usage(input=9, output=0, image_output=1290, reasoning=40, images=1, megapixels=AREA)),
        ({}, [DRAWN], {}, Usage(images=1, megapixels=AREA)),
        ({"size": "1000x1000"}, [DRAWN], {}, Usage(images=1, megapixels=Decimal(1))),
        ({}, [{"inlineData": {"mimeType": "image/webp", "data": "aGk="}}], {}, Usage(images=1, megapixels=USUAL)),
        ({}, [DRAWN, DRAWN], {}, Usage(images=1, megapixels=AREA)),
        ({}, [DRAWN | {"thought": True}, DRAWN], {}, Usage(images=1, megapixels=AREA)),
        ({}, [{"inline_data": {"mime_type": "image/png", "data": IMAGE}}], {}, Usage(images=1, megapixels=AREA)),
    ],
)  # fmt: skip
def test_no_more_counts_than_was_asked_for(
    fields: dict[str, Any], parts: list[dict[str, Any]], usage: dict[str, Any], expected: Usage
) -> None:
    assert read_image_reply(call(**fields), answer(*parts, **usage)).usage == expected


@pytest.mark.parametrize(
    ("body", "kind", "code"),
    [
        (answer(reason="IMAGE_SAFETY", **TOLD), UpstreamRejected, "moderation_blocked"),
        (answer(reason="PROHIBITED_CONTENT"), UpstreamRejected, "moderation_blocked"),
        (answer({"text": "I would rather not."}, reason="SAFETY"), UpstreamRejected, "moderation_blocked"),
        (b'{"promptFeedback":{"blockReason":"PROHIBITED_CONTENT"}}', UpstreamRejected, "moderation_blocked"),
        (b'{"prompt_feedback":{"block_reason":"SAFETY"}}', UpstreamRejected, "moderation_blocked"),
        (answer({"text": "Hello!"}), UpstreamRejected, "no_image"),
        (answer(reason="NO_IMAGE"), UpstreamRejected, "no_image"),
        (answer(reason="IMAGE_OTHER"), UpstreamInvalid, "upstream_invalid"),
        (answer({"text": "so"}, reason="MAX_TOKENS"), UpstreamInvalid, "upstream_invalid"),
        (b'{"error":{"code":503,"message":"The model is overloaded.","status":"UNAVAILABLE"}}', UpstreamBusy, "upstream_busy"),
        (b"{}", UpstreamInvalid, "upstream_invalid"),
    ],
)  # fmt: skip
def test_a_reply_without_an_image_is_an_error_that_says_why(
    body: bytes, kind: type[UpstreamError], code: str
) -> None:
    with pytest.raises(UpstreamError) as failed:
        read_image_reply(call(), body)
    assert (type(failed.value), failed.value.code) == (kind, code)
    if kind is UpstreamRejected:
        assert (failed.value.status, failed.value.retryable, failed.value.scope) == (400, False, "call")


def test_what_imagen_made_is_delivered_and_what_was_kept_back_is_told() -> None:
    made = {"bytesBase64Encoded": IMAGE, "mimeType": "image/png", "prompt": "a cat, rewritten"}
    kept_back = {"raiFilteredReason": "Filtered out 2 images. Support codes: 58061214"}
    body = json.dumps({"predictions": [made, kept_back, made]}).encode()
    result = read_prediction(call(n=4), body)
    assert result.usage == Usage(images=2, megapixels=2 * AREA), "tokens are unknown, and not none"
    assert said(result) == {
        "created": 1_750_000_000,
        "data": [{"b64_json": IMAGE}] * 2,
        "output_format": "png",
        "size": "1344x768",
        "filtered": ["Filtered out 2 images. Support codes: 58061214"],
    }


@pytest.mark.parametrize(
    ("body", "kind", "code"),
    [
        (b'{"predictions":[{"raiFilteredReason":"58061214"}]}', UpstreamRejected, "moderation_blocked"),
        (b'{"predictions":[]}', UpstreamInvalid, "upstream_invalid"),
        (b'{"predictions":[{"safetyAttributes":{}}]}', UpstreamInvalid, "upstream_invalid"),
        (b'{"predictions":"none"}', UpstreamInvalid, "upstream_invalid"),
        (b'{"error":{"code":429,"message":"Quota exceeded.","status":"RESOURCE_EXHAUSTED"}}', UpstreamError, None),
        (b"[]", UpstreamInvalid, "upstream_invalid"),
    ],
)  # fmt: skip
def test_a_prediction_without_an_image_is_an_error(
    body: bytes, kind: type[UpstreamError], code: str | None
) -> None:
    with pytest.raises(kind) as failed:
        read_prediction(call(), body)
    assert code is None or failed.value.code == code
