"""All live keys in memory, so that a call is authenticated without the database.

The keyring holds a dict from a key's hash to its `Principal`. A task asks the database each second whether
the `revision` has moved and fetches the keys stamped since; a key that was revoked is therefore refused
everywhere within two seconds. A key that is not in the dict may be new: `refresh` looks at once, for all who
wait together, and not more than five times a second, so that made-up keys cost the database nothing to speak
of.

When the database does not answer, the last known state serves for ten more seconds, counted from the
beginning of the last look that succeeded. After that nobody can say which keys have been revoked, and every
call gets 503. Unless it was the process that stood still (a frozen container, a machine that was moved): then
no look has failed, and `catch_up` makes one for the calls that are waiting.

The dict is changed on the event loop's thread only; the database is asked in a thread of the keyring's own.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING, Any

import msgspec

from pixapi.errors import DatabaseAway, Forbidden, NotReady, Unauthenticated
from pixapi.identity import repository
from pixapi.identity.keys import LONGEST_KEY, KeyHasher
from pixapi.telemetry.logs import logger

if TYPE_CHECKING:
    from pixapi.clock import Clock
    from pixapi.db.engine import Database

POLL_S = 1.0
STALE_S = 10.0
REFRESH_S = 0.2
CATCH_UP_S = 2.0
FLUSH_S = 10.0

log = logger("identity")


class Principal(msgspec.Struct, frozen=True):
    """Who calls, and what their key allows.

    ``models`` may hold patterns with `*`; None: no limit of its own. ``former_id``: the call came with a secret that
    was replaced and still works; it is the id of that secret, while ``key_id`` is the key's, whose budget and limits
    both share.
    """

    key_id: str
    account_id: str
    user_id: str
    group: str
    models: tuple[str, ...] | None
    networks: tuple[IPv4Network | IPv6Network, ...] | None
    requests_per_minute: int | None
    expires_at_us: int | None
    budgeted: bool
    former_id: str | None = None


class Changes(msgspec.Struct):
    """What a look at the database brought: keys that are live, and hashes of keys that are not."""

    revision: int
    live: dict[bytes, Principal]
    gone: list[bytes]


class Keyring:
    """The keys of one process. `lookup` and `used` are for the hot path and never wait."""

    def __init__(self, database: Database, secret: bytes, clock: Clock) -> None:
        self._database = database
        self._hasher = KeyHasher(secret)
        self._clock = clock
        self._keys: dict[bytes, Principal] = {}
        self._revision = -1
        self._good_until_s = float("-inf")
        self._uses: dict[str, int] = {}
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="pixapi-keyring")
        self._next_look: asyncio.Task[bool] | None = None
        self._looks: set[asyncio.Task[bool]] = set()
        self._next_refresh_s = float("-inf")
        self._tasks: list[asyncio.Task[None]] = []
        self._away = False

    def lookup(self, key: str, client_ip: str | None) -> Principal:
        """Whose key it is.

        Raises:
            Unauthenticated: it is unknown, revoked or expired, or its account is disabled; the words are the
            same.
            Forbidden: it may not be used from ``client_ip``.
            NotReady: the database has not answered for ten seconds.
        """
        if not self.ready():
            raise NotReady(
                "this gateway cannot check API keys at the moment, its database does not answer; try again "
                "in a few seconds",
                retry_after_s=STALE_S,
            )
        principal = self._keys.get(self._hasher.digest(key)) if len(key) <= LONGEST_KEY else None
        if principal is None or (
            principal.expires_at_us is not None and principal.expires_at_us <= self._clock.now_us()
        ):
            raise Unauthenticated("the API key is not valid; it is unknown, expired or revoked")
        if principal.networks is not None and not _within(client_ip, principal.networks):
            raise Forbidden("this API key may not be used from your network address")
        if principal.former_id is not None:
            self.used(principal.former_id)
        return principal

    def ready(self) -> bool:
        """Whether `lookup` can vouch for what it says: the database has answered within the last ten seconds."""
        return self._clock.monotonic_s() <= self._good_until_s

    def used(self, key_id: str) -> None:
        """Note that the key was used now; written to the database within ten seconds."""
        self._uses[key_id] = self._clock.now_us()

    async def start(self) -> None:
        """Load all keys and begin to follow changes.

        Raises:
            DatabaseAway: the database does not answer.
        """
        await self._look()
        self._tasks = [
            asyncio.create_task(self._every(POLL_S, self._poll), name="keyring-poll"),
            asyncio.create_task(self._every(FLUSH_S, self._flush), name="keyring-flush"),
        ]

    async def stop(self) -> None:
        """Stop following changes; what is noted of uses is written, if the database answers."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        await asyncio.gather(*self._looks, return_exceptions=True)
        await self._flush()
        self._thread.shutdown(wait=False)

    async def refresh(self) -> bool:
        """Look for changes now, because a key is not known; True if there were any.

        All who ask within 0.2 s share one look, which begins after the last of them asked.

        Raises:
            NotReady: the database does not answer, so it cannot be said whether the key is good.
        """
        look = self._next_look
        if look is None:
            look = self._next_look = asyncio.create_task(self._look_soon(), name="keyring-refresh")
            self._looks.add(look)
            look.add_done_callback(self._looks.discard)
        # Shielded: one caller who leaves must not take the answer away from the others.
        try:
            return await asyncio.shield(look)
        except DatabaseAway as error:
            raise NotReady(
                "this gateway cannot check the API key at the moment, its database does not answer; try "
                "again in a few seconds",
                retry_after_s=REFRESH_S * 10,
            ) from error

    async def catch_up(self) -> None:
        """Look now if `lookup` is not ready although no look has failed; what came of it, the next `lookup` says.

        Waits two seconds at most: a database that does not answer takes longer to be known as away.

        Raises:
            NotReady: the database does not answer.
        """
        if self._away:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CATCH_UP_S):
                await self.refresh()

    async def _look_soon(self) -> bool:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(max(0.0, self._next_refresh_s - loop.time()))
        self._next_refresh_s = loop.time() + REFRESH_S
        # From here on a caller would come too late for this look and needs the next one.
        self._next_look = None
        return await self._look()

    async def _look(self) -> bool:
        began_s = self._clock.monotonic_s()
        changes = await self._in_thread(partial(self._fetch, self._revision))
        self._good_until_s = max(self._good_until_s, began_s + STALE_S)
        if changes is None or changes.revision <= self._revision:
            return False
        self._revision = changes.revision
        self._keys.update(changes.live)
        for digest in changes.gone:
            self._keys.pop(digest, None)
        return True

    def _fetch(self, since: int) -> Changes | None:
        """In the thread: what was stamped later than ``since``; None if nothing was."""
        with self._database.read() as connection:
            # The number is read first: a change that commits in between is fetched twice, never missed.
            revision = repository.current_revision(connection)
            return (
                None
                if revision == since
                else _changes(revision, repository.keys_changed_since(connection, since))
            )

    async def _poll(self) -> None:
        await self._look()
        if self._away:
            self._away = False
            log.info("keyring_back")

    async def _flush(self) -> None:
        uses, self._uses = self._uses, {}
        if not uses:
            return
        try:
            await self._in_thread(partial(self._write_uses, uses))
        except DatabaseAway:
            self._uses = uses | self._uses

    def _write_uses(self, uses: dict[str, int]) -> None:
        with self._database.begin() as connection:
            repository.mark_used(connection, uses.items())

    async def _every(self, seconds: float, work: Callable[[], Any]) -> None:
        while True:
            await asyncio.sleep(seconds)
            try:
                await work()
            except DatabaseAway:
                if not self._away:
                    self._away = True
                    log.warning("keyring_out_of_touch", serves_for_s=STALE_S)
            except Exception:
                # Whatever it was, the next round must come: a keyring that stops looking stops the process's
                # calls.
                log.exception("keyring_failed")

    async def _in_thread(self, work: Callable[[], Any]) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


def _changes(revision: int, rows: Iterable[repository.AnyRow]) -> Changes:
    changes = Changes(revision, {}, [])
    for row in rows:
        digest = bytes.fromhex(row.hash)
        if not row.live:
            changes.gone.append(digest)
            continue
        changes.live[digest] = Principal(
            key_id=row.replaced_by or row.id,
            account_id=row.account_id,
            user_id=row.user_id,
            group=row.group_name,
            models=None if row.models is None else tuple(row.models),
            networks=None if row.networks is None else tuple(map(ip_network, row.networks)),
            requests_per_minute=row.requests_per_minute,
            expires_at_us=row.expires_at_us,
            budgeted=bool(row.has_budget),
            former_id=None if row.replaced_by is None else row.id,
        )
    return changes


def _within(client_ip: str | None, networks: tuple[IPv4Network | IPv6Network, ...]) -> bool:
    """An address that is not known, or not an address, is in no network."""
    with contextlib.suppress(ValueError):
        address = ip_address(client_ip or "")
        mapped = getattr(address, "ipv4_mapped", None)
        return any((mapped or address) in network for network in networks)
    return False
