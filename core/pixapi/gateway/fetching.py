"""Fetches the files that a result only names, for a caller who wants them and not their addresses.

The pictures are made and paid for: whatever goes wrong here, nothing is made again, and the caller gets the address of
what could not be fetched. The request carries nothing of ours but the address; where it may lead to is the provider's
`Fetches.file_hosts`, looked at by the client that is made of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pixapi.errors import (
    PixapiError,
    UpstreamCut,
    UpstreamLost,
    UpstreamRefused,
    UpstreamTimeout,
)
from pixapi.interfaces import Fetches, HttpReply, HttpRequest, Result
from pixapi.telemetry.logs import logger

if TYPE_CHECKING:
    from pixapi.calls.flight import Flight
    from pixapi.transport.outbound import OutboundClient

FILE_LIMIT_BYTES = 32 * 1024 * 1024
ALL_LIMIT_BYTES = 64 * 1024 * 1024
"""Of the files of one reply together; what is beyond stays an address."""
MOST_FILES = 128
"""Of one reply: the most images that a call may ask for."""
TRIES = 3
TIMEOUT_S = 30
ALL_TIMEOUT_S = 90
"""Of all files together, tries and pauses included."""
PAUSE_S = 0.3
"""Before the second try; twice as long before the third."""
_AT_ONCE = 4
_LARGE_BYTES = 1024 * 1024
_PASSING = (UpstreamRefused, UpstreamLost, UpstreamTimeout, UpstreamCut)
log = logger("gateway")


async def with_files(flight: Flight, result: Result) -> Result:
    """``result`` with the files that its provider wants fetched, as far as they could be. Raises nothing of its own."""
    route, call = flight.route, flight.call
    assert route is not None
    assert call is not None
    provider = route.provider
    client = flight.configured.files.get(route.key_label)
    if not isinstance(provider, Fetches) or client is None:
        return result
    try:
        urls = list(dict.fromkeys(provider.files(call, result)))
        if not urls:
            return result
        files = await fetch_all(client, urls, flight.request_id)
        if sum(len(file.body) for file in files.values()) > _LARGE_BYTES:
            return await asyncio.to_thread(provider.with_files, call, result, files)
        return provider.with_files(call, result, files)
    except Exception:
        # A fault of the plugin's costs the caller the bytes, and not the pictures that he pays for.
        log.exception("files_not_taken", request_id=flight.request_id, route=route.lane_name)
        return result


async def fetch_all(
    client: OutboundClient,
    urls: Sequence[str],
    request_id: str,
    *,
    limit_bytes: int = ALL_LIMIT_BYTES,
    timeout_s: float = ALL_TIMEOUT_S,
) -> Mapping[str, HttpReply]:
    """The files that could be had, by their addresses; of the first `MOST_FILES`."""
    urls = urls[:MOST_FILES]
    slots = asyncio.Semaphore(_AT_ONCE)
    files: dict[str, HttpReply] = {}
    left = limit_bytes

    async def one(url: str) -> None:
        nonlocal left
        async with slots:
            reply = await _file(client, url, request_id) if left > 0 else None
            if reply is not None and len(reply.body) <= left:
                left -= len(reply.body)
                files[url] = reply

    try:
        async with asyncio.timeout(timeout_s):
            await asyncio.gather(*(one(url) for url in urls))
    except TimeoutError:
        log.warning("files_not_fetched_in_time", request_id=request_id, missing=len(urls) - len(files))
    return files


async def _file(client: OutboundClient, url: str, request_id: str) -> HttpReply | None:
    """One file; None, with a line in the log, where it cannot be had."""
    why: str | int = "empty"
    tries = 0
    for tries in range(1, TRIES + 1):
        if tries > 1:
            await asyncio.sleep(PAUSE_S * 2 ** (tries - 2))
        try:
            reply = await client.send(HttpRequest("GET", url), timeout_s=TIMEOUT_S)
        except _PASSING as error:
            why = error.code
            continue
        except PixapiError as error:
            why = error.code
            break
        if reply.status == 200 and reply.body:
            return reply
        why = reply.status
        if not _may_pass(reply.status):
            break
    log.warning("file_not_fetched", request_id=request_id, host=_host(url), why=why, tries=tries)
    return None


def _may_pass(status: int) -> bool:
    """Whether another try may do better: a file may not have reached every place of a network yet."""
    return status in (200, 404, 408, 425, 429) or status >= 500


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
