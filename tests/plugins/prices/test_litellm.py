"""The price source `litellm`."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from pixapi.errors import UpstreamInvalid
from pixapi.interfaces import PricedModel
from pixapi.testing import price_source_contract
from pixapi_plugins.litellm import Config, Litellm, pixapi_register_price_sources

(KIND,) = pixapi_register_price_sources()
Rows = Callable[..., dict[str, PricedModel]]

DOCUMENT = {
    "sample_spec": {"litellm_provider": "one of the providers", "input_cost_per_token": 0},
    "fallback_generalizations": {"rules": []},
    "large": {
        "litellm_provider": "acme", "mode": "chat", "max_input_tokens": 200000, "max_output_tokens": "8192",
        "input_cost_per_token": 2.5e-06, "output_cost_per_token": 1e-05, "cache_read_input_token_cost": 1.25e-06,
    },
    "no_provider": {"input_cost_per_token": 1e-6},
}  # fmt: skip

test_contract = price_source_contract(KIND, {}, [json.dumps(DOCUMENT).encode()])


def test_what_is_no_model_is_skipped(rows: Rows) -> None:
    found = rows(Litellm(Config()), DOCUMENT)
    assert list(found) == ["acme large"]
    row = found["acme large"]
    assert row.usd == {"input": Decimal("2.5"), "output": Decimal(10), "cached_input": Decimal("1.25")}
    assert (row.operation, row.context_tokens, row.output_tokens, row.untold) == ("chat", 200000, 8192, ())


@pytest.mark.parametrize(
    ("mode", "operation"),
    [
        ("embedding", "embeddings"),
        ("image_generation", "images"),
        ("audio_speech", "speech"),
        ("audio_transcription", "transcriptions"),
        ("rerank", "rerank"),
        ("video_generation", None),
    ],
)
def test_what_a_model_is_for(rows: Rows, mode: str, operation: str | None) -> None:
    said = {"litellm_provider": "acme", "mode": mode, "input_cost_per_token": 1e-6}
    (row,) = rows(Litellm(Config()), {"m": said}).values()
    assert row.operation == operation


@pytest.mark.parametrize(
    ("fields", "usd"),
    [
        # a token's price by the million, exactly, and without the dust of floating point
        ({"input_cost_per_token": "3.4e-7"}, {"input": "0.34"}),
        ({"input_cost_per_token": "3.0000000000000004e-06"}, {"input": "3"}),
        ({"input_cost_per_token": "0.00000000125"}, {"input": "0.00125"}),
        ({"input_cost_per_token": "0", "output_cost_per_token": "0.0"}, {"input": "0", "output": "0"}),
        ({"cache_creation_input_token_cost": "6.25e-06", "cache_creation_input_token_cost_above_1hr": "1e-05"},
         {"cache_write": "6.25", "cache_write_1h": "10"}),
        ({"input_cost_per_audio_token": "3.2e-05", "output_cost_per_audio_token": "6.4e-05"},
         {"audio_input": "32", "audio_output": "64"}),
        ({"input_cost_per_image_token": "5e-06", "output_cost_per_image_token": "3e-05"},
         {"image_input": "5", "image_output": "30"}),
        ({"output_cost_per_reasoning_token": "4e-06"}, {"reasoning": "4"}),
        # by the piece; the dearer of both directions; 0 says that something else is counted
        ({"input_cost_per_second": "0.0001", "output_cost_per_second": "0.0001"}, {"second": "0.0001"}),
        ({"input_cost_per_second": "0.0005666666666666667"}, {"second": "0.000566666666667"}),
        ({"input_cost_per_second": "0.0001", "output_cost_per_second": "0"}, {"second": "0.0001"}),
        ({"input_cost_per_character": "1.5e-05"}, {"character": "0.000015"}),
        ({"output_cost_per_image": "0.04"}, {"image": "0.04"}),
        ({"input_cost_per_pixel": "8.39233e-08", "output_cost_per_pixel": "0"}, {"megapixel": "0.0839233"}),
        ({"input_cost_per_query": "0.001"}, {"request": "0.001"}),
        ({"search_context_cost_per_query": '{"search_context_size_low": 0.025, "search_context_size_high": 0.03}'},
         {"search": "0.03"}),
        ({"mode": '"image_generation"', "input_cost_per_image": "0.02"}, {"image": "0.02"}),
        ({"mode": '"chat"', "input_cost_per_image": "0.02"}, {}),
        # tokens and pieces are two accounts of the same
        ({"input_cost_per_token": "1e-6", "input_cost_per_second": "0.0001", "output_cost_per_image": "0.04"}, {"input": "1"}),
        ({"input_cost_per_token": "0", "input_cost_per_second": "0.0001"}, {"input": "0", "second": "0.0001"}),
        ({"input_cost_per_token": "1e-6", "input_cost_per_request": "0.005"}, {"input": "1", "request": "0.005"}),
        # no price
        ({"input_cost_per_token": '"see the site"', "output_cost_per_token": "null"}, {}),
        ({"input_cost_per_token": "-1", "output_cost_per_token": "true"}, {}),
        ({"input_cost_per_token": "NaN", "output_cost_per_token": "Infinity"}, {}),
    ],
)  # fmt: skip
def test_the_price_of_each_quantity(rows: Rows, fields: dict[str, str], usd: dict[str, str]) -> None:
    members = "".join(f', "{name}": {value}' for name, value in fields.items())
    document = f'{{"m": {{"litellm_provider": "acme"{members}}}}}'.encode()
    found = rows(Litellm(Config()), document)["acme m"].usd
    assert found == {key: Decimal(value) for key, value in usd.items()}
    assert {key: str(value) for key, value in found.items()} == usd


@pytest.mark.parametrize(
    ("fields", "untold"),
    [
        ({"input_cost_per_token_above_200k_tokens": 6e-6, "output_cost_per_token_above_200k_tokens": 2e-5},
         ("another price above 200k tokens",)),
        ({"tiered_pricing": [{"range": [0, 1000], "input_cost_per_token": 1e-7}]}, ("tiered_pricing",)),
        ({"off_peak_pricing": {"windows": []}, "output_cost_per_second_1080p": 0.1},
         ("off_peak_pricing", "output_cost_per_second_1080p")),
        ({"cache_read_input_audio_token_cost": 4e-7}, ("cache_read_input_audio_token_cost",)),
        ({"input_cost_per_token": 1e-6, "output_cost_per_image": 0.04}, ("output_cost_per_image",)),
        ({"input_cost_per_token_batches": 1e-6, "input_cost_per_token_above_272k_tokens_priority": 1e-6}, ()),
        ({"output_cost_per_image_4K": 0, "supports_vision": True}, ()),
    ],
)  # fmt: skip
def test_what_cannot_be_taken_is_told(rows: Rows, fields: dict[str, Any], untold: tuple[str, ...]) -> None:
    assert rows(Litellm(Config()), {"m": {"litellm_provider": "acme", **fields}})["acme m"].untold == untold


@pytest.mark.parametrize(
    ("key", "expected"),
    [("large", "acme large"), ("acme/large", "acme large"), ("eu/acme/large", "acme eu/acme/large"), ("acme/a/b", "acme a/b")],
)  # fmt: skip
def test_the_vendors_prefix_is_no_part_of_a_models_name(rows: Rows, key: str, expected: str) -> None:
    assert list(rows(Litellm(Config()), {key: {"litellm_provider": "acme"}})) == [expected]


def test_one_model_under_two_keys_comes_once(rows: Rows) -> None:
    document = {
        "m": {"litellm_provider": "acme", "input_cost_per_token": 1e-6},
        "acme/m": {"litellm_provider": "acme", "input_cost_per_token": 2e-6},
    }
    assert len(list(Litellm(Config()).parse(json.dumps(document).encode()))) == 1
    assert rows(Litellm(Config()), document)["acme m"].usd == {"input": Decimal(1)}


@pytest.mark.parametrize("document", [b"[]", b"3", b"<html>", b"{"])
def test_another_document_is_refused(document: bytes) -> None:
    with pytest.raises(UpstreamInvalid):
        list(Litellm(Config()).parse(document))
