"""Anthropic's Messages API as a dialect that callers speak (Anthropic API reference, "Messages")."""

from __future__ import annotations

from collections.abc import Sequence

from pixapi.errors import BadRequest, PixapiError
from pixapi.interfaces.call import Call
from pixapi.interfaces.chat import ChatReply, ChatRequest
from pixapi.interfaces.usage import Usage
from pixapi.wire.anthropic_encode import MessagesEncoder
from pixapi.wire.anthropic_errors import error_body
from pixapi.wire.anthropic_fields import FIELDS
from pixapi.wire.anthropic_hosted import KINDS, hosted_tools
from pixapi.wire.anthropic_read import read_messages_request
from pixapi.wire.anthropic_sizes import read_sizes
from pixapi.wire.anthropic_write import encode_message
from pixapi.wire.dialect import ChatDialect, Sizes, StreamEncoder
from pixapi.wire.hosted import HostedTool
from pixapi.wire.json import Fields


class AnthropicDialect(ChatDialect):
    """``POST /v1/messages``."""

    name = "anthropic"
    reply_prefix = "msg_"
    table = FIELDS
    hosted_kinds = KINDS
    id_header = b"request-id"
    caller_headers = (b"anthropic-beta",)

    def streams(self, fields: Fields) -> bool:
        stream = bytes(fields.get("stream", b"null"))
        if stream not in (b"true", b"false", b"null"):
            raise BadRequest("stream has a wrong type; expected true or false", param="stream")
        return stream == b"true"

    def sizes(self, fields: Fields, image_bound: int) -> Sizes:
        return read_sizes(fields, image_bound)

    def hosted_tools(self, fields: Fields) -> Sequence[HostedTool]:
        return hosted_tools(fields)

    def read(self, fields: Fields) -> ChatRequest:
        return read_messages_request(fields)

    def reply(self, call: Call, reply: ChatReply, usage: Usage | None) -> bytes:
        return encode_message(call, reply, usage)

    def encoder(self, call: Call) -> StreamEncoder:
        return MessagesEncoder(call)

    def error(self, error: PixapiError, request_id: str) -> bytes:
        return error_body(error, request_id)
