"""The contract of a provider: streams, which arrive cut anywhere and end anyhow."""

from __future__ import annotations

import random

from pixapi.errors import UpstreamCut
from pixapi.interfaces import Dialect, Ended, Event, Failed, Passage, Provider
from pixapi.testing.contracts.calls import chat, dialects_to_try, in_dialect
from pixapi.testing.contracts.promises import Promise, ensure, promise
from pixapi.testing.contracts.recorded import (
    Recorded,
    comparable,
    last_usage,
    looks_finished,
    play,
    read_events,
)
from pixapi.testing.contracts.replies import DISGUISES, compare, told

_CUTS = 40
_NOISES = 60


def stream_promises(provider: Provider, recorded: tuple[Recorded, ...]) -> list[Promise]:
    """What is promised of streams."""
    found = [promise(no_stream_is_an_error, provider, body, about=name) for name, body in DISGUISES.items()]
    found.append(promise(noise_never_raises, provider, [b"data: {}\n\n" * 5]))
    streams = [item for item in recorded if item.is_stream]
    for item, dialect in [(item, dialect) for item in streams for dialect in dialects_to_try(provider)]:
        about = item.name if dialect == "openai" else f"{item.name}, {dialect}"
        found += [
            promise(keep, provider, item, dialect, about=about)
            for keep in (
                a_stream_says_what_it_says,
                any_cut_gives_the_same_events,
                an_early_end_is_an_error,
                what_was_passed_on_is_counted,
            )
        ]
    if streams:
        bodies = [item.body for item in streams]
        found.append(promise(noise_never_raises, provider, bodies, about="recorded"))
        found.append(promise(streams_are_apart, provider, bodies))
    return found


def no_stream_is_an_error(provider: Provider, body: bytes) -> None:
    """A 200 whose body is no stream ends in `Failed`, and nothing looks finished."""
    call = chat(stream=True)
    events = play(provider, call, body)
    ensure(events and isinstance(events[-1], Failed), "close() did not give Failed")
    ensure(not looks_finished(call, events), "it looks like a whole answer")
    is_in_order(events)


def a_stream_says_what_it_says(provider: Provider, item: Recorded, dialect: Dialect) -> None:
    """A recorded stream gives what the record states, and its end once."""
    call = in_dialect(chat(stream=True), dialect, provider)
    events = play(provider, call, item.body)
    is_in_order(events)
    last = events[-1] if events else None
    if item.error is not None:
        ensure(isinstance(last, Failed), "it does not end in Failed")
        ensure(isinstance(getattr(last, "error", None), item.error), f"the error is no {item.error.__name__}")
        return
    ensure(isinstance(last, Ended), f"it does not end in Ended but in {type(last).__name__}")
    if dialect not in provider.dialects:
        ensure(
            not any(isinstance(e, Passage) for e in events),
            "bytes are passed on to a caller of another dialect",
        )
    usage = last_usage(events)
    ensure(
        item.usage is None or usage == item.usage, f"usage is {told(usage)}; {told(item.usage)} was recorded"
    )
    compare(item, read_events(call, events))


def any_cut_gives_the_same_events(provider: Provider, item: Recorded, dialect: Dialect) -> None:
    """Byte by byte, in two pieces, in many: the events are those of the whole."""
    call = in_dialect(chat(stream=True), dialect, provider)
    body = item.body
    expected = comparable(play(provider, call, body))
    single = comparable(play(provider, call, *(body[at : at + 1] for at in range(len(body)))))
    ensure(single == expected, "byte by byte the events differ")
    dice = random.Random(item.name)
    for _ in range(_CUTS):
        places = sorted(dice.sample(range(len(body) + 1), min(len(body), dice.randrange(1, 9))))
        pieces = [body[a:b] for a, b in zip([0, *places], [*places, len(body)], strict=True)]
        ensure(comparable(play(provider, call, *pieces)) == expected, f"cut at {places} the events differ")


def an_early_end_is_an_error(provider: Provider, item: Recorded, dialect: Dialect) -> None:
    """A connection that ends too early gives `Failed` (UpstreamCut), unless the answer was whole already."""
    call = in_dialect(chat(stream=True), dialect, provider)
    dice = random.Random(item.name)
    for cut in [0, *(dice.randrange(len(item.body)) for _ in range(_CUTS))]:
        events = play(provider, call, item.body[:cut])
        is_in_order(events)
        last = events[-1] if events else None
        if item.error is None and not looks_finished(call, events):
            ensure(isinstance(last, Failed), f"cut at {cut} it does not end in Failed")
            is_cut = isinstance(getattr(last, "error", None), UpstreamCut)
            ensure(is_cut, f"cut at {cut} the error is no UpstreamCut")
        ensure(isinstance(last, Failed | Ended), f"cut at {cut} it has no end")


def what_was_passed_on_is_counted(provider: Provider, item: Recorded, dialect: Dialect) -> None:
    """A caller who leaves before usage came pays for what was passed on: `delivered_output` counts it."""
    call = in_dialect(chat(stream=True), dialect, provider)
    decoder = provider.decoder(call)
    ensure(decoder.delivered_output() == 0, "something was counted before anything came")
    read = read_events(call, decoder.feed(item.body))
    if read.text:
        counted = decoder.delivered_output()
        ensure(0 < counted <= len(item.body), f"delivered_output() is {counted} for {len(read.text)} signs")


def noise_never_raises(provider: Provider, bodies: list[bytes]) -> None:
    """Damaged streams give events; `feed` and `close` never raise."""
    dice = random.Random(len(bodies))
    call = chat(stream=True)
    for _ in range(_NOISES):
        damaged = bytearray(dice.choice(bodies))
        for _ in range(dice.randrange(1, 6)):
            at = dice.randrange(len(damaged) + 1)
            damaged[at : at + dice.randrange(12)] = dice.randbytes(dice.randrange(6))
        decoder = provider.decoder(call)
        half = dice.randrange(len(damaged) + 1)
        events = decoder.feed(bytes(damaged[:half]))
        ensure(decoder.delivered_output() >= 0, "delivered_output() is below zero")
        events += decoder.feed(bytes(damaged[half:]))
        events += decoder.close()
        is_in_order(events)


def streams_are_apart(provider: Provider, bodies: list[bytes]) -> None:
    """Two streams that arrive at the same time do not mix."""
    call = chat(stream=True)
    one, two = bodies[0], bodies[-1]
    first, second = provider.decoder(call), provider.decoder(call)
    got: tuple[list[Event], list[Event]] = ([], [])
    for at in range(0, max(len(one), len(two)), 7):
        got[0].extend(first.feed(one[at : at + 7]))
        got[1].extend(second.feed(two[at : at + 7]))
    got[0].extend(first.close())
    got[1].extend(second.close())
    ensure(comparable(got[0]) == comparable(play(provider, call, one)), "another stream mixed in")
    ensure(comparable(got[1]) == comparable(play(provider, call, two)), "another stream mixed in")


def is_in_order(events: list[Event]) -> None:
    """`Ended` and `Failed` come once and last."""
    ends = [event for event in events if isinstance(event, Ended | Failed)]
    ensure(len(ends) <= 1, "there is more than one end")
    ensure(not ends or events[-1] is ends[0], "something follows the end")
