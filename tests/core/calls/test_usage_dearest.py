"""The dearest of many: the same rows whichever way they are found, and on Postgres with what makes them found soon."""

from __future__ import annotations

import time
from typing import Any

import pytest
from sqlalchemy import Connection, event, insert, text

from pixapi.calls.usage_report import top_usage, usage_report
from pixapi.calls.usage_rollup import UsageRoller
from pixapi.db.engine import Database
from pixapi.ids import first_id
from pixapi.ledger.models import ChargeRow

DAY_US = 86_400_000_000
NOW_US = time.time_ns() // 1000
SINCE_US = NOW_US - 10 * DAY_US
# By their lowest 30 or 31 bits alone, each of these would stand elsewhere.
AMOUNTS = (7 << 30, (6 << 30) + 5, (5 << 31) - 1, 2**31, 2**30 - 1, 2**41, 2**41 + 1, 12)
FEW = {"hours": 10**6, "bounds": 0}
ON_POSTGRES = pytest.mark.parametrize(
    "database_url", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True
)


@pytest.fixture
def filled(database: Database) -> Database:
    """Eight keys with two charges of three days ago, summed, and one of now; the last of them without use since."""
    rows = [
        charge(number * 3 + part, f"key_{number}", at_us, amount if part else 1)
        for number, amount in enumerate(AMOUNTS)
        for part, at_us in enumerate((NOW_US - 3 * DAY_US, NOW_US - 3 * DAY_US, NOW_US)[: 2 + (number < 7)])
    ]
    # What was used before the span is the most of what it used, and counts for nothing.
    rows.append(charge(100, "key_7", NOW_US - 20 * DAY_US, 2**42))
    with database.begin() as connection:
        connection.execute(insert(ChargeRow), rows)
    roller = UsageRoller(database)
    while roller.round():
        pass
    return database


def charge(number: int, key: str, at_us: int, amount: int) -> dict[str, Any]:
    return {
        "id": first_id("chg", at_us)[:-8] + f"{number:08}", "wallet_id": "acc_1", "key_id": key,
        "user_id": key.replace("key", "usr"), "owner": "own_1", "status": "settled", "operation": "chat", "model": "m",
        "route": "r", "stream": False, "budgeted": False, "price_id": 1, "held": 0, "amount": amount, "written_off": 0,
        "created_at_us": at_us, "settled_at_us": at_us, "usage": f'{{"input":{number},"output":1}}',
    }  # fmt: skip


@pytest.mark.parametrize("way", FEW)
@pytest.mark.parametrize("by", ["user", "key"])
def test_amounts_of_any_size_are_told_apart(filled: Database, by: str, way: str) -> None:
    with filled.read() as connection:
        every = usage_report(connection, by, SINCE_US)
        for top in range(1, len(AMOUNTS) + 1):
            found = top_usage(connection, by, SINCE_US, top, sample=1, few=FEW[way])
            assert found == (every[:top], len(AMOUNTS) - top)
    used = sorted((1 + amount * (2 if at < 7 else 1) for at, amount in enumerate(AMOUNTS)), reverse=True)
    assert [round(float(row["credits"]) * 1_000_000) for row in every] == used


def setting(connection: Connection, name: str) -> str:
    return connection.execute(text("SELECT current_setting(:name)"), {"name": name}).scalar_one()


@ON_POSTGRES
def test_postgres_gets_room_for_the_report_alone(filled: Database) -> None:
    with filled.read() as connection:
        before = setting(connection, "work_mem"), setting(connection, "jit")
        top_usage(connection, "user", SINCE_US, 3)
        assert (setting(connection, "work_mem"), setting(connection, "jit")) == ("32MB", "off")
    with filled.read() as connection:
        assert (setting(connection, "work_mem"), setting(connection, "jit")) == before
        connection.execute(text("SET LOCAL work_mem = '1GB'"))
        top_usage(connection, "user", SINCE_US, 3)
        assert setting(connection, "work_mem") == "1GB"


@ON_POSTGRES
@pytest.mark.parametrize("way", FEW)
@pytest.mark.parametrize(("by", "index"), [("user", "pk_users"), ("key", "pk_api_keys")])
def test_postgres_looks_names_up_in_their_index(filled: Database, by: str, index: str, way: str) -> None:
    """With a table of few rows it does so only if reading all of it is forbidden; with a wrong order not even then."""
    asked: list[tuple[str, Any]] = []
    with filled.read() as connection:
        event.listen(connection, "before_cursor_execute", lambda _c, _u, *asking: asked.append(asking[:2]))
        top_usage(connection, by, SINCE_US, 3, few=FEW[way])
        connection.execute(text("SET LOCAL enable_seqscan = off"))
        statement, parameters = next(each for each in asked if "chosen" in each[0])
        plan = connection.exec_driver_sql(f"EXPLAIN {statement}", parameters).scalars().all()
    assert any(f"Index Scan using {index} " in line for line in plan), "\n".join(plan)
