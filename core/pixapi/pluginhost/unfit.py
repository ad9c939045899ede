"""Secrets that are of no use as they are: what `pixapi check` tells of, and what a gateway does not begin with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pixapi.config.problems import Problem, config_error, spelled
from pixapi.errors import ConfigError

if TYPE_CHECKING:
    from pixapi.config.load import Loaded
    from pixapi.pluginhost.host import PluginHost


def missing_secrets(loaded: Loaded, host: PluginHost) -> Iterator[Problem]:
    """Secrets that have no value now. One may come yet, since they are read when used."""
    for path, secret in host.secrets():
        try:
            secret.reveal()
        except ConfigError as error:
            place = loaded.origins.nearest(path)
            yield Problem(place, f"key `{spelled(path)}` has no value: {error.message}")


def malformed_secrets(loaded: Loaded, host: PluginHost) -> Iterator[Problem]:
    """Secrets that have a value which cannot be what it is for (see `SecretForm`): every call with one would fail."""
    for path, secret in host.secrets():
        try:
            secret.reveal()
        except ConfigError:
            continue
        try:
            secret.check()
        except ConfigError as error:
            yield Problem(loaded.origins.nearest(path), f"key `{spelled(path)}`: {error.message}")


def require_sound_secrets(loaded: Loaded, host: PluginHost) -> None:
    """Raises ConfigError, which lists them, where secrets are malformed."""
    if problems := list(malformed_secrets(loaded, host)):
        raise config_error(problems)
