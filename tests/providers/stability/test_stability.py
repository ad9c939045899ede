"""What Stability AI is asked, and what its replies mean."""

from __future__ import annotations

import base64
import json
from decimal import Decimal
from typing import Any

import pytest

from pixapi.errors import BadRequest, UpstreamBusy, UpstreamDenied, UpstreamInvalid, UpstreamRejected
from pixapi.interfaces import Call, HttpReply, Upload, Usage
from pixapi.testing import provider_contract
from pixapi.testing.contracts.recorded import Recorded
from pixapi.wire.json import decode_any, raw
from pixapi.wire.multipart import read_form
from pixapi_providers.stability import RATIOS, Config, Stability, pixapi_register_providers

(KIND,) = pixapi_register_providers()
KEY = "sk-stability-of-the-operator"
PROVIDER = Stability(Config(api_key=KEY))
PNG = (
    b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
    + (1536).to_bytes(4, "big")
    + (640).to_bytes(4, "big")
    + b"\x08\x02\0\0\0"
)
PICTURE = base64.b64encode(PNG).decode()
IMAGE = Upload("image", "cat.png", "image/png", PNG)
MASK = Upload("mask", "mask.png", "image/png", PNG)
SEE_THROUGH = Upload("mask", "mask.png", "image/png", PNG[:25] + b"\x06" + PNG[26:])
MADE = {"image": PICTURE, "finish_reason": "SUCCESS", "seed": 7}


def error(name: str, *words: str) -> bytes:
    return json.dumps({"id": "a1", "name": name, "errors": list(words)}).encode()


RECORDED = [
    Recorded(
        "a picture",
        json.dumps(MADE).encode(),
        operation="images",
        usage=Usage(images=1, megapixels=Decimal("0.98304")),
    ),
    Recorded(
        "withheld",
        json.dumps({**MADE, "finish_reason": "CONTENT_FILTERED"}).encode(),
        operation="images",
        error=UpstreamRejected,
    ),
    Recorded(
        "flagged",
        error("content_moderation", "Your request was flagged by our content moderation system"),
        status=403,
        error=UpstreamRejected,
    ),
    Recorded("a wrong key", error("unauthorized", "authorization: invalid"), status=401, error=UpstreamDenied),
    Recorded("no credits", error("payment_required", "You lack sufficient credits"), status=402, error=UpstreamDenied),
    Recorded("too many", error("rate_limit_exceeded", "150 requests per 10 seconds"), status=429, error=UpstreamBusy),
    Recorded("too large", error("payload_too_large", "10 MiB at most"), status=413, error=UpstreamRejected),
]  # fmt: skip


def call(model: str, *uploads: Upload, **fields: Any) -> Call:
    given = {name: raw(value) for name, value in {"model": "alias", "prompt": "a cat", **fields}.items()}
    operation = "image_edits" if uploads else "images"
    return Call("req_1", operation, "openai", "alias", model, given, "ours", 1_750_000_000, uploads=uploads)


def asked(model: str, *uploads: Upload, **fields: Any) -> tuple[str, dict[str, Any], dict[str, bytes]]:
    request = PROVIDER.request(call(model, *uploads, **fields))
    assert request.paid
    headers = dict(request.headers)
    assert (headers["authorization"], headers["accept"]) == (f"Bearer {KEY}", "application/json")
    form, files = read_form(headers["content-type"], request.body)
    values = {name: decode_any(value) for name, value in form.items()}
    return request.url, values, {file.name: file.data for file in files}


ROOT = "https://api.stability.ai/v2beta/stable-image"


@pytest.mark.parametrize(
    ("model", "uploads", "fields", "url", "form"),
    [
        ("core", (), {}, "generate/core", {}),
        ("core", (), {"n": 1, "size": "auto", "user": "u", "quality": "auto"}, "generate/core", {}),
        ("ultra", (), {"size": "1536x1024"}, "generate/ultra", {"aspect_ratio": "3:2"}),
        ("core", (), {"size": "1792x1024"}, "generate/core", {"aspect_ratio": "16:9"}),
        ("core", (), {"size": "21:9"}, "generate/core", {"aspect_ratio": "21:9"}),
        ("sd3.5-large", (), {"seed": 7, "cfg_scale": 4.5}, "generate/sd3", {"model": "sd3.5-large", "seed": "7", "cfg_scale": "4.5"}),
        ("core", (), {"style_preset": "anime", "negative_prompt": "dogs", "output_format": "webp"}, "generate/core",
         {"style_preset": "anime", "negative_prompt": "dogs", "output_format": "webp"}),
        ("sd3.5-medium", (IMAGE,), {}, "generate/sd3", {"model": "sd3.5-medium", "mode": "image-to-image", "strength": "0.7"}),
        ("ultra", (IMAGE,), {"strength": "0.2"}, "generate/ultra", {"strength": "0.2"}),
        ("inpaint", (IMAGE, MASK), {"grow_mask": "3"}, "edit/inpaint", {"grow_mask": "3"}),
        ("search-and-replace", (IMAGE,), {"search_prompt": "dog"}, "edit/search-and-replace", {"search_prompt": "dog"}),
        ("structure", (IMAGE,), {}, "control/structure", {}),
    ],
)  # fmt: skip
def test_a_form_goes_to_the_models_own_address(model, uploads, fields, url, form) -> None:
    assert asked(model, *uploads, **fields) == (
        f"{ROOT}/{url}",
        {"prompt": "a cat", **form},
        {upload.name: upload.data for upload in uploads},
    )


def test_what_removes_needs_no_words() -> None:
    assert asked("remove-background", IMAGE)[1] == {}


@pytest.mark.parametrize(
    ("model", "uploads", "fields", "param"),
    [
        ("core", (), {"n": 2}, "n"),
        ("core", (), {"response_format": "url"}, "response_format"),
        ("core", (), {"response_format": "png"}, "response_format"),
        ("core", (), {"quality": "high"}, "quality"),
        ("core", (), {"background": "transparent"}, "background"),
        ("core", (), {"size": "1000x700"}, "size"),
        ("core", (), {"size": "large"}, "size"),
        ("core", (), {"prompt": 5}, "prompt"),
        ("core", (IMAGE,), {}, "model"),
        ("ultra", (IMAGE,), {"size": "1024x1024"}, "size"),
        ("ultra", (IMAGE, IMAGE), {}, "image"),
        ("ultra", (IMAGE, MASK), {}, "mask"),
        ("inpaint", (IMAGE, SEE_THROUGH), {}, "mask"),
    ],
)
def test_what_cannot_be_said_is_refused_by_name(model, uploads, fields, param) -> None:
    with pytest.raises(BadRequest) as refused:
        PROVIDER.request(call(model, *uploads, **fields))
    assert refused.value.param == param


def test_a_size_that_there_is_not_is_answered_with_those_that_there_are() -> None:
    with pytest.raises(BadRequest) as refused:
        PROVIDER.request(call("core", size="1000x700"))
    assert all(ratio in refused.value.message for ratio in RATIOS)


@pytest.mark.parametrize(
    ("size", "megapixels"),
    [(None, "0.98304"), ("512x512", "0.262144"), ("2048x2048", "0.98304")],
)
def test_a_picture_counts_as_it_is_and_never_as_more_than_was_asked_for(size, megapixels) -> None:
    fields = {} if size is None else {"size": size}
    result = PROVIDER.result(call("core", **fields), HttpReply(200, {}, json.dumps(MADE).encode()))
    assert result.usage == Usage(images=1, megapixels=Decimal(megapixels))
    assert json.loads(result.body or b"") == {
        "created": 1_750_000_000,
        "data": [{"b64_json": PICTURE}],
        "size": "1536x640",
    }


def test_a_picture_that_was_withheld_is_refused_and_not_billed() -> None:
    body = json.dumps({**MADE, "finish_reason": "CONTENT_FILTERED"}).encode()
    with pytest.raises(UpstreamRejected) as refused:
        PROVIDER.result(call("core"), HttpReply(200, {}, body))
    assert (refused.value.status, refused.value.code) == (400, "content_policy_violation")


@pytest.mark.parametrize("body", [b'{"image":"","finish_reason":"SUCCESS"}', b'{"seed":1}', b'{"image":5}'])
def test_a_reply_without_a_picture_is_an_error(body) -> None:
    with pytest.raises(UpstreamInvalid):
        PROVIDER.result(call("core"), HttpReply(200, {}, body))


def test_the_vendors_words_reach_the_caller_without_the_key() -> None:
    body = error("bad_request", f"prompt: too long, said {KEY}")
    refused = PROVIDER.error(HttpReply(400, {}, body))
    assert isinstance(refused, UpstreamRejected)
    assert refused.message.startswith("prompt: too long")
    assert KEY not in refused.message
    flagged = PROVIDER.error(HttpReply(403, {}, RECORDED[2].body))
    assert (flagged.status, flagged.code, flagged.upstream_status) == (400, "content_policy_violation", 403)
    dry = PROVIDER.error(HttpReply(402, {}, RECORDED[4].body))
    assert (dry.code, dry.upstream_status) == ("upstream_quota_exhausted", 402)


test_contract = provider_contract(KIND, {"api_key": KEY}, RECORDED)
