"""Recorded Gemini traffic: every exchange of the folders that hold any, whoever recorded it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

HOSTS = ("generativelanguage.googleapis.com", "aiplatform.googleapis.com")
EMBEDS = (":batchEmbedContents", ":embedContent", ":predict")


@dataclass(frozen=True)
class Recording:
    """What a server once answered: one whole reply, or the bytes of one stream; and to what, where known."""

    name: str
    status: int
    body: bytes
    is_stream: bool = False
    uri: str = ""
    asked: bytes = b""

    def replies(self) -> list[dict[str, Any]]:
        """The reply, or all events of the stream, as plain JSON."""
        if not self.is_stream:
            return [json.loads(self.body)]
        lines = self.body.decode().splitlines()
        return [json.loads(line.removeprefix("data:")) for line in lines if line.startswith("data:")]


@cache
def recordings(folder: Path) -> tuple[Recording, ...]:
    return (*_fixtures(folder / "vercel-ai"), *_conversations(folder / "pydantic-ai"))


def _fixtures(where: Path) -> Iterator[Recording]:
    """Files of the Interactions API and of live sessions are no answers of this API, and left out."""
    for path in sorted([*where.glob("google/*.json"), *where.glob("google-vertex/*.json")]):
        said = json.loads(path.read_bytes())
        if {"candidates", "error", "predictions"} & said.keys():
            uri = ":predict" if "predictions" in said else ":generateContent"
            yield Recording(path.name, said.get("error", {}).get("code", 200), path.read_bytes(), uri=uri)
    for path in sorted(where.glob("google/*.chunks.txt")):
        lines = [line for line in path.read_bytes().splitlines() if line]
        if b'"candidates"' in lines[0]:
            stream = b"".join(b"data: %s\r\n\r\n" % line for line in lines)
            yield Recording(path.name, 200, stream, is_stream=True, uri=":streamGenerateContent")


def _conversations(where: Path) -> Iterator[Recording]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    for path in sorted(where.glob("*/*.yaml")):
        text = path.read_bytes()
        if not any(host.encode() in text for host in HOSTS):
            continue
        for number, exchange in enumerate(yaml.load(text, Loader=loader)["interactions"]):
            request, response = exchange["request"], exchange["response"]
            if "/openai/" in request["uri"] or not any(host in request["uri"] for host in HOSTS):
                continue
            if any(name in request["uri"] for name in (*EMBEDS, "GenerateContent", ":generateContent")):
                name = f"{path.parent.name}/{path.stem}#{number}"
                yield Recording(
                    name, response["status"]["code"], *_body(response), request["uri"], _asked(request)
                )


def _asked(request: dict[str, Any]) -> bytes:
    if "parsed_body" in request:
        return json.dumps(request["parsed_body"]).encode()
    body = request["body"]
    return body.encode() if isinstance(body, str) else body


def _body(response: dict[str, Any]) -> tuple[bytes, bool]:
    if "parsed_body" in response:
        return json.dumps(response["parsed_body"]).encode(), False
    body = response["body"]["string"]
    headers = {key.lower(): values[0] for key, values in response["headers"].items()}
    return body.encode() if isinstance(body, str) else body, "event-stream" in headers["content-type"]


KINDS: dict[str, Callable[[Recording], bool]] = {
    "whole": lambda r: not r.is_stream and r.status == 200 and "enerateContent" in r.uri,
    "stream": lambda r: r.is_stream,
    "refused": lambda r: r.status != 200,
    "asked": lambda r: bool(r.asked) and "enerateContent" in r.uri,
    "embedded": lambda r: r.status == 200 and any(name in r.uri for name in EMBEDS),
}


def pytest_recordings(folder: Path, name: str) -> Sequence[Recording] | None:
    """``whole``, ``stream``, ``refused``, ``asked`` and ``embedded`` stand for each recording of their kind."""
    wanted = KINDS.get(name)
    return None if wanted is None else [r for r in recordings(folder) if wanted(r)]
