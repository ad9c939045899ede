"""OpenAI's chat completions as a dialect that callers speak (OpenAI API reference, "Create chat completion")."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from pixapi.errors import BadRequest, PixapiError
from pixapi.interfaces.call import Call
from pixapi.interfaces.chat import ChatReply, ChatRequest
from pixapi.interfaces.usage import Usage
from pixapi.wire.dialect import ChatDialect, Sizes, StreamEncoder
from pixapi.wire.hosted import HostedTool
from pixapi.wire.json import Fields, decode_fields, is_null
from pixapi.wire.openai_chat import read_chat_request
from pixapi.wire.openai_chat_fields import FIELDS
from pixapi.wire.openai_errors import error_body
from pixapi.wire.openai_hosted import KINDS, hosted_tools
from pixapi.wire.openai_input import choices, input_bound, output_cap
from pixapi.wire.openai_reply import ChatStreamEncoder, encode_chat_reply

_BUDGETS = (("thinking", "budget_tokens"), ("reasoning", "max_tokens"))


class _StreamOptions(msgspec.Struct):
    include_usage: bool | None = None


_OPTIONS = msgspec.json.Decoder(_StreamOptions)


class OpenAIDialect(ChatDialect):
    """``POST /v1/chat/completions``."""

    name = "openai"
    reply_prefix = "chatcmpl-"
    table = FIELDS
    hosted_kinds = KINDS

    def streams(self, fields: Fields) -> bool:
        stream = bytes(fields.get("stream", b"null"))
        if stream not in (b"true", b"false", b"null"):
            raise BadRequest("stream has a wrong type; expected true or false", param="stream")
        return stream == b"true"

    def wants_usage(self, fields: Fields) -> bool:
        options = fields.get("stream_options")
        if options is None or is_null(options):
            return False
        try:
            return bool(_OPTIONS.decode(options).include_usage)
        except (msgspec.DecodeError, RecursionError):
            raise BadRequest(
                "the field `stream_options` has the wrong type; expected an object", param="stream_options"
            ) from None

    def sizes(self, fields: Fields, image_bound: int) -> Sizes:
        return Sizes(
            input_bound=input_bound(fields, image_bound),
            output_cap=output_cap(fields),
            choices=choices(fields),
            thinking_budget=max(_budget(fields, *names) for names in _BUDGETS),
        )

    def hosted_tools(self, fields: Fields) -> Sequence[HostedTool]:
        return hosted_tools(fields)

    def read(self, fields: Fields) -> ChatRequest:
        return read_chat_request(fields)

    def reply(self, call: Call, reply: ChatReply, usage: Usage | None) -> bytes:
        return encode_chat_reply(call, reply, usage)

    def encoder(self, call: Call) -> StreamEncoder:
        return ChatStreamEncoder(call)

    def error(self, error: PixapiError, request_id: str) -> bytes:
        """The request id is in a header, where this dialect's clients look for it."""
        return error_body(error)


def _budget(fields: Fields, name: str, inner: str) -> int:
    """A budget of thought, as compatible servers take it; 0 without one."""
    value = fields.get(name)
    if value is None or is_null(value):
        return 0
    try:
        budget = bytes(decode_fields(value).get(inner, b"null"))
    except (msgspec.DecodeError, RecursionError):
        raise BadRequest(f"{name} has the wrong type; expected an object", param=name) from None
    if budget == b"null":
        return 0
    if not budget.isdigit() or len(budget) > 15:
        raise BadRequest(f"{name}.{inner} is not a whole number", param=name)
    return int(budget)
