"""OpenAI's inclusive usage against the disjoint vector."""

import json

import pytest

from pixapi.interfaces import Usage
from pixapi.wire.openai_usage import read_usage, write_usage

CASES = [
    ("plain", {"prompt_tokens": 10, "completion_tokens": 4, "total_tokens": 14}, Usage(input=10, output=4)),
    ("zero is not unknown", {"prompt_tokens": 0, "completion_tokens": 0}, Usage(input=0, output=0)),
    ("only input", {"prompt_tokens": 3, "total_tokens": 3}, Usage(input=3)),
    ("only a total", {"total_tokens": 3}, Usage(input=3)),
    (
        "details null",
        {
            "prompt_tokens": 5,
            "completion_tokens": 1,
            "prompt_tokens_details": None,
            "completion_tokens_details": None,
        },
        Usage(input=5, output=1),
    ),
    (
        "cached is within the prompt",
        {"prompt_tokens": 100, "completion_tokens": 1, "prompt_tokens_details": {"cached_tokens": 80}},
        Usage(input=20, cached_input=80, output=1),
    ),
    (
        "cached and written",
        {
            "prompt_tokens": 100,
            "completion_tokens": 1,
            "prompt_tokens_details": {"cached_tokens": 50, "cache_write_tokens": 30},
        },
        Usage(input=20, cached_input=50, cache_write=30, output=1),
    ),
    (
        "cached more than the prompt: the prompt leaves it out",
        {"prompt_tokens": 10, "completion_tokens": 1, "prompt_tokens_details": {"cached_tokens": 80}},
        Usage(input=10, cached_input=80, output=1),
    ),
    (
        "cache hit by another name",
        {
            "prompt_tokens": 11,
            "completion_tokens": 8,
            "prompt_cache_hit_tokens": 4,
            "prompt_cache_miss_tokens": 7,
        },
        Usage(input=7, cached_input=4, output=8),
    ),
    (
        "cached at the top",
        {"prompt_tokens": 9, "completion_tokens": 2, "cached_tokens": 3},
        Usage(input=6, cached_input=3, output=2),
    ),
    (
        "cached pictures count once",
        {
            "prompt_tokens": 100,
            "completion_tokens": 1,
            "prompt_tokens_details": {"cached_tokens": 90, "image_tokens": 60, "audio_tokens": 5},
        },
        Usage(input=0, cached_input=90, audio_input=5, image_input=5, output=1),
    ),
    (
        "reasoning is within the completion",
        {
            "prompt_tokens": 1,
            "completion_tokens": 50,
            "total_tokens": 51,
            "completion_tokens_details": {"reasoning_tokens": 40, "audio_tokens": 2},
        },
        Usage(input=1, output=8, reasoning=40, audio_output=2),
    ),
    (
        "reasoning is beside the completion, as the total says",
        {
            "prompt_tokens": 307,
            "completion_tokens": 26,
            "total_tokens": 560,
            "completion_tokens_details": {"reasoning_tokens": 227},
        },
        Usage(input=307, output=26, reasoning=227),
    ),
    (
        "more reasoning than completion and no total",
        {"prompt_tokens": 1, "completion_tokens": 2, "completion_tokens_details": {"reasoning_tokens": 9}},
        Usage(input=1, output=2, reasoning=9),
    ),
    (
        "thoughts only the total knows",
        {"prompt_tokens": 35, "completion_tokens": 12, "total_tokens": 109},
        Usage(input=35, output=12, reasoning=62),
    ),
    ("counts as strings", {"prompt_tokens": "12", "completion_tokens": "3"}, Usage(input=12, output=3)),
    ("counts with a point", {"prompt_tokens": 12.0, "completion_tokens": 3.0}, Usage(input=12, output=3)),
    ("nonsense is unknown", {"prompt_tokens": True, "completion_tokens": [1]}, Usage()),
    (
        "never negative",
        {"prompt_tokens": -5, "completion_tokens": -1, "prompt_tokens_details": {"cached_tokens": -3}},
        Usage(input=0, cached_input=0, output=0),
    ),
    ("beyond 2**53", {"prompt_tokens": 2**60, "completion_tokens": 1}, Usage(input=2**60, output=1)),
    (
        "cost in dollars",
        {"prompt_tokens": 1, "completion_tokens": 1, "cost": 6e-05},
        Usage(input=1, output=1, provider_cost_usd="0.00006"),
    ),
    (
        "cost in ticks",
        {"prompt_tokens": 1, "completion_tokens": 1, "cost_in_usd_ticks": 1497500},
        Usage(input=1, output=1, provider_cost_usd="0.00014975"),
    ),
    (
        "cost in an object",
        {"prompt_tokens": 1, "completion_tokens": 1, "cost": {"total_cost": 0.5}},
        Usage(input=1, output=1, provider_cost_usd="0.5"),
    ),
]


@pytest.mark.parametrize(("said", "usage"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_trap_19_nothing_is_counted_twice(said, usage):
    assert read_usage(json.dumps(said).encode()) == usage


@pytest.mark.parametrize("said", [b"null", b"{}", b"[]", b'"x"', b"7", b"{broken"])
def test_trap_03_what_is_not_said_is_unknown(said):
    assert read_usage(said) is None


def test_trap_03_an_explicit_zero_stays():
    assert read_usage(b'{"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}') == Usage(
        input=0, output=0
    )


def test_trap_01_reasoning_that_the_row_says_is_left_out_is_added():
    said = (
        b'{"prompt_tokens": 1, "completion_tokens": 20, "completion_tokens_details": {"reasoning_tokens": 9}}'
    )
    assert read_usage(said) == Usage(input=1, output=11, reasoning=9)
    assert read_usage(said, excludes_reasoning=True) == Usage(input=1, output=20, reasoning=9)


@pytest.mark.parametrize(
    "usage",
    [
        Usage(input=7, output=2),
        Usage(input=0, output=0, cached_input=0, reasoning=0),
        Usage(
            input=20, cached_input=50, cache_write=30, audio_input=3, image_input=4, output=8, reasoning=40
        ),
        Usage(input=1, output=2, audio_output=3, image_output=4),
    ],
)
def test_what_is_written_is_read_again(usage):
    written = write_usage(usage)
    assert written["prompt_tokens"] == usage.total_input()
    assert written["completion_tokens"] == usage.total_output()
    assert read_usage(json.dumps(written).encode()) == usage


def test_both_lifetimes_of_a_cache_are_one_number():
    written = write_usage(Usage(input=1, cache_write=2, cache_write_1h=3, output=4))
    assert written["prompt_tokens"] == 6
    assert written["prompt_tokens_details"] == {"cache_write_tokens": 5}


@pytest.mark.parametrize("cost", ["1e30000000", "1e-30000000", 1e300, "inf"])
def test_a_cost_of_too_many_digits_is_none(cost):
    said = json.dumps({"prompt_tokens": 1, "completion_tokens": 1, "cost": cost}).encode()
    assert read_usage(said) == Usage(input=1, output=1)
