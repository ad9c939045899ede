"""A call of the Messages API on its way to a server that speaks it: the caller's body as it came, but for what this
server must not be asked (Anthropic API reference, "Messages"; "API version 2026-10-21").

Written anew are ``model``, the cap on output and ``stream``. Left out are what names the operator's own account,
sampling parameters where the version or the model refuses them, and thoughts whose signature another vendor made.
All else goes on byte for byte, unknown fields included; a shape that cannot be read is left for the server to
refuse.
"""

from __future__ import annotations

import msgspec

from pixapi.wire.anthropic_models import traits_of
from pixapi.wire.anthropic_request import NEWEST_VERSION
from pixapi.wire.anthropic_seal import NATIVE, sealed_by_caller
from pixapi.wire.json import Fields, decode_list, decode_objects, lenient, lenient_fields, raw
from pixapi.wire.seal import unseal

_SAMPLING = ("temperature", "top_p", "top_k")
_OPERATORS = ("user_profile_id", "workspace_id")
_THOUGHTS = ("thinking", "redacted_thinking")


def forward_message(fields: Fields, *, model: str, version: str, maker: str) -> Fields:
    """The body for the server, without its cap and ``stream``.

    Args:
        fields: the caller's body; it is left as it is.
        model: the model's name at the vendor.
        version: what ``anthropic-version`` will say.
        maker: whose signatures are sent back (`seal`).
    """
    body = {**fields, "model": raw(model)}
    for name in _OPERATORS:
        body.pop(name, None)
    if version >= NEWEST_VERSION or not traits_of(model).sampling:
        for name in _SAMPLING:
            body.pop(name, None)
    messages = body.get("messages")
    if messages is not None and _has_thoughts(bytes(messages)):
        _send_own_thoughts(body, messages, maker)
    return body


def _has_thoughts(messages: bytes) -> bool:
    return b'thinking"' in messages


def _send_own_thoughts(body: Fields, messages: msgspec.Raw, maker: str) -> None:
    """Rewrites ``messages`` where some thought is not as the server gave it; a turn that is empty then goes too."""
    try:
        turns = decode_objects(messages)
        written = [_own_thoughts(turn, maker) for turn in turns]
    except (msgspec.DecodeError, RecursionError):
        return
    if all(new is old for new, old in zip(written, turns, strict=True)):
        return
    kept = [turn for turn in written if turn is not None]
    body["messages"] = raw(kept)
    budgeted = lenient(lenient_fields(body.get("thinking")).get("type")) == "enabled"
    if budgeted and _answers_without_thoughts(kept):
        # A budget of thoughts needs the thoughts that led to the calls; they were another vendor's.
        del body["thinking"]


def _own_thoughts(turn: Fields, maker: str) -> Fields | None:
    """A turn with the thoughts that ``maker`` made: itself where that is all of it; None where nothing is left."""
    content = turn.get("content")
    if content is None or not _has_thoughts(bytes(content)) or not bytes(content).startswith(b"["):
        return turn
    blocks = decode_list(content)
    written = [_own_thought(block, maker) for block in blocks]
    if all(new is old for new, old in zip(written, blocks, strict=True)):
        return turn
    kept = [block for block in written if block is not None]
    return {**turn, "content": raw(kept)} if kept else None


def _own_thought(block: msgspec.Raw, maker: str) -> msgspec.Raw | None:
    """The block as the server gave it: the same where it was so already; None where it is another vendor's."""
    fields = lenient_fields(block)
    kind = lenient(fields.get("type"))
    if kind not in _THOUGHTS:
        return block
    name = "data" if kind == "redacted_thinking" else "signature"
    kept = lenient(fields.get(name))
    sealed = sealed_by_caller(kept) if isinstance(kept, str) else None
    if sealed is None:
        return None if maker == NATIVE else block  # some vendors do not sign
    signature = unseal(maker, sealed)
    if signature is None:
        return None
    return block if signature == kept else raw({**fields, name: raw(signature)})


def _answers_without_thoughts(turns: list[Fields]) -> bool:
    """Whether the last turn answers tool calls of a turn that does not begin with a thought."""
    if len(turns) < 2:
        return False
    asked, answered = (_kinds(turn) for turn in turns[-2:])
    return "tool_result" in answered and asked[:1] != ["thinking"] and asked[:1] != ["redacted_thinking"]


def _kinds(turn: Fields) -> list[object]:
    content = lenient(turn.get("content"))
    return [b.get("type") for b in content if isinstance(b, dict)] if isinstance(content, list) else []
