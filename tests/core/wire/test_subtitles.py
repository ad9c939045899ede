"""Subtitles from timed words: where they break, and how they are written."""

from __future__ import annotations

import pytest

from pixapi.wire.subtitles import Segment, Word, segments_of, write_srt, write_vtt


def words(*said: tuple[str, float, float] | tuple[str, float, float, str]) -> list[Word]:
    return [Word(*item) for item in said]


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ([], []),
        ([("Hello", 0, 0.4), (" you.", 0.5, 1)], ["Hello you."]),
        ([("One.", 0, 0.4), (" Two.", 0.5, 1)], ["One.", "Two."]),
        ([("Really?”", 0, 0.4), (" Yes", 0.5, 1)], ["Really?”", "Yes"]),
        ([("好。", 0, 0.4), ("走", 0.5, 1)], ["好。", "走"]),
        ([("wait", 0, 0.5), (" what", 1.5, 2)], ["wait", "what"]),
        ([("a", 0, 1, "s0"), (" b", 1, 2, "s1"), (" c", 2, 3, "s1")], ["a", "b c"]),
        ([("slow", 0, 0.5), (" slow", 1, 6.5), (" end", 7, 7.4)], ["slow slow", "end"]),
        ([("x" * 80, 0, 1), (" yyyy", 1, 2)], ["x" * 80, "yyyy"]),
        ([("two", 0, 1), ("\n\nlines", 1, 2)], ["two lines"]),
        ([("  ", 0, 1)], []),
    ],
)
def test_where_a_segment_ends(said, shown) -> None:
    found = segments_of(words(*said))
    assert [segment.text for segment in found] == shown


def test_a_segment_lasts_from_its_first_word_to_its_last() -> None:
    (found,) = segments_of([Word("a", 0.25, 0.5, "s", -0.5), Word(" b", 0.75, 1.5, "s", -0.25)])
    assert found == Segment("a b", 0.25, 1.5, "s", -0.375)


CUES = [Segment("a & <b>", 0.0, 1.5, None, 0.0), Segment("c", 3599.9996, 3661.001, None, 0.0)]


def test_subrip_numbers_its_cues() -> None:
    assert write_srt(CUES) == (
        "1\n00:00:00,000 --> 00:00:01,500\na & <b>\n\n2\n01:00:00,000 --> 01:01:01,001\nc\n"
    )


def test_webvtt_has_a_head_and_escapes_what_would_be_markup() -> None:
    assert write_vtt(CUES) == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:01.500\na &amp; &lt;b&gt;\n\n01:00:00.000 --> 01:01:01.001\nc\n"
    )


def test_silence_is_an_empty_file() -> None:
    assert (write_srt([]), write_vtt([])) == ("", "WEBVTT\n")
