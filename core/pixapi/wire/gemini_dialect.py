"""Gemini's dialect as callers speak it (Gemini API reference, "Generating content").

The model and whether to stream stand in the path; whoever serves it puts them into the fields.
"""

from __future__ import annotations

from collections.abc import Sequence

from pixapi.errors import PixapiError
from pixapi.interfaces.call import Call, Dialect
from pixapi.interfaces.chat import ChatReply, ChatRequest
from pixapi.interfaces.usage import Usage
from pixapi.wire.dialect import ChatDialect, Sizes, StreamEncoder
from pixapi.wire.gemini_errors import error_body
from pixapi.wire.gemini_fields import FIELDS
from pixapi.wire.gemini_hosted import KINDS, hosted_tools
from pixapi.wire.gemini_read import read_request
from pixapi.wire.gemini_sizes import sizes
from pixapi.wire.gemini_write import GeminiStreamEncoder, write_reply
from pixapi.wire.hosted import HostedTool
from pixapi.wire.json import Fields


class GeminiDialect(ChatDialect):
    """Google's ``:generateContent`` and ``:streamGenerateContent``."""

    name: Dialect = "gemini"
    reply_prefix = ""
    table = FIELDS
    hosted_kinds = KINDS

    def streams(self, fields: Fields) -> bool:
        return bytes(fields.get("stream", b"false")) == b"true"

    def sizes(self, fields: Fields, image_bound: int) -> Sizes:
        return sizes(fields, image_bound)

    def hosted_tools(self, fields: Fields) -> Sequence[HostedTool]:
        return hosted_tools(fields)

    def read(self, fields: Fields) -> ChatRequest:
        return read_request(fields)

    def reply(self, call: Call, reply: ChatReply, usage: Usage | None) -> bytes:
        return write_reply(call, reply, usage)

    def encoder(self, call: Call) -> StreamEncoder:
        return GeminiStreamEncoder(call)

    def error(self, error: PixapiError, request_id: str) -> bytes:
        return error_body(error, request_id)
