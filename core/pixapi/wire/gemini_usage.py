"""``usageMetadata`` to and from the disjoint `Usage` (Gemini API reference, "UsageMetadata").

The prompt's count holds what was read from a cache, but not what Google's own tools put into the prompt
besides; the candidates' count does not hold the thoughts. Zeros are left out on the wire: what is missing is
known all the same where the total of a whole answer tells.
"""

from __future__ import annotations

from typing import Any

from pixapi.interfaces.usage import Usage
from pixapi.wire.gemini_names import listed, member, whole


def read_usage(said: Any, *, final: bool = True) -> Usage | None:
    """What a ``usageMetadata`` says; None where it counts nothing.

    ``final`` False: the answer goes on. Then a count that is missing is not known yet, whatever the total says.
    """
    if not isinstance(said, dict):
        return None
    prompt, output, thoughts = (
        _count(said, name) for name in ("promptTokenCount", "candidatesTokenCount", "thoughtsTokenCount")
    )
    total, cached = _count(said, "totalTokenCount"), _count(said, "cachedContentTokenCount")
    tools = _count(said, "toolUsePromptTokenCount") or 0
    if prompt is None and output is None and thoughts is None and total is None:
        return None
    if final and total is not None and prompt is not None:
        rest = max(0, total - prompt - tools - (output or 0) - (thoughts or 0))
        if output is None:
            output, rest = rest, 0
        if thoughts is None and rest:
            thoughts = rest  # thoughts that only the total tells of
    left = None if prompt is None else max(0, prompt - (cached or 0))
    images, audio, left = _kinds(said, "promptTokensDetails", left, "cacheTokensDetails")
    images_out, audio_out, output = _kinds(said, "candidatesTokensDetails", output)
    return Usage(
        input=None if left is None else left + tools,
        cached_input=cached,
        audio_input=audio,
        image_input=images,
        output=output,
        reasoning=thoughts,
        audio_output=audio_out,
        image_output=images_out,
    )


def _kinds(
    said: dict[str, Any], name: str, left: int | None, without: str = ""
) -> tuple[int | None, int | None, int | None]:
    """Tokens of images and of audio that are in ``left``, and what is left besides; None where not stated."""
    found: list[int | None] = []
    for modality in ("IMAGE", "AUDIO"):
        count = _of(said, name, modality)
        if count is None or left is None:
            found.append(None)
            continue
        count = min(max(0, count - (_of(said, without, modality) or 0)), left)
        left -= count
        found.append(count)
    return found[0], found[1], left


def _of(said: dict[str, Any], name: str, modality: str) -> int | None:
    details = [item for item in listed(member(said, name) if name else None) if isinstance(item, dict)]
    counts = [whole(member(item, "tokenCount")) or 0 for item in details if item.get("modality") == modality]
    return sum(counts) if counts else None


def _count(said: dict[str, Any], name: str) -> int | None:
    number = whole(member(said, name))
    return None if number is None else max(0, number)


def write_usage(usage: Usage) -> dict[str, Any]:
    """A `Usage` as ``usageMetadata``; what is unknown is left out, and counts as none in the sums."""
    said: dict[str, Any] = {"promptTokenCount": usage.total_input()}
    if usage.cached_input is not None:
        said["cachedContentTokenCount"] = usage.cached_input
    if usage.output is not None:
        said["candidatesTokenCount"] = usage.total_output() - (usage.reasoning or 0)
    if usage.reasoning is not None:
        said["thoughtsTokenCount"] = usage.reasoning
    said["totalTokenCount"] = usage.total_input() + usage.total_output()
    written = (usage.cache_write or 0) + (usage.cache_write_1h or 0)
    text_in = None if usage.input is None else usage.input + (usage.cached_input or 0) + written
    for name, kinds in (
        ("promptTokensDetails", {"TEXT": text_in, "IMAGE": usage.image_input, "AUDIO": usage.audio_input}),
        (
            "candidatesTokensDetails",
            {"TEXT": usage.output, "IMAGE": usage.image_output, "AUDIO": usage.audio_output},
        ),
    ):
        if any(kinds[kind] is not None for kind in ("IMAGE", "AUDIO")):
            said[name] = [
                {"modality": kind, "tokenCount": count} for kind, count in kinds.items() if count is not None
            ]
    return said
