"""What a caller reads of bytes in its own dialect, as the internal model: for the tests of providers that pass such
bytes on.
"""

from __future__ import annotations

from pixapi.interfaces.call import Call, Result
from pixapi.interfaces.stream import Decoder
from pixapi.wire.anthropic_reply import read_reply
from pixapi.wire.anthropic_seal import NATIVE
from pixapi.wire.anthropic_stream import MessagesDecoder
from pixapi.wire.openai_read_reply import read_chat_reply
from pixapi.wire.openai_stream import OpenAIChatDecoder


def caller_decoder(call: Call) -> Decoder | None:
    """A reader of the stream that the caller of ``call`` gets; None where its dialect has none."""
    if call.dialect == "openai":
        return OpenAIChatDecoder(call)
    if call.dialect == "anthropic":
        return MessagesDecoder(NATIVE, call.reply_id)
    return None


def read_body(call: Call, body: bytes) -> Result | None:
    """The whole reply that the caller of ``call`` gets; None where its dialect has no reader."""
    if call.dialect == "openai":
        return read_chat_reply(call, body)
    return read_reply(body, NATIVE) if call.dialect == "anthropic" else None
