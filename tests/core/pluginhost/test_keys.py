"""Several keys of one provider."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pixapi.config.effective import effective, rows
from pixapi.config.load import load_settings
from pixapi.config.masking import MASK
from pixapi.errors import ConfigError
from pixapi.pluginhost.host import PluginHost

Host = Callable[..., PluginHost]

OPENAI = '[providers.o]\nuse = "openai"\n'
BEDROCK = '[providers.b]\nuse = "bedrock"\nregion = "eu-west-1"\n'


def revealed(host: PluginHost) -> dict[str, str]:
    return {".".join(map(str, path)): secret.reveal() for path, secret in host.secrets()}


def test_one_provider_for_each_key(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECOND", "two")
    made = host(
        OPENAI + 'project = "p"\nkeys = [ "one", { env = "SECOND" }, { api_key = "three", project = "q" } ]'
    )
    keys = made.providers["o"].keys
    assert [key.table.number for key in keys] == [1, 2, 3]
    assert len({id(key.provider) for key in keys}) == 3
    assert [key.config.model_dump()["project"] for key in keys] == ["p", "p", "q"]
    assert revealed(made) == {
        "providers.o.keys.0.api_key": "one",
        "providers.o.keys.1.api_key": "two",
        "providers.o.keys.2.api_key": "three",
    }


def test_without_keys_all_is_as_it_was(host: Host) -> None:
    made = host(OPENAI + 'api_key = "one"')
    assert [key.table.number for key in made.providers["o"].keys] == [1]
    assert revealed(made) == {"providers.o.api_key": "one"}
    assert made.keys() == {}


def test_a_key_may_be_several_settings(host: Host) -> None:
    pairs = [
        '{ access_key_id = "A", secret_access_key = "a" }',
        '{ access_key_id = "B", secret_access_key = "b" }',
    ]
    made = host(BEDROCK + f"keys = [ {', '.join(pairs)} ]")
    assert [key.config.model_dump()["region"] for key in made.providers["b"].keys] == ["eu-west-1"] * 2
    assert list(revealed(made).values()) == ["A", "a", "B", "b"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (OPENAI + 'api_key = "x"\nkeys = ["y"]', "pixapi.toml:1: `api_key` stands beside `keys`"),
        (OPENAI + 'keys = ["y", "z", "y"]', "pixapi.toml:1: `keys` has number 3 twice"),
        (OPENAI + "keys = []", "pixapi.toml:3: key `providers.o.keys` is a list; expected"),
        (
            OPENAI + "keys = [7]",
            "pixapi.toml:3: key `providers.o.keys`: number 1 is no key; expected a value of",
        ),
        (
            OPENAI + 'keys = [ { api_kye = "x" } ]',
            "pixapi.toml:3: key `providers.o.keys[0].api_kye` is not known; did you mean `api_key`?",
        ),
        (
            '[providers.e]\nuse = "echo"\nkeys = ["x"]',
            "pixapi.toml:3: key `providers.e.keys[0].api_key` is not known",
        ),
    ],
)
def test_what_cannot_be_is_refused(host: Host, text: str, expected: str) -> None:
    with pytest.raises(ConfigError) as refused:
        host(text)
    assert expected in str(refused.value)


def test_no_key_is_shown(host: Host, tmp_path: Path) -> None:
    made = host(
        OPENAI + 'keys = [ "hunter2", { file = "none" }, { api_key = "hunter2 too", project = "q" } ]',
        none="x",
    )
    loaded = load_settings(tmp_path / "pixapi.toml", {})
    tree = effective(loaded, made.configs(), made.keys())
    assert "hunter2" not in str(tree)
    table = tree["providers"]["o"]
    assert "api_key" not in table
    assert (table["keys"][0], table["keys"][2]) == (MASK, {"api_key": MASK, "project": "q"})
    assert table["keys"][1].startswith('{ file = "')
    assert any(row["key"].startswith("providers.o.keys") for row in rows(tree, loaded))


def test_the_environment_may_hold_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pixapi.toml").write_text(OPENAI)
    monkeypatch.setenv("PIXAPI_PROVIDERS__O__KEYS", '["one", "two"]')
    made = PluginHost.load(load_settings(tmp_path / "pixapi.toml"))
    assert list(revealed(made).values()) == ["one", "two"]
