"""Any server that speaks OpenAI's dialect: chat, embeddings, images, audio and so on (OpenAI API reference).

The caller's body goes on as it came, taken apart at its top level only. Rewritten are ``model``, the cap on
output that the call was priced for, and ``stream_options`` (usage is always asked for, the relay keeps it
from callers who did not ask); beyond that only what the row of quirks says. Headers of the caller never go
on. A call of another dialect is written from the internal model and answered in it.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from pixapi.adapters.openai_responses import ResponsesApi
from pixapi.errors import BadRequest, UpstreamError
from pixapi.interfaces.call import BY_THE_PIECE, Call, Dialect, Operation, Result
from pixapi.interfaces.http import HttpReply, HttpRequest
from pixapi.interfaces.provider import Provider
from pixapi.interfaces.secret import Secret
from pixapi.interfaces.stream import Decoder
from pixapi.wire.chat_terms import unsaid, withheld
from pixapi.wire.json import FALSE, TRUE, Fields, decode_fields, encode, is_null, raw
from pixapi.wire.openai_chat_write import WORDS, foreign_chat_request, write_chat_request
from pixapi.wire.openai_errors import read_error
from pixapi.wire.openai_habits import Habits
from pixapi.wire.openai_image_stream import OpenAIImageRelay
from pixapi.wire.openai_input import CAPS, SERVERS_CAP
from pixapi.wire.openai_media import PATHS, relay_media_reply, write_media_call
from pixapi.wire.openai_messages import adapt_messages, plain_schemas
from pixapi.wire.openai_quirks import PLAIN, Quirks
from pixapi.wire.openai_read_reply import read_chat_reply
from pixapi.wire.openai_relay import OpenAIChatRelay
from pixapi.wire.openai_result import relay_chat_reply, relay_embeddings_reply
from pixapi.wire.openai_stream import OpenAIChatDecoder

_PATHS: dict[Operation, str] = {"chat": "/chat/completions", "embeddings": "/embeddings", **PATHS}
_DONE_HERE = ("stream_options", "encoding_format")
"""Fields whose meaning callers get from the gateway, whatever the server is told."""
_ONLY_USAGE = msgspec.Raw(b'{"include_usage":true}')


class OpenAICompatible(Provider):
    """A server of OpenAI's dialect at ``base_url`` (its version included), different by ``quirks`` only.

    ``headers`` are sent with every request, after those of the row. ``responses``: the server offers
    ``/responses`` too, and callers of that dialect go there; with ``api`` "responses" all who chat do, those of
    chat completions in translation. ``operations``: what it offers, where that is not what the row says; ``streams``:
    what of it as a stream, too.
    """

    dialects: frozenset[Dialect] = frozenset({"openai"})

    def __init__(
        self,
        api_key: Secret,
        *,
        base_url: str | None = None,
        quirks: Quirks = PLAIN,
        headers: tuple[tuple[str, str | Secret], ...] = (),
        responses: ResponsesApi | None = None,
        api: Literal["chat", "responses"] = "chat",
        operations: frozenset[Operation] | None = None,
        streams: frozenset[Operation] = frozenset({"chat"}),
    ) -> None:
        self._api_key = api_key
        self.operations: frozenset[Operation] = operations or quirks.operations
        self.streams = streams
        self._responses = responses
        self.dialects: frozenset[Dialect] = frozenset(
            name for name, offered in (("openai", api == "chat"), ("responses", responses)) if offered
        )
        self._quirks = quirks
        self._habits = Habits(quirks)
        self._lost = quirks.drop.difference(_DONE_HERE)
        self._base_url = (base_url or quirks.base_url).rstrip("/")
        self._urls = {operation: self._base_url + path for operation, path in _PATHS.items()}
        self._headers = (
            ("content-type", "application/json"),
            ("accept-encoding", "identity"),
            *quirks.extra_headers,
            *((name, value) for name, value in headers if isinstance(value, str)),
        )
        self._secret_headers = tuple((name, value) for name, value in headers if isinstance(value, Secret))
        self._adapts = bool(
            quirks.flatten_text
            or quirks.omit_empty_content
            or not quirks.echo_reasoning
            or quirks.reasoning_field != "reasoning_content"
        )

    def request(self, call: Call) -> HttpRequest:
        responses = self._responses_for(call)
        if responses is not None:
            body, dropped = responses.body(call)
            return HttpRequest("POST", self._base_url + "/responses", self._with_key(), body, dropped=dropped)
        fields = self._translated(call) if self._is_foreign(call) else dict(call.fields)
        fields["model"] = raw(call.model)
        if call.operation == "chat":
            self._chat(call, fields)
        for name in self._quirks.drop:
            fields.pop(name, None)
        dropped = self._dropped(call, fields)
        for name, theirs in self._quirks.rename:
            if name in fields:
                fields[theirs] = fields.pop(name)
        url, headers = self._urls[call.operation], self._with_key()
        if call.operation in PATHS:
            kind, body = write_media_call(call, fields)
            headers = (*(header for header in headers if header[0] != "content-type"), ("content-type", kind))
            paid = call.operation in BY_THE_PIECE
            return HttpRequest("POST", url, headers, body, paid=paid, dropped=dropped)
        return HttpRequest("POST", url, headers, encode(fields), dropped=dropped)

    def result(self, call: Call, reply: HttpReply) -> Result:
        responses = self._responses_for(call)
        if responses is not None:
            return responses.result(call, reply)
        if self._is_foreign(call):
            return read_chat_reply(call, reply.body, self._quirks)
        if call.operation in PATHS:
            return relay_media_reply(call, reply)
        relay = relay_embeddings_reply if call.operation == "embeddings" else relay_chat_reply
        return relay(call, reply.body, self._quirks)

    def decoder(self, call: Call) -> Decoder:
        responses = self._responses_for(call)
        if responses is not None:
            return responses.decoder(call)
        if call.operation in PATHS:
            return OpenAIImageRelay(call)
        if self._is_foreign(call):
            return OpenAIChatDecoder(call, self._quirks)
        return OpenAIChatRelay(call, self._quirks, self._habits)

    def _dropped(self, call: Call, fields: Fields) -> tuple[str, ...]:
        """What the call asks for and ``fields`` do not say: for want of a word, or because the row drops it."""
        if call.chat is not None:
            return unsaid(call.chat, fields, WORDS)
        return withheld(call.fields, fields, self._lost) if self._lost else ()

    def _is_foreign(self, call: Call) -> bool:
        return call.operation == "chat" and call.dialect not in self.dialects

    def error(self, reply: HttpReply) -> UpstreamError:
        return read_error(reply.status, reply.body, reply.headers)

    def probe(self) -> HttpRequest | None:
        return HttpRequest("GET", self._base_url + "/models", self._with_key())

    def _responses_for(self, call: Call) -> ResponsesApi | None:
        """The API that ``call`` goes over, unless it is chat completions or no chat at all."""
        if call.operation != "chat" or (call.dialect != "responses" and "openai" in self.dialects):
            return None
        return self._responses

    def _with_key(self) -> tuple[tuple[str, str], ...]:
        key, headers = self._api_key.reveal(), self._headers
        if self._secret_headers:
            headers = (*headers, *((name, value.reveal()) for name, value in self._secret_headers))
        if not key or key == "none":
            return headers
        if self._quirks.auth == "api-key":
            return (("api-key", key), *headers)
        return (("authorization", f"Bearer {key}"), *headers)

    def _translated(self, call: Call) -> Fields:
        """A call of another dialect as a body of this one; its cap goes under the name that the row prefers."""
        if call.chat is None:
            raise BadRequest(f"calls of the dialect {call.dialect} are not offered by this model's provider")
        asked = foreign_chat_request(call.chat)
        body = write_chat_request(msgspec.structs.replace(asked, max_output=None), model=call.model)
        fields = {name: raw(value) for name, value in body.items()}
        if asked.max_output is not None:
            fields[self._quirks.cap_field] = raw(asked.max_output)
        return fields

    def _chat(self, call: Call, fields: Fields) -> None:
        if call.stream:
            fields["stream"] = TRUE
            if self._quirks.stream_usage:
                fields["stream_options"] = _with_usage(fields.get("stream_options"))
            else:
                fields.pop("stream_options", None)
        elif "stream" in fields:
            fields["stream"] = FALSE
        if call.output_cap is not None:
            self._cap(fields, msgspec.Raw(b"%d" % call.output_cap))
        if self._adapts and "messages" in fields:
            fields["messages"] = adapt_messages(fields["messages"], self._quirks)
        if self._quirks.plain_schemas:
            for name in ("tools", "response_format"):
                if name in fields:
                    fields[name] = plain_schemas(fields[name])

    def _cap(self, fields: Fields, cap: msgspec.Raw) -> None:
        """The caller's own name for the cap, so that servers that know only one of them keep working."""
        theirs = [name for name in CAPS if name in fields and not is_null(fields[name])]
        for name in (*CAPS, SERVERS_CAP):
            fields.pop(name, None)
        for name in theirs or (self._quirks.cap_field,):
            fields[name] = cap


def _with_usage(options: msgspec.Raw | None) -> msgspec.Raw:
    if options is None or is_null(options):
        return _ONLY_USAGE
    try:
        members = decode_fields(options)
    except msgspec.DecodeError:
        raise BadRequest("stream_options is not an object", param="stream_options") from None
    members["include_usage"] = TRUE
    return raw(members)
