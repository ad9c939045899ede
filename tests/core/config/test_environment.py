"""Overrides from the environment."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pixapi.config.load import Loaded

Load = Callable[..., Loaded]
Problems = Callable[..., list[str]]

TEXT = """
[server]
port = 1
[providers.My-Local]
use = "x"
[[models]]
id = "a"
routes = [ { provider = "My-Local", model = "m" } ]
price = { input = "1" }
"""


@pytest.mark.parametrize(
    ("name", "value", "look", "expected"),
    [
        ("PIXAPI_SERVER__PORT", "9000", lambda s: s.server.port, 9000),
        ("PIXAPI_server__port", "9000", lambda s: s.server.port, 9000),
        ("PIXAPI_SERVER__HOST", "0.0.0.0", lambda s: s.server.host, "0.0.0.0"),
        ("PIXAPI_SERVER__HOST", '"quoted"', lambda s: s.server.host, "quoted"),
        (
            "PIXAPI_SERVER__CORS_ORIGINS",
            '["https://a", "b"]',
            lambda s: s.server.cors_origins,
            ["https://a", "b"],
        ),
        ("PIXAPI_REDIS__URL", "redis://x", lambda s: s.redis.url, "redis://x"),
        ("PIXAPI_REDIS", '{ url = "redis://x" }', lambda s: s.redis.url, "redis://x"),
        ("PIXAPI_TELEMETRY__METRICS_TOKEN", "123", lambda s: s.telemetry.metrics_token, "123"),
        (
            "PIXAPI_PROVIDERS__MY_LOCAL__API_KEY",
            "k",
            lambda s: s.providers["My-Local"].settings,
            {"api_key": "k"},
        ),
        ("PIXAPI_PROVIDERS__OTHER__USE", "y", lambda s: s.providers["other"].use, "y"),
        ("PIXAPI_MODELS__0__PRICE__OUTPUT", "0.5", lambda s: str(s.models[0].price.output), "0.5"),
        ("PIXAPI_SERVER__HOST", '{ env = "ELSEWHERE" }', lambda s: s.server.host, "there"),
        ("PIXAPI_SERVER__HOST", '"a"\nport = 2', lambda s: s.server.host, '"a"\nport = 2'),
    ],
)
def test_a_variable_sets_a_key(
    loaded: Load, name: str, value: str, look: Callable[..., object], expected: object
) -> None:
    made = loaded(TEXT, {name: value, "ELSEWHERE": "there"})
    assert look(made.settings) == expected
    assert name in made.origins.variables.values()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("PIXAPI_SERVRE__PORT", "key `servre` is not known; did you mean `server`?"),
        ("PIXAPI_SERVER__PROT", "key `server.prot` is not known; did you mean `port`?"),
        ("PIXAPI_NON__SENSE", "key `non` is not known; known here: "),
        ("PIXAPI_SERVER_PORT", "this is no setting; did you mean `PIXAPI_SERVER__PORT`?"),
        (
            "PIXAPI_limits_tokens_per_minute",
            "this is no setting; did you mean `PIXAPI_limits__tokens_per_minute`?",
        ),
        ("PIXAPI_SERVER__PORT", 'key `server.port` is "5x"; expected a whole number'),
        ("PIXAPI_SERVER__PORT__X", "key `server.port` is no table, so that nothing in it can be set"),
        ("PIXAPI_MODELS__1__ID", "`1` is no element of `models`; expected a number from 0 to 0"),
    ],
)
def test_a_wrong_variable_is_named(problems: Problems, name: str, expected: str) -> None:
    (found,) = problems(TEXT, {name: "5x"})
    assert found.startswith(f"the environment variable {name}: {expected}")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PIXAPI_CONFIG", "x"),
        ("PIXAPI_DEBUG", "1"),
        ("PIXAPI_CASSETTES", "x"),
        ("PIXAPI_TEST_POSTGRES_URL", "x"),
        ("PIXAPI_SERVICE_HOST", "10.0.0.1"),
        ("PIXAPI_SERVICE_PORT", "8000"),
        ("PIXAPI_SERVICE_PORT_HTTP", "8000"),
        ("PIXAPI_PORT", "tcp://10.0.0.1:8000"),
        ("PIXAPI_PORT_8000_TCP_ADDR", "10.0.0.1"),
        ("_PIXAPI_COMPLETE", "bash_source"),
        ("OTHER", "x"),
        ("PIXAPI_KEY", "pix_1"),
        ("PIXAPI_TEST_A__B", "x"),
        ("PIXAPI_REDIS_SERVICE_HOST", "10.0.0.1"),
        ("PIXAPI_REDIS_PORT", "tcp://10.0.0.1:6379"),
        ("PIXAPI_REDIS_PORT_6379_TCP_PROTO", "tcp"),
    ],
)
def test_variables_that_are_no_settings(loaded: Load, name: str, value: str) -> None:
    assert loaded(TEXT, {name: value}).origins.variables == {}
