"""What a call probably used, where the provider does not say. Such a charge says ``usage_source = "estimated"``."""

from __future__ import annotations

from collections.abc import Callable
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


def completed(
    call: Call, usage: Usage | None, input_bound: int, count_output: Callable[[], int]
) -> tuple[Usage, str]:
    """What a call is charged for that is said to have used ``usage``, and its ``usage_source``.

    Unknown is not zero. Of a chat, a half that was told stays, and the other is estimated: input from what was sent,
    output by ``count_output``, the tokens of what was passed on. All that is not told of a half that has several
    quantities is its text.
    """
    if usage is None:
        return estimated(input_bound, count_output()), "estimated"
    if call.operation != "chat" or (usage.input is not None and usage.output is not None):
        return usage, "reported"
    if usage.input is None:
        rest = tokens_of_bytes(input_bound) - usage.total_input()
        usage = msgspec.structs.replace(usage, input=max(0, rest))
    if usage.output is None:
        rest = count_output() - usage.total_output()
        usage = msgspec.structs.replace(usage, output=max(0, rest))
    return usage, "estimated"


def completed_of(call: Call, input_bound: int, result: Result) -> tuple[Usage, str]:
    """`completed` for a whole reply."""
    if result.usage is None:
        return estimated_of(call, input_bound, result), "estimated"
    return completed(call, result.usage, input_bound, lambda: output_of(call, result))


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
