"""OpenAI's Responses API as a dialect that is offered to callers (OpenAI API reference, "Responses").

It is offered without state: a response cannot be fetched, continued or cancelled by its id, and what asks
for that is refused, never ignored. The conversation is in ``input``, opaque thoughts included.
"""

from __future__ import annotations

from collections.abc import Sequence

from pixapi.errors import BadRequest, PixapiError
from pixapi.interfaces.call import Call
from pixapi.interfaces.chat import ChatReply, ChatRequest
from pixapi.interfaces.usage import Usage
from pixapi.wire.dialect import ChatDialect, Sizes
from pixapi.wire.hosted import HostedTool
from pixapi.wire.json import Fields, encode
from pixapi.wire.openai_errors import error_body
from pixapi.wire.responses_encoder import ResponsesEncoder
from pixapi.wire.responses_fields import FIELDS
from pixapi.wire.responses_hosted import KINDS, hosted_tools
from pixapi.wire.responses_input import input_bound, output_cap, refuse_stateful
from pixapi.wire.responses_object import write_reply
from pixapi.wire.responses_request import read_request


class ResponsesDialect(ChatDialect):
    """The Responses API, stateless."""

    name = "responses"
    reply_prefix = "resp_"
    table = FIELDS
    hosted_kinds = KINDS

    def streams(self, fields: Fields) -> bool:
        value = bytes(fields.get("stream", b"null"))
        if value not in (b"true", b"false", b"null"):
            raise BadRequest("the field `stream` has the wrong type; expected true or false", param="stream")
        return value == b"true"

    def sizes(self, fields: Fields, image_bound: int) -> Sizes:
        refuse_stateful(fields)
        return Sizes(input_bound=input_bound(fields, image_bound), output_cap=output_cap(fields))

    def hosted_tools(self, fields: Fields) -> Sequence[HostedTool]:
        return hosted_tools(fields)

    def read(self, fields: Fields) -> ChatRequest:
        return read_request(fields)

    def reply(self, call: Call, reply: ChatReply, usage: Usage | None) -> bytes:
        return encode(write_reply(call, reply, usage))

    def encoder(self, call: Call) -> ResponsesEncoder:
        return ResponsesEncoder(call)

    def error(self, error: PixapiError, request_id: str) -> bytes:
        return error_body(error)
