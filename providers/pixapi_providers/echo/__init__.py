"""A stand-in for a model, within the process: it says again what it was told.

It answers in OpenAI's dialect, as real bytes through the whole gateway: plain and streamed, reasoning, tool
calls, JSON answers, embeddings, usage. It can be told to be slow, to break off and to fail (see `script`),
and to hold all answers back until a file appears (``gate_file``), so that a test can bring many calls to
the same point. It serves `make run`, the tests and the tutorial.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import msgspec
from pydantic import Field

from pixapi import hookimpl
from pixapi.adapters import OpenAICompatible, Quirks
from pixapi.clock import SystemClock
from pixapi.interfaces import Exchange, HttpRequest, PluginConfig, ProviderType, Secret, Serves
from pixapi.wire.json import encode
from pixapi_providers.echo.answers import MAX_DIMENSIONS, Chat, Embeddings, answer, events, vectors, whole
from pixapi_providers.echo.exchange import LocalExchange
from pixapi_providers.echo.script import Script

PIXAPI_INTERFACE = 1

_GATE_POLL_S = 0.02
_JSON = {"content-type": "application/json"}
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
        super().__init__(Secret(""), base_url="http://echo.invalid/v1", quirks=Quirks(repair_tools=False))
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
        self._read_embeddings = msgspec.json.Decoder(Embeddings)

    def probe(self) -> None:
        return None

    async def serve(self, request: HttpRequest) -> Exchange:
        await self._pass_gate()
        try:
            if request.url.endswith("/embeddings"):
                return await self._serve_embeddings(self._read_embeddings.decode(request.body))
            return await self._serve_chat(self._read_chat.decode(request.body))
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

    async def _serve_embeddings(self, asked: Embeddings) -> Exchange:
        script = self._script(asked.echo)
        early = await _early(script)
        if early is not None:
            return early
        if not 1 <= (asked.dimensions or 64) <= MAX_DIMENSIONS:
            return _refusal(Script(error_status=400), f"dimensions must be from 1 to {MAX_DIMENSIONS}")
        return LocalExchange(200, _JSON, [vectors(asked)], is_cut=_cuts(script))

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
