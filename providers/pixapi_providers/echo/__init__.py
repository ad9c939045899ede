"""A stand-in for a model, within the process: it says again what it was told.

It answers in OpenAI's dialect, as real bytes through the whole gateway: plain and streamed, reasoning, tool
calls, JSON answers, embeddings, images, sounds, usage. It can be told to be slow, to break off and to fail (see
`script`), and to hold all answers back until a file appears (``gate_file``), so that a test can bring many calls to
the same point. It serves `make run`, the tests and the tutorial.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, get_args

import msgspec
from pydantic import Field

from pixapi import hookimpl
from pixapi.adapters import OpenAICompatible, Quirks
from pixapi.clock import SystemClock
from pixapi.interfaces import (
    Body,
    Exchange,
    HttpRequest,
    Operation,
    PluginConfig,
    ProviderType,
    Secret,
    Serves,
    Upload,
)
from pixapi.wire.json import Fields, encode, lenient
from pixapi.wire.multipart import FormReader, InMemory
from pixapi.wire.openai_media_sizes import images_asked
from pixapi_providers.echo.answers import MAX_DIMENSIONS, Chat, Embeddings, answer, events, vectors, whole
from pixapi_providers.echo.exchange import LocalExchange
from pixapi_providers.echo.media import (
    Counted,
    Image,
    Moderation,
    Rerank,
    Speech,
    images,
    judgement,
    ranking,
    speech,
    transcript,
)
from pixapi_providers.echo.script import Script

PIXAPI_INTERFACE = 1

_GATE_POLL_S = 0.02
_BASE_URL = "http://echo.invalid/v1"
_QUIRKS = Quirks(repair_tools=False, operations=frozenset(get_args(Operation)))
_JSON_TYPE = "application/json"
_JSON = {"content-type": _JSON_TYPE}
_HTML = b"<html><body><h1>502 Bad Gateway</h1></body></html>"
Seconds = Annotated[float, Field(ge=0, le=3600)]


class Config(PluginConfig):
    """A stand-in that answers within the process."""

    latency_s: Seconds = 0.0
    """Seconds before every answer begins."""
    chunk_delay_s: Seconds = 0.0
    """Seconds before every event of a stream."""
    gate_file: str | None = None
    """Every answer waits until this file exists; the calls are authorised and held by then."""
    gate_timeout_s: Seconds = 60.0
    """How long an answer waits for `gate_file` at most."""
    scriptable: bool = True
    """Whether a request may carry stage directions in its member `echo`; those of OpenAI's dialect can."""
    reasoning: str | None = None
    """What is said as reasoning before every answer."""
    error_status: Annotated[int, Field(ge=400, le=599)] | None = None
    """Every call is answered with this status instead."""
    error_after: Annotated[int, Field(ge=0)] | None = None
    """Every stream ends with an error after this many events."""


class Echo(OpenAICompatible, Serves):
    """The provider: requests and replies as those of any compatible server, but served here."""

    def __init__(self, config: Config) -> None:
        super().__init__(Secret(""), base_url=_BASE_URL, quirks=_QUIRKS)
        self._config = config
        self._default = Script(
            latency_s=config.latency_s,
            chunk_delay_s=config.chunk_delay_s,
            reasoning=config.reasoning,
            error_status=config.error_status,
            error_after=config.error_after,
        )
        self._gate = Path(config.gate_file) if config.gate_file else None
        self._clock = SystemClock()
        self._read_chat = msgspec.json.Decoder(Chat)

    def probe(self) -> None:
        return None

    async def serve(self, request: HttpRequest) -> Exchange:
        await self._pass_gate()
        try:
            if request.url.endswith("/chat/completions"):
                return await self._serve_chat(self._read_chat.decode(request.data))
            return await self._serve_other(request.url.removeprefix(_BASE_URL), request)
        except msgspec.ValidationError as error:
            return _refusal(Script(error_status=400), f"the request is not understood: {error}")

    async def _serve_chat(self, chat: Chat) -> Exchange:
        script = self._script(chat.echo)
        early = await _early(script)
        if early is not None:
            return early
        if not chat.messages:
            return _refusal(Script(error_status=400), "messages is empty; expected at least one")
        said = answer(chat, script)
        created = self._clock.now_us() // 1_000_000
        if not chat.stream:
            return LocalExchange(200, _JSON, [whole(chat, said, script, created)], is_cut=_cuts(script))
        return _streamed(events(chat, said, script, created), script)

    async def _serve_other(self, path: str, request: HttpRequest) -> Exchange:
        created = self._clock.now_us() // 1_000_000
        if isinstance(request.body, bytes):
            directions, kind, body = _other(path, request, created)
        else:
            directions, kind, body = await asyncio.to_thread(_other, path, request, created)
        script = self._script(directions)
        early = await _early(script)
        return early or LocalExchange(200, {"content-type": kind}, [body], is_cut=_cuts(script))

    def _script(self, directions: dict[str, Any] | None) -> Script:
        if not directions or not self._config.scriptable:
            return self._default
        return msgspec.convert({**msgspec.structs.asdict(self._default), **directions}, Script)

    async def _pass_gate(self) -> None:
        if self._gate is None:
            return
        for _ in range(int(self._config.gate_timeout_s / _GATE_POLL_S)):
            if self._gate.exists():
                return
            await asyncio.sleep(_GATE_POLL_S)


def _other(path: str, request: HttpRequest, created: int) -> tuple[dict[str, Any] | None, str, bytes]:
    """Stage directions, media type and body of the answer to what is no chat.

    Raises:
        msgspec.ValidationError: the request is not understood.
    """
    if path == "/audio/speech":
        text = msgspec.json.decode(request.data, type=Speech)
        return text.echo, "audio/wav", speech(text.input)
    if path in ("/audio/transcriptions", "/images/edits"):
        fields, uploads = _form(dict(request.headers)["content-type"], request.body)
        if path == "/images/edits":
            prompt = str(lenient(fields.get("prompt")))
            return None, _JSON_TYPE, images(prompt, images_asked(fields), created)
        return None, *transcript(fields, uploads)
    if path == "/images/generations":
        image = msgspec.json.decode(request.data, type=Image)
        return image.echo, _JSON_TYPE, images(image.prompt, image.n or 1, created)
    if path == "/moderations":
        moderation = msgspec.json.decode(request.data, type=Moderation)
        return moderation.echo, _JSON_TYPE, judgement(moderation)
    if path == "/rerank":
        rerank = msgspec.json.decode(request.data, type=Rerank)
        return rerank.echo, _JSON_TYPE, ranking(rerank)
    asked = msgspec.json.decode(request.data, type=Embeddings)
    if not 1 <= (asked.dimensions or 64) <= MAX_DIMENSIONS:
        raise msgspec.ValidationError(f"dimensions must be from 1 to {MAX_DIMENSIONS}")
    return asked.echo, _JSON_TYPE, vectors(asked)


def _form(content_type: str, body: bytes | Body) -> tuple[Fields, tuple[Upload, ...]]:
    """As `read_form` does, but of large files only the size is kept."""
    reader = FormReader(content_type, Counted if not isinstance(body, bytes) else InMemory)
    for piece in (body,) if isinstance(body, bytes) else body.chunks():
        reader.feed(piece)
    return reader.close()


async def _early(script: Script) -> LocalExchange | None:
    """What the script says instead of an answer, after its latency."""
    if script.latency_s:
        await asyncio.sleep(script.latency_s)
    if script.error_status is not None:
        return _refusal(script, "the script asked for this error")
    if script.html:
        return LocalExchange(200, {"content-type": "text/html"}, [_HTML])
    return LocalExchange(200, {}, []) if script.empty else None


def _refusal(script: Script, message: str) -> LocalExchange:
    status = script.error_status or 400
    headers = dict(_JSON)
    if script.retry_after_s is not None:
        headers["retry-after"] = f"{script.retry_after_s:g}"
    kind = "invalid_request_error" if status < 500 else "server_error"
    error = {"message": message, "type": kind, "param": None, "code": script.error_code}
    return LocalExchange(status, headers, [encode({"error": error})])


def _cuts(script: Script) -> bool:
    return script.cut_after is not None


def _streamed(sent: list[bytes], script: Script) -> LocalExchange:
    if script.error_after is not None:
        error = {
            "message": "the script asked for this error",
            "type": "server_error",
            "code": script.error_code,
        }
        sent = [*sent[: script.error_after], b"data: " + encode({"error": error}) + b"\n\n"]
    return LocalExchange(
        200,
        {"content-type": "text/event-stream"},
        sent[: script.cut_after],
        delay_s=script.chunk_delay_s,
        is_cut=_cuts(script),
    )


def build(config: Config) -> Echo:
    """The provider for one table of the configuration."""
    return Echo(config)


@hookimpl
def pixapi_register_providers() -> Iterable[ProviderType]:
    return [ProviderType("echo", "A stand-in that answers within the process", Config, build, "live")]
