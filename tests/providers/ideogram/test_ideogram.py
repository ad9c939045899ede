"""What Ideogram is asked, and what its replies mean."""

from __future__ import annotations

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
from pixapi_providers.ideogram import Config, Ideogram, pixapi_register_providers

(KIND,) = pixapi_register_providers()
KEY = "ideogram-key-of-the-operator"
PROVIDER = Ideogram(Config(api_key=KEY))
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x10\0\0\0\x10\x08\x02\0\0\0"
IMAGE = Upload("image", "cat.png", "image/png", PNG)
SECOND = Upload("image[]", "dog.png", "image/png", PNG)
MASK = Upload("mask", "mask.png", "image/png", PNG)
URL = "https://ideogram.ai/api/images/ephemeral/x.png?exp=1&sig=2"


def item(number: int = 1, **changed: Any) -> dict[str, Any]:
    url = f"{URL}&n={number}"
    return {"seed": 7, "prompt": "p", "resolution": "1024x1024", "url": url, "is_image_safe": True, **changed}


UNSAFE = item(is_image_safe=False, url="")


def said(*items: Any) -> bytes:
    return json.dumps(
        {"generation_kind": "sampling", "generation_id": "g", "seed": 7, "data": list(items)}
    ).encode()


def refusal(words: str, reason: str | None = None) -> bytes:
    return json.dumps({"error": words, **({"reject_reason": reason} if reason else {})}).encode()


RECORDED = [
    Recorded("two", said(item(), item(2)), operation="images", usage=Usage(images=2, megapixels=Decimal("2.097152"))),
    Recorded("one of two", said(item(), UNSAFE), operation="images", usage=Usage(images=1, megapixels=Decimal("1.048576"))),
    Recorded("none of two", said(UNSAFE, UNSAFE), operation="images", error=UpstreamRejected),
    Recorded("unsafe words", refusal("Prompt or provided image failed the safety checks"), status=422, error=UpstreamRejected),
    Recorded("no funds", refusal("balance", "insufficient_funds"), status=402, error=UpstreamDenied),
    Recorded("in flight", refusal("too many", "inflight_limit"), status=429, error=UpstreamBusy),
    Recorded("no key", refusal("unauthorized"), status=401, error=UpstreamDenied),
]  # fmt: skip


def call(model: str, *uploads: Upload, **fields: Any) -> Call:
    given = {name: raw(value) for name, value in {"model": "alias", "prompt": "a cat", **fields}.items()}
    operation = "image_edits" if uploads else "images"
    return Call("req_1", operation, "openai", "alias", model, given, "ours", 1_750_000_000, uploads=uploads)


def asked(model: str, *uploads: Upload, **fields: Any) -> tuple[str, dict[str, Any], list[str]]:
    request = PROVIDER.request(call(model, *uploads, **fields))
    assert request.paid
    headers = dict(request.headers)
    assert headers["api-key"] == KEY
    form, files = read_form(headers["content-type"], request.body)
    return (
        request.url.removeprefix("https://api.ideogram.ai/v2/image/"),
        {name: decode_any(value) for name, value in form.items()},
        [file.name for file in files],
    )


@pytest.mark.parametrize(
    ("model", "uploads", "fields", "path", "form"),
    [
        ("ideogram-4-5", (), {}, "generate/ideogram-4-5", {}),
        ("ideogram-4-5", (), {"size": "1024x1024", "n": 2, "quality": "high"}, "generate/ideogram-4-5",
         {"size": "1024x1024", "num_images": "2", "quality": "high"}),
        ("ideogram-4-6", (), {"size": "1536x1024"}, "generate/ideogram-4-6", {"size": "1248x832"}),
        ("ideogram-4", (), {"size": "3840x2160"}, "generate/ideogram-4", {"resolution": "2560x1440"}),
        ("ideogram-4-transparent", (), {"size": "1024x1024"}, "generate/ideogram-4-transparent", {"resolution": "1024x1024"}),
        ("ideogram-3", (), {"size": "1024x1536", "style_type": "design"}, "generate/ideogram-3",
         {"aspect_ratio": "2x3", "style_type": "design"}),
        ("ideogram-3", (), {"seed": 5, "negative_prompt": "dogs"}, "generate/ideogram-3",
         {"seed": "5", "negative_prompt": "dogs"}),
        ("ideogram-4-5", (IMAGE,), {}, "precise-edit/ideogram-4-5", {}),
        ("ideogram-4-5", (IMAGE, SECOND, MASK), {}, "precise-edit/ideogram-4-5", {}),
        ("ideogram-4", (IMAGE,), {"image_weight": "40"}, "remix/ideogram-4", {"image_weight": "40"}),
        ("ideogram-3", (IMAGE,), {}, "remix/ideogram-3", {}),
        ("ideogram-3", (IMAGE, MASK), {}, "inpaint/ideogram-3", {}),
    ],
)  # fmt: skip
def test_a_form_goes_to_the_models_own_address(model, uploads, fields, path, form) -> None:
    names = ["image", "reference_images", "mask"] if len(uploads) == 3 else [u.name for u in uploads]
    assert asked(model, *uploads, **fields) == (path, {"prompt": "a cat", "num_images": "1", **form}, names)


@pytest.mark.parametrize(
    ("model", "uploads", "fields", "param"),
    [
        ("ideogram-4-5", (), {"async": True}, "async"),
        ("ideogram-4-5", (), {"webhook_url": "https://x.test"}, "webhook_url"),
        ("ideogram-4-5", (), {"image_asset_identifier": {"id": "theirs"}}, "image_asset_identifier"),
        ("ideogram-4-5", (), {"reference_image_asset_identifiers": []}, "reference_image_asset_identifiers"),
        ("ideogram-3", (), {"size": "100x1000"}, "size"),
        ("ideogram-4-5", (), {"size": "100x1000"}, "size"),
        ("ideogram-4-5", (), {"style": "vivid"}, "style"),
        ("ideogram-4-5", (IMAGE,), {"size": "1024x1024"}, "size"),
        ("ideogram-4", (IMAGE, MASK), {}, "mask"),
        ("ideogram-3", (IMAGE, SECOND), {}, "image"),
    ],
)
def test_what_is_not_the_callers_to_say_is_refused_by_name(model, uploads, fields, param) -> None:
    with pytest.raises(BadRequest) as refused:
        PROVIDER.request(call(model, *uploads, **fields))
    assert refused.value.param == param


def test_a_picture_that_was_withheld_is_told_and_not_billed() -> None:
    result = PROVIDER.result(call("ideogram-4-5", n=2), HttpReply(200, {}, said(UNSAFE, item())))
    reply = json.loads(result.body or b"")
    assert (result.usage or Usage()).images == 1
    assert reply["data"][0]["error"]["code"] == "content_policy_violation"
    assert reply["data"][1] == {"url": URL + "&n=1", "revised_prompt": "p"}
    assert "generation_id" not in reply


def test_withheld_altogether_is_a_refusal() -> None:
    with pytest.raises(UpstreamRejected) as refused:
        PROVIDER.result(call("ideogram-4-5"), HttpReply(200, {}, said(item(url=None))))
    assert refused.value.code == "content_policy_violation"


@pytest.mark.parametrize("body", [b'{"generation_id":"g"}', said(), said("x"), b'{"data":{}}'])
def test_a_reply_without_pictures_is_an_error(body) -> None:
    with pytest.raises(UpstreamInvalid):
        PROVIDER.result(call("ideogram-4-5"), HttpReply(200, {}, body))


@pytest.mark.parametrize(
    ("fields", "count"), [({}, 2), ({"response_format": "b64_json"}, 2), ({"response_format": "url"}, 0)]
)
def test_bytes_are_fetched_unless_an_address_is_asked_for(fields, count) -> None:
    asked = call("ideogram-4-5", n=2, **fields)
    result = PROVIDER.result(asked, HttpReply(200, {}, said(item(), item(2))))
    assert len(PROVIDER.files(asked, result)) == count


def test_what_could_not_be_fetched_or_is_no_picture_stays_an_address() -> None:
    asked = call("ideogram-4-5", n=3)
    result = PROVIDER.result(asked, HttpReply(200, {}, said(item(1), item(2), item(3), UNSAFE)))
    first, second, third = PROVIDER.files(asked, result)
    got = {first: HttpReply(200, {}, PNG), second: HttpReply(200, {}, b"<html>sign in</html>")}
    whole = PROVIDER.with_files(asked, result, got)
    data = json.loads(whole.body or b"")["data"]
    assert [sorted(each) for each in data] == [
        ["b64_json", "revised_prompt"],
        ["revised_prompt", "url"],
        ["revised_prompt", "url"],
        ["error"],
    ]
    assert (data[1]["url"], data[2]["url"]) == (second, third)
    assert whole.usage == result.usage


def test_refusals_have_one_code_and_an_empty_account_another() -> None:
    unsafe = PROVIDER.error(HttpReply(422, {}, RECORDED[3].body))
    assert (unsafe.status, unsafe.code) == (400, "content_policy_violation")
    dry = PROVIDER.error(HttpReply(402, {}, RECORDED[4].body))
    assert dry.code == "upstream_quota_exhausted"
    busy = PROVIDER.error(HttpReply(429, {"retry-after": "3"}, RECORDED[5].body))
    assert busy.retry_after_s == 3


test_contract = provider_contract(KIND, {"api_key": KEY}, RECORDED)
