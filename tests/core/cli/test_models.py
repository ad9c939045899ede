"""`pixapi models list` and `show`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pixapi.cli import main

CONFIG = """
[providers.echo]
use = "echo"
[[models]]
id = "chat"
routes = [ { provider = "echo", model = "echo" } ]
price = { input = "0.25", output = "2.00", search = "0.01" }
[[models]]
id = "painter"
routes = [ { provider = "echo", model = "echo" } ]
price = { output = "0.04", per = "image" }
"""


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("pixapi.toml").write_text(CONFIG)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["models", *arguments])


def test_prices_of_tokens_and_of_units_stand_apart() -> None:
    rows = [
        (row["id"], row["input_usd"], row["output_usd"], row["units_usd"])
        for row in json.loads(run("list", "--json").stdout)
    ]
    assert rows == [("chat", "0.25", "2.00", {"search": "0.01"}), ("painter", "0", "0", {"image": "0.04"})]
    assert '{"image": "0.04"}' in run("list").stdout


def test_one_model_is_shown_as_it_is_configured() -> None:
    price = json.loads(run("show", "painter", "--json").stdout)["price"]
    assert (price["per"], price["output"]) == ("image", "0.04")
    missing = run("show", "sculptor")
    assert (missing.exit_code, "pixapi models list" in missing.stderr) == (1, True)
