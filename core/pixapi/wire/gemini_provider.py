"""What the servers of Gemini models have in common, whoever lets callers in (Gemini API reference; Vertex AI
reference, "Generate content").

Calls of Gemini's dialect go on as they came; those of other dialects are translated.
"""

from __future__ import annotations

from abc import abstractmethod
from urllib.parse import quote

from pixapi.errors import BadRequest, UpstreamError
from pixapi.interfaces.call import Call, Dialect, Operation, Result
from pixapi.interfaces.chat import ChatRequest
from pixapi.interfaces.http import HttpReply, HttpRequest
from pixapi.interfaces.provider import Provider
from pixapi.interfaces.stream import Decoder
from pixapi.wire.chat_terms import unsaid
from pixapi.wire.gemini_embeddings import read_embeddings
from pixapi.wire.gemini_errors import read_error
from pixapi.wire.gemini_forward import forward
from pixapi.wire.gemini_relay import GeminiRelay, relay_reply
from pixapi.wire.gemini_reply import read_reply
from pixapi.wire.gemini_request import WORDS, write_request
from pixapi.wire.gemini_stream import GeminiDecoder
from pixapi.wire.json import encode
from pixapi.wire.openai_chat import read_chat_request

Headers = tuple[tuple[str, str], ...]


class GeminiProvider(Provider):
    """A server of Gemini models.

    ``maker`` marks the signatures of its thoughts (`anthropic_seal`); ``refused_tools`` are tools of Google's
    own, in camelCase, that callers may not use.
    """

    operations: frozenset[Operation] = frozenset({"chat", "embeddings"})
    dialects: frozenset[Dialect] = frozenset({"gemini"})

    def __init__(self, maker: str, refused_tools: frozenset[str] = frozenset()) -> None:
        self._maker = maker
        self._refused_tools = refused_tools

    @abstractmethod
    def url(self, model: str, method: str) -> str:
        """Where a method of a model lies."""

    @abstractmethod
    def headers(self) -> Headers:
        """What every request carries."""

    @abstractmethod
    def embedding(self, call: Call) -> tuple[str, bytes]:
        """Method and body that ask for embeddings. Raises BadRequest."""

    def secret(self) -> str:
        """What must not be shown to callers where the server repeats it; empty where there is none."""
        return ""

    def request(self, call: Call) -> HttpRequest:
        dropped: tuple[str, ...] = ()
        if call.operation == "embeddings":
            method, body = self.embedding(call)
        else:
            method = "streamGenerateContent" if call.stream else "generateContent"
            try:
                body, dropped = self._body(call)
            except RecursionError:
                raise BadRequest("the request is nested too deeply to be understood") from None
        url = self.url(call.model, method) + ("?alt=sse" if method.startswith("stream") else "")
        headers = (*self.headers(), ("content-type", "application/json"))
        return HttpRequest("POST", url, headers, body, dropped=dropped)

    def result(self, call: Call, reply: HttpReply) -> Result:
        if call.operation == "embeddings":
            return read_embeddings(call, reply.body)
        if _is_own(call):
            return relay_reply(call, reply.body)
        return read_reply(reply.body, self._maker, call.reply_id)

    def decoder(self, call: Call) -> Decoder:
        return GeminiRelay(call) if _is_own(call) else GeminiDecoder(self._maker, call.reply_id)

    def error(self, reply: HttpReply) -> UpstreamError:
        body, secret = reply.body, self.secret().encode()
        return read_error(
            reply.status, body.replace(secret, b"[redacted]") if secret else body, reply.headers
        )

    def _body(self, call: Call) -> tuple[bytes, tuple[str, ...]]:
        """The body, and what it does not say."""
        if _is_own(call):
            return forward(call, self._refused_tools), ()
        asked = _asked(call)
        cap = call.output_cap if call.output_cap is not None else asked.max_output
        body = write_request(asked, model=call.model, max_output=cap, maker=self._maker)
        return encode(body), unsaid(asked, body, WORDS)


def _is_own(call: Call) -> bool:
    return call.dialect == "gemini" and call.chat is None


def _asked(call: Call) -> ChatRequest:
    return call.chat if call.chat is not None else read_chat_request(call.fields)


def path_of(model: str) -> str:
    """``models/NAME`` as a path; a name with a collection before it (``tunedModels/…``) keeps that."""
    return quote(model if "/" in model else f"models/{model}", safe="/")
