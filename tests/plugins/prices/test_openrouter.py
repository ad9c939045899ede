"""The price source `openrouter`."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from pixapi.errors import UpstreamInvalid
from pixapi.interfaces import PricedModel
from pixapi.testing import price_source_contract
from pixapi_plugins.openrouter import Config, OpenRouter, pixapi_register_price_sources

(KIND,) = pixapi_register_price_sources()
Rows = Callable[..., dict[str, PricedModel]]

DOCUMENT = {
    "data": [
        {
            "id": "acme/large", "context_length": 128000, "top_provider": {"max_completion_tokens": 16384},
            "pricing": {
                "prompt": "0.0000025", "completion": "0.00001", "request": "0", "image": "0.003613",
                "web_search": "0.01", "internal_reasoning": "0", "input_cache_read": "0.00000125",
                "input_cache_write": "0", "input_cache_write_1h": "0.000005", "audio": "0.00004", "image_output": "0.00003",
            },
        },
        {"id": "auto", "pricing": {"prompt": "-1", "completion": "-1"}},
        {"id": "acme/free", "pricing": {"prompt": "0", "completion": "0"}, "top_provider": None},
        {"id": "acme/per-call", "pricing": {"prompt": "3.4e-7", "completion": "0", "request": "0.005"}},
    ]
}  # fmt: skip

test_contract = price_source_contract(KIND, {}, [json.dumps(DOCUMENT).encode()])


def test_the_rows(rows: Rows) -> None:
    found = rows(OpenRouter(Config()), DOCUMENT)
    assert list(found) == ["openrouter acme/large", "openrouter acme/free", "openrouter acme/per-call"]
    said = {name: {key: str(price) for key, price in row.usd.items()} for name, row in found.items()}
    assert said["openrouter acme/large"] == {
        "input": "2.5", "output": "10", "cached_input": "1.25", "cache_write_1h": "5", "audio_input": "40",
        "image_output": "30", "search": "0.01",
    }  # fmt: skip
    assert said["openrouter acme/free"] == {"input": "0", "output": "0"}
    assert said["openrouter acme/per-call"] == {"input": "0.34", "output": "0", "request": "0.005"}
    large = found["openrouter acme/large"]
    assert (large.context_tokens, large.output_tokens, large.untold) == (128000, 16384, ("image",))


def test_a_price_that_only_the_call_tells_is_no_price(rows: Rows) -> None:
    document = {"data": [{"id": "m", "pricing": {"prompt": "1", "completion": "1", "web_search": "-1"}}]}
    assert rows(OpenRouter(Config()), document) == {}


@pytest.mark.parametrize("document", [b"[]", b"{}", b'{"data": {}}', b"no"])
def test_another_document_is_refused(document: bytes) -> None:
    with pytest.raises(UpstreamInvalid):
        list(OpenRouter(Config()).parse(document))
