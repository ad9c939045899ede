"""What `config show` shows: everything in force, no secret, the origin of each value."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pixapi.config.effective import effective, rows
from pixapi.config.load import Loaded
from pixapi.config.masking import MASK, masked
from pixapi.interfaces import PluginConfig, Secret

TEXT = """
[server]
port = 9000
host = { env = "HOST" }
[database]
url = "postgresql+psycopg://pixapi:hunter2@db/pixapi?password=hunter2"
[telemetry]
metrics_token = "hunter2"
[guards.g]
use = "g"
token = "hunter2"
key_elsewhere = { env = "KEY" }
nested = [ { password = "hunter2" } ]
"""


class Config(PluginConfig):
    token: Secret
    key_elsewhere: Secret
    nested: list[dict[str, str]]
    most: int = 5


def shown(loaded: Loaded) -> dict[str, dict[str, Any]]:
    config = Config.model_validate(loaded.settings.guards["g"].settings)
    tree = effective(loaded, {("guards", "g"): config})
    return {row["key"]: row for row in rows(tree, loaded)}


def test_defaults_are_shown_with_what_was_set(loaded: Callable[..., Loaded]) -> None:
    found = shown(loaded(TEXT, {"HOST": "h", "PIXAPI_LIMITS__CONCURRENT_REQUESTS": "7"}))
    assert found["server.port"] == {"key": "server.port", "value": 9000, "origin": "pixapi.toml:3"}
    assert found["limits.requests_per_minute"]["origin"] == "default"
    assert found["limits.concurrent_requests"]["value"] == 7
    variable = "the environment variable PIXAPI_LIMITS__CONCURRENT_REQUESTS"
    assert found["limits.concurrent_requests"]["origin"] == variable
    assert (found["guards.g.most"]["value"], found["guards.g.most"]["origin"]) == (5, "default")


def test_references_are_shown_as_they_were_written(loaded: Callable[..., Loaded]) -> None:
    found = shown(loaded(TEXT, {"HOST": "h", "KEY": "hunter2"}))
    assert found["server.host"]["value"] == '{ env = "HOST" }'
    assert found["guards.g.key_elsewhere"]["value"] == '{ env = "KEY" }'


def test_no_secret_is_shown(loaded: Callable[..., Loaded]) -> None:
    found = shown(loaded(TEXT, {"HOST": "h", "KEY": "hunter2"}))
    assert "hunter2" not in str(found)
    assert found["telemetry.metrics_token"]["value"] == MASK
    assert found["guards.g.token"]["value"] == MASK
    assert found["database.url"]["value"] == f"postgresql+psycopg://pixapi:{MASK}@db/pixapi?password={MASK}"


@pytest.mark.parametrize("name", ["server.secret_file", "limits.tokens_per_minute", "server.max_body_bytes"])
def test_what_only_sounds_secret_is_shown(loaded: Callable[..., Loaded], name: str) -> None:
    assert shown(loaded(TEXT, {"HOST": "h"}))[name]["value"] != MASK


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        (("a", "api_key"), "x", MASK),
        (("a", "api_keys", 0), "x", MASK),
        (("a", "webhook_secret"), "x", MASK),
        (("a", "x-password"), "x", MASK),
        (("a", "monkey"), "x", "x"),
        (("a", "api_key"), "", ""),
        (("a", "url"), "redis://:pw@host/0", f"redis://:{MASK}@host/0"),
        (("a", "url"), "https://h/?a=1&api_key=pw&b=2", f"https://h/?a=1&api_key={MASK}&b=2"),
        (("a", "port"), 5, 5),
    ],
)
def test_masking(path: tuple[str | int, ...], value: object, expected: object) -> None:
    assert masked(path, value) == expected
