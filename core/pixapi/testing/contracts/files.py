"""The contract of a provider whose replies name files: what is fetched, and what becomes of what came or did not."""

from __future__ import annotations

import json

from pixapi.errors import ConfigError
from pixapi.interfaces import Fetches, HttpReply, Provider, Result
from pixapi.testing.contracts.calls import ordinary
from pixapi.testing.contracts.promises import Promise, ensure, promise
from pixapi.testing.contracts.recorded import Recorded
from pixapi.transport.outbound import OutboundClient

_PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de"
    "0000000c49444154789c63f8ffff3f0005fe02fe0def46b80000000049454e44ae426082"
)
"""A PNG of one pixel."""


def file_promises(provider: Provider, recorded: tuple[Recorded, ...]) -> list[Promise]:
    """What is promised of the files that recorded replies name."""
    assert isinstance(provider, Fetches)
    found = [promise(the_hosts_of_files_are_hosts, provider)]
    for item in recorded:
        if item.status == 200 and not item.is_stream and item.error is None and item.operation != "chat":
            found += [
                promise(a_file_takes_the_place_of_its_address, provider, item, about=item.name),
                promise(what_did_not_come_stays_an_address, provider, item, about=item.name),
            ]
    return found


def the_hosts_of_files_are_hosts(provider: Fetches) -> None:
    """`file_hosts` are names or URLs, at least one."""
    ensure(provider.file_hosts, "file_hosts is empty, so nothing can be fetched")
    try:
        OutboundClient(provider.file_hosts)
    except ConfigError as error:
        raise AssertionError(error.message) from None


def a_file_takes_the_place_of_its_address(provider: Fetches, item: Recorded) -> None:
    """With every file at hand no address is left to be fetched, and the call costs the same."""
    result, urls = _named(provider, item)
    call = ordinary(item.operation)
    whole = provider.with_files(call, result, dict.fromkeys(urls, HttpReply(200, {}, _PIXEL)))
    ensure(whole.usage == result.usage, "with_files changed the usage: nothing more was made")
    ensure(not provider.files(call, whole), "a file came, and its address is still to be fetched")
    json.loads(whole.body or b"")


def what_did_not_come_stays_an_address(provider: Fetches, item: Recorded) -> None:
    """Without any file, and with files that hold a page, the caller gets the addresses."""
    result, urls = _named(provider, item)
    call = ordinary(item.operation)
    page = HttpReply(200, {"content-type": "text/html"}, b"<!doctype html><title>Expired</title>")
    for files in ({}, dict.fromkeys(urls, page)):
        left = provider.with_files(call, result, files)
        ensure(left.usage == result.usage, "with_files changed the usage: what was made is paid for")
        text = json.dumps(json.loads(left.body or b""))
        ensure(
            all(json.dumps(url) in text for url in urls), "an address is gone, and nothing is in its place"
        )


def _named(provider: Fetches, item: Recorded) -> tuple[Result, list[str]]:
    assert isinstance(provider, Provider)
    call = ordinary(item.operation)
    result = provider.result(call, HttpReply(item.status, item.headers, item.body))
    return result, list(provider.files(call, result))
