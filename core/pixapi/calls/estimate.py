"""What a call probably used, where the provider does not say. Such a charge says ``usage_source = "estimated"``."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from pixapi.errors import UpstreamError
from pixapi.interfaces import Call, ChatReply, Reasoning, Result, Text, ToolCall, Usage
from pixapi.wire.audio_length import likely_seconds
from pixapi.wire.openai_media_sizes import least_searches
from pixapi.wire.relayed import read_body

_BYTES_PER_TOKEN = 4


def tokens_of_bytes(size: int) -> int:
    """A token for four bytes of text, rounded up."""
    return -(-size // _BYTES_PER_TOKEN)


def estimated(input_bound: int, output_tokens: int) -> Usage:
    """Usage from the bound on the input (bytes of text) and the output counted so far."""
    return Usage(input=tokens_of_bytes(input_bound), output=output_tokens)


def estimated_of(call: Call, input_bound: int, result: Result) -> Usage:
    """Usage of a whole reply that does not say it: of sound its probable seconds, of all else tokens."""
    if call.operation == "transcriptions":
        return Usage(seconds=sum((likely_seconds(upload) for upload in call.uploads), Decimal(0)))
    if call.operation == "rerank":
        return Usage(input=tokens_of_bytes(input_bound), searches=least_searches(call.fields))
    return estimated(input_bound, output_of(call, result))


def with_tokens(usage: Usage, asked: Usage | None, input_bound: int, output_bound: int) -> Usage:
    """Images that were made, with the tokens that the server does not tell: what was sent, and their share of what was
    held for all that were asked for.
    """
    most = max(1, (asked.images if asked is not None else None) or 1)
    made = min(usage.images or 0, most)
    return msgspec.structs.replace(
        usage, input=tokens_of_bytes(input_bound), output=-(-output_bound * made // most)
    )


def output_of(call: Call, result: Result) -> int:
    """Output tokens of a whole reply to ``call``, from the length of its text."""
    chat = result.chat
    if chat is None:
        body = result.body or b""
        try:
            chat = read_body(call, body).chat
        except UpstreamError:
            chat = None
        if chat is None:
            return tokens_of_bytes(len(body))
    return tokens_of_bytes(_size_of(chat))


def _size_of(reply: ChatReply) -> int:
    texts = [part.text for part in reply.parts if isinstance(part, Text | Reasoning)]
    texts += [part.arguments for part in reply.parts if isinstance(part, ToolCall)]
    return sum(len(text.encode("utf-8", "surrogatepass")) for text in texts) + len(
        (reply.refusal or "").encode()
    )
