"""OpenAI's ``usage`` object to and from the disjoint `Usage` (OpenAI API reference, "Create chat
completion").

OpenAI's numbers are inclusive: ``prompt_tokens`` holds what was read from a cache, ``completion_tokens``
holds the reasoning. Compatible servers spell the parts in several ways and some count differently; the
arithmetic here never counts a token twice and never goes below zero, and what a server did not say stays
unknown.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from pixapi.interfaces.usage import Usage
from pixapi.wire.json import decode_any

_TICKS_PER_USD = Decimal(10) ** 10


def read_usage(raw: msgspec.Raw | bytes, *, excludes_reasoning: bool = False) -> Usage | None:
    """What a ``usage`` object says; None where it is null or no object.

    ``excludes_reasoning``: the server's ``completion_tokens`` lacks the reasoning. It is also seen from
    ``total_tokens``, whichever way it points.
    """
    try:
        said = decode_any(raw)
    except msgspec.DecodeError:
        return None
    if not isinstance(said, dict) or not said:
        return None
    prompt, total = _count(said, "prompt_tokens"), _count(said, "total_tokens")
    completion = _count(said, "completion_tokens")
    if prompt is None and completion is None and total is not None:
        prompt = total  # embeddings servers that only know a total: all of it is input
    fresh, cached, written, audio, image = _input(said, prompt)
    output, reasoning, audio_out, image_out = _output(said, prompt, completion, total, excludes_reasoning)
    return Usage(
        input=fresh,
        cached_input=cached,
        cache_write=written,
        audio_input=audio,
        image_input=image,
        output=output,
        reasoning=reasoning,
        audio_output=audio_out,
        image_output=image_out,
        provider_cost_usd=_cost(said),
    )


def _input(said: dict[str, Any], prompt: int | None) -> tuple[int | None, ...]:
    details = _object(said, "prompt_tokens_details")
    cached = _first(
        _count(details, "cached_tokens"),
        _count(said, "prompt_cache_hit_tokens"),
        _count(said, "cached_tokens"),
    )
    written = _first(
        _count(details, "cache_write_tokens"),
        _count(details, "cache_creation_input_tokens"),
        _count(said, "cache_creation_input_tokens"),
    )
    audio, image = _count(details, "audio_tokens"), _count(details, "image_tokens")
    if prompt is None:
        return None, cached, written, audio, image
    if (cached or 0) > prompt:
        # Where more was cached than sent, the server's prompt count leaves the cached part out.
        return prompt, cached, written, None if audio is None else 0, None if image is None else 0
    left = prompt - (cached or 0)
    written, left = _take(written, left)
    # Audio and images that were cached are counted as cached: they only have what is left.
    audio, left = _take(audio, left)
    image, left = _take(image, left)
    return left, cached, written, audio, image


def _output(
    said: dict[str, Any], prompt: int | None, completion: int | None, total: int | None, excludes: bool
) -> tuple[int | None, ...]:
    details = _object(said, "completion_tokens_details")
    reasoning = _first(_count(details, "reasoning_tokens"), _count(said, "reasoning_tokens"))
    audio, image = _count(details, "audio_tokens"), _count(details, "image_tokens")
    if completion is None:
        return None, reasoning, audio, image
    if reasoning:
        if total is not None and prompt is not None:
            if total == prompt + completion + reasoning:
                excludes = True
            elif total == prompt + completion:
                excludes = False
        if excludes or reasoning > completion:
            completion += reasoning
    reasoning, left = _take(reasoning, completion)
    audio, left = _take(audio, left)
    image, left = _take(image, left)
    return left, reasoning, audio, image


def _take(part: int | None, left: int) -> tuple[int | None, int]:
    if part is None:
        return None, left
    part = min(part, left)
    return part, left - part


def _first(*values: int | None) -> int | None:
    return next((value for value in values if value is not None), None)


def _object(said: dict[str, Any], key: str) -> dict[str, Any]:
    value = said.get(key)
    return value if isinstance(value, dict) else {}


def _count(said: dict[str, Any], key: str) -> int | None:
    """A count, which some servers write as a string or with a decimal point; None where it is not one."""
    value = said.get(key)
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 18:
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return max(value, 0) if isinstance(value, int) and not isinstance(value, bool) else None


def _cost(said: dict[str, Any]) -> str | None:
    """What the server says it charges, as a decimal string of USD."""
    ticks = _count(said, "cost_in_usd_ticks")
    if ticks is not None:
        return _plain(Decimal(ticks) / _TICKS_PER_USD)
    cost = said.get("cost")
    if isinstance(cost, dict):
        cost = cost.get("total_cost")
    if isinstance(cost, bool) or not isinstance(cost, int | float | str):
        return None
    try:
        amount = Decimal(str(cost))
    except InvalidOperation:
        return None
    return _plain(amount) if amount.is_finite() and amount >= 0 else None


def _plain(amount: Decimal) -> str:
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def write_usage(usage: Usage) -> dict[str, Any]:
    """A `Usage` as OpenAI's inclusive object. What is unknown counts as none in the sums and is left out
    below.
    """
    prompt, completion = usage.total_input(), usage.total_output()
    written = None
    if usage.cache_write is not None or usage.cache_write_1h is not None:
        written = (usage.cache_write or 0) + (usage.cache_write_1h or 0)
    inputs = {
        "cached_tokens": usage.cached_input,
        "cache_write_tokens": written,
        "audio_tokens": usage.audio_input,
        "image_tokens": usage.image_input,
    }
    outputs = {
        "reasoning_tokens": usage.reasoning,
        "audio_tokens": usage.audio_output,
        "image_tokens": usage.image_output,
    }
    written_out: dict[str, Any] = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }
    for name, parts in (("prompt_tokens_details", inputs), ("completion_tokens_details", outputs)):
        known = {key: value for key, value in parts.items() if value is not None}
        if known:
            written_out[name] = known
    return written_out
