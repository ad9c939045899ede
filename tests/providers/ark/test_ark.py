"""What Ark is asked, and what its replies mean."""

from __future__ import annotations

import base64
import json
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from pixapi.errors import (
    BadRequest,
    UpstreamBusy,
    UpstreamDenied,
    UpstreamError,
    UpstreamInvalid,
    UpstreamRejected,
)
from pixapi.interfaces import Call, HttpReply, Upload, Usage
from pixapi.testing import provider_contract
from pixapi.testing.contracts.recorded import Recorded
from pixapi.wire.json import raw
from pixapi_providers.ark import Ark, Config, pixapi_register_providers

(KIND,) = pixapi_register_providers()
KEY = "ark-key-of-the-operator"
PROVIDER = Ark(Config(api_key=KEY))
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x10\0\0\0\x10\x08\x02\0\0\0"
IMAGE = Upload("image", "cat.png", "application/octet-stream", PNG)
DATA_URL = "data:image/png;base64," + base64.b64encode(PNG).decode()
GROUP = {"sequential_image_generation": "auto"}
REFUSED = {
    "error": {"code": "OutputImageSensitiveContentDetected", "message": "may contain sensitive information"}
}
BROKEN = {"error": {"code": "InternalServiceError", "message": "an internal error"}}
FIRST = {"b64_json": "aGk=", "size": "2048x2048"}


def said(*items: Any, **more: Any) -> bytes:
    usage = {"generated_images": len(items), "output_tokens": 16384, "total_tokens": 16384}
    return json.dumps(
        {"model": "seedream", "created": 7, "data": list(items), "usage": usage, **more}
    ).encode()


def refusal(code: str, message: str = "words. Request id: 02") -> bytes:
    return json.dumps(
        {"error": {"code": code, "message": message, "param": "", "type": "BadRequest"}}
    ).encode()


ONE = Usage(images=1, megapixels=Decimal("4.194304"), image_output=16384)
RECORDED = [
    Recorded("one", said(FIRST), operation="images", usage=ONE),
    Recorded("one and a refusal", said(FIRST, REFUSED), operation="images", usage=ONE),
    Recorded("an error beside a picture", said(FIRST, error=BROKEN["error"]), operation="images", usage=ONE),
    Recorded("a refusal", said(REFUSED), operation="images", error=UpstreamRejected),
    Recorded("refused", refusal("InputTextSensitiveContentDetected"), status=400, error=UpstreamRejected),
    Recorded("overdue", refusal("AccountOverdueError"), status=403, error=UpstreamDenied),
    Recorded("a wrong key", refusal("AuthenticationError"), status=401, error=UpstreamDenied),
    Recorded("too many", refusal("ModelAccountIpmRateLimitExceeded"), status=429, error=UpstreamBusy),
    Recorded("paused", refusal("SetLimitExceeded"), status=429, error=UpstreamDenied),
    Recorded("too small", refusal("InvalidParameter", "size must be at least 3686400 pixels"), status=400, error=UpstreamRejected),
]  # fmt: skip


def call(*uploads: Upload, **fields: Any) -> Call:
    given = {name: raw(value) for name, value in {"model": "alias", "prompt": "a cat", **fields}.items()}
    operation = "image_edits" if uploads else "images"
    return Call("req_1", operation, "openai", "alias", "doubao-seedream-4-5", given, "ours", 1_750_000_000, uploads=uploads)  # fmt: skip


@pytest.mark.parametrize(
    ("uploads", "fields", "sent"),
    [
        ((), {}, {}),
        ((), {"response_format": "url", "size": "2K", "seed": 7, "watermark": False},
         {"response_format": "url", "size": "2K", "seed": 7, "watermark": False}),
        ((), {"n": 4, **GROUP}, {**GROUP, "sequential_image_generation_options": {"max_images": 4}}),
        ((), {"n": 1, "size": "auto", "user": "u", "image": ["https://x.test/a.png"]}, {"image": ["https://x.test/a.png"]}),
        ((IMAGE,), {"seed": "7", "watermark": "true", "style_hint": "soft"},
         {"image": DATA_URL, "seed": 7, "watermark": True, "style_hint": "soft"}),
        ((IMAGE, IMAGE), {}, {"image": [DATA_URL, DATA_URL]}),
    ],
)  # fmt: skip
def test_pictures_are_asked_for_in_one_place(uploads, fields, sent) -> None:
    request = PROVIDER.request(call(*uploads, **fields))
    assert (request.url, request.paid) == (
        "https://ark.cn-beijing.volces.com/api/v3/images/generations",
        True,
    )
    assert json.loads(request.body) == {
        "model": "doubao-seedream-4-5", "prompt": "a cat", "response_format": "b64_json", **sent,
    }  # fmt: skip


@pytest.mark.parametrize(("said", "sent"), [({}, False), ({"watermark": True}, True)])
def test_the_deployer_may_settle_the_watermark(said, sent) -> None:
    provider = Ark(Config(api_key=KEY, watermark=False))
    assert json.loads(provider.request(call(**said)).body)["watermark"] is sent


@pytest.mark.parametrize(
    ("uploads", "fields", "param"),
    [
        ((), {"n": 2}, "n"),
        ((), {"n": 2, **GROUP, "sequential_image_generation_options": {"max_images": 9}}, "n"),
        ((), {"layer_decomposition": True}, "layer_decomposition"),
        ((), {"layer_decomposition": msgspec.Raw(b'{"layers": 9, "x": 1e999}')}, "layer_decomposition"),
        ((), {"quality": "high"}, "quality"),
        ((IMAGE, Upload("mask", "m.png", "image/png", PNG)), {}, "mask"),
    ],
)
def test_what_cannot_be_counted_or_said_is_refused_by_name(uploads, fields, param) -> None:
    with pytest.raises(BadRequest) as refused:
        PROVIDER.request(call(*uploads, **fields))
    assert refused.value.param == param


def test_what_failed_is_told_and_not_billed() -> None:
    result = PROVIDER.result(call(n=3, **GROUP), HttpReply(200, {}, said(FIRST, REFUSED, BROKEN)))
    reply = json.loads(result.body or b"")
    assert (result.usage or Usage()).images == 1
    assert reply["data"][0] == {"b64_json": "aGk="}
    assert [item["error"]["code"] for item in reply["data"][1:]] == [
        "content_policy_violation",
        "InternalServiceError",
    ]
    assert "model" not in reply


def test_searches_of_its_own_are_counted() -> None:
    body = said(FIRST, usage={"generated_images": 1, "tool_usage": {"web_search": 2}})
    assert (PROVIDER.result(call(), HttpReply(200, {}, body)).usage or Usage()).searches == 2


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (said(REFUSED), UpstreamRejected),
        (said(BROKEN), UpstreamError),
        (said(), UpstreamInvalid),
        (refusal("InternalServiceError"), UpstreamError),
    ],
)
def test_a_reply_without_a_picture_is_an_error(body, kind) -> None:
    with pytest.raises(kind) as failed:
        PROVIDER.result(call(), HttpReply(200, {}, body))
    assert isinstance(failed.value, UpstreamRejected) is (kind is UpstreamRejected)


def test_a_model_that_is_not_there_says_nothing_of_the_account() -> None:
    words = "Your account 2100000001 has not activated the model"
    missing = PROVIDER.error(HttpReply(404, {}, refusal("ModelNotOpen", words)))
    assert (missing.status, missing.code, missing.retryable) == (404, "model_not_found", True)
    assert "2100000001" not in missing.message


def test_refusals_have_one_code_and_an_empty_account_another() -> None:
    assert PROVIDER.error(HttpReply(400, {}, RECORDED[4].body)).code == "content_policy_violation"
    assert PROVIDER.error(HttpReply(403, {}, RECORDED[5].body)).code == "upstream_quota_exhausted"
    assert "3686400" in PROVIDER.error(HttpReply(400, {}, RECORDED[9].body)).message


test_contract = provider_contract(KIND, {"api_key": KEY}, RECORDED)
