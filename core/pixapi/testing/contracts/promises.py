"""A promise, and a list of promises as one test function."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from pydantic import BaseModel, ValidationError

from pixapi.interfaces import PluginConfig, Secret


@dataclass(frozen=True, slots=True)
class Promise:
    """One thing that is tested. ``keep`` raises AssertionError where it is broken."""

    name: str
    keep: Callable[[], None]


def promise(keep: Callable[..., None], *arguments: Any, about: str = "") -> Promise:
    """A promise from a function; its name is the function's, and ``about`` says of which input."""
    name = getattr(keep, "__name__", "promise").replace("_", "-")
    return Promise(f"{name}[{about}]" if about else name, partial(keep, *arguments))


def as_test(promises: Sequence[Promise]) -> Callable[..., None]:
    """A test function with a case for each promise."""
    import pytest

    @pytest.mark.parametrize("promise", promises, ids=lambda kept: kept.name)
    def test_contract(promise: Promise) -> None:
        promise.keep()

    return test_contract


def ensure(condition: object, sentence: str) -> None:
    """Raise AssertionError with ``sentence``. It shows no values: some of them are secrets."""
    if not condition:
        raise AssertionError(sentence)


def settings(config: type[PluginConfig], values: Any) -> PluginConfig:
    """Settings of a plugin's own type. Raises AssertionError where its sample does not fit them."""
    if isinstance(values, PluginConfig):
        return values
    try:
        return config.model_validate(values)
    except ValidationError as error:
        places = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise AssertionError(f"the settings do not fit the plugin's Config: {places}") from None


def secrets_in(value: Any) -> Iterator[str]:
    """Every secret among settings that is long enough to be recognised."""
    if isinstance(value, Secret):
        if len(value.reveal()) > 4:
            yield value.reveal()
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from secrets_in(getattr(value, name))
    elif isinstance(value, dict):
        for item in value.values():
            yield from secrets_in(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from secrets_in(item)


def with_secrets(config: PluginConfig, value: str) -> PluginConfig:
    """The same settings with another value for each secret."""
    changed = {
        name: Secret(value) for name in type(config).model_fields if isinstance(getattr(config, name), Secret)
    }
    return config.model_copy(update=changed)


def config_is_documented(config: type[PluginConfig]) -> None:
    """Settings say what they are, cannot be changed, and take no unknown key."""
    ensure(issubclass(config, PluginConfig), "the settings are no subclass of PluginConfig")
    ensure(config.model_config.get("extra") == "forbid", "Config takes unknown keys; leave `extra` as it is")
    ensure(config.model_config.get("frozen"), "Config can be changed; leave `frozen` as it is")
    bare = [name for name, field in config.model_fields.items() if not field.description]
    ensure(not bare, f"settings without a word about them: {', '.join(bare)}; put a docstring below each")


def secrets_stay_hidden(config: PluginConfig, built: object) -> None:
    """No secret shows in the settings' or the plugin's own text, where logs would carry it on."""
    texts = [repr(config), str(config), repr(config.model_dump()), config.model_dump_json(), repr(built)]
    held = getattr(built, "__dict__", {})
    texts += [repr(value) for value in held.values()]
    for secret in secrets_in(config):
        ensure(
            not any(secret in text for text in texts),
            "a secret shows in the plugin's own text; keep the Secret and reveal it where it is used",
        )
