"""Watches, while the gateway serves, that nothing is sold at a loss."""

from __future__ import annotations

import asyncio

from pixapi.calls.margin_report import Margin, margin_report, usd
from pixapi.clock import Clock
from pixapi.db.engine import Database
from pixapi.errors import DatabaseAway
from pixapi.telemetry.logs import logger
from pixapi.telemetry.metrics import Metrics

_EVERY_S = 3600
_SPAN_US = 24 * 3600 * 1_000_000

log = logger("margin")


class MarginWatch:
    """Looks at the last day at its start and every hour: the metric `pixapi_margin_usd` for each model whose cost is
    known, and a warning in the log for each route on which a model brought in less than it cost.
    """

    def __init__(self, database: Database, clock: Clock, metrics: Metrics) -> None:
        self._database = database
        self._clock = clock
        self._metrics = metrics
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to look, in the background."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """End. Nothing is written by a look, so that one under way may be left alone."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    async def look(self) -> list[Margin]:
        """Look once; returns what was sold at a loss."""
        rows = await asyncio.to_thread(self._read)
        by_model: dict[str, float] = {}
        for row in rows:
            if row.margin_usd is not None:
                by_model[row.names[0]] = by_model.get(row.names[0], 0) + float(row.margin_usd)
        self._metrics.margins(by_model)
        lost = [row for row in rows if row.is_loss]
        for row in lost:
            model, route = row.names
            log.warning(
                "sold_at_a_loss",
                model=model,
                route=route,
                calls=row.calls - row.unknown_calls,
                charged_usd=usd(row.earned_usd),
                cost_usd=usd(row.cost_usd),
            )
        return lost

    def _read(self) -> list[Margin]:
        since_us = self._clock.now_us() - _SPAN_US
        with self._database.read() as connection:
            return margin_report(connection, "route", since_us, young_only=True)

    async def _run(self) -> None:
        while True:
            try:
                await self.look()
            except DatabaseAway as error:
                log.warning("margin_not_read", error=error.message)
            except Exception:
                log.exception("margin_not_read")
            await asyncio.sleep(_EVERY_S)
