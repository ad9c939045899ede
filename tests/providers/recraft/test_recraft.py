"""What Recraft is asked, and what its replies mean."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from pixapi.errors import BadRequest, UpstreamBusy, UpstreamDenied, UpstreamRejected
from pixapi.interfaces import Call, HttpReply, Upload, Usage
from pixapi.testing import provider_contract
from pixapi.testing.contracts.recorded import Recorded
from pixapi.wire.json import decode_any, raw
from pixapi.wire.multipart import read_form
from pixapi_providers.recraft import Config, Recraft, pixapi_register_providers

(KIND,) = pixapi_register_providers()
KEY = "recraft-token-of-the-operator"
PROVIDER = Recraft(Config(api_key=KEY))
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x10\0\0\0\x10\x08\x02\0\0\0"
IMAGE = Upload("image[]", "cat.png", "image/png", PNG)
MASK = Upload("mask", "mask.png", "image/png", PNG)
SEE_THROUGH = Upload("mask", "mask.png", "image/png", PNG[:25] + b"\x06" + PNG[26:])
MADE = {
    "created": 1, "credits": 80, "data": [{"image_id": "theirs", "b64_json": "aGk="}, {"image_id": "theirs", "url": "https://img.recraft.ai/x"}],
}  # fmt: skip
USAGE = Usage(images=2, megapixels=Decimal("2.097152"), provider_cost_usd="0.08")
RECORDED = [
    Recorded("two", json.dumps(MADE).encode(), operation="images", usage=USAGE),
    Recorded("an edit", json.dumps(MADE).encode(), operation="image_edits", usage=USAGE),
    Recorded("no units", b'{"code":"not_enough_credits","message":"top up"}', status=400, error=UpstreamDenied),
    Recorded("unsafe", b'{"code":"prompt_moderation","message":"The prompt was flagged"}', status=400, error=UpstreamRejected),
    Recorded("a wrong style", b'{"code":"invalid_request_parameter","message":"invalid style"}', status=400, error=UpstreamRejected),
    Recorded("no token", b'{"code":"unauthorized","message":"bad token"}', status=401, error=UpstreamDenied),
    Recorded("too fast", b'{"code":"rate_limit","message":"slow"}', status=429, error=UpstreamBusy),
]  # fmt: skip


def call(*uploads: Upload, **fields: Any) -> Call:
    given = {name: raw(value) for name, value in {"model": "alias", "prompt": "a cat", **fields}.items()}
    operation = "image_edits" if uploads else "images"
    return Call("req_1", operation, "openai", "alias", "recraftv4", given, "ours", 1, uploads=uploads)


@pytest.mark.parametrize(
    ("fields", "sent"),
    [
        ({}, {"n": 1, "response_format": "b64_json"}),
        ({"response_format": "url", "n": 3}, {"n": 3, "response_format": "url"}),
        (
            {"style": "Hand-drawn", "controls": {"colors": [{"rgb": [0, 255, 0]}]}, "size": "16:9", "quality": "auto"},
            {"n": 1, "response_format": "b64_json", "style": "Hand-drawn", "controls": {"colors": [{"rgb": [0, 255, 0]}]}, "size": "16:9"},
        ),
    ],
)  # fmt: skip
def test_a_picture_of_text_is_asked_for_in_openais_dialect(fields, sent) -> None:
    request = PROVIDER.request(call(**fields))
    assert (request.url, request.paid) == ("https://external.api.recraft.ai/v1/images/generations", True)
    assert json.loads(request.body) == {"model": "recraftv4", "prompt": "a cat", **sent}
    assert dict(request.headers)["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize(
    ("uploads", "fields", "task", "more"),
    [
        ((IMAGE,), {}, "imageToImage", {"strength": "0.5"}),
        (
            (IMAGE,),
            {"strength": "0.1", "style": "Icon"},
            "imageToImage",
            {"strength": "0.1", "style": "Icon"},
        ),
        ((IMAGE, MASK), {}, "inpaint", {}),
    ],
)
def test_an_edit_has_an_address_of_its_own(uploads, fields, task, more) -> None:
    request = PROVIDER.request(call(*uploads, **fields))
    assert request.url == f"https://external.api.recraft.ai/v1/images/{task}"
    form, files = read_form(dict(request.headers)["content-type"], request.body)
    assert {name: decode_any(value) for name, value in form.items()} == {
        "model": "recraftv4", "prompt": "a cat", "n": "1", "response_format": "b64_json", **more,
    }  # fmt: skip
    assert [file.name for file in files] == ["image", "mask"][: len(uploads)]


@pytest.mark.parametrize(
    ("uploads", "fields", "param"),
    [
        ((), {"quality": "high"}, "quality"),
        ((), {"n": 0}, "n"),
        ((IMAGE, IMAGE), {}, "image"),
        ((IMAGE,), {"size": "1024x1024"}, "size"),
        ((IMAGE, SEE_THROUGH), {}, "mask"),
    ],
)
def test_what_cannot_be_said_is_refused_by_name(uploads, fields, param) -> None:
    with pytest.raises(BadRequest) as refused:
        PROVIDER.request(call(*uploads, **fields))
    assert refused.value.param == param


def test_what_is_the_operators_does_not_reach_the_caller() -> None:
    result = PROVIDER.result(call(n=2), HttpReply(200, {}, RECORDED[0].body))
    reply = json.loads(result.body or b"")
    assert reply == {"created": 1, "data": [{"b64_json": "aGk="}, {"url": "https://img.recraft.ai/x"}]}
    assert result.usage == USAGE


def test_errors_are_told_apart() -> None:
    dry, unsafe, wrong = (PROVIDER.error(HttpReply(400, {}, RECORDED[n].body)) for n in (2, 3, 4))
    assert (dry.code, dry.upstream_status) == ("upstream_quota_exhausted", 400)
    assert (unsafe.code, unsafe.message) == ("content_policy_violation", "The prompt was flagged")
    assert (wrong.code, wrong.message) == ("invalid_request_parameter", "invalid style")


def test_the_probe_asks_who_it_is() -> None:
    probe = PROVIDER.probe()
    assert probe is not None
    assert (probe.method, probe.url) == ("GET", "https://external.api.recraft.ai/v1/users/me")


test_contract = provider_contract(KIND, {"api_key": KEY}, RECORDED)
