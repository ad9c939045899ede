"""Recorded traffic of Amazon Bedrock: every reply and stream of Converse, and every embedding."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import yaml

from pixapi.wire.eventstream import write_message

ANOTHER_PROTOCOL = {
    "count-tokens": "the provider does not count tokens beforehand",
    "amazon-bedrock-reranking.1.json": "a ranking",
}
"""What is left out, and why. Claude's own Messages over `invoke` are another dialect: those of model names
with `anthropic` in them are left out as well.
"""


@dataclass(frozen=True)
class Recording:
    """What a server once sent, and what it was asked. ``kind`` is the last part of the path."""

    name: str
    kind: str
    model: str
    status: int
    body: bytes
    asked: dict[str, Any]
    headers: tuple[tuple[str, str], ...] = ()


@cache
def recordings(folder: Path) -> tuple[Recording, ...]:
    return (*_lines(folder / "vercel-ai" / "amazon-bedrock"), *_conversations(folder / "pydantic-ai"))


def message(event: dict[str, Any]) -> bytes:
    """An event that was written down as JSON, in the framing that it came in."""
    ((kind, payload),) = event.items()
    names = {":event-type": kind, ":content-type": "application/json", ":message-type": "event"}
    return write_message(names, json.dumps(payload).encode())


def _lines(where: Path) -> Iterator[Recording]:
    for path in sorted(where.glob("*.json")):
        if path.name not in ANOTHER_PROTOCOL:
            yield Recording(path.name, "converse", "anthropic.claude", 200, path.read_bytes(), {})
    for path in sorted(where.glob("*.chunks.txt")):
        lines = filter(None, path.read_text().splitlines())
        stream = b"".join(message(json.loads(line)) for line in lines)
        yield Recording(path.name, "converse-stream", "anthropic.claude", 200, stream, {})


def _conversations(where: Path) -> Iterator[Recording]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    for path in sorted(where.glob("*/*.yaml")):
        text = path.read_bytes()
        if b"https://bedrock-runtime." not in text:
            continue
        for number, interaction in enumerate(yaml.load(text, Loader=loader)["interactions"]):
            url = urlsplit(interaction["request"]["uri"])
            if not (url.hostname or "").startswith("bedrock-runtime."):
                continue
            *_, model, kind = map(unquote, url.path.split("/"))
            if kind not in ANOTHER_PROTOCOL and not (kind == "invoke" and "anthropic" in model):
                yield _recorded(f"{path.parent.name}/{path.stem}#{number}", kind, model, interaction)


def _recorded(name: str, kind: str, model: str, interaction: dict[str, Any]) -> Recording:
    request, response = interaction["request"], interaction["response"]
    headers = tuple((key.lower(), values[0]) for key, values in response["headers"].items())
    if "parsed_body" in response:
        body = json.dumps(response["parsed_body"]).encode()
    else:
        body = response["body"]["string"]
        body = body.encode() if isinstance(body, str) else body
    try:
        asked = request.get("parsed_body") or json.loads(request["body"])
    except ValueError:  # one body was cut when it was written down
        asked = {}
    return Recording(name, kind, model, response["status"]["code"], body, asked, headers)


KINDS: dict[str, Callable[[Recording], bool]] = {
    "whole": lambda r: r.kind == "converse" and r.status == 200,
    "stream": lambda r: r.kind == "converse-stream" and r.status == 200,
    "vectors": lambda r: r.kind == "invoke" and r.status == 200,
    "refused": lambda r: r.status != 200,
}


def pytest_recordings(folder: Path, name: str) -> Sequence[Recording] | None:
    """``whole``, ``stream``, ``vectors`` and ``refused`` stand for each recording of their kind."""
    wanted = KINDS.get(name)
    return None if wanted is None else [r for r in recordings(folder) if wanted(r)]
