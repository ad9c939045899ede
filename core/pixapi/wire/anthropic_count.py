"""Counting the tokens of a request beforehand (Anthropic API reference, "Count tokens in a Message")."""

from __future__ import annotations

from collections.abc import Container

import msgspec

from pixapi.errors import UpstreamInvalid
from pixapi.wire.anthropic_errors import not_understood
from pixapi.wire.anthropic_sizes import input_bound
from pixapi.wire.json import Fields, decode_fields, encode, lenient

COUNTED: Container[str] = frozenset(
    {
        "cache_control",
        "context_management",
        "mcp_servers",
        "messages",
        "model",
        "output_config",
        "output_format",
        "speed",
        "system",
        "thinking",
        "tool_choice",
        "tools",
    }
)
"""The fields of a request that its count depends on; the others are refused there."""
_BYTES_PER_TOKEN = 4


def write_count(tokens: int) -> bytes:
    """The body of the answer."""
    return encode({"input_tokens": tokens})


def read_count(body: bytes) -> int:
    """The tokens that an answer states.

    Raises:
        UpstreamError: it is an error in spite of its status.
        UpstreamInvalid: it states none.
    """
    try:
        fields = decode_fields(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise not_understood(body) from None
    tokens = lenient(fields.get("input_tokens"))
    if "error" in fields:
        raise not_understood(body)
    if isinstance(tokens, bool) or not isinstance(tokens, int) or tokens < 0:
        raise UpstreamInvalid("The provider of this model answered without a count of tokens; try again.")
    return tokens


def estimate_count(fields: Fields, image_bound: int) -> int:
    """What a request of the Messages API probably has, where no vendor counts: a token for four bytes of text.
    Media, whose bound is in tokens already, are counted in full.

    Raises:
        BadRequest: ``messages`` is missing or of a wrong shape.
    """
    without_media = input_bound(fields, 0)
    media = input_bound(fields, image_bound) - without_media
    return -(-without_media // _BYTES_PER_TOKEN) + media
