"""The price source `models_dev`."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal

import pytest

from pixapi.errors import UpstreamInvalid
from pixapi.interfaces import PricedModel
from pixapi.testing import price_source_contract
from pixapi_plugins.models_dev import Config, ModelsDev, pixapi_register_price_sources

(KIND,) = pixapi_register_price_sources()
Rows = Callable[..., dict[str, PricedModel]]

DOCUMENT = {
    "acme": {
        "id": "acme", "env": ["ACME_API_KEY"], "npm": "@ai-sdk/acme",
        "models": {
            "large": {
                "id": "large", "limit": {"context": 200000, "output": 64000},
                "cost": {
                    "input": 3, "output": 15, "cache_read": 0.3, "cache_write": 3.75, "reasoning": 15.5,
                    "input_audio": 1.1, "output_audio": 2.2,
                    "context_over_200k": {"input": 6, "output": 22.5},
                },
            },
            "free": {"id": "free", "cost": {"input": 0, "output": 0}},
            "unpriced": {"id": "unpriced", "limit": {"context": 1000, "output": 10}},
        },
    },
    "empty": {"id": "empty", "models": {}},
}  # fmt: skip

test_contract = price_source_contract(KIND, {}, [json.dumps(DOCUMENT).encode()])


def test_the_rows(rows: Rows) -> None:
    found = rows(ModelsDev(Config()), DOCUMENT)
    assert list(found) == ["acme large", "acme free"]
    assert {key: str(price) for key, price in found["acme large"].usd.items()} == {
        "input": "3", "output": "15", "reasoning": "15.5", "cached_input": "0.3", "cache_write": "3.75",
        "audio_input": "1.1", "audio_output": "2.2",
    }  # fmt: skip
    assert found["acme large"].untold == ("context_over_200k",)
    assert (found["acme large"].context_tokens, found["acme large"].output_tokens) == (200000, 64000)
    assert found["acme free"].usd == {"input": Decimal(0), "output": Decimal(0)}


@pytest.mark.parametrize("document", [b"[]", b"", b'"x"'])
def test_another_document_is_refused(document: bytes) -> None:
    with pytest.raises(UpstreamInvalid):
        list(ModelsDev(Config()).parse(document))
