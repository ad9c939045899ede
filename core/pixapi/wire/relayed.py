"""What a caller reads of bytes in its own dialect, as the internal model: to count what a relayed reply holds, and for
the tests of providers that pass such bytes on.
"""

from __future__ import annotations

from pixapi.interfaces.call import Call, Result
from pixapi.interfaces.stream import Decoder
from pixapi.wire import anthropic_reply, gemini_reply, responses_reply
from pixapi.wire.anthropic_seal import NATIVE
from pixapi.wire.anthropic_stream import MessagesDecoder
from pixapi.wire.gemini_stream import GeminiDecoder
from pixapi.wire.openai_read_reply import read_chat_reply
from pixapi.wire.openai_stream import OpenAIChatDecoder
from pixapi.wire.responses_stream import ResponsesDecoder


def caller_decoder(call: Call) -> Decoder:
    """A reader of the stream that the caller of ``call`` gets."""
    match call.dialect:
        case "anthropic":
            return MessagesDecoder(NATIVE, call.reply_id)
        case "responses":
            return ResponsesDecoder("", call.reply_id)
        case "gemini":
            return GeminiDecoder("", call.reply_id)
        case _:
            return OpenAIChatDecoder(call)


def read_body(call: Call, body: bytes) -> Result:
    """The whole reply that the caller of ``call`` gets.

    Raises:
        UpstreamError: it is none.
    """
    match call.dialect:
        case "anthropic":
            return anthropic_reply.read_reply(body, NATIVE)
        case "responses":
            return responses_reply.read_reply(body, "")
        case "gemini":
            return gemini_reply.read_reply(body, "", call.reply_id)
        case _:
            return read_chat_reply(call, body)
