"""Hourly sums: at every moment a report says what adding up all charges would."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from itertools import count
from typing import Any

import msgspec
import pytest
from sqlalchemy import func, insert, select

from pixapi.calls.models import (
    UsageByKeyRow,
    UsageByKeyTotalRow,
    UsageByKeyUntilRow,
    UsageByModelDayRow,
    UsageByModelRow,
    UsageLateRow,
)
from pixapi.calls.usage_report import top_usage, usage_report
from pixapi.calls.usage_rollup import UsageRoller, rolled
from pixapi.clock import as_datetime
from pixapi.db.engine import Database
from pixapi.db.schema import downgrade, upgrade
from pixapi.ids import first_id
from pixapi.ledger import Grant, HoldOrder, SettleOrder, VoidOrder, apply
from pixapi.ledger.models import ChargeRow

HOUR_US = 3_600_000_000
NOW_US = time.time_ns() // 1000
"""Whether a settle is late is judged by the database's clock, so these charges are of today."""


class Site:
    """Charges made and ended in any order, of a few users with a few keys."""

    def __init__(self, database: Database, seed: int) -> None:
        self.database = database
        self.chance = random.Random(seed)
        self.numbers: Iterator[int] = count()
        self.open: list[str] = []
        self.voided: list[str] = []
        with database.begin() as connection:
            apply(connection, [Grant("acc_1", 10**9, "all", "purchase", NOW_US)])

    def some_time(self) -> int:
        """In the last three days; half of them in the last hours."""
        return NOW_US - self.chance.randrange(self.chance.choice([3, 72]) * HOUR_US)

    def row(self, at_us: int) -> dict[str, Any]:
        """A charge that settled at once."""
        charge_id = first_id("chg", at_us)[:-8] + f"{next(self.numbers):08}"
        key = int(12 * self.chance.random() ** 2)
        return {
            "id": charge_id, "wallet_id": "acc_1", "key_id": f"key_{key}",
            "user_id": None if key % 5 == 2 else f"usr_{key % 5}", "owner": "own_1", "status": "settled", "operation": "chat",
            "model": self.chance.choice("abc"), "route": "r", "stream": False, "budgeted": False, "price_id": 1,
            "held": 0, "amount": self.chance.randrange(1000), "written_off": 0, "created_at_us": at_us,
            "settled_at_us": at_us, "usage": self.usage(),
        }  # fmt: skip

    def usage(self) -> str:
        names = self.chance.sample(["input", "cached_input", "output", "reasoning", "requests"], 3)
        return msgspec.json.encode({name: self.chance.randrange(100) for name in names}).decode()

    def settled(self, number: int, *, old: bool = True) -> None:
        rows = [self.row(self.some_time() if old else NOW_US) for _ in range(number)]
        with self.database.begin() as connection:
            connection.execute(insert(ChargeRow), rows)

    def apply(self, *operations: Any) -> None:
        with self.database.begin() as connection:
            apply(connection, operations)

    def hold(self) -> None:
        row = self.row(self.some_time())
        names = set(HoldOrder.__struct_fields__) & set(row) - {"amount"}
        order = HoldOrder(charge_id=row["id"], amount=1000, minimum=1000, at_us=row["created_at_us"],
                          **{name: row[name] for name in names})  # fmt: skip
        self.apply(order)
        self.open.append(order.charge_id)

    def take(self, charges: list[str]) -> str:
        return charges.pop(self.chance.randrange(len(charges)))

    def end(self) -> None:
        """Settles, voids, or settles what was voided before."""
        if self.voided and self.chance.random() < 0.3:
            charge_id = self.take(self.voided)
        elif self.open:
            charge_id = self.take(self.open)
            if self.chance.random() < 0.3:
                self.voided.append(charge_id)
                return self.apply(VoidOrder(charge_id, NOW_US, "orphaned", 500))
        else:
            return self.hold()
        amount = self.chance.randrange(1000)
        return self.apply(SettleOrder(charge_id, amount, self.usage(), "reported", NOW_US, 200))

    def check(self) -> None:
        since_us = self.chance.choice(
            [0, NOW_US, NOW_US // HOUR_US * HOUR_US - 5 * HOUR_US, self.some_time()]
        )
        by = self.chance.choice(["model", "user", "key", "day"])
        with self.database.read() as connection:
            few = self.chance.choice([0, 20, 10**6])
            found = usage_report(connection, by, since_us, few=few)
            top, sample = self.chance.randrange(1, 6), self.chance.randrange(1, 15)
            few = self.chance.choice([0, 20, 10**6])
            first = top_usage(connection, by, since_us, top, sample=sample, few=few)
            rows = connection.execute(select(*ChargeRow.__table__.columns)).mappings().all()
        assert first == (found[:top], max(0, len(found) - top))
        sums: dict[str, Counter[str]] = {}
        for row in rows:
            if row["status"] == "settled" and row["created_at_us"] >= since_us:
                used = msgspec.json.decode(row["usage"])
                day = as_datetime(row["created_at_us"]).strftime("%Y-%m-%d")
                name = {
                    "model": row["model"],
                    "user": row["user_id"] or "-",
                    "key": row["key_id"],
                    "day": day,
                }[by]
                if by == "user":
                    name = "-"  # nobody has told identity of these users
                sums.setdefault(name, Counter()).update(
                    calls=1,
                    input_tokens=used.get("input", 0) + used.get("cached_input", 0),
                    output_tokens=used.get("output", 0) + used.get("reasoning", 0),
                    amount=row["amount"],
                )
        merged: dict[str, Counter[str]] = {}
        for row in found:
            merged.setdefault(row[by], Counter()).update(
                {name: row[name] for name in ("calls", "input_tokens", "output_tokens")}
            )
            merged[row[by]]["amount"] += round(float(row["credits"]) * 1_000_000)
        assert {name: +each for name, each in merged.items()} == {name: +each for name, each in sums.items()}


NUMBERS = ("calls", "input_tokens", "output_tokens", "amount")


def running(database: Database) -> tuple[dict[Any, list[int]], dict[Any, list[int]]]:
    """By key, user and day: the running totals that are kept, and those that the hours come to."""
    hours = select(UsageByKeyRow.__table__).order_by(UsageByKeyRow.hour_us)
    with database.read() as connection:
        kept = {
            (row["key_id"], row["user_id"], row["day_us"]): [row[name] for name in NUMBERS]
            for row in connection.execute(select(UsageByKeyUntilRow.__table__)).mappings()
        }
        totals: dict[Any, list[int]] = {}
        found: dict[Any, list[int]] = {}
        for row in connection.execute(hours).mappings():
            key = (row["key_id"], row["user_id"])
            total = totals.setdefault(key, [0] * len(NUMBERS))
            for at, name in enumerate(NUMBERS):
                total[at] += row[name]
            found[*key, row["hour_us"] // (24 * HOUR_US) * (24 * HOUR_US)] = list(total)
        for row in connection.execute(select(UsageByKeyTotalRow.__table__)).mappings():
            key = (row["key_id"], row["user_id"])
            days = [day_us for *names, day_us in found if tuple(names) == key]
            assert (row["first_day_us"], row["last_day_us"]) == (min(days), max(days))
            assert [row[name] for name in NUMBERS] == totals.pop(key)
    assert totals == {}
    return kept, found


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_report_is_exact_whatever_was_summed_when(database: Database, seed: int) -> None:
    site, roller = Site(database, seed), UsageRoller(database)
    for _ in range(20):
        site.hold()
    site.settled(80)
    site.check()
    actions = [
        site.hold,
        site.end,
        site.end,
        lambda: site.settled(3, old=False),
        lambda: roller.round(7),
        site.check,
    ]
    for _ in range(150):
        site.chance.choice(actions)()
    while roller.round():
        site.check()
    site.check()
    with database.read() as connection:
        assert connection.execute(select(func.count()).select_from(UsageByModelRow)).scalar_one() > 20
        rolled_upto = rolled(connection).upto
        assert first_id("chg", NOW_US - 2 * HOUR_US) < rolled_upto < first_id("chg", NOW_US)
        late = select(func.count()).select_from(UsageLateRow).where(UsageLateRow.charge_id <= rolled_upto)
        assert connection.execute(late).scalar_one() == 0
    kept, found = running(database)
    assert kept == found


def test_several_that_sum_at_once_sum_nothing_twice(database: Database) -> None:
    site = Site(database, 4)
    for _ in range(30):
        site.hold()
    site.settled(200)

    def work() -> None:
        roller = UsageRoller(database)
        while roller.round(5):
            pass

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    while site.open:
        site.end()
    for thread in threads:
        thread.join()
    work()
    for _ in range(10):
        site.check()
    with database.read() as connection:
        totals = [
            connection.execute(select(func.sum(t.amount), func.sum(t.calls))).one()
            for t in (UsageByModelRow, UsageByModelDayRow, UsageByKeyRow, UsageByKeyTotalRow)
        ]
    assert len(set(map(tuple, totals))) == 1


def test_running_totals_are_right_in_whatever_order_days_are_summed(database: Database) -> None:
    """A late settle of an early day moves the totals of all days after it."""
    site, roller, day_us = Site(database, 8), UsageRoller(database), 24 * HOUR_US
    early, between = (first_id("chg", NOW_US - days * day_us) for days in (5, 3))
    rows = [site.row(NOW_US - days * day_us) | {"key_id": "key_1", "user_id": "usr_1"} for days in (6, 4, 2)]
    with database.begin() as connection:
        connection.execute(insert(ChargeRow), rows)
    orders = [
        HoldOrder(
            charge_id=charge_id, wallet_id="acc_1", key_id="key_1", user_id="usr_1", amount=1000, minimum=1000,
            budgeted=False, operation="chat", model="a", route="r", stream=False, price_id=1,
            at_us=NOW_US - days * day_us,
        )
        for charge_id, days in ((early, 5), (between, 3))
    ]  # fmt: skip
    site.apply(*orders)
    while roller.round():
        pass
    site.apply(*(SettleOrder(order.charge_id, 7, "{}", "reported", NOW_US, 200) for order in orders))
    while roller.round():
        pass
    with database.read() as connection:
        for days in range(1, 8):
            since_us = (NOW_US - days * day_us) // day_us * day_us
            calls = sum(row["calls"] for row in usage_report(connection, "key", since_us, few=0))
            assert calls == min(max(0, days - 1), 5)
    kept, found = running(database)
    assert kept == found


def test_a_day_that_begins_within_a_round_begins_new_totals(database: Database) -> None:
    site, roller, day_us = Site(database, 9), UsageRoller(database), 24 * HOUR_US
    midnight_us = (NOW_US - day_us) // day_us * day_us
    # The clock was set back between the two looks that an id and its charge take: days come mixed.
    rows = [site.row(midnight_us + (at - 25) * 1_000_000 + at % 3 * 9_000_000) for at in range(50)]
    with database.begin() as connection:
        connection.execute(insert(ChargeRow), rows)
    while roller.round(8):
        pass
    kept, found = running(database)
    assert kept == found
    assert {day_us for *_, day_us in kept} == {midnight_us - 24 * HOUR_US, midnight_us}


def test_the_revision_of_running_totals_loses_nothing(database: Database) -> None:
    site, roller = Site(database, 7), UsageRoller(database)
    site.settled(120)
    while roller.round():
        pass

    def reports() -> list[Any]:
        with database.read() as connection:
            times = (0, NOW_US - 50 * HOUR_US, NOW_US - 5 * HOUR_US)
            return [
                usage_report(connection, by, at, few=0)
                for by in ("model", "user", "key", "day")
                for at in times
            ]

    before = reports()
    downgrade(database, "0004")
    upgrade(database)
    assert reports() == before


def test_a_settle_in_time_is_not_noted(database: Database) -> None:
    site = Site(database, 5)
    for charge_id, age_us in (("chg_young", 60_000_000), ("chg_old", HOUR_US)):
        row = site.row(NOW_US - age_us) | {"id": charge_id, "status": "held", "amount": None,
                                           "settled_at_us": None}  # fmt: skip
        with database.begin() as connection:
            connection.execute(insert(ChargeRow).values(**row))
        site.apply(SettleOrder(charge_id, 0, "{}", "reported", NOW_US, 200))
    with database.read() as connection:
        assert list(connection.execute(select(UsageLateRow.charge_id)).scalars()) == ["chg_old"]


def test_the_thread_sums_by_itself(database: Database) -> None:
    site, roller = Site(database, 6), UsageRoller(database)
    site.settled(10)
    roller.start()
    try:
        for _ in range(200):
            with database.read() as connection:
                if rolled(connection).version:
                    break
            time.sleep(0.05)
        else:
            raise AssertionError("nothing was summed")
    finally:
        roller.stop()
    site.check()
