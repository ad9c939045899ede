"""What a provider with a dialect of its own needs on both sides of it: calls as values, and replies as values.

Whose dialect the caller speaks makes no difference here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, TypeVar

import msgspec

from pixapi.adapters.chat_result import ChatResult
from pixapi.errors import BadRequest, UpstreamError, UpstreamInvalid
from pixapi.interfaces import Call, ChatRequest, Event, HttpReply, Result, ToolCall, Usage
from pixapi.wire.offered import DIALECTS
from pixapi.wire.openai_embeddings import (
    EmbeddingsRequest,
    encode_embeddings_reply,
    read_embeddings_request,
)
from pixapi.wire.openai_error_words import Said
from pixapi.wire.openai_errors import error_said
from pixapi.wire.openai_errors import read_error as read_by_words

T = TypeVar("T")

Count = Annotated[int, msgspec.Meta(ge=0)]
"""A quantity as a vendor tells it, for the fields of a Struct: `read_json` takes none below zero."""


def read_chat(call: Call) -> ChatRequest:
    """The conversation of a chat call, and how it is to be continued.

    Raises:
        BadRequest: the caller's body is no conversation; the core has found that out already where it set `call.chat`.
    """
    return call.chat if call.chat is not None else DIALECTS[call.dialect].read(call.fields)


def read_arguments(part: ToolCall) -> msgspec.Raw:
    """The arguments of a tool call that the caller sent back, for a vendor who wants an object and no text.

    Raises:
        BadRequest: they are no JSON object.
    """
    try:
        text = part.arguments.encode()
        msgspec.json.decode(text, type=dict[str, object])
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise BadRequest("the arguments of a tool call are no JSON object", param="messages") from None
    return msgspec.Raw(text)


def read_embeddings(call: Call) -> EmbeddingsRequest:
    """The texts of an embeddings call.

    Raises:
        BadRequest: a field has a wrong type, or the input is tokens of another vocabulary.
    """
    return read_embeddings_request(call.fields)


def chat_result(events: Iterable[Event]) -> Result:
    """The events of an answer as a whole reply, for a vendor whose whole replies say what its streams say.

    Raises:
        UpstreamError: the events end in `Failed`, or raise one.
        UpstreamInvalid: they end without `Ended`.
    """
    result = ChatResult()
    for event in events:
        if result.take(event):
            return result.whole()
    raise UpstreamInvalid("The provider of this model sent a reply that is not complete; try again.")


def embeddings_result(call: Call, vectors: Sequence[list[float]], input_tokens: int | None) -> Result:
    """``vectors``, one for each text, as the caller asked for them: numbers, or base64. ``input_tokens`` None: the
    reply does not say, and the core estimates.
    """
    usage = None if input_tokens is None else Usage(input=input_tokens)
    return Result(usage=usage, body=encode_embeddings_reply(call, list(vectors), usage))


def read_json(body: bytes, type: type[T]) -> T:  # noqa: A002, as msgspec calls it
    """``body`` as a value of ``type`` (a msgspec Struct, say); unknown fields are skipped.

    Raises:
        UpstreamInvalid: it is no JSON, or not of that shape.
    """
    try:
        return msgspec.json.decode(body, type=type)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise UpstreamInvalid(
            "The provider of this model answered with something that is no answer; try again."
        ) from None


def read_error(reply: HttpReply) -> UpstreamError:
    """What an error means, by its status and its words, in whichever of the known shapes they come. Never raises.

    A status of 200 says nothing: then the words alone count. So a line of a stream that states an error is
    ``read_error(HttpReply(200, body=line))``. Vendors quote keys: yours is taken out of the words by the core.
    """
    return read_by_words(reply.status, reply.body, reply.headers)


def error_of(
    status: int,
    message: str,
    *,
    code: str | None = None,
    retry_after_s: float | None = None,
) -> UpstreamError:
    """What an error means that a vendor tells in a shape of its own, by what you have read of it. Never raises.

    ``status`` 200: it came within a stream or in place of an answer, and ``code`` alone says what it is; a vendor whose
    codes are its own is better told by the status that each of them stands for.
    """
    return error_said(status, Said(message=message, code=code), retry_after_s)
