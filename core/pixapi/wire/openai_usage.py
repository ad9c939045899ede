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
_MOST_DIGITS = 30
"""Before or behind the point of a cost: ten bytes can name a number of a billion digits."""


class _Details(msgspec.Struct):
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    audio_tokens: int | None = None
    image_tokens: int | None = None
    reasoning_tokens: int | None = None


class Said(msgspec.Struct):
    """A ``usage`` object in all of its spellings."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    prompt_tokens_details: _Details | None = None
    completion_tokens_details: _Details | None = None
    cached_tokens: int | None = None
    prompt_cache_hit_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    reasoning_tokens: int | None = None
    cost: Any = None
    cost_in_usd_ticks: int | None = None

    def is_plain(self) -> bool:
        """Whether it has nothing but a prompt, a completion and their sum."""
        prompt, completion = self.prompt_tokens, self.completion_tokens
        return (
            prompt is not None
            and completion is not None
            and self.total_tokens == prompt + completion >= prompt >= 0
            and self.prompt_tokens_details is None
            and self.completion_tokens_details is None
            and self.cached_tokens is None
            and self.prompt_cache_hit_tokens is None
            and self.cache_creation_input_tokens is None
            and self.reasoning_tokens is None
            and self.cost is None
            and self.cost_in_usd_ticks is None
        )


_SAID = msgspec.json.Decoder(Said)
_NONE = _Details()


def read_usage(raw: msgspec.Raw | bytes, *, excludes_reasoning: bool = False) -> Usage | None:
    """What a ``usage`` object says; None where it is null or no object.

    ``excludes_reasoning``: the server's ``completion_tokens`` lacks the reasoning. Where there is a
    ``total_tokens``, that decides.
    """
    text = bytes(raw)
    if not text.startswith(b"{") or text == b"{}":
        return None
    said = decode_said(text) or _mended(text)
    if said is None:
        return None
    return usage_of(said, excludes_reasoning=excludes_reasoning)


def decode_said(text: bytes) -> Said | None:
    """A ``usage`` object as it stands; None if ``text`` is not exactly one in good order."""
    try:
        return _SAID.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def usage_of(said: Said, *, excludes_reasoning: bool = False) -> Usage:
    """The same of an object that was read already."""
    if said.is_plain():
        return Usage(input=said.prompt_tokens, output=said.completion_tokens)
    prompt, completion = _at_least_none(said.prompt_tokens), _at_least_none(said.completion_tokens)
    if prompt is None and completion is None:
        prompt = said.total_tokens  # embeddings servers that only know a total: all of it is input
    fresh, cached, written, audio, image = _input(said, prompt)
    output, reasoning, audio_out, image_out = _output(said, prompt, completion, excludes_reasoning)
    has_cost = said.cost is not None or said.cost_in_usd_ticks is not None
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
        provider_cost_usd=_cost(said) if has_cost else None,
    )


def _input(said: Said, prompt: int | None) -> tuple[int | None, ...]:
    details = said.prompt_tokens_details or _NONE
    cached = _first(details.cached_tokens, said.prompt_cache_hit_tokens, said.cached_tokens)
    written = _first(
        details.cache_write_tokens, details.cache_creation_input_tokens, said.cache_creation_input_tokens
    )
    audio, image = _at_least_none(details.audio_tokens), _at_least_none(details.image_tokens)
    if prompt is None:
        return None, cached, written, audio, image
    if cached is not None and cached > prompt:
        # Where more was cached than sent, the server's prompt count leaves the cached part out.
        return prompt, cached, written, None if audio is None else 0, None if image is None else 0
    left = prompt - (cached or 0)
    written, left = _take(written, left)
    # Audio and images that were cached are counted as cached: they only have what is left.
    audio, left = _take(audio, left)
    image, left = _take(image, left)
    return left, cached, written, audio, image


def _output(said: Said, prompt: int | None, completion: int | None, excludes: bool) -> tuple[int | None, ...]:
    details = said.completion_tokens_details or _NONE
    reasoning = _first(details.reasoning_tokens, said.reasoning_tokens, None)
    audio, image = _at_least_none(details.audio_tokens), _at_least_none(details.image_tokens)
    if completion is None:
        return None, reasoning, audio, image
    unseen = _unseen(said, prompt, completion)
    if unseen is None:
        unseen = reasoning if reasoning and (excludes or reasoning > completion) else 0
    if unseen:
        completion += unseen
        reasoning = max(reasoning or 0, unseen)
    reasoning, left = _take(reasoning, completion)
    audio, left = _take(audio, left)
    image, left = _take(image, left)
    return left, reasoning, audio, image


def _unseen(said: Said, prompt: int | None, completion: int) -> int | None:
    """Tokens that are in the total but neither in the prompt nor in the completion: thoughts left out of
    both.

    None where the total does not tell.
    """
    if said.total_tokens is None or prompt is None:
        return None
    rest = said.total_tokens - prompt - completion
    cached = (said.prompt_tokens_details or _NONE).cached_tokens or 0
    return 0 if cached > prompt and rest == cached else max(rest, 0)


def _take(part: int | None, left: int) -> tuple[int | None, int]:
    if part is None:
        return None, left
    part = min(part, left)
    return part, left - part


def _first(one: int | None, two: int | None, three: int | None) -> int | None:
    value = one if one is not None else two if two is not None else three
    return _at_least_none(value)


def _at_least_none(value: int | None) -> int | None:
    return 0 if value is not None and value < 0 else value


def _mended(text: bytes) -> Said | None:
    """A usage whose counts are strings, have a decimal point, or are not counts at all; None if it is no
    object.
    """
    try:
        said = decode_any(text)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    if not isinstance(said, dict):
        return None
    known: dict[str, Any] = {"cost": said.get("cost")}
    for name in Said.__struct_fields__:
        value = said.get(name)
        if not name.endswith("_details"):
            known.setdefault(name, _count(value))
        elif isinstance(value, dict):
            known[name] = {key: _count(value.get(key)) for key in _Details.__struct_fields__}
    return msgspec.convert(known, Said)


def _count(value: object) -> int | None:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 18:
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _cost(said: Said) -> str | None:
    """What the server says it charges, as a decimal string of USD."""
    if said.cost_in_usd_ticks is not None:
        return _plain(Decimal(said.cost_in_usd_ticks) / _TICKS_PER_USD)
    cost = said.cost.get("total_cost") if isinstance(said.cost, dict) else said.cost
    if isinstance(cost, bool) or not isinstance(cost, int | float | str):
        return None
    try:
        amount = Decimal(str(cost))
    except InvalidOperation:
        return None
    believed = amount.is_finite() and amount >= 0 and -_MOST_DIGITS <= amount.adjusted() < _MOST_DIGITS
    return _plain(amount) if believed else None


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
