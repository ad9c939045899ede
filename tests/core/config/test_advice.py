"""Warnings about what is allowed and seldom meant."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pixapi.config.advice import advice
from pixapi.config.load import Loaded

MODEL = """
[providers.echo]
use = "echo"
[[models]]
id = "a"
routes = [ { provider = "echo", model = "echo" } ]
price = { input = "1", output = "2" }
"""


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("", None),
        ('[server]\npublic_url = "http://api.example.com"', "pixapi.toml:9: `server.public_url` is not https"),
        ('[server]\nhost = "0.0.0.0"', "pixapi.toml:9: `server.host` is 0.0.0.0"),
        ('[server]\npublic_url = "https://api.example.com"', "pixapi.toml:8: `server.trusted_proxies` is empty"),
        ('[server]\ncors_origins = ["*"]', "pixapi.toml:9: `server.cors_origins` has"),
        ("[privacy.retention]\nusage_days = 30", None),
        ("[privacy.retention]\nrequests_days = 30", None),
        ('[redis]\nurl = "redis://x"', "pixapi.toml:8: `redis` is for several processes"),
        ('[providers.b]\nuse = "b"', "pixapi.toml:8: no model has a route to the provider `b`"),
        ('[groups.g]\nmodels = ["a", "b*"]', 'pixapi.toml:9: the group `g` may see "b*", which no model is called'),
        ('[groups.g]\nmodels = ["a*"]', None),
        ('[[models]]\nid="f"\nroutes=[{provider="echo",model="x"}]\nprice={}', "pixapi.toml:11: the model `f` costs nothing"),
    ],
)  # fmt: skip
def test_advice(loaded: Callable[..., Loaded], more: str, expected: str | None) -> None:
    found = [str(warning) for warning in advice(loaded(MODEL + more))]
    assert len(found) == (0 if expected is None else 1), found
    assert expected is None or found[0].startswith(expected)


def test_a_price_below_the_cost(loaded: Callable[..., Loaded]) -> None:
    (found,) = advice(loaded(MODEL + 'cost = { input = "0.5", output = "3" }'))
    assert "priced below what its vendor charges" in found.text


def test_a_price_below_the_cost_of_a_unit(loaded: Callable[..., Loaded]) -> None:
    (found,) = advice(loaded(MODEL + 'cost = { input = "1", search = "0.01" }'))
    assert found.text.endswith("(search)")


def test_a_group_that_pays_less_than_the_cost(loaded: Callable[..., Loaded]) -> None:
    groups = '[groups.friends]\nprice_factor = "0.5"\n[groups.house]\nprice_factor = "0"'
    (found,) = advice(loaded(MODEL + 'cost = { input = "0.4", output = "1.5" }\n' + groups))
    assert found.text == "the group `friends` pays less for the model `a` than its vendor charges (output)"


def test_nothing_to_call(loaded: Callable[..., Loaded]) -> None:
    assert [str(found) for found in advice(loaded(""))] == [
        "pixapi.toml: no model is configured, so that there is nothing to call"
    ]
