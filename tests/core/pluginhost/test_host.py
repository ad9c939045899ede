"""Kinds, settings and what is built of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pixapi.config.load import load_settings
from pixapi.errors import ConfigError, PluginError
from pixapi.interfaces import Provider
from pixapi.pluginhost.host import PluginHost

Host = Callable[..., PluginHost]
Install = Callable[..., None]
Source = Callable[[str], str]

TEXT = '[guards.g]\nuse = "./mine.py"\n'

TWO_KINDS = """
@hookimpl
def pixapi_register_guards():
    return [GuardType(name, "", Config, Gate) for name in ("left", "right")]
"""


def two_kinds(source: str) -> str:
    return source.partition("@hookimpl")[0] + TWO_KINDS


@pytest.fixture
def refused(host: Host) -> Callable[..., str]:
    """The message with which a configuration is refused."""

    def make(text: str, error: type[Exception] = ConfigError, **more: str) -> str:
        with pytest.raises(error) as caught:
            host(text, **more)
        return str(caught.value)

    return make


def test_the_provider_of_the_roots_configuration(host: Host) -> None:
    made = host('[providers.main]\nuse = "echo"')
    assert list(made.providers) == ["main"]
    assert isinstance(made.providers["main"].provider, Provider)
    assert made.providers["main"].type.name == "echo"


def test_guards_keep_the_order_of_the_file(host: Host, guard_source: Source) -> None:
    text = "".join(f'[guards.{name}]\nuse = "./mine.py"\n' for name in ("z", "a", "m"))
    assert [guard.name for guard in host(text, **{"mine.py": guard_source("x")}).guards] == ["z", "a", "m"]


def test_one_of_several_kinds(host: Host, guard_source: Source) -> None:
    files = {"mine.py": two_kinds(guard_source("x"))}
    assert host('[guards.g]\nuse = "./mine.py:right"', **files).guards[0].type.name == "right"


@pytest.mark.parametrize("use", ["./mine.py", "./mine.py:middle"])
def test_several_kinds_and_none_is_named(refused: Callable[..., str], guard_source: Source, use: str) -> None:
    message = refused(f'[guards.g]\nuse = "{use}"', PluginError, **{"mine.py": two_kinds(guard_source("x"))})
    assert f"`{use}` names no guard of that plugin" in message
    assert 'it offers `use = "./mine.py:left"`, `use = "./mine.py:right"`' in message


def test_an_entry_point_means_the_kind_of_its_name(
    host: Host, install: Install, guard_source: Source
) -> None:
    install("pixapi-two", {"right": "two_module"}, two_module=two_kinds(guard_source("x")))
    assert host('[guards.g]\nuse = "right"').guards[0].type.name == "right"
    assert host('[guards.g]\nuse = "right:left"').guards[0].type.name == "left"


def test_two_entry_points_may_lead_to_one_module(host: Host, install: Install, guard_source: Source) -> None:
    install(
        "pixapi-two", {"left": "two_module", "right": "two_module"}, two_module=two_kinds(guard_source("x"))
    )
    made = host('[guards.a]\nuse = "left"\n[guards.b]\nuse = "right"')
    assert [guard.type.name for guard in made.guards] == ["left", "right"]


def test_a_plugin_of_another_family(refused: Callable[..., str], guard_source: Source) -> None:
    message = refused('[providers.p]\nuse = "./mine.py"', PluginError, **{"mine.py": guard_source("gate")})
    assert message == "pixapi.toml:2: the plugin `./mine.py` offers no provider; it offers `gate`"


def test_two_plugins_with_one_kind(refused: Callable[..., str], guard_source: Source) -> None:
    text = '[guards.a]\nuse = "./a.py"\n[guards.b]\nuse = "./b.py"'
    message = refused(text, PluginError, **{"a.py": guard_source("gate"), "b.py": guard_source("gate")})
    assert message.startswith(
        "pixapi.toml:4: `gate` is offered in guards by the plugin ./a.py and by the plugin ./b.py"
    )


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ("msot = 5", "pixapi.toml:3: key `guards.g.msot` is not known; did you mean `most`?"),
        ('most = "many"', 'pixapi.toml:3: key `guards.g.most` is "many"; expected a whole number'),
        (
            '\nmost = { env = "NOPE" }',
            "pixapi.toml:4: key `guards.g.most` has no value: the environment variable NOPE",
        ),
    ],
)
def test_wrong_settings(
    refused: Callable[..., str], guard_source: Source, settings: str, expected: str
) -> None:
    assert refused(TEXT + settings, **{"mine.py": guard_source("x")}).startswith(expected)


def test_a_message_holds_no_secret(refused: Callable[..., str], guard_source: Source) -> None:
    assert "8675309" not in refused(TEXT + "token = 8675309", **{"mine.py": guard_source("x")})


def test_all_problems_of_all_plugins_at_once(refused: Callable[..., str], guard_source: Source) -> None:
    text = TEXT + 'most = "x"\n[guards.h]\nuse = "./none.py"\n[guards.i]\nuse = "./mine.py"\nmots = 1'
    lines = refused(text, PluginError, **{"mine.py": guard_source("x")}).splitlines()
    assert [line.partition(": ")[0] for line in lines[1:]] == [
        "pixapi.toml:3",
        "pixapi.toml:5",
        "pixapi.toml:8",
    ]


def test_a_plugin_that_cannot_be_built(refused: Callable[..., str], guard_source: Source) -> None:
    broken = guard_source("x").replace("self.config = config", "raise ValueError('8675309')")
    message = refused(TEXT, PluginError, **{"mine.py": broken})
    assert message == "pixapi.toml:2: `g` cannot be built of its settings: ValueError"


def test_a_build_that_refuses_says_why(refused: Callable[..., str], guard_source: Source) -> None:
    source = "from pixapi.errors import ConfigError\n" + guard_source("x")
    picky = source.replace("self.config = config", "raise ConfigError('most and token exclude each other')")
    message = refused(TEXT, **{"mine.py": picky})
    assert message == "pixapi.toml:1: `g` cannot be built: most and token exclude each other"


def test_a_build_that_gives_something_else(refused: Callable[..., str], guard_source: Source) -> None:
    source = guard_source("x").replace("Config, Gate)", "Config, dict)")
    assert "`x` built a dict; expected a guard" in refused(TEXT, PluginError, **{"mine.py": source})


def test_hosts_are_those_of_the_settings(host: Host, guard_source: Source) -> None:
    text = TEXT + 'base_url = "https://user:pw@API.example.com:8443/v1?x=1"\n[guards.h]\nuse = "./mine.py"'
    assert host(text, **{"mine.py": guard_source("x")}).hosts() == {"https://api.example.com:8443"}


def test_secrets_are_found_with_their_paths(host: Host, guard_source: Source) -> None:
    made = host(TEXT + 'token = { env = "NOT_YET" }', **{"mine.py": guard_source("x")})
    assert [path for path, _ in made.secrets()] == [("guards", "g", "token")]


def test_a_host_owns_its_manager(host: Host, guard_source: Source) -> None:
    """Two configurations in one process do not see each other's plugins."""
    first = host(TEXT, **{"mine.py": guard_source("x")})
    second = host("")
    assert (len(first.guards), len(second.guards)) == (1, 0)


PRICES = """
from pixapi import hookimpl
from pixapi.interfaces import LocalPath, PluginConfig, PriceSource, PriceSourceType

PIXAPI_INTERFACE = 1


class Config(PluginConfig):
    file: LocalPath | None = None
    url: str = "https://prices.example.com/list"


class Source(PriceSource):
    def __init__(self, config):
        self.config = config

    async def fetch(self, out):
        return []


@hookimpl
def pixapi_register_price_sources():
    return [PriceSourceType("mine", "Knows nothing", Config, Source)]
"""


def test_a_price_source_and_its_file_beside_the_configuration(host: Host) -> None:
    text = '[prices.p]\nuse = "./mine.py"\nfile = "sub/list.csv"\n[prices.q]\nuse = "./mine.py"\nfile = "/list.csv"\n'
    made = host(text, **{"mine.py": PRICES})
    files = {name: str(item.config.model_dump()["file"]) for name, item in made.price_sources.items()}
    assert files == {"p": str(Path.cwd() / "sub/list.csv"), "q": "/list.csv"}
    assert made.hosts() == {"https://prices.example.com"}


def test_one_section_alone(host: Host, guard_source: Source, tmp_path: Path) -> None:
    """What a command needs of the configuration's plugins, and nothing that could fail beside it."""
    host("", **{"mine.py": PRICES})
    (tmp_path / "pixapi.toml").write_text('[guards.g]\nuse = "./none.py"\n[prices.p]\nuse = "./mine.py"\n')
    loaded = load_settings(Path("pixapi.toml"), {})
    made = PluginHost.load(loaded, section="prices")
    assert (list(made.price_sources), made.guards) == (["p"], [])


def test_a_header_named_by_reference_is_a_secret(
    host: Host, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PASS", "open-sesame")
    (tmp_path / "team").write_text("blue-team")
    made = host(
        '[providers.p]\nuse = "openai_compatible"\nbase_url = "http://127.0.0.1:1/v1"\n'
        'headers = { "x-plain" = "gateway", "x-pass" = { env = "PASS" }, "x-team" = { file = "team" } }\n'
    )
    found = {path[-1]: secret.reveal() for path, secret in made.secrets() if "headers" in path}
    assert found == {"x-pass": "open-sesame", "x-team": "blue-team"}
    shown = str(made.configs()["providers", "p"].model_dump(mode="json"))
    assert "gateway" in shown
    assert "open-sesame" not in shown
    request = made.providers["p"].keys[0].provider.probe()
    assert request is not None
    sent = {name: value for name, value in request.headers if name.startswith("x-")}
    assert sent == {"x-plain": "gateway", "x-pass": "open-sesame", "x-team": "blue-team"}
