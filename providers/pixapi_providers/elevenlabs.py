"""The provider `elevenlabs`: speech and transcriptions of ElevenLabs' models, for callers of OpenAI's audio API.

Source: ElevenLabs API reference, "Create speech", "Create transcript", "Errors". Calls are translated by
`pixapi.wire`; what is here is the address, the headers and the settings.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Annotated

from pydantic import Field

from pixapi import hookimpl
from pixapi.errors import BadRequest, UpstreamError
from pixapi.interfaces import (
    Body,
    Call,
    Decoder,
    HttpReply,
    HttpRequest,
    PluginConfig,
    Provider,
    ProviderType,
    Result,
    Secret,
)
from pixapi.wire.elevenlabs_errors import read_error
from pixapi.wire.elevenlabs_speech import read_speech, write_speech
from pixapi.wire.elevenlabs_transcript import read_transcription, write_transcription

PIXAPI_INTERFACE = 1


class Config(PluginConfig):
    """Settings of a provider with `use = "elevenlabs"`."""

    api_key: Secret
    """The API key."""
    base_url: str = "https://api.elevenlabs.io"
    """Where the API lies, without `/v1`; another one where data must stay, such as
    https://api.eu.residency.elevenlabs.io.
    """
    voices: dict[str, str] = {}
    """The vendor's id for each name that callers may give a voice: `{ alloy = "21m00Tcm4TlvDq8ikWAM" }`."""
    only_named_voices: bool = False
    """Whether `voices` has all there are. Else callers may name any id that the account may use, voices that cost
    more and the account's own clones among them.
    """
    credit_usd: Annotated[Decimal, Field(ge=0, allow_inf_nan=False)] | None = None
    """What a credit of the account costs in USD, for margin reports: replies of speech say how many they took."""


class ElevenLabs(Provider):
    """One configured upstream of ElevenLabs' API."""

    operations = frozenset({"speech", "transcriptions"})

    def __init__(self, config: Config) -> None:
        self._config = config
        self._root = config.base_url.rstrip("/").removesuffix("/v1")

    def request(self, call: Call) -> HttpRequest:
        if call.operation == "speech":
            path, body = write_speech(
                call, self._config.voices, only_named_voices=self._config.only_named_voices
            )
            return self._post(path, "application/json", body)
        if call.operation == "transcriptions":
            return self._post("/v1/speech-to-text", *write_transcription(call))
        raise BadRequest(f"the provider of this model does not offer {call.operation}")

    def result(self, call: Call, reply: HttpReply) -> Result:
        if call.operation == "speech":
            return read_speech(call, reply, self._config.credit_usd)
        return read_transcription(call, reply)

    def decoder(self, call: Call) -> Decoder:
        raise BadRequest("speech and transcriptions are answered whole by this provider")

    def error(self, reply: HttpReply) -> UpstreamError:
        return read_error(reply.status, reply.body, reply.headers)

    def probe(self) -> HttpRequest | None:
        return HttpRequest("GET", self._root + "/v1/models", self._headers())

    def _post(self, path: str, kind: str, body: bytes | Body) -> HttpRequest:
        return HttpRequest("POST", self._root + path, (*self._headers(), ("content-type", kind)), body)

    def _headers(self) -> tuple[tuple[str, str], ...]:
        return (("xi-api-key", self._config.api_key.reveal()), ("accept-encoding", "identity"))


@hookimpl
def pixapi_register_providers() -> Iterable[ProviderType]:
    summary = "ElevenLabs' models: speech and transcriptions for callers of OpenAI's audio API"
    return [ProviderType("elevenlabs", summary, Config, ElevenLabs, "documented")]
