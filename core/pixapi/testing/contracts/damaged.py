"""The contract of a provider: recorded answers that are damaged, and keys that they quote."""

from __future__ import annotations

import json
from decimal import Decimal

import msgspec

from pixapi.errors import PixapiError, UpstreamError
from pixapi.interfaces import Call, Event, Failed, HttpReply, Passage, Provider, Usage, UsageReport
from pixapi.interfaces.call import Dialect
from pixapi.testing.contracts.calls import chat, dialects_to_try, in_dialect, ordinary
from pixapi.testing.contracts.damage import damaged_bodies, damaged_streams, with_words
from pixapi.testing.contracts.promises import Promise, ensure, promise
from pixapi.testing.contracts.recorded import Recorded, play
from pixapi.testing.contracts.replies import (
    PLAIN_KEY,
    QUOTING,
    an_error_passes_on_no_key,
    shows_no_key,
)
from pixapi.testing.contracts.streams import is_in_order
from pixapi.wire.openai_reply import ChatStreamEncoder, encode_chat_reply


def damage_promises(provider: Provider, recorded: tuple[Recorded, ...]) -> list[Promise]:
    """What is promised of each recorded answer, damaged."""
    found: list[Promise] = []
    for item in recorded:
        tried: list[Dialect] = dialects_to_try(provider) if item.operation == "chat" else ["openai"]
        for dialect in tried:
            about = item.name if dialect == "openai" else f"{item.name}, {dialect}"
            if item.status != 200:
                break
            keep = (
                a_damaged_stream_never_raises if item.is_stream else a_damaged_reply_is_an_error_or_an_answer
            )
            if not item.is_stream or item.operation == "chat":
                found.append(promise(keep, provider, item, dialect, about=about))
        if item.status != 200:
            found.append(promise(a_damaged_error_is_an_error, provider, item, about=item.name))
    return found


def key_promises(keyed: Provider, recorded: tuple[Recorded, ...]) -> list[Promise]:
    """What is promised of errors that quote the key; ``keyed`` has been given `PLAIN_KEY`."""
    found = [promise(an_error_passes_on_no_key, keyed)]
    if "chat" in keyed.operations:
        found.append(promise(a_stream_passes_on_no_key, keyed))
    return found + [
        promise(a_recorded_error_passes_on_no_key, keyed, item, about=item.name)
        for item in recorded
        if item.error is not None or item.status != 200
    ]


def a_damaged_reply_is_an_error_or_an_answer(provider: Provider, item: Recorded, dialect: Dialect) -> None:
    """Bytes cut or replaced, strings that are no UTF-8, members of wrong types: `result()` raises UpstreamError and
    nothing else, or gives what can be sent to the caller, and no quantity below zero.
    """
    call = in_dialect(ordinary(item.operation), dialect, provider)
    for body in damaged_bodies(item.body):
        try:
            result = provider.result(call, HttpReply(item.status, item.headers, body))
        except UpstreamError:
            continue
        except Exception as error:
            raise _raised("result()", error, body) from error
        _is_a_quantity(result.usage, body)
        if result.chat is not None:
            try:
                encode_chat_reply(call, result.chat, result.usage)
            except Exception as error:
                raise _raised("encoding the result", error, body) from error


def a_damaged_stream_never_raises(provider: Provider, item: Recorded, dialect: Dialect) -> None:
    """Lines left out, swapped, repeated, or damaged as whole replies are: `feed` and `close` give events that can be
    sent to the caller, and no quantity below zero.
    """
    call = in_dialect(chat(stream=True), dialect, provider)
    for body in damaged_streams(item.body):
        try:
            events = play(provider, call, body)
        except Exception as error:
            raise _raised("the decoder", error, body) from error
        is_in_order(events)
        _can_be_sent(call, events, body)


def a_damaged_error_is_an_error(provider: Provider, item: Recorded) -> None:
    """Whatever an error's body holds: `error()` returns an UpstreamError."""
    for body in damaged_bodies(item.body):
        try:
            error = provider.error(HttpReply(item.status, item.headers, body))
        except Exception as raised:
            raise _raised("error()", raised, body) from raised
        ensure(isinstance(error, UpstreamError), "error() returned something else than an UpstreamError")


def a_recorded_error_passes_on_no_key(keyed: Provider, item: Recorded) -> None:
    """Vendors quote keys in their errors, in whichever words and wherever the error stands: none of them gets on."""
    for body in with_words(item.body, f" {PLAIN_KEY}".encode()):
        for error in _errors(keyed, item, body):
            shows_no_key(error)


def a_stream_passes_on_no_key(keyed: Provider) -> None:
    """Neither does an error within a stream, for callers of any dialect."""
    said = json.dumps({"type": "error", "error": QUOTING}).encode()
    for dialect in dialects_to_try(keyed):
        call = in_dialect(chat(stream=True), dialect, keyed)
        for body in (b"data: %s\n\n" % said, b"event: error\ndata: %s\n\n" % said, said + b"\n", said):
            for event in play(keyed, call, body):
                if isinstance(event, Failed):
                    shows_no_key(event.error)
                else:
                    ensure(PLAIN_KEY not in repr(event), "the decoder passes an error on that quotes the key")


def _errors(keyed: Provider, item: Recorded, body: bytes) -> list[PixapiError]:
    reply = HttpReply(item.status, item.headers, body)
    if item.status != 200:
        return [keyed.error(reply)]
    if item.is_stream:
        events = play(keyed, chat(stream=True), body)
        return [event.error for event in events if isinstance(event, Failed)]
    try:
        keyed.result(ordinary(item.operation), reply)
    except UpstreamError as error:
        return [error]
    return []


def _can_be_sent(call: Call, events: list[Event], body: bytes) -> None:
    encoder = ChatStreamEncoder(call)
    for event in events:
        if isinstance(event, UsageReport):
            _is_a_quantity(event.usage, body)
        if not isinstance(event, Passage | Failed):
            try:
                encoder.encode(event)
            except Exception as error:
                raise _raised(f"encoding a {type(event).__name__}", error, body) from error


def _is_a_quantity(usage: Usage | None, body: bytes) -> None:
    for name, value in msgspec.structs.asdict(usage).items() if usage is not None else ():
        if isinstance(value, int | Decimal):
            ensure(value >= 0, f"the usage has {name}={value}, which is below zero, for {_shown(body)}")


def _raised(what: str, error: Exception, body: bytes) -> AssertionError:
    return AssertionError(f"{what} raised {type(error).__name__} ({error}) for {_shown(body)}")


def _shown(body: bytes) -> str:
    return repr(body if len(body) <= 2000 else body[:2000] + b"...")
