"""A server's ``POST /responses``: for callers of that dialect as they are, for others in translation (OpenAI
API reference, "Responses").

A part of a provider, not one itself: whoever offers the API asks it for bodies, results and decoders, and
adds address and credential.

A call in the dialect itself goes on as it came. Rewritten are ``model``, the cap on output that the call was
priced for, ``stream``, and ``store``, which is always false: responses would be kept under the operator's
account, where other callers of the same gateway could reach them. A caller who did not ask for that may count on the
server to remember its thoughts and send their ids only; so the thoughts are asked for in encrypted form, which
clients send back without being told to. Thoughts that another vendor encrypted are left out, since a server
refuses what it cannot decrypt.
"""

from __future__ import annotations

import re
from typing import Literal
from urllib.parse import urlsplit

import msgspec

from pixapi.errors import BadRequest
from pixapi.interfaces.call import Call, Result
from pixapi.interfaces.chat import ChatRequest
from pixapi.interfaces.http import HttpReply
from pixapi.interfaces.stream import Decoder
from pixapi.wire.chat_terms import unsaid
from pixapi.wire.json import FALSE, TRUE, Fields, decode_objects, encode, is_null, lenient, raw
from pixapi.wire.openai_chat import read_chat_request
from pixapi.wire.openai_input import SERVERS_CAP
from pixapi.wire.responses_relay import ResponsesRelay, relay_reply
from pixapi.wire.responses_reply import read_reply
from pixapi.wire.responses_stream import ResponsesDecoder
from pixapi.wire.responses_write import ENCRYPTED, WORDS, has_thoughts, write_request

Summary = Literal["auto", "concise", "detailed"]

_SEALED = re.compile(rb'"encrypted_content"\s*:\s*"(?:redacted:)?[a-z0-9.-]+:')


class ResponsesApi:
    """The Responses API of one server."""

    def __init__(self, maker: str, *, summary: Summary | None = None) -> None:
        """``maker`` marks the thoughts that this server encrypts; ``summary``: how it is to sum them up for
        callers of other dialects, None: not at all.
        """
        self._maker = maker
        self._summary = summary

    @classmethod
    def at(cls, base_url: str, *, summary: Summary | None = None) -> ResponsesApi:
        """The API of the server at ``base_url``. What it encrypts is its vendor's, or its host's where nobody knows
        the vendor.
        """
        host = urlsplit(base_url).hostname or "unknown"
        return cls("openai" if host.endswith("openai.com") else host.replace(":", "-"), summary=summary)

    def body(self, call: Call) -> tuple[bytes, tuple[str, ...]]:
        """The body of the request, and what it does not say of what the call asks for.

        Raises:
            BadRequest: the call holds what the API cannot express; the sentence says what.
        """
        if call.dialect == "responses":
            return encode(self._own(call)), ()
        try:
            asked = _asked(call)
            body = write_request(
                asked,
                model=call.model,
                max_output=call.output_cap,
                maker=self._maker,
                stream=call.stream,
                summary=self._summary,
            )
            return encode(body), unsaid(asked, body, WORDS)
        except RecursionError:
            raise BadRequest("the request is nested too deeply to be understood") from None

    def result(self, call: Call, reply: HttpReply) -> Result:
        """What a whole 2xx reply says. Raises UpstreamError."""
        if call.dialect == "responses":
            return relay_reply(call, reply.body)
        return read_reply(reply.body, self._maker)

    def decoder(self, call: Call) -> Decoder:
        """A decoder for the streamed reply."""
        if call.dialect == "responses":
            return ResponsesRelay(call)
        return ResponsesDecoder(self._maker, call_prefix=call.reply_id)

    def _own(self, call: Call) -> Fields:
        fields = dict(call.fields)
        fields.pop(SERVERS_CAP, None)
        fields["model"] = raw(call.model)
        if self._maker == "openai" and "store" not in fields and has_thoughts(call.model):
            fields["include"] = _with_encrypted(fields.get("include"))
        fields["store"] = FALSE
        if call.stream or "stream" in fields:
            fields["stream"] = TRUE if call.stream else FALSE
        if call.output_cap is not None:
            fields["max_output_tokens"] = msgspec.Raw(b"%d" % call.output_cap)
        items = fields.get("input")
        if items is not None and _SEALED.search(bytes(items)):
            fields["input"] = _without_foreign_thoughts(items)
        return fields


def _asked(call: Call) -> ChatRequest:
    return call.chat if call.chat is not None else read_chat_request(call.fields)


def _with_encrypted(include: msgspec.Raw | None) -> msgspec.Raw:
    if include is None or is_null(include):
        return raw([ENCRYPTED])
    listed = lenient(include)
    return raw([*listed, ENCRYPTED]) if isinstance(listed, list) and ENCRYPTED not in listed else include


def _without_foreign_thoughts(items: msgspec.Raw) -> msgspec.Raw:
    try:
        listed = decode_objects(items)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return items  # for the server to refuse
    return raw([item for item in listed if not _is_foreign(item)])


def _is_foreign(item: Fields) -> bool:
    """Whether an item is a thought with a seal of ours; a server's own have none in this dialect."""
    if lenient(item.get("type")) != "reasoning" or "encrypted_content" not in item:
        return False
    return _SEALED.match(b'"encrypted_content":' + bytes(item["encrypted_content"])) is not None
