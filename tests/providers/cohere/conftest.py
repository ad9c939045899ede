"""Recorded traffic of Cohere: every reply and stream of its chat, and every embedding."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

KINDS_OF_PATHS = {"/v2/chat": "chat", "/v2/embed": "embeddings"}
"""Other paths (`/v1/tokenize`) are left out, and so is a ranking among the replies without a request."""


@dataclass(frozen=True)
class Recording:
    """What a server once sent, and what it was asked."""

    name: str
    operation: str
    status: int
    body: bytes
    asked: dict[str, Any]
    is_stream: bool = False
    headers: tuple[tuple[str, str], ...] = ()


@cache
def recordings(folder: Path) -> tuple[Recording, ...]:
    return (*_files(folder / "vercel-ai" / "cohere"), *_conversations(folder / "pydantic-ai"))


def _files(where: Path) -> Iterator[Recording]:
    for path in sorted(where.glob("*.json")):
        if "rerank" not in path.name:
            operation = "embeddings" if "embedding" in path.name else "chat"
            yield Recording(path.name, operation, 200, path.read_bytes(), {})
    for path in sorted(where.glob("*.chunks.txt")):
        stream = b""
        for line in filter(None, path.read_bytes().splitlines()):
            stream += b"event: %s\ndata: %s\n\n" % (json.loads(line)["type"].encode(), line)
        yield Recording(path.name, "chat", 200, stream + b"data: [DONE]\n\n", {}, is_stream=True)


def _conversations(where: Path) -> Iterator[Recording]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    for path in sorted(where.glob("*/*.yaml")):
        text = path.read_bytes()
        if b"https://api.cohere.com/v2" not in text:
            continue
        for number, interaction in enumerate(yaml.load(text, Loader=loader)["interactions"]):
            request, response = interaction["request"], interaction["response"]
            url = urlsplit(request["uri"])
            if url.hostname == "api.cohere.com" and url.path in KINDS_OF_PATHS:
                yield Recording(
                    f"{path.parent.name}/{path.stem}#{number}",
                    KINDS_OF_PATHS[url.path],
                    response["status"]["code"],
                    json.dumps(response["parsed_body"]).encode(),
                    request["parsed_body"],
                    headers=tuple((key.lower(), values[0]) for key, values in response["headers"].items()),
                )


KINDS: dict[str, Callable[[Recording], bool]] = {
    "whole": lambda r: r.operation == "chat" and r.status == 200 and not r.is_stream,
    "stream": lambda r: r.is_stream,
    "requested": lambda r: r.operation == "chat" and bool(r.asked),
    "vectors": lambda r: r.operation == "embeddings" and r.status == 200,
    "refused": lambda r: r.status != 200,
}


def pytest_recordings(folder: Path, name: str) -> Sequence[Recording] | None:
    """``whole``, ``stream``, ``requested``, ``vectors`` and ``refused`` stand for each recording of their kind."""
    wanted = KINDS.get(name)
    return None if wanted is None else [r for r in recordings(folder) if wanted(r)]
