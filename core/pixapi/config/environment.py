"""Overrides from the environment: ``PIXAPI_SECTION__KEY`` sets ``section.key``.

Names are compared without case, and any character that a variable's name cannot hold counts as an underscore,
so that ``PIXAPI_PROVIDERS__MY_LOCAL__BASE_URL`` reaches ``[providers.my-local]``; a number reaches into a list.
A value that looks like a TOML string, list or table is read as TOML; all else is text, which the setting's
type converts.

Only names with two underscores in a row, and ``PIXAPI_`` with a section's name, are settings: ``PIXAPI_CONFIG``,
a consumer's ``PIXAPI_KEY`` and what an orchestrator adds are not. One that is nearly a setting
(``PIXAPI_SERVER_PORT``) is an error, as is a setting that does not exist.

pydantic-settings is not used for this: it drops what it does not know, where a misspelt variable must be an
error, and it cannot say which variable a wrong value came from.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

from pixapi.config.origins import Origins
from pixapi.config.positions import KeyPath
from pixapi.config.problems import Problem, spelled
from pixapi.config.settings import Settings

PREFIX = "PIXAPI_"
_TESTS = "PIXAPI_TEST_"

# Kubernetes gives every container such variables for each Service; one named "pixapi" or "pixapi-..." makes these.
_FROM_KUBERNETES = re.compile(r"PIXAPI_(\w+_)?(SERVICE_(HOST|PORT(_\w+)?)|PORT_\d+_(TCP|UDP|SCTP)(_\w+)?)")
_KUBERNETES_PORT = re.compile(r"(tcp|udp|sctp)://")


def override(data: dict[str, Any], env: Mapping[str, str], origins: Origins) -> list[Problem]:
    """Put the environment's values into ``data`` and their names into ``origins``; returns what cannot be."""
    problems = list(_near_misses(env))
    for name, text in sorted(_settings(env)):
        parts = name.removeprefix(PREFIX).lower().split("__")
        try:
            path = _put(data, parts, _value(text))
        except _NoSuchPlace as refused:
            problems.append(Problem(f"the environment variable {name}", str(refused)))
        else:
            origins.variables[path] = name
    return problems


class _NoSuchPlace(Exception):
    """The path leads through something that is neither a table nor a list, or out of a list."""


def _settings(env: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name, text in env.items():
        if name.startswith(PREFIX) and not name.startswith(_TESTS):
            words = name.removeprefix(PREFIX).lower()
            if "__" in words or words in Settings.model_fields:
                yield name, text


def _near_misses(env: Mapping[str, str]) -> Iterator[Problem]:
    """Variables with one underscore where a setting has two."""
    for name, text in env.items():
        section, _, key = name.removeprefix(PREFIX).partition("_")
        if (
            not name.startswith(PREFIX)
            or "__" in name
            or not key
            or section.lower() not in Settings.model_fields
        ):
            continue
        if not _FROM_KUBERNETES.fullmatch(name) and not _KUBERNETES_PORT.match(text):
            meant = f"{PREFIX}{section}__{key}"
            yield Problem(f"the environment variable {name}", f"this is no setting; did you mean `{meant}`?")


def _value(text: str) -> Any:
    if text[:1] in ("[", "{", '"', "'"):
        try:
            parsed = tomllib.loads(f"value = {text}")
        except tomllib.TOMLDecodeError:
            return text
        if len(parsed) == 1:
            return parsed["value"]
    return text


def _put(data: dict[str, Any], parts: list[str], value: Any) -> KeyPath:
    path: KeyPath = ()
    here: Any = data
    for number, part in enumerate(parts, 1):
        if isinstance(here, list):
            key: str | int = _index(here, part, path)
        elif isinstance(here, dict):
            key = next((name for name in here if _plain(name) == _plain(part)), part)
        else:
            raise _NoSuchPlace(f"key `{spelled(path)}` is no table, so that nothing in it can be set")
        path = (*path, key)
        if number == len(parts):
            here[key] = value
        elif isinstance(here, dict):
            here = here.setdefault(key, {})
        else:
            here = here[int(key)]
    return path


def _index(items: list[Any], part: str, path: KeyPath) -> int:
    if not part.isdecimal() or int(part) >= len(items):
        raise _NoSuchPlace(
            f"`{part}` is no element of `{spelled(path)}`; expected a number from 0 to {len(items) - 1}"
        )
    return int(part)


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "_", name.lower())
