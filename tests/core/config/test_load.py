"""Loading: defaults, references, overrides, models.d, and every problem in one go."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from pixapi.config.load import Loaded, load_settings
from pixapi.config.reference import Reference, Unresolved
from pixapi.errors import ConfigError
from pixapi.interfaces import PluginConfig, Secret

Load = Callable[..., Loaded]
Problems = Callable[..., list[str]]

MODEL = """
[providers.echo]
use = "echo"
[[models]]
id = "{id}"
routes = [ {{ provider = "echo", model = "echo" }} ]
price = {{ input = "1", output = "2" }}
"""


def test_an_empty_file_is_all_defaults(loaded: Load) -> None:
    settings = loaded("").settings
    assert (settings.server.port, settings.credits.on_low_balance, settings.models) == (8000, "clamp", [])


def test_paths_are_relative_to_the_file(loaded: Load, tmp_path: Path) -> None:
    assert loaded("").base_dir == tmp_path
    assert str(loaded("").path) == "pixapi.toml"


def test_a_price_is_exact(loaded: Load) -> None:
    price = loaded(MODEL.format(id="a").replace('"1"', '"0.1"')).settings.models[0].price
    assert price.input == Decimal("0.1")


@pytest.mark.parametrize(
    ("text", "env", "value"),
    [
        ('[server]\nhost = { env = "HOST" }', {"HOST": "10.0.0.1"}, "10.0.0.1"),
        ('[server]\nport = { env = "HOST" }', {"HOST": "9000"}, 9000),
        ('[server]\nhost = { file = "host.txt" }', {}, "192.0.2.1"),
    ],
)
def test_a_reference_is_read_at_load(loaded: Load, text: str, env: dict[str, str], value: object) -> None:
    server = loaded(text, env, **{"host.txt": "192.0.2.1\n"}).settings.server
    assert value in (server.host, server.port)
    assert type(server.host) is str


class WithSecret(PluginConfig):
    token: Secret


def test_a_secret_keeps_its_reference_and_follows_it_at_each_use(loaded: Load, tmp_path: Path) -> None:
    made = loaded('[guards.g]\nuse = "g"\ntoken = { file = "token" }', token="first")
    config = WithSecret.model_validate(made.settings.guards["g"].settings)
    assert config.token == Secret(file=tmp_path / "token")
    Path("token").write_text("second")
    assert config.token.reveal() == "second"


def test_a_secret_may_come_later(loaded: Load) -> None:
    settings = loaded('[guards.g]\nuse = "g"\ntoken = { env = "NOT_YET" }').settings.guards["g"].settings
    assert isinstance(settings["token"], Unresolved)
    with pytest.raises(ConfigError, match="NOT_YET is not set"):
        WithSecret.model_validate(settings).token.reveal()


def test_references_reach_into_lists_and_tables(loaded: Load) -> None:
    text = '[guards.g]\nuse = "g"\nheaders = { "x-a" = { env = "A" }, list = [ { env = "A" } ] }'
    headers = loaded(text, {"A": "1"}).settings.guards["g"].settings["headers"]
    assert headers == {"x-a": "1", "list": ["1"]}
    assert isinstance(headers["x-a"], Reference)


def test_models_of_models_d_follow_those_of_the_file(loaded: Load) -> None:
    more = MODEL.partition("[[models]]")[1:]
    files = {f"models.d/{name}.toml": "".join(more).format(id=name) for name in ("b", "c")}
    made = loaded(MODEL.format(id="a"), **files)
    assert [model.id for model in made.settings.models] == ["a", "b", "c"]
    assert made.origins.exact(("models", 2, "id")) == "models.d/c.toml:2"
    assert made.origins.exact(("models", 0, "id")) == "pixapi.toml:5"


def test_models_d_holds_models_only(problems: Problems) -> None:
    found = problems(MODEL.format(id="a"), **{"models.d/x.toml": "\n[server]\nport = 1\n"})
    assert found == ["models.d/x.toml:2: key `server` does not belong here; models.d holds only [[models]]"]


def test_a_model_that_is_there_twice_is_refused_with_both_places(problems: Problems) -> None:
    again = "\n" + MODEL.partition("[[models]]")[1] + MODEL.partition("[[models]]")[2].format(id="a")
    assert problems(MODEL.format(id="a"), **{"models.d/x.toml": again}) == [
        "models.d/x.toml:3: the model `a` is defined twice, first at pixapi.toml:5; rename one"
    ]


def test_a_route_to_an_unknown_provider(problems: Problems) -> None:
    text = MODEL.format(id="a").replace('provider = "echo"', 'provider = "ehco"')
    assert problems(text) == [
        "pixapi.toml:6: the model `a` has a route to the provider `ehco`, which is not configured; "
        "did you mean `echo`?"
    ]


def test_every_problem_is_told_at_once_in_the_order_of_the_file(problems: Problems) -> None:
    found = problems(
        '[server]\nport = "x"\nhots = 1\n[limits]\nrequets_per_minute = 5\n' + MODEL.format(id="bad id!"),
        {"PIXAPI_CREDITS__PER_USD": "much"},
    )
    assert [line.partition(": ")[0] for line in found] == [
        "pixapi.toml:2", "pixapi.toml:3", "pixapi.toml:5", "pixapi.toml:10",
        "the environment variable PIXAPI_CREDITS__PER_USD",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"[server]\nport =\n", "pixapi.toml:2: this is not valid TOML: Invalid value"),
        (b'[server]\n\nhost = "x', "pixapi.toml:3: this is not valid TOML: Unterminated string"),
        (b"\xff\xfe", "byte 0 is not UTF-8"),
    ],
)
def test_what_is_no_toml(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, expected: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("pixapi.toml").write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        load_settings(Path("pixapi.toml"), {})
    assert expected in caught.value.message


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"there is no configuration file .*none\.toml; `pixapi init` writes one"
    ):
        load_settings(tmp_path / "none.toml", {})


def test_a_folder_instead_of_a_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_settings(tmp_path, {})
