"""`pixapi config schema` and `pixapi config show`."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import jsonschema_rs
import pytest
from click.testing import CliRunner

from pixapi.cli import main

TEXT = """
[providers.o]
use = "openai"
api_key = "hunter2"
[[models]]
id = "m"
routes = [ { provider = "o", model = "x" } ]
price = { input = "1", output = "1" }
"""


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    file = Path("pixapi.toml")
    file.write_text(TEXT)
    return file


def invoke(*arguments: str) -> str:
    result = CliRunner().invoke(main, ["config", *arguments])
    assert result.exit_code == 0, result.stderr
    return result.stdout


def test_the_schema_has_the_installed_plugins(config: Path) -> None:
    schema = json.loads(invoke("schema"))
    assert "api_key" in schema["$defs"]["plugins.providers.openai"]["properties"]
    validator = jsonschema_rs.validator_for(schema)
    assert validator.is_valid(tomllib.loads(TEXT))
    assert not validator.is_valid(tomllib.loads(TEXT.replace("api_key", "api_kee")))


def test_the_schema_needs_no_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert invoke("schema", "--out", "schema.json") == "wrote schema.json\n"
    assert "providers" in json.loads(Path("schema.json").read_text())["properties"]


def test_show(config: Path) -> None:
    lines = invoke("show").splitlines()
    assert any(line.split() == ["server.port", "8000"] for line in lines)
    assert any(line.split() == ["providers.o.api_key", "********"] for line in lines)
    assert any(line.split() == ["providers.o.base_url", "https://api.openai.com/v1"] for line in lines)


def test_show_with_origins(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIXAPI_SERVER__PORT", "9000")
    rows = {row["key"]: row for row in json.loads(invoke("show", "--origins", "--json"))}
    assert rows["server.port"] == {
        "key": "server.port", "value": 9000, "origin": "the environment variable PIXAPI_SERVER__PORT",
    }  # fmt: skip
    assert rows["models[0].id"]["origin"] == "pixapi.toml:6"
    assert rows["providers.o.use"]["origin"] == "pixapi.toml:3"
    assert rows["providers.o.base_url"]["origin"] == "default"
    assert "pixapi.toml:6" in invoke("show", "--origins")


def test_show_as_json_is_nested(config: Path) -> None:
    tree = json.loads(invoke("show", "--json"))
    assert tree["models"][0]["routes"][0]["weight"] == 1
    assert "hunter2" not in json.dumps(tree)
