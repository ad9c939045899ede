"""Problems of a configuration as sentences: where, which key, what was found, expected, and perhaps meant."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from pixapi.config.masking import is_secret
from pixapi.config.origins import Origins
from pixapi.config.positions import KeyPath
from pixapi.config.reference import Reference, Unresolved
from pixapi.errors import ConfigError, OperatorError

_EXPECTED = {
    "bool": "true or false",
    "decimal": 'a number, best in quotes, such as "0.25"',
    "dict": "a table",
    "finite": "a finite number",
    "float": "a number",
    "int": "a whole number",
    "ip_any": "an address",
    "ip_v4_network": "a network such as 10.0.0.0/8",
    "ip_v6_network": "a network such as fd00::/8",
    "list": "a list in [ ]",
    "model": "a table",
    "string_sub_type": "text in quotes",
    "string_type": "text in quotes",
}
"""Beginnings of pydantic's error types -> what was expected, in the words of TOML."""

_ROUNDED = ("decimal_max", "decimal_whole")
"""Kinds of error that begin like one above, and are better worded by pydantic."""

_NAME_EXPECTED = "letters, digits and . _ : / - in it, and a letter or digit first"
_ORDER = re.compile(r"(?P<file>.*):(?P<line>\d+)")


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: ``pixapi.toml:12: key `server.port` is ...``."""

    place: str
    text: str

    def __str__(self) -> str:
        return f"{self.place}: {self.text}"


def config_error(problems: Iterable[Problem], kind: type[OperatorError] = ConfigError) -> OperatorError:
    """All of ``problems`` in one error: listed in the message, one by one in ``details["problems"]``."""
    lines = [str(problem) for problem in sorted(problems, key=_order)]
    head = [] if len(lines) == 1 else [f"the configuration has {len(lines)} problems"]
    return kind("\n".join([*head, *lines]), details={"problems": lines})


def _order(problem: Problem) -> tuple[int, str, int]:
    """Files first, each from its top to its end; the environment after them."""
    match = _ORDER.fullmatch(problem.place)
    return (0, match["file"], int(match["line"])) if match else (1, problem.place, 0)


def spelled(path: KeyPath) -> str:
    """A key path for people: ``models[0].price``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f"{'.' if text else ''}{part}"
    return text


def suggestion(word: str, known: Iterable[str], *, otherwise: str = "") -> str:
    """``; did you mean `x`?`` for the nearest known word, else ``otherwise``."""
    close = get_close_matches(word.lower(), {name.lower(): name for name in known}, n=1, cutoff=0.6)
    original = next((name for name in known if close and name.lower() == close[0]), None)
    return f"; did you mean `{original}`?" if original else otherwise


def problems_of(
    error: ValidationError, model: type[BaseModel], data: Any, origins: Origins, prefix: KeyPath = ()
) -> list[Problem]:
    """What pydantic found, one problem a key.

    Args:
        error: what validating ``data`` against ``model`` raised.
        origins: finds the places of key paths.
        prefix: the key path of ``data`` within the whole configuration.
    """
    by_path: dict[KeyPath, list[Any]] = {}
    for detail in error.errors(include_url=False):
        by_path.setdefault(_key_path(detail, data), []).append(detail)
    return [
        Problem(origins.nearest((*prefix, *path)), _sentence(path, details, model, data, prefix))
        for path, details in by_path.items()
    ]


def _key_path(detail: Any, data: Any) -> KeyPath:
    """The location that pydantic reports, without the names of union members and validators."""
    path: KeyPath = ()
    for part in detail["loc"]:
        if (isinstance(data, Mapping) and part in data) or (
            isinstance(data, list) and isinstance(part, int) and part < len(data)
        ):
            data = data[part]
        elif not (detail["type"] == "missing" and part == detail["loc"][-1]):
            continue
        path = (*path, part)
    return path


def _sentence(path: KeyPath, details: list[Any], model: type[BaseModel], data: Any, prefix: KeyPath) -> str:
    key = f"`{spelled((*prefix, *path))}`" if path or prefix else "the file"
    kind = details[0]["type"]
    value = details[0]["input"] if kind == "missing" else _at(data, path)
    if isinstance(value, Unresolved):
        return f"key {key} has no value: {value.reason}"
    if kind == "extra_forbidden":
        known = known_keys(model, path[:-1])
        listed = f"; known here: {', '.join(f'`{name}`' for name in sorted(known))}" if known else ""
        return f"key {key} is not known{suggestion(str(path[-1]), known, otherwise=listed)}"
    if kind == "missing":
        return f"key {key} is missing; it has no default"
    if kind in ("value_error", "assertion_error"):
        return f"key {key}: {details[0]['msg'].partition(', ')[2]}"
    if details[0]["loc"][-1:] == ("[key]",):
        return f"the name in {key} is not allowed; expected {_NAME_EXPECTED}"
    expected = " or ".join(dict.fromkeys(_expected(detail) for detail in details))
    hint = ""
    if kind == "literal_error" and isinstance(value, str):
        hint = suggestion(value, re.findall(r"'([^']+)'", details[0]["ctx"]["expected"]))
    return f"key {key} is {_found((*prefix, *path), value)}; expected {expected}{hint}"


def _expected(detail: Any) -> str:
    kind: str = detail["type"]
    if kind == "string_pattern_mismatch":
        return f"text that matches {detail['ctx']['pattern']}"
    for beginning, words in _EXPECTED.items():
        if kind.startswith(beginning) and not kind.startswith(_ROUNDED):
            return words
    return re.sub(
        r"^\w+ should (be |have )?|^Value error, (expected )?| after validation, not \d+$", "", detail["msg"]
    )


def _found(path: KeyPath, value: Any) -> str:
    """The value as the message may show it."""
    if isinstance(value, Reference):
        return (
            f"what {f'the environment variable {value.env}' if value.env else f'the file {value.file}'} holds"
        )
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list):
        return "a table" if isinstance(value, dict) else "a list"
    if is_secret(path) or (isinstance(value, str) and "@" in value):
        return "text" if isinstance(value, str) else "a number"
    text = f'"{value}"' if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _at(data: Any, path: KeyPath) -> Any:
    for part in path:
        data = data[part]
    return data


def known_keys(model: type[BaseModel], path: KeyPath) -> list[str]:
    """The keys that the table at ``path`` below ``model`` may have."""
    types: list[Any] = [model]
    for part in path:
        types = [inner for outer in types for inner in _step(outer, part)]
    return [name for outer in types for kind in _members(outer) if _is_model(kind) for name in _keys(kind)]


def _keys(model: type[BaseModel]) -> list[str]:
    return [info.alias or name for name, info in model.model_fields.items()]


def _members(annotation: Any) -> list[Any]:
    """The alternatives of a type: a union's members, an annotated type's inside."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _members(get_args(annotation)[0])
    if origin in (Union, UnionType):
        return [kind for member in get_args(annotation) for kind in _members(member)]
    return [annotation]


def _step(annotation: Any, part: str | int) -> list[Any]:
    found: list[Any] = []
    for kind in _members(annotation):
        arguments = get_args(kind)
        if isinstance(part, int):
            found += arguments[:1] if get_origin(kind) in (list, tuple, set, frozenset) else []
        elif get_origin(kind) is dict:
            found += arguments[1:]
        elif _is_model(kind):
            found += [
                info.annotation for name, info in kind.model_fields.items() if part in (name, info.alias)
            ]
    return found


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)
