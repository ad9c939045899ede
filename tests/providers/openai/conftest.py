"""Recorded Responses traffic: every reply and stream of the folders that hold any, whoever recorded it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

LAST = ("response.completed", "response.incomplete", "response.failed")
NOT_JSON = "parallel-tool-call-wrapper.1.chunks.txt"
"""Left out: whoever put this recording on record broke the JSON of two of its lines."""


@dataclass(frozen=True)
class Recording:
    """What a client once sent (None: not recorded) and a server answered: a whole reply, or a stream's bytes."""

    name: str
    status: int
    body: bytes
    is_stream: bool
    headers: tuple[tuple[str, str], ...] = ()
    request: dict[str, Any] | None = None


@cache
def recordings(folder: Path) -> tuple[Recording, ...]:
    return (*_files(folder / "vercel-ai"), *_conversations(folder / "pydantic-ai"))


def _files(where: Path) -> Iterator[Recording]:
    for path in sorted(where.glob("*/*.json")):
        body = path.read_bytes()
        if b'"response"' in body and json.loads(body).get("object") == "response":
            yield Recording(f"{path.parent.name}/{path.name}", 200, body, is_stream=False)
    for path in sorted(where.glob("*/*.chunks.txt")):
        if path.name == NOT_JSON:
            continue
        stream, number = b"", 0
        lines = [line for line in path.read_bytes().split(b"\n") if line.strip()]
        for line in lines if b'"response.created"' in lines[0] else []:
            kind = json.loads(line)["type"]
            stream += b"event: %s\ndata: %s\n\n" % (kind.encode(), line)
            if kind in LAST:  # some files hold several responses, one after the other
                yield Recording(f"{path.parent.name}/{path.name}#{number}", 200, stream, is_stream=True)
                stream, number = b"", number + 1
        assert not stream, f"{path.name} does not end with the end of a response"


def _conversations(where: Path) -> Iterator[Recording]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    for path in sorted(where.glob("*/*.yaml")):
        text = path.read_bytes()
        if b"/responses" not in text:
            continue
        for number, interaction in enumerate(yaml.load(text, Loader=loader)["interactions"]):
            request = interaction["request"]
            if request["method"] == "POST" and request["uri"].endswith("/responses"):
                yield _recorded(f"{path.parent.name}/{path.stem}#{number}", request, interaction["response"])


def _recorded(name: str, request: dict[str, Any], response: dict[str, Any]) -> Recording:
    headers = tuple((key.lower(), values[0]) for key, values in response["headers"].items())
    asked = request.get("parsed_body") or json.loads(request["body"])
    if "parsed_body" in response:
        body = json.dumps(response["parsed_body"]).encode()
        return Recording(name, response["status"]["code"], body, False, headers, asked)
    said = response["body"]["string"]
    body = said.encode() if isinstance(said, str) else said
    is_stream = "event-stream" in dict(headers)["content-type"]
    return Recording(name, response["status"]["code"], body, is_stream, headers, asked)


KINDS: dict[str, Callable[[Recording], bool]] = {
    "whole": lambda r: not r.is_stream and r.status == 200,
    "stream": lambda r: r.is_stream,
    "refused": lambda r: r.status != 200,
    "asked": lambda r: r.request is not None,
}


def pytest_recordings(folder: Path, name: str) -> Sequence[Recording] | None:
    """``whole``, ``stream``, ``refused`` and ``asked`` stand for each recording of their kind."""
    wanted = KINDS.get(name)
    return None if wanted is None else [r for r in recordings(folder) if wanted(r)]
