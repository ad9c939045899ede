"""Calls for pictures of OpenAI's dialect, read for vendors that speak another, and answered."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from pixapi.errors import BadRequest, UpstreamInvalid, UpstreamRejected
from pixapi.interfaces import Call, Upload, Usage
from pixapi.wire.json import decode_any, raw
from pixapi.wire.openai_images import opaque_mask, read_images_call, refused_item, write_images_reply

MEGAPIXEL = Decimal("1.048576")
OPAQUE = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x10\0\0\0\x10\x08\x02\0\0\0"


def call(*uploads: Upload, **fields: Any) -> Call:
    given = {name: raw(value) for name, value in {"model": "alias", "prompt": "a cat", **fields}.items()}
    return Call("req_1", "images", "openai", "alias", "m", given, "ours", 7, uploads=uploads)


def test_a_call_is_read() -> None:
    files = [Upload(name, "a.png", "image/png", OPAQUE) for name in ("image", "image[]", "mask")]
    asked = read_images_call(
        call(*files, n="2", size="1024x1024", response_format="url", user="u", seed=7, magic="auto"), ()
    )
    assert (asked.prompt, asked.count, asked.size, asked.as_url) == ("a cat", 2, "1024x1024", True)
    assert [len(asked.images), asked.mask] == [2, files[2]]
    assert {name: decode_any(value) for name, value in asked.more.items()} == {"seed": 7, "magic": "auto"}


@pytest.mark.parametrize(
    "fields", [{}, {"size": "auto", "quality": "auto", "background": None, "response_format": "b64_json"}]
)
def test_auto_is_the_vendors_own_choice(fields: dict[str, Any]) -> None:
    asked = read_images_call(call(**fields))
    assert (asked.count, asked.size, asked.as_url, asked.more) == (1, None, False, {})


@pytest.mark.parametrize("name", ["quality", "background", "output_compression", "input_fidelity", "style"])
def test_what_a_vendor_has_no_word_for_is_refused(name: str) -> None:
    with pytest.raises(BadRequest) as refused:
        read_images_call(call(**{name: "high"}))
    assert refused.value.param == name
    assert decode_any(read_images_call(call(**{name: "high"}), [name]).more[name]) == "high"


@pytest.mark.parametrize(
    ("fields", "param"), [({"prompt": None}, "prompt"), ({"size": 5}, "size"), ({"n": 0}, "n"), ({"response_format": "x"}, "response_format")]
)  # fmt: skip
def test_what_is_wrong_is_refused(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as refused:
        read_images_call(call(**fields))
    assert refused.value.param == param


def test_a_file_that_nobody_reads_is_refused() -> None:
    with pytest.raises(BadRequest):
        read_images_call(call(Upload("style_reference", "a.png", "image/png", OPAQUE)))


def test_a_mask_that_is_see_through_is_not_read_by_its_colours() -> None:
    mask = Upload("mask", "m.png", "image/png", OPAQUE)
    assert opaque_mask(mask, "black is drawn anew") is mask
    see_through = Upload("mask", "m.png", "image/png", OPAQUE[:25] + b"\x06" + OPAQUE[26:])
    with pytest.raises(BadRequest, match="black is drawn anew"):
        opaque_mask(see_through, "black is drawn anew")


@pytest.mark.parametrize(
    ("fields", "made", "sizes", "usage", "size"),
    [
        ({}, 1, [], Usage(images=1, megapixels=MEGAPIXEL), None),
        ({"n": 2}, 2, ["1000x1000"] * 2, Usage(images=2, megapixels=Decimal(2)), "1000x1000"),
        ({"n": 2}, 2, ["1000x1000", "500x1000"], Usage(images=2, megapixels=Decimal("1.5")), None),
        ({"size": "500x1000"}, 1, ["1000x1000"], Usage(images=1, megapixels=Decimal("0.5")), "1000x1000"),
        ({"size": "500x1000"}, 1, [None], Usage(images=1, megapixels=Decimal("0.5")), None),
        ({"n": 1}, 3, [], Usage(images=1, megapixels=MEGAPIXEL), None),
    ],
)
def test_what_came_is_counted(fields, made, sizes, usage, size) -> None:
    result = write_images_reply(call(**fields), [{"url": "https://x"}] * made, sizes)
    assert result.usage == usage
    assert json.loads(result.body or b"") == {
        "created": 7, "data": [{"url": "https://x"}] * made, **({"size": size} if size else {}),
    }  # fmt: skip


def test_nothing_and_nothing_but_refusals_are_errors() -> None:
    with pytest.raises(UpstreamInvalid):
        write_images_reply(call(), [])
    with pytest.raises(UpstreamRejected) as refused:
        write_images_reply(call(), [refused_item("it shows a person"), refused_item()])
    assert (refused.value.message, refused.value.code) == ("it shows a person", "content_policy_violation")
