"""Credentials that expire: obtained early, once at a time, and once more when a server refuses one.

- A credential is renewed when four fifths of its life are over. Until it expires, calls go on with the old
  one while the new one is fetched; only a call that finds none waits.
- However many calls wait, one fetch is under way. It is a task of its own, so a caller who leaves does not
  take it away from the others.
- After a failed renewal the next one is tried `_RETRY_S` later, as long as the old credential is good.
- A credential that is refused within `_TRUST_S` of its making is kept: another one would be refused as well,
  and the calls which were refused with its predecessor at the same moment shall not each fetch a new one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from pixapi.clock import Clock, as_datetime
from pixapi.errors import NotReady, UpstreamError, UpstreamTimeout
from pixapi.interfaces import Credential, Credentials, HttpRequest, Outbound
from pixapi.pluginhost.confidential import Confidential
from pixapi.telemetry.logs import logger

_LIFE_USED = 0.8
_RETRY_S = 5
_TRUST_S = 10
_OBTAIN_S = 60

log = logger("credentials")


class CredentialCache:
    """The credential of one configured provider."""

    def __init__(
        self,
        provider: Credentials,
        outbound: Outbound,
        clock: Clock,
        confidential: Confidential | None = None,
    ) -> None:
        self._provider = provider
        self._outbound = outbound
        self._clock = clock
        self._confidential = confidential or Confidential()
        self._credential: Credential | None = None
        self._obtained_at_us = 0
        self._renew_at_us = 0
        self._fetch: asyncio.Task[Credential] | None = None

    async def sign(self, request: HttpRequest, body_sha256: str | None = None) -> HttpRequest:
        """``request`` with a credential on it. ``body_sha256``: its body's hash in hex, where it is known
        already.

        Raises:
            UpstreamError: a credential is needed and cannot be had.
            NotReady: the cache was closed meanwhile.
        """
        credential = self._at_hand() or await self._awaited()
        digest = body_sha256 or request.body_sha256()
        return self._provider.sign(request, digest, credential, as_datetime(self._clock.now_us()))

    def is_stale(self, status: int, headers: Mapping[str, str]) -> bool:
        """See `Credentials.is_stale`."""
        return self._provider.is_stale(status, headers)

    def invalidate(self) -> None:
        """The credential was refused: the next `sign` fetches another, unless this one is very young."""
        if self._clock.now_us() - self._obtained_at_us >= _TRUST_S * 1_000_000:
            self._credential = None

    async def close(self) -> None:
        """Give up a fetch that is under way."""
        if self._fetch is not None:
            self._fetch.cancel()
            await asyncio.wait([self._fetch])

    def _at_hand(self) -> Credential | None:
        """The credential, if it is still good; starts its renewal when it is due."""
        credential = self._credential
        if credential is None:
            return None
        if credential.expires_at is not None:
            now_us = self._clock.now_us()
            if as_datetime(now_us) >= credential.expires_at:
                return None
            if now_us >= self._renew_at_us:
                self._fetching()
        return credential

    async def _awaited(self) -> Credential:
        fetch = self._fetching()
        try:
            return await asyncio.shield(fetch)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if fetch.cancelled() and task is not None and not task.cancelling():
                raise NotReady("the gateway is stopping or has a new configuration; try again") from None
            raise

    def _fetching(self) -> asyncio.Task[Credential]:
        if self._fetch is None:
            self._fetch = asyncio.create_task(self._obtain(), name="obtain-credential")
            self._fetch.add_done_callback(self._fetched)
        return self._fetch

    async def _obtain(self) -> Credential:
        try:
            async with asyncio.timeout(_OBTAIN_S):
                credential = await self._provider.obtain(self._outbound, as_datetime(self._clock.now_us()))
        except TimeoutError:
            raise UpstreamTimeout(
                "a credential for the model's server did not come in time", phase="total"
            ) from None
        except UpstreamError as error:
            self._confidential.conceal(error)
            raise
        self._confidential.add(credential.value)
        return credential

    def _fetched(self, task: asyncio.Task[Credential]) -> None:
        self._fetch = None
        now_us = self._clock.now_us()
        if task.cancelled():
            return
        error = task.exception()
        if error is not None:
            self._renew_at_us = now_us + _RETRY_S * 1_000_000
            log.warning(
                "credential_not_obtained", error=type(error).__name__, code=getattr(error, "code", None)
            )
            return
        self._credential = credential = task.result()
        self._obtained_at_us = now_us
        if credential.expires_at is not None:
            life_us = (credential.expires_at - as_datetime(now_us)).total_seconds() * 1_000_000
            self._renew_at_us = now_us + round(life_us * _LIFE_USED)
