"""`pixapi plugins new`: a ready small distribution with its tests, from the text files in `templates/`.

A template's path and text hold ``$name``, ``$module``, ``$distribution``, ``$type``, ``$env`` and ``$version``; a
file's own suffix ``.txt`` keeps tools away from what is no Python yet.
"""

from __future__ import annotations

import re
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from string import Template
from typing import Literal

from pixapi import __version__
from pixapi.errors import BadRequest, Conflict
from pixapi.interfaces import INTERFACE_VERSION

Kind = Literal["provider", "dialect", "guard"]
_NAME = re.compile(r"[a-z][a-z0-9]*([_-][a-z0-9]+)*")


def write_plugin(name: str, kind: Kind, folder: Path | None = None) -> list[Path]:
    """Write a new distribution.

    Args:
        name: what configurations will ``use``, such as ``acme``; the distribution is then ``pixapi-acme``.
        kind: what the plugin offers: a provider of OpenAI's dialect, one with a dialect of its own, or a guard.
        folder: where; ``./pixapi-acme`` where it is left out.

    Returns:
        The files that were written.

    Raises:
        BadRequest: the name cannot be one.
        Conflict: the folder exists and is not empty.
    """
    plain = name.removeprefix("pixapi-").removeprefix("pixapi_")
    if not _NAME.fullmatch(plain):
        raise BadRequest(f"{name!r} cannot be a plugin's name; expected small letters, digits, - and _")
    words = {
        "name": plain.replace("-", "_"),
        "module": f"pixapi_{plain.replace('-', '_')}",
        "distribution": f"pixapi-{plain.replace('_', '-')}",
        "env": plain.upper().replace("-", "_"),
        "type": "".join(part.capitalize() for part in re.split("[-_]", plain)),
        "version": ".".join(__version__.split(".")[:2]),
        "interface": str(INTERFACE_VERSION),
    }
    target = folder or Path(words["distribution"])
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise Conflict(f"{target} exists already and is not empty; name another folder")
    return [
        _write(target / Template(path).substitute(words), Template(text).substitute(words))
        for path, text in sorted(_texts(files("pixapi.pluginhost") / "templates" / kind, ""))
    ]


def _texts(folder: Traversable, prefix: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for entry in folder.iterdir():
        path = f"{prefix}{entry.name}"
        if entry.is_dir():
            found += _texts(entry, f"{path}/")
        elif path.endswith(".txt"):
            found.append((path.removesuffix(".txt"), entry.read_text(encoding="utf-8")))
    return found


def _write(file: Path, text: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file
