"""``usage`` of images and transcriptions (OpenAI API reference, "Create image", "Create transcription").

It has other names than that of chat (``input_tokens``), and is either of tokens or, ``type: "duration"``, of seconds.
The parts of the input are disjoint in `Usage`: text, image, audio.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from pixapi.interfaces.usage import Usage
from pixapi.wire.openai_usage import read_usage


class _Details(msgspec.Struct):
    text_tokens: int | None = None
    image_tokens: int | None = None
    audio_tokens: int | None = None
    cached_tokens: int | None = None


class _Said(msgspec.Struct):
    input_tokens: int | None = None
    output_tokens: int | None = None
    input_tokens_details: _Details | None = None
    input_token_details: _Details | None = None
    output_tokens_details: _Details | None = None
    seconds: Any = None
    prompt_audio_seconds: Any = None
    cost: Any = None


_SAID = msgspec.json.Decoder(_Said, strict=False)
_NONE = _Details()


def read_media_usage(value: msgspec.Raw | None, *, makes_images: bool) -> Usage | None:
    """What a ``usage`` object says; None where it is absent or says nothing that can be read.

    ``makes_images``: output that is not said to be text is of images.
    """
    if value is None or not bytes(value).startswith(b"{"):
        return None
    try:
        said = _SAID.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    seconds = _decimal(said.prompt_audio_seconds if said.seconds is None else said.seconds)
    if said.input_tokens is None and said.output_tokens is None:
        other = read_usage(value)
        if other is None or not (other.total_input() or other.total_output() or seconds is not None):
            return None
        return msgspec.structs.replace(other, seconds=seconds)
    details = said.input_tokens_details or said.input_token_details or _NONE
    left = max(0, said.input_tokens or 0)
    cached, left = _take(details.cached_tokens, left)
    image, left = _take(details.image_tokens, left)
    audio, left = _take(details.audio_tokens, left)
    made = None if said.output_tokens is None else max(0, said.output_tokens)
    drawn: int | None = None
    if makes_images and made is not None:
        words, drawn = _take((said.output_tokens_details or _NONE).text_tokens, made)
        made = words
    return Usage(
        input=None if said.input_tokens is None else left,
        cached_input=cached,
        image_input=image,
        audio_input=audio,
        output=made,
        image_output=drawn,
        seconds=seconds,
        provider_cost_usd=_cost(said),
    )


def _take(part: int | None, left: int) -> tuple[int | None, int]:
    """A part of what is left, never more than that, and what is left then."""
    if part is None:
        return None, left
    part = min(max(0, part), left)
    return part, left - part


def _decimal(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() and number >= 0 else None


def _cost(said: _Said) -> str | None:
    cost = _decimal(said.cost)
    return None if cost is None else str(cost)
