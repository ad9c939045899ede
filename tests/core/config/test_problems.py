"""The words of each problem."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pixapi.config.problems import known_keys, spelled
from pixapi.config.settings import Settings

Problems = Callable[..., list[str]]

CASES = [
    ("[limits]\nrequets_per_minute = 5", "2: key `limits.requets_per_minute` is not known; did you mean `requests_per_minute`?"),
    ("[privacy.retention]\nfoo = 5", "2: key `privacy.retention.foo` is not known; known here: `requests_days`, `usage_days`"),
    ("[provders.x]\nuse='x'", "1: key `provders` is not known; did you mean `providers`?"),
    ('[server]\nport = "abc"', '2: key `server.port` is "abc"; expected a whole number'),
    ("[server]\nport = 70000", "2: key `server.port` is 70000; expected less than or equal to 65535"),
    ("[server]\nport = 1.5", "2: key `server.port` is 1.5; expected a whole number"),
    ("[server]\nhost = 1", "2: key `server.host` is 1; expected text in quotes"),
    ("[server]\nhost = true", "2: key `server.host` is true; expected text in quotes"),
    ("[server]\nhost = ['a']", "2: key `server.host` is a list; expected text in quotes"),
    ("server = 5", "1: key `server` is 5; expected a table"),
    ("models = {}", "1: key `models` is a table; expected a list in [ ]"),
    ('[credits]\non_low_balance = "clmp"',
     "2: key `credits.on_low_balance` is \"clmp\"; expected 'clamp' or 'reject'; did you mean `clamp`?"),
    ('[credits]\nper_usd = "x"', '2: key `credits.per_usd` is "x"; expected a number, best in quotes, such as "0.25"'),
    ("[credits]\nper_usd = 0", "2: key `credits.per_usd` is 0; expected greater than 0"),
    ('[server]\ntrusted_proxies = ["10.0.0.0/8",\n "foo"]',
     '3: key `server.trusted_proxies[1]` is "foo"; expected a network such as 10.0.0.0/8 or a network such as fd00::/8'),
    ("[providers.x]\napi_key = 'k'", "1: key `providers.x.use` is missing; it has no default"),
    ('[providers."a b"]\nuse = "x"',
     "1: the name in `providers.a b` is not allowed; expected letters, digits and . _ : / - in it, and a letter or digit first"),
    ('[[models]]\nid = "a"\nroutes = []\nprice = {}',
     "3: key `models[0].routes` is a list; expected at least 1 item"),
    ('[server]\nhost = { env = "NOPE" }', "2: key `server.host` has no value: the environment variable NOPE is not set"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), CASES, ids=[text for text, _ in CASES])
def test_a_problem(problems: Problems, text: str, expected: str) -> None:
    assert problems(text) == [f"pixapi.toml:{expected}"]


@pytest.mark.parametrize(
    "text",
    [
        "[telemetry]\nmetrics_token = 8675309",
        '[redis]\nurl = ["redis://u:8675309@host"]',
        '[server]\nport = { env = "PORT" }',
        '[server]\nport = "u:8675309@host"',
    ],
)
def test_a_message_holds_no_secret(problems: Problems, text: str) -> None:
    (found,) = problems(text, {"PORT": "8675309x"})
    assert "8675309" not in found


def test_known_keys_reach_through_lists_and_tables() -> None:
    assert "weight" in known_keys(Settings, ("models", 0, "routes", 3))
    assert "price_factor" in known_keys(Settings, ("groups", "partners"))
    assert "reasoning" in known_keys(Settings, ("models", 0, "cost"))
    assert known_keys(Settings, ("server", "port")) == []


def test_a_path_as_people_write_it() -> None:
    assert spelled(("models", 0, "routes", 1, "provider")) == "models[0].routes[1].provider"
