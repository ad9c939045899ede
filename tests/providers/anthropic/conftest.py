"""Recorded Messages traffic: every reply and stream of the folders that hold any, whoever recorded it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

NOT_MESSAGES = {
    "anthropic-skill-create.json": "a skill, from another endpoint",
    "anthropic-skill-version-create.json": "a skill's version, from another endpoint",
}
"""Recordings that are left out, and why. Interactions with other hosts, and with `count_tokens`, are too."""


@dataclass(frozen=True)
class Recording:
    """What a server once sent: one whole reply, or the bytes of one stream."""

    name: str
    status: int
    body: bytes
    is_stream: bool
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Asked:
    """What a client once sent to the API; ``path`` is that of the endpoint."""

    name: str
    path: str
    body: bytes


@cache
def requests(folder: Path) -> tuple[Asked, ...]:
    found = []
    for name, interaction in _interactions(folder / "pydantic-ai"):
        request = interaction["request"]
        body = request.get("parsed_body", request.get("body"))
        text = json.dumps(body).encode() if isinstance(body, dict) else str(body or "").encode()
        found.append(Asked(name, urlsplit(request["uri"]).path, text))
    return tuple(found)


@cache
def recordings(folder: Path) -> tuple[Recording, ...]:
    return (*_lines(folder / "vercel-ai" / "anthropic"), *_conversations(folder / "pydantic-ai"))


def _lines(where: Path) -> Iterator[Recording]:
    for path in sorted(where.glob("*.json")):
        if path.name not in NOT_MESSAGES:
            yield Recording(path.name, 200, path.read_bytes(), is_stream=False)
    for path in sorted(where.glob("*.chunks.txt")):
        stream, number = b"", 0
        for line in filter(None, path.read_bytes().splitlines()):
            kind = json.loads(line)["type"]
            stream += b"event: %s\ndata: %s\n\n" % (kind.encode(), line)
            if kind == "message_stop":  # some files hold several messages, one after the other
                yield Recording(f"{path.name}#{number}", 200, stream, is_stream=True)
                stream, number = b"", number + 1
        assert not stream, f"{path.name} does not end with message_stop"


def _conversations(where: Path) -> Iterator[Recording]:
    for name, interaction in _interactions(where):
        if "/count_tokens" not in interaction["request"]["uri"]:
            yield _recorded(name, interaction["response"])


def _interactions(where: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for path in sorted(where.glob("*/*.yaml")):
        if b"api.anthropic.com" not in path.read_bytes():
            continue
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        interactions = yaml.load(path.read_bytes(), Loader=loader)["interactions"]
        for number, interaction in enumerate(interactions):
            if interaction["request"]["uri"].startswith("https://api.anthropic.com/v1/messages"):
                yield f"{path.parent.name}/{path.stem}#{number}", interaction


def _recorded(name: str, response: dict[str, Any]) -> Recording:
    headers = tuple((key.lower(), values[0]) for key, values in response["headers"].items())
    if "parsed_body" in response:
        body = json.dumps(response["parsed_body"]).encode()
        return Recording(name, response["status"]["code"], body, is_stream=False, headers=headers)
    body = response["body"]["string"]
    body = body.encode() if isinstance(body, str) else body
    is_stream = "event-stream" in dict(headers)["content-type"]
    return Recording(name, response["status"]["code"], body, is_stream=is_stream, headers=headers)


KINDS: dict[str, Callable[[Recording], bool]] = {
    "whole": lambda r: not r.is_stream and r.status == 200,
    "stream": lambda r: r.is_stream,
    "refused": lambda r: r.status != 200,
}


def pytest_recordings(folder: Path, name: str) -> Sequence[Recording | Asked] | None:
    """``whole``, ``stream``, ``refused`` and ``asked`` stand for each recording of their kind."""
    if name == "asked":
        return requests(folder)
    wanted = KINDS.get(name)
    return None if wanted is None else [r for r in recordings(folder) if wanted(r)]
