"""Timed words as segments, and segments as subtitles: SubRip (``.srt``) and WebVTT (W3C, "WebVTT").

A segment ends with a sentence, with a speaker, at a pause, and before it grows longer than two lines can be read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal

import msgspec

_PAUSE_S = 1.0
_LONGEST_S = 7.0
_MOST_CHARACTERS = 84
_SENTENCE_ENDS = re.compile(r"""[.?!…。？！][)\]"'”’»]*$""")


class Word(msgspec.Struct, frozen=True):
    """``text`` has the space before it, if any. ``logprob``: how sure the model was of it."""

    text: str
    start_s: float
    end_s: float
    speaker: str | None = None
    logprob: float = 0.0


class Segment(msgspec.Struct, frozen=True):
    """What is shown at once."""

    text: str
    start_s: float
    end_s: float
    speaker: str | None
    logprob: float
    """The mean of its words'."""


def segments_of(words: Iterable[Word]) -> list[Segment]:
    """Segments in the order of their words."""
    found: list[Segment] = []
    open_: list[Word] = []
    for word in words:
        if open_ and _breaks(open_, word):
            found.append(_closed(open_))
            open_ = []
        open_.append(word)
    if open_:
        found.append(_closed(open_))
    return [segment for segment in found if segment.text]


def _breaks(open_: list[Word], word: Word) -> bool:
    last = open_[-1]
    return bool(
        word.speaker != last.speaker
        or word.start_s - last.end_s >= _PAUSE_S
        or word.end_s - open_[0].start_s > _LONGEST_S
        or sum(len(held.text) for held in open_) + len(word.text) > _MOST_CHARACTERS
        or _SENTENCE_ENDS.search(last.text.rstrip())
    )


def _closed(words: list[Word]) -> Segment:
    text = " ".join("".join(word.text for word in words).split())
    sure = sum(word.logprob for word in words) / len(words)
    return Segment(text, words[0].start_s, words[-1].end_s, words[0].speaker, sure)


def write_srt(segments: Iterable[Segment]) -> str:
    """A file of SubRip's."""
    cues = (
        f"{number}\n{_time(cue.start_s, ',')} --> {_time(cue.end_s, ',')}\n{cue.text}\n"
        for number, cue in enumerate(segments, 1)
    )
    return "\n".join(cues)


def write_vtt(segments: Iterable[Segment]) -> str:
    """A file of WebVTT's."""
    cues = (
        f"\n{_time(cue.start_s, '.')} --> {_time(cue.end_s, '.')}\n{_escaped(cue.text)}\n" for cue in segments
    )
    return "WEBVTT\n" + "".join(cues)


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _time(seconds: float, point: str) -> str:
    milliseconds = int((Decimal(str(max(0.0, seconds))) * 1000).to_integral_value())
    whole, parts = divmod(milliseconds, 1000)
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}{point}{parts:03}"
