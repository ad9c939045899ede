"""Commands to Redis: in order, over one connection, as many at once as have gathered.

While one batch is on its way the next gathers, so that under load a round trip serves many calls and at rest
a command goes alone, without waiting. The order is kept: a call that leaves makes room for the one that
enters after it. Nothing is sent twice: what became of a command whose reply did not come is unknown.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from typing import TYPE_CHECKING, Any

import msgspec

from pixapi.errors import ConfigError

try:
    import redis.asyncio
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff
    from redis.exceptions import NoScriptError, RedisError
except ModuleNotFoundError as _missing:
    raise ConfigError(
        "`[redis]` is configured, but its package is missing; install `pixapi[redis]`"
    ) from _missing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

BATCH = 256


class Command(msgspec.Struct, gc=False):
    """A script with its keys and arguments.

    ``reply`` is resolved with what it returned, or None if that is unknown.
    """

    script: str
    keys: tuple[str, ...]
    arguments: tuple[str | int, ...]
    reply: asyncio.Future[Any] | None = None


class Courier:
    """One connection and the commands that wait for it.

    ``on_away`` is called each time that it fails, with the commands whose outcome is unknown.
    """

    def __init__(
        self, url: str, *, timeout_s: float, on_away: Callable[[Exception, Sequence[Command]], None]
    ) -> None:
        self._redis = redis.asyncio.Redis.from_url(
            url,
            socket_connect_timeout=timeout_s,
            socket_timeout=timeout_s,
            retry=Retry(NoBackoff(), 0),
        )
        self._timeout_s = timeout_s
        self._on_away = on_away
        self._pending: deque[Command] = deque()
        self._wake = asyncio.Event()
        self._digests: dict[str, str] = {}
        self._stopping = False

    def send(self, command: Command) -> None:
        """Put ``command`` behind those that wait already."""
        self._pending.append(command)
        self._wake.set()

    async def run(self) -> None:
        """Carry commands until cancelled; a task runs this.

        The client may turn a cancellation that meets it half-way through a reply into an error of the
        connection; `stop` is what ends the loop then.
        """
        while not self._stopping:
            await self._wake.wait()
            self._wake.clear()
            while self._pending and not self._stopping:
                batch = [self._pending.popleft() for _ in range(min(BATCH, len(self._pending)))]
                try:
                    replies = await self._carry(batch)
                except Exception as error:  # noqa: BLE001
                    # Whatever went wrong, those who wait must get an answer, and the next batch its turn.
                    await self._give_up(batch, error)
                    continue
                for command, reply in zip(batch, replies, strict=True):
                    _resolve(command, reply)

    def stop(self) -> None:
        """Make `run` end after the batch that is on its way."""
        self._stopping = True
        self._wake.set()

    async def reach(self) -> bool:
        """Whether the server answers."""
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._redis.ping()
        except (RedisError, OSError, TimeoutError):
            await self._hang_up()
            return False
        return True

    async def close(self) -> None:
        """Let go of the connection; commands that still wait stay unsent."""
        for command in self._pending:
            _resolve(command, None)
        self._pending.clear()
        await self._hang_up()

    async def _carry(self, batch: Sequence[Command]) -> list[Any]:
        async with asyncio.timeout(self._timeout_s):
            replies = await self._pipeline(batch)
            unknown = [n for n, reply in enumerate(replies) if isinstance(reply, NoScriptError)]
            if unknown:
                # A restarted server has forgotten the scripts; what it did not know it has not run.
                self._digests.clear()
                for n, reply in zip(unknown, await self._pipeline([batch[n] for n in unknown]), strict=True):
                    replies[n] = reply
        for reply in replies:
            if isinstance(reply, Exception):
                raise reply
        return replies

    async def _pipeline(self, batch: Sequence[Command]) -> list[Any]:
        for script in {command.script for command in batch} - self._digests.keys():
            self._digests[script] = await self._redis.script_load(script)
        pipeline = self._redis.pipeline(transaction=False)
        for command in batch:
            pipeline.evalsha(
                self._digests[command.script], len(command.keys), *command.keys, *command.arguments
            )
        return await pipeline.execute(raise_on_error=False)

    async def _give_up(self, batch: list[Command], error: Exception) -> None:
        unanswered = [*batch, *self._pending]
        self._pending.clear()
        # Told first: whoever hears that the outcome is unknown must already know that Redis is away.
        self._on_away(error, unanswered)
        for command in unanswered:
            _resolve(command, None)
        await self._hang_up()

    async def _hang_up(self) -> None:
        with contextlib.suppress(RedisError, OSError):
            await self._redis.connection_pool.disconnect(inuse_connections=True)


def _resolve(command: Command, reply: Any) -> None:
    if command.reply is not None and not command.reply.done():
        command.reply.set_result(reply)
