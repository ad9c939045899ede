"""Values that stand elsewhere: ``{ env = "NAME" }`` and ``{ file = "path" }``.

Where a setting is a secret, the reference itself is kept and followed at each use, so that a rotated secret
needs no restart. Anywhere else the value is read once, when the configuration is loaded.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any


class Reference(str):
    """A string that was read from the environment or from a file, and knows from where.

    Exactly one of ``env`` (a variable's name) and ``file`` (an absolute path) is set.
    """

    __slots__ = ("env", "file")

    env: str | None
    file: Path | None

    def __new__(cls, value: str, *, env: str | None = None, file: Path | None = None) -> Reference:
        made = super().__new__(cls, value)
        made.env = env
        made.file = file
        return made


class Unresolved:
    """A reference whose value cannot be read now; good for a secret, an error anywhere else."""

    __slots__ = ("env", "file", "reason")

    def __init__(self, reason: str, *, env: str | None = None, file: Path | None = None) -> None:
        self.reason = reason
        self.env = env
        self.file = file

    def __repr__(self) -> str:
        return f"Unresolved({self.reason!r})"


def resolve(value: Any, base_dir: Path, env: Mapping[str, str]) -> Any:
    """``value`` with every reference in it read: a `Reference`, or an `Unresolved` with the reason.

    Args:
        value: parsed TOML.
        base_dir: what the path of a file is relative to.
        env: the environment.
    """
    if isinstance(value, dict):
        if len(value) == 1:
            kind, target = next(iter(value.items()))
            if kind == "env" and isinstance(target, str):
                return _from_env(target, env)
            if kind == "file" and isinstance(target, str):
                return _from_file(base_dir / target)
        return {key: resolve(item, base_dir, env) for key, item in value.items()}
    if isinstance(value, list):
        return [resolve(item, base_dir, env) for item in value]
    return value


def _from_env(name: str, env: Mapping[str, str]) -> Reference | Unresolved:
    value = env.get(name)
    if not value:
        return Unresolved(f"the environment variable {name} is not set", env=name)
    return Reference(value, env=name)


def _from_file(file: Path) -> Reference | Unresolved:
    try:
        return Reference(file.read_text(encoding="utf-8").strip(), file=file)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        return Unresolved(f"the file {file} cannot be read ({reason})", file=file)
