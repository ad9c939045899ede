"""What the servers of Gemini models have in common, whoever lets callers in (Gemini API reference; Vertex AI
reference, "Generate content").

Chats of Gemini's dialect go on as they came; those of other dialects are translated, and so is all that is no chat.
"""

from __future__ import annotations

from abc import abstractmethod
from urllib.parse import quote

from pixapi.errors import BadRequest, UpstreamError
from pixapi.interfaces.call import BY_THE_PIECE, Call, Dialect, Operation, Result
from pixapi.interfaces.chat import ChatRequest
from pixapi.interfaces.http import HttpReply, HttpRequest
from pixapi.interfaces.provider import Provider
from pixapi.interfaces.stream import Decoder
from pixapi.interfaces.usage import Usage
from pixapi.wire.chat_terms import unsaid
from pixapi.wire.gemini_embeddings import read_embeddings
from pixapi.wire.gemini_errors import read_error
from pixapi.wire.gemini_forward import forward
from pixapi.wire.gemini_imagen import is_imagen, read_prediction, write_prediction
from pixapi.wire.gemini_images import read_image_reply, write_image_call
from pixapi.wire.gemini_relay import GeminiRelay, relay_reply
from pixapi.wire.gemini_reply import read_reply
from pixapi.wire.gemini_request import WORDS, write_request
from pixapi.wire.gemini_speech import most_spoken, read_speech, write_speech_call
from pixapi.wire.gemini_stream import GeminiDecoder
from pixapi.wire.json import encode
from pixapi.wire.openai_chat import read_chat_request

Headers = tuple[tuple[str, str], ...]


class GeminiProvider(Provider):
    """A server of Gemini models.

    ``maker`` marks the signatures of its thoughts (`seal`); ``refused_tools`` are tools of Google's
    own, in camelCase, that callers may not use.
    """

    operations: frozenset[Operation] = frozenset({"chat", "embeddings", "images", "image_edits", "speech"})
    dialects: frozenset[Dialect] = frozenset({"gemini"})
    chooses_image_format: bool = False
    """Whether Gemini models here take the file format that a caller wants an image in."""

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

    def request(self, call: Call) -> HttpRequest:
        try:
            method, body, dropped = self._asking(call)
        except RecursionError:
            raise BadRequest("the request is nested too deeply to be understood") from None
        url = self.url(call.model, method) + ("?alt=sse" if method.startswith("stream") else "")
        headers = (*self.headers(), ("content-type", "application/json"))
        return HttpRequest("POST", url, headers, body, paid=call.operation in BY_THE_PIECE, dropped=dropped)

    def result(self, call: Call, reply: HttpReply) -> Result:
        if call.operation == "embeddings":
            return read_embeddings(call, reply.body)
        if call.operation == "speech":
            return read_speech(call, reply.body)
        if call.operation != "chat":
            read_images = read_prediction if is_imagen(call.model) else read_image_reply
            return read_images(call, reply.body)
        if _is_own(call):
            return relay_reply(call, reply.body)
        return read_reply(reply.body, self._maker, call.reply_id)

    def bound(self, call: Call) -> Usage | None:
        return Usage(audio_output=most_spoken(call)) if call.operation == "speech" else None

    def decoder(self, call: Call) -> Decoder:
        return GeminiRelay(call) if _is_own(call) else GeminiDecoder(self._maker, call.reply_id)

    def error(self, reply: HttpReply) -> UpstreamError:
        return read_error(reply.status, reply.body, reply.headers)

    def _asking(self, call: Call) -> tuple[str, bytes, tuple[str, ...]]:
        """The method of the model, the body for it, and what the body does not say."""
        if call.operation == "chat":
            body, dropped = self._body(call)
            return ("streamGenerateContent" if call.stream else "generateContent"), body, dropped
        if call.operation == "embeddings":
            return *self.embedding(call), ()
        if call.operation == "speech":
            return "generateContent", write_speech_call(call), ()
        if is_imagen(call.model):
            return "predict", write_prediction(call), ()
        return "generateContent", write_image_call(call, chooses_format=self.chooses_image_format), ()

    def _body(self, call: Call) -> tuple[bytes, tuple[str, ...]]:
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
