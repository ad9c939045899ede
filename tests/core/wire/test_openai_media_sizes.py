"""The most that images, sounds, judgements and searches can use, before they are made."""

from __future__ import annotations

from decimal import Decimal

import pytest

from pixapi.errors import BadRequest
from pixapi.interfaces import Upload, Usage
from pixapi.wire.audio_length import likely_seconds, longest_seconds
from pixapi.wire.json import raw
from pixapi.wire.openai_media_sizes import Body, most_used, wants_stream

IMAGE = Upload("image", "cat.png", "image/png", b"png")


def wav(seconds: int, rate: int = 8000, *, said_per_s: int = 8000) -> bytes:
    """A WAV file of plain samples, 8 bits, one channel; ``said_per_s`` is what the header claims."""
    numbers = [(16, 4), (1, 2), (1, 2), (rate, 4), (said_per_s, 4), (1, 2), (8, 2)]
    head = b"".join(number.to_bytes(size, "little") for number, size in numbers)
    return b"RIFF\0\0\0\0WAVEfmt " + head + b"data\0\0\0\0" + bytes(rate * seconds - 44)


def most(operation, fields, *uploads):
    sent = {name: raw(value) for name, value in fields.items()}
    return most_used(operation, Body(sent, uploads, 1000, 8192))


@pytest.mark.parametrize(
    ("fields", "images", "megapixels", "output"),
    [
        ({}, 1, "8.2944", 8192),
        ({"size": "auto", "n": None}, 1, "8.2944", 8192),
        ({"size": "1000x2000", "n": 3}, 3, "6", 3 * 8192),
        ({"n": "2", "size": "1000x1000"}, 2, "2", 2 * 8192),
        ({"n": 2, "size": "4K"}, 2, "33.6", 2 * 8192),
    ],
)
def test_images(fields, images, megapixels, output) -> None:
    used = most("images", {"prompt": "a cat", **fields})
    assert (used.images, used.megapixels, used.output) == (images, Decimal(megapixels), output)
    assert used.input >= len("a cat")


def test_an_edit_pays_for_what_it_is_shown() -> None:
    shown = most("image_edits", {"prompt": "a hat"}, IMAGE, Upload("mask", "m", "image/png", b""))
    assert shown.input - most("images", {"prompt": "a hat"}).input == 2 * 1000


@pytest.mark.parametrize(("text", "characters"), [("hello", 5), ("世界🙂", 3), ('"\n', 2)])
def test_speech_counts_characters(text, characters) -> None:
    assert most("speech", {"input": text}).characters == characters


@pytest.mark.parametrize(
    ("data", "longest", "likely"),
    [
        (b"", 0, "0"),
        (b"\xff\xfb" * 800, 3, "0.1"),
        (wav(3), 3, "3"),
        (wav(3, 16_000), 3, "3"),
        (wav(3, said_per_s=2**31), 3, "3"),
        (wav(3)[:30], 1, "0.002"),
        (wav(3).replace(b"\x01\0\x01\0", b"\x02\0\x01\0"), 32, "1.5"),
    ],
)
def test_the_seconds_of_a_file(data, longest, likely) -> None:
    sound = Upload("file", "a.wav", "audio/wav", data)
    assert longest_seconds(sound) == longest
    assert likely_seconds(sound) == Decimal(likely)


def test_transcriptions_are_bounded_by_their_file() -> None:
    used = most("transcriptions", {"prompt": "x"}, Upload("file", "a.wav", "audio/wav", wav(3)))
    assert used.seconds == 3
    assert used.input >= 3 * 32
    assert used.output == 8192


@pytest.mark.parametrize(
    ("given", "bound"),
    [
        ("hello", 16 + 5),
        (["a", "bc"], 16 + 3),
        (
            [{"type": "text", "text": "abc"}, {"type": "image_url", "image_url": {"url": "data:"}}],
            16 + 3 + 1000,
        ),
    ],
)
def test_moderations(given, bound) -> None:
    assert most("moderations", {"input": given}) == Usage(input=bound, requests=1)


@pytest.mark.parametrize(
    ("documents", "searches"), [(["a"], 1), (["a"] * 100, 1), (["a"] * 101, 2), (["a" * 60_000], 2)]
)
def test_a_search_is_of_a_hundred_documents_or_parts_of_them(documents, searches) -> None:
    used = most("rerank", {"query": "who", "documents": documents})
    assert used.searches == searches
    assert used.input >= sum(len(document) + len("who") for document in documents)


@pytest.mark.parametrize(
    ("operation", "fields", "param"),
    [
        ("images", {}, "prompt"),
        ("images", {"prompt": ""}, "prompt"),
        ("images", {"prompt": 7}, "prompt"),
        ("images", {"prompt": "x", "n": 0}, "n"),
        ("images", {"prompt": "x", "n": "many"}, "n"),
        ("images", {"prompt": "x", "n": True}, "n"),
        ("images", {"prompt": "x", "n": 129}, "n"),
        ("images", {"prompt": "x", "partial_images": 4}, "partial_images"),
        ("images", {"prompt": "x", "partial_images": "some"}, "partial_images"),
        ("image_edits", {"prompt": "x"}, "image"),
        ("speech", {}, "input"),
        ("transcriptions", {}, "file"),
        ("moderations", {}, "input"),
        ("moderations", {"input": [7]}, "input"),
        ("rerank", {"documents": ["a"]}, "query"),
        ("rerank", {"query": "x", "documents": []}, "documents"),
        ("rerank", {"query": "x", "documents": [7]}, "documents"),
    ],
)
def test_what_cannot_be_priced_is_refused(operation, fields, param) -> None:
    with pytest.raises(BadRequest) as caught:
        most(operation, fields)
    assert caught.value.param == param


@pytest.mark.parametrize(
    ("operation", "fields", "expected"),
    [
        ("images", {}, False),
        ("images", {"stream": None}, False),
        ("images", {"stream": False, "n": 2}, False),
        ("images", {"stream": True}, True),
        ("image_edits", {"stream": "true", "n": "1"}, True),
        ("image_edits", {"stream": "false"}, False),
        ("speech", {"stream_format": "audio"}, False),
        ("moderations", {"stream": False}, False),
    ],
)
def test_a_stream_is_asked_for_in_so_many_words(operation, fields, expected) -> None:
    assert wants_stream(operation, {name: raw(value) for name, value in fields.items()}) is expected


@pytest.mark.parametrize(
    ("operation", "fields", "param"),
    [
        ("images", {"stream": "yes"}, "stream"),
        ("images", {"stream": 1}, "stream"),
        ("images", {"stream": True, "n": 2}, "n"),
        ("speech", {"stream_format": "sse"}, "stream_format"),
        ("transcriptions", {"stream": "true"}, "stream"),
        ("moderations", {"stream": True}, "stream"),
    ],
)
def test_a_stream_where_there_is_none_is_refused(operation, fields, param) -> None:
    with pytest.raises(BadRequest) as refused:
        wants_stream(operation, {name: raw(value) for name, value in fields.items()})
    assert refused.value.param == param


def test_sketches_are_held_for() -> None:
    plain, sketched = (most("images", {"prompt": "x", "partial_images": n}) for n in (0, "3"))
    assert sketched.output - plain.output == 300
