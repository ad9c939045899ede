"""The answers of `echo` to what is no chat: a picture, a sound, what it was sent, pure functions of the request.

It states tokens for `rerank` alone, so that a model with a price of tokens only makes its pictures for nothing: what is
delivered is counted by the gateway, and costs what the model's price has for an image, a second or a character.
"""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Iterator
from typing import Any

import msgspec

from pixapi.interfaces import Upload
from pixapi.wire.json import Fields, encode, lenient
from pixapi_providers.echo.answers import words

_RATE = 8000
_SAMPLES_PER_CHARACTER = 400
_MOST_CHARACTERS = 4096
_SIDE = 16
_CATEGORIES = (
    "harassment",
    "harassment/threatening",
    "hate",
    "hate/threatening",
    "illicit",
    "illicit/violent",
    "self-harm",
    "self-harm/instructions",
    "self-harm/intent",
    "sexual",
    "sexual/minors",
    "violence",
    "violence/graphic",
)
"""Of a judgement; OpenAI's SDK insists on all of them."""


class Image(msgspec.Struct):
    """A request for images."""

    model: str
    prompt: str
    n: int | None = None
    echo: dict[str, Any] | None = None


class Speech(msgspec.Struct):
    """A request for a spoken text."""

    model: str
    input: str
    echo: dict[str, Any] | None = None


class Moderation(msgspec.Struct):
    """A request to judge texts."""

    model: str
    input: str | list[Any]
    echo: dict[str, Any] | None = None


class Rerank(msgspec.Struct):
    """A request to put documents in order."""

    model: str
    query: str
    documents: list[str | dict[str, Any]]
    top_n: int | None = None
    return_documents: bool | None = None
    echo: dict[str, Any] | None = None


class Counted:
    """A file of which only the size is kept. Implements `pixapi.wire.multipart.Keep` and `pixapi.interfaces.Body`."""

    def __init__(self) -> None:
        self._size = 0

    def write(self, data: bytes) -> None:
        self._size += len(data)

    def end(self) -> Counted:
        return self

    def __len__(self) -> int:
        return self._size

    def chunks(self) -> Iterator[bytes]:
        raise OSError("of this file only the size was kept")


def images(prompt: str, count: int, created: int) -> bytes:
    """Squares of one colour, which the prompt decides."""
    colour = zlib.crc32(prompt.encode()).to_bytes(4, "big")[:3]
    item = {"b64_json": base64.b64encode(_png(colour)).decode()}
    return encode({"created": created, "data": [item] * count})


def _png(colour: bytes) -> bytes:
    """A PNG of one colour, 8 bits a channel (PNG specification, section 11)."""
    header = struct.pack(">IIBBBBB", _SIDE, _SIDE, 8, 2, 0, 0, 0)
    pixels = zlib.compress((b"\0" + colour * _SIDE) * _SIDE)
    chunks = [_chunk(b"IHDR", header), _chunk(b"IDAT", pixels), _chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def speech(text: str) -> bytes:
    """A WAV file that hums, a twentieth of a second for each character."""
    length = _SAMPLES_PER_CHARACTER * min(len(text), _MOST_CHARACTERS)
    samples = (b"\x80\xb0\xc0\xb0\x80\x50\x40\x50" * (length // 8 + 1))[:length]
    format_ = struct.pack("<HHIIHH", 1, 1, _RATE, _RATE, 1, 8)
    body = b"WAVE" + b"fmt " + struct.pack("<I", len(format_)) + format_ + b"data" + struct.pack("<I", length)
    return b"RIFF" + struct.pack("<I", len(body) + length) + body + samples


def transcript(fields: Fields, uploads: tuple[Upload, ...]) -> tuple[str, bytes]:
    """Says which file was sent and how large it is; (media type, body) in the format that was asked for."""
    text = " ".join(f"{upload.filename} has {upload.size} bytes" for upload in uploads) or "nothing"
    form = lenient(fields.get("response_format"))
    if form == "srt":
        return "application/x-subrip", f"1\n00:00:00,000 --> 00:00:01,000\n{text}\n".encode()
    if form == "vtt":
        return "text/vtt", f"WEBVTT\n\n00:00.000 --> 00:01.000\n{text}\n".encode()
    if form == "verbose_json":
        whole = {"task": "transcribe", "language": "english", "duration": 1.0, "text": text, "segments": []}
        return "application/json", encode(whole)
    return "application/json", encode({"text": text})


def judgement(asked: Moderation) -> bytes:
    """Nothing is found to be wrong, unless a text holds the word `violence`."""
    items = asked.input if isinstance(asked.input, list) else [asked.input]
    results = []
    for item in items:
        flagged = "violence" in (item if isinstance(item, str) else encode(item).decode())
        results.append(
            {
                "flagged": flagged,
                "categories": {name: flagged and name == "violence" for name in _CATEGORIES},
                "category_scores": {name: float(flagged and name == "violence") for name in _CATEGORIES},
                "category_applied_input_types": {name: ["text"] for name in _CATEGORIES},
            }
        )
    return encode({"id": "modr-echo", "model": asked.model, "results": results})


def ranking(asked: Rerank) -> bytes:
    """Documents by the share of the query's words that they hold."""
    texts = [text if isinstance(text, str) else str(text.get("text", "")) for text in asked.documents]
    wanted = {word.strip().lower() for word in words(asked.query)}
    found = []
    for index, text in enumerate(texts):
        held = {word.strip().lower() for word in words(text)} & wanted
        item: dict[str, Any] = {"index": index, "relevance_score": len(held) / max(1, len(wanted))}
        found.append({**item, "document": {"text": text}} if asked.return_documents else item)
    found.sort(key=lambda item: -item["relevance_score"])
    tokens = sum(len(words(text)) + len(words(asked.query)) for text in texts)
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return encode({"model": asked.model, "results": found[: asked.top_n], "usage": usage})
