"""From `pixapi.toml` to `Settings`.

Parsed as TOML, joined with `models.d/*.toml`, overridden from the environment, references read, validated,
and checked for what no single value shows. Every problem of every step is collected before anything is
refused.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from pixapi.config.environment import override
from pixapi.config.origins import Origins, Source
from pixapi.config.positions import scan
from pixapi.config.problems import Problem, config_error, problems_of, suggestion
from pixapi.config.reference import resolve
from pixapi.config.settings import Settings
from pixapi.errors import ConfigError

_AT_LINE = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")


@dataclass(frozen=True)
class Loaded:
    """A valid configuration and where it came from."""

    settings: Settings
    path: Path
    """The file, as it was named."""
    base_dir: Path
    """The folder that paths in the file are relative to."""
    data: dict[str, Any]
    """The values as they were given, with `Reference` and `Unresolved` in the places of references."""
    origins: Origins


def load_settings(path: Path, env: Mapping[str, str] | None = None) -> Loaded:
    """Read and check a configuration.

    Args:
        path: the file.
        env: the environment; the process's own where it is left out.

    Raises:
        ConfigError: something is wrong; the message lists everything, each with its place.
    """
    env = os.environ if env is None else env
    base_dir = path.absolute().parent
    text = _read(path)
    data = _parse(path, text)
    origins = Origins([Source(path, text)])
    problems = _join_models(data, path.parent / "models.d", origins)
    problems += override(data, env, origins)
    data = resolve(data, base_dir, env)
    problems += _cross_checks(data, origins)
    try:
        settings = Settings.model_validate(data)
    except ValidationError as error:
        raise config_error([*problems_of(error, Settings, data, origins), *problems]) from None
    if problems:
        raise config_error(problems)
    return Loaded(settings, path, base_dir, data, origins)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(
            f"there is no configuration file {path}; `pixapi init` writes one, "
            "or name yours with --config or PIXAPI_CONFIG"
        ) from None
    except OSError as error:
        raise ConfigError(f"the configuration file {path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: byte {error.start} is not UTF-8; TOML is always UTF-8") from None


def _parse(path: Path, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = _AT_LINE.search(str(error))
        line = found[1] if found and found[1] else str(text.count("\n") + 1)
        raise ConfigError(f"{path}:{line}: this is not valid TOML: {_AT_LINE.sub('', str(error))}") from None


def _join_models(data: dict[str, Any], folder: Path, origins: Origins) -> list[Problem]:
    """Append the models of ``folder`` to those of the main file."""
    problems: list[Problem] = []
    models = data.setdefault("models", []) if folder.is_dir() else None
    if not isinstance(models, list):
        return problems
    for file in sorted(folder.glob("*.toml")):
        text = _read(file)
        more = _parse(file, text)
        lines = scan(text) if set(more) - {"models"} else {}
        problems += [
            Problem(
                f"{file}:{lines[key,]}",
                f"key `{key}` does not belong here; models.d holds only [[models]]",
            )
            for key in more
            if key != "models"
        ]
        added = more.get("models", [])
        if not isinstance(added, list):
            problems.append(Problem(str(file), "key `models` is no list; expected [[models]]"))
            continue
        origins.sources.append(Source(file, text, len(models), len(added)))
        models.extend(added)
    return problems


def _cross_checks(data: dict[str, Any], origins: Origins) -> list[Problem]:
    """What only shows between values. ``data`` may be of any shape here: what is malformed is passed over."""
    problems = []
    providers = data.get("providers")
    names = list(providers) if isinstance(providers, dict) else []
    first: dict[str, int] = {}
    for index, model in enumerate(_tables(data.get("models"))):
        name = model.get("id")
        if isinstance(name, str) and first.setdefault(name, index) != index:
            here, there = (origins.nearest(("models", at, "id")) for at in (index, first[name]))
            problems.append(
                Problem(here, f"the model `{name}` is defined twice, first at {there}; rename one")
            )
        for number, route in enumerate(_tables(model.get("routes"))):
            provider = route.get("provider")
            if isinstance(provider, str) and provider not in names:
                known = f"; configured: {', '.join(names)}" if names else "; no provider is configured"
                place = origins.nearest(("models", index, "routes", number, "provider"))
                problems.append(
                    Problem(
                        place,
                        f"the model `{name}` has a route to the provider `{provider}`, which is not "
                        f"configured{suggestion(provider, names, otherwise=known)}",
                    )
                )
    return problems


def _tables(value: Any) -> Iterable[dict[str, Any]]:
    """The tables of a list, in their places; what is no table counts as an empty one."""
    return [item if isinstance(item, dict) else {} for item in value] if isinstance(value, list) else []
