"""Recorded traffic of OpenAI's dialect: every chat and embeddings reply, whoever served and recorded it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

VENDORS = {
    "api.cerebras.ai": "cerebras",
    "api.deepseek.com": "deepseek",
    "api.groq.com": "groq",
    "api.mistral.ai": "mistral",
    "api.openai.com": None,
    "api.voyageai.com": "voyage",
    "api.z.ai": "zai",
    "bedrock-mantle.us-east-1.api.aws": "bedrock_mantle",
    "generativelanguage.googleapis.com": "gemini",
    "localhost": "ollama",
    "ollama.com": "ollama",
    "openrouter.ai": "openrouter",
    "router.huggingface.co": "huggingface",
}
"""Whose row a recorded conversation is read with, by host; None is an ordinary server."""
FOLDERS = {
    "alibaba": "dashscope",
    "deepseek": "deepseek",
    "groq": "groq",
    "mistral": "mistral",
    "moonshotai": "moonshot",
    "openai": None,
    "openai-compatible": None,
    "perplexity": "perplexity",
    "togetherai": "together",
    "voyage": "voyage",
    "xai": "xai",
}
"""The same for recordings that come without their request, by folder."""
LEFT_OUT = {
    "demo-endpoints.pydantic.workers.dev": "no model server: a text and a JSON value of another shape",
    "bedrock-runtime.us-east-1.amazonaws.com": "embeddings of another dialect",
}
"""Hosts whose conversations are left out, and why. Recordings named `*.xai.yaml` are of gRPC, another protocol;
the folder `azure` is read where its provider is tested.
"""


@dataclass(frozen=True)
class Recording:
    """What a server once sent: one whole reply, or the bytes of one stream."""

    name: str
    vendor: str | None
    operation: str
    status: int
    body: bytes
    is_stream: bool
    headers: tuple[tuple[str, str], ...] = ()


@cache
def recordings(folder: Path) -> tuple[Recording, ...]:
    found = [*_files(folder / "vercel-ai"), *_conversations(folder / "pydantic-ai")]
    return tuple(found)


def _files(where: Path) -> Iterator[Recording]:
    for name, vendor in FOLDERS.items():
        for path in sorted((where / name).glob("*.json")):
            body = path.read_bytes()
            said = json.loads(body)
            if isinstance(said, dict) and said.get("object") == "chat.completion":
                yield Recording(f"{name}/{path.name}", vendor, "chat", 200, body, is_stream=False)
            elif isinstance(said, dict) and "embedding" in path.name:
                yield Recording(f"{name}/{path.name}", vendor, "embeddings", 200, body, is_stream=False)
        for path in sorted((where / name).glob("*.chunks.txt")):
            lines = [line for line in path.read_bytes().splitlines() if line]
            if b'"chat.completion' in lines[-1] or (b'"choices":[{"index":0,"delta"' in lines[-1]):
                stream = b"".join(b"data: " + line + b"\n\n" for line in lines) + b"data: [DONE]\n\n"
                yield Recording(f"{name}/{path.name}", vendor, "chat", 200, stream, is_stream=True)
        for path in sorted((where / name).glob("*.sse")):
            yield Recording(f"{name}/{path.name}", vendor, "chat", 200, path.read_bytes(), is_stream=True)


def _conversations(where: Path) -> Iterator[Recording]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    for path in sorted(where.glob("*/*.yaml")):
        text = path.read_bytes()
        if b"/chat/completions" not in text and b"/embeddings" not in text:
            continue
        for number, interaction in enumerate(yaml.load(text, Loader=loader).get("interactions", ())):
            if "request" not in interaction:
                continue
            url = urlsplit(interaction["request"]["uri"])
            operation = {"completions": "chat", "embeddings": "embeddings"}.get(url.path.rpartition("/")[2])
            host = url.hostname or ""
            if operation is None or host not in VENDORS:
                continue
            name = f"{path.parent.name}/{path.stem}#{number}"
            yield _recorded(name, VENDORS.get(host), operation, interaction["response"])


def _recorded(name: str, vendor: str | None, operation: str, response: dict[str, Any]) -> Recording:
    headers = tuple((key.lower(), values[0]) for key, values in response["headers"].items())
    status = response["status"]["code"]
    if "parsed_body" in response:
        body = json.dumps(response["parsed_body"]).encode()
        return Recording(name, vendor, operation, status, body, is_stream=False, headers=headers)
    body = response["body"]["string"]
    body = body.encode() if isinstance(body, str) else body
    is_stream = "event-stream" in dict(headers)["content-type"]
    return Recording(name, vendor, operation, status, body, is_stream=is_stream, headers=headers)


KINDS: dict[str, Callable[[Recording], bool]] = {
    "whole": lambda r: not r.is_stream and r.status == 200 and r.operation == "chat",
    "stream": lambda r: r.is_stream,
    "vectors": lambda r: r.operation == "embeddings" and r.status == 200,
    "refused": lambda r: r.status != 200,
}


_ASKED = re.compile(rb"uri: https?://([^/:\s]+)(?::\d+)?/\S*(?:chat/completions|v\d+/embeddings)\s")


@pytest.fixture
def asked_hosts(cassettes: Path) -> set[str]:
    """Every host whose chat or embeddings in this dialect were recorded together with what they were asked."""
    texts = (path.read_bytes() for path in cassettes.glob("pydantic-ai/*/*.yaml"))
    return {host.decode() for text in texts for host in _ASKED.findall(text)}


@pytest.fixture
def known_hosts() -> set[str]:
    """Every host that these tests read, or leave out."""
    return VENDORS.keys() | LEFT_OUT.keys()


def pytest_recordings(folder: Path, name: str) -> Sequence[Recording] | None:
    """``whole``, ``stream``, ``vectors`` and ``refused`` stand for each recording of their kind."""
    wanted = KINDS.get(name)
    return None if wanted is None else [r for r in recordings(folder) if wanted(r)]
