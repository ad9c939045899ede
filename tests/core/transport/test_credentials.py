"""Credentials that expire, with the time in hand."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import pytest

from pixapi.clock import ManualClock
from pixapi.errors import NotReady, UpstreamDenied
from pixapi.interfaces import Credential, Credentials, HttpReply, HttpRequest, Secret
from pixapi.transport.credentials import CredentialCache

REQUEST = HttpRequest("POST", "https://example.test/v1", (), b"{}")
DIGEST = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"


class NoNetwork:
    async def send(self, request: HttpRequest, *, timeout_s: float = 30) -> HttpReply:
        raise AssertionError("not needed here")


class Numbered(Credentials):
    """Hands out credential 1, 2, 3...; waits for ``gate`` and fails while ``broken``."""

    def __init__(self, life_s: float | None = 3600) -> None:
        self.life_s = life_s
        self.count = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.broken = False

    async def obtain(self, out, now: datetime) -> Credential:
        self.count += 1
        number = self.count
        await self.gate.wait()
        if self.broken:
            raise UpstreamDenied("no")
        expires_at = None if self.life_s is None else now + timedelta(seconds=self.life_s)
        return Credential(Secret(str(number)), expires_at)

    def sign(
        self, request: HttpRequest, body_sha256: str, credential: Credential, now: datetime
    ) -> HttpRequest:
        assert body_sha256 == DIGEST
        return HttpRequest(
            request.method, request.url, (("authorization", credential.value.reveal()),), request.body
        )


def made(provider: Numbered) -> tuple[CredentialCache, ManualClock]:
    clock = ManualClock()
    return CredentialCache(provider, NoNetwork(), clock), clock


async def used(cache: CredentialCache) -> str:
    return (await cache.sign(REQUEST)).headers[0][1]


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_one_credential_serves_many_calls() -> None:
    provider = Numbered()
    cache, _ = made(provider)
    assert [await used(cache) for _ in range(5)] == ["1"] * 5
    assert (await cache.sign(REQUEST, DIGEST)).headers == (("authorization", "1"),)
    assert provider.count == 1


async def test_a_stampede_fetches_once() -> None:
    provider = Numbered()
    provider.gate.clear()
    cache, _ = made(provider)
    calls = [asyncio.create_task(used(cache)) for _ in range(200)]
    await settle()
    provider.gate.set()
    assert await asyncio.gather(*calls) == ["1"] * 200
    assert provider.count == 1


async def test_a_caller_who_leaves_does_not_take_the_fetch_away() -> None:
    provider = Numbered()
    provider.gate.clear()
    cache, _ = made(provider)
    first, second = asyncio.create_task(used(cache)), asyncio.create_task(used(cache))
    await settle()
    first.cancel()
    await settle()
    provider.gate.set()
    assert await second == "1"
    assert first.cancelled()


async def test_it_is_renewed_early_while_the_old_one_serves() -> None:
    provider = Numbered(life_s=1000)
    cache, clock = made(provider)
    assert await used(cache) == "1"
    clock.advance(799)
    assert await used(cache) == "1"
    assert provider.count == 1
    clock.advance(2)
    provider.gate.clear()
    assert [await used(cache) for _ in range(3)] == ["1"] * 3
    await settle()
    assert provider.count == 2
    provider.gate.set()
    await settle()
    assert await used(cache) == "2"


async def test_an_expired_one_is_never_used() -> None:
    provider = Numbered(life_s=60)
    cache, clock = made(provider)
    assert await used(cache) == "1"
    clock.advance(60)
    assert await used(cache) == "2"


async def test_a_failed_renewal_is_tried_again_later_while_the_old_one_is_good() -> None:
    provider = Numbered(life_s=1000)
    cache, clock = made(provider)
    await used(cache)
    provider.broken = True
    clock.advance(900)
    assert await used(cache) == "1"
    await settle()
    assert await used(cache) == "1"
    await settle()
    assert provider.count == 2
    clock.advance(6)
    provider.broken = False
    assert await used(cache) == "1"
    await settle()
    assert await used(cache) == "3"


async def test_without_any_credential_the_failure_reaches_every_caller() -> None:
    provider = Numbered()
    provider.broken = True
    provider.gate.clear()
    cache, _ = made(provider)
    calls = [asyncio.create_task(used(cache)) for _ in range(3)]
    await settle()
    provider.gate.set()
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [UpstreamDenied] * 3
    assert provider.count == 1
    provider.broken = False
    assert await used(cache) == "2"


async def test_a_refused_credential_is_replaced_once() -> None:
    provider = Numbered()
    cache, clock = made(provider)
    await used(cache)
    clock.advance(60)
    # Many calls were refused with the same credential at the same moment.
    cache.invalidate()
    assert await used(cache) == "2"
    cache.invalidate()
    cache.invalidate()
    assert await used(cache) == "2"
    assert provider.count == 2


async def test_a_credential_without_an_end_stays() -> None:
    provider = Numbered(life_s=None)
    cache, clock = made(provider)
    await used(cache)
    clock.advance(10_000_000)
    assert await used(cache) == "1"


async def test_closing_gives_up_a_fetch() -> None:
    provider = Numbered()
    provider.gate.clear()
    cache, _ = made(provider)
    call = asyncio.create_task(used(cache))
    await settle()
    await cache.close()
    with pytest.raises(NotReady):
        await call
    await cache.close()
