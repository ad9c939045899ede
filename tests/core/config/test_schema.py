"""The JSON schema accepts what loads, and refuses what does not."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, Literal

import jsonschema_rs
import pytest
from pydantic import BaseModel

from pixapi.config.schema import json_schema
from pixapi.interfaces import PluginConfig, Secret

ROOT = Path(__file__).parents[3]


class Part(BaseModel):
    size: int


class Acme(PluginConfig):
    api_key: Secret
    """The API key."""
    region: Literal["eu", "us"] = "eu"
    part: Part | None = None


class Plain(PluginConfig):
    pass


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return json_schema({"providers": {"acme": Acme, "echo": Plain}, "guards": {}})


@pytest.fixture(scope="module")
def validator(schema: dict[str, Any]) -> jsonschema_rs.Draft202012Validator:
    jsonschema_rs.meta.validate(schema)
    return jsonschema_rs.Draft202012Validator(schema)


ACME = '[providers.a]\nuse = "acme"\n'

GOOD = [
    (ROOT / "pixapi.toml").read_text(encoding="utf-8"),
    "",
    '[server]\nport = { env = "PORT" }\nhost = { file = "host" }',
    ACME + 'api_key = "k"',
    ACME + 'api_key = { env = "K" }\nregion = { env = "R" }\npart = { size = 3 }',
    ACME + 'keys = ["a", { env = "K" }, { api_key = "b", region = "us" }]\nregion = "eu"',
    '[providers.a]\nuse = "./acme.py"\nanything = 5',
    '[providers.a]\nuse = "./acme.py:kind"',
    '[credits]\nper_usd = "100"\non_low_balance = "reject"',
    "[credits]\nper_usd = 100",
]

BAD = [
    "[servre]\nport = 1",
    "[server]\nport = 70000",
    "[server]\nport = { enw = 'X' }",
    "[server]\nport = { env = 'X', file = 'y' }",
    ACME,
    ACME + 'api_key = "k"\nunknown = 1',
    ACME + 'api_key = "k"\nregion = "mars"',
    ACME + 'api_key = "k"\npart = { size = "big" }',
    ACME + "keys = []",
    ACME + "keys = [7]",
    ACME + 'keys = [{ unknown = "b" }]',
    '[providers.a]\nuse = "nobody"',
    '[[models]]\nid = "a"\nroutes = []\nprice = {}',
]


@pytest.mark.parametrize("text", GOOD, ids=lambda text: text[:60])
def test_accepts(validator: jsonschema_rs.Draft202012Validator, text: str) -> None:
    assert [error.message for error in validator.iter_errors(tomllib.loads(text))] == []


@pytest.mark.parametrize("text", BAD, ids=lambda text: text[:60])
def test_refuses(validator: jsonschema_rs.Draft202012Validator, text: str) -> None:
    assert not validator.is_valid(tomllib.loads(text))


def test_settings_are_described(schema: dict[str, Any]) -> None:
    assert schema["$defs"]["Server"]["properties"]["port"]["description"] == "The port to listen on."
    acme = schema["$defs"]["plugins.providers.acme"]["properties"]
    assert acme["use"] == {"const": "acme"}
    assert acme["api_key"]["description"] == "The API key."
