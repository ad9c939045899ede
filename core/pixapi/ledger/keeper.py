"""What the ledger does by itself: shows that its process lives, reaps the dead's holds, expires idle wallets."""

from __future__ import annotations

import random
from threading import Event, Thread

from pixapi.clock import Clock
from pixapi.db.engine import Database, is_away
from pixapi.db.ownership import Ownership
from pixapi.ledger.expiry import expire_due
from pixapi.ledger.meter import Meter
from pixapi.ledger.reaper import Reaper
from pixapi.telemetry.logs import logger

_ROUND_S = 2.0
_EXPIRY_EVERY = 30

log = logger("ledger")


class Keeper:
    """A thread with a round every two seconds. A daemon, so that a dead database does not keep the process."""

    def __init__(self, database: Database, owner: Ownership, clock: Clock, meter: Meter) -> None:
        self._database = database
        self._owner = owner
        self._clock = clock
        self._meter = meter
        self._reaper = Reaper(database, owner, clock)
        self._ended = Event()
        self._thread: Thread | None = None

    def begin(self) -> None:
        """Does the first round at once, then goes on in its thread; raises `DatabaseAway` in the first."""
        self._round()
        self._thread = Thread(target=self._run, name="ledger-keeper", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Ends the thread; waits a little for a round under way."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join(_ROUND_S)

    def _run(self) -> None:
        rounds = 0
        # Replicas that start together should not all look at the same moment.
        while not self._ended.wait(_ROUND_S * random.uniform(0.8, 1.2)):
            rounds += 1
            try:
                self._round()
                if rounds % _EXPIRY_EVERY == 1:
                    expired = expire_due(self._database, self._clock.now_us())
                    if expired:
                        log.info("credits_expired", amount_micro=expired)
            except Exception as error:
                if is_away(error):
                    log.warning("keeper_waits", cause=type(error).__name__)
                else:
                    log.error("keeper_failed", exc_info=error)

    def _round(self) -> None:
        self._owner.keep()
        reaped = self._reaper.round()
        if reaped:
            self._meter.reaped(reaped)
