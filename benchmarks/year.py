"""Many charges, as a site has them after months: how long reports and lists over them take.

    python -m benchmarks.year [--charges 2000000] [--days 73] [--users 20000] [--postgres] [--keep FOLDER]

The defaults have the density of ten million charges a year; `--charges 10000000 --days 365 --users 100000` is the year
of a busy site, and takes half an hour. The books are sound: `pixapi ledger verify` agrees.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import Any

from benchmarks import postgres
from sqlalchemy import insert, text

from pixapi.calls.requests import list_requests
from pixapi.calls.usage_report import top_usage, usage_report
from pixapi.calls.usage_rollup import SLICE, UsageRoller
from pixapi.db.engine import Database
from pixapi.db.schema import upgrade
from pixapi.identity.models import AccountRow, ApiKeyRow, MemberRow, UserRow
from pixapi.ids import first_id
from pixapi.ledger.models import ChargeRow, EntryRow, LotRow, WalletRow
from pixapi.ledger.verify import verify

DAY_US = 86_400_000_000
GRANTED = 10**12
MODELS = tuple(f"model-{at}" for at in range(20))
ROUNDS = 20


def main() -> None:
    """Fills a database and prints a table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--charges", type=int, default=2_000_000)
    options.add_argument("--days", type=int, default=73)
    options.add_argument("--users", type=int, default=20_000)
    options.add_argument("--postgres", action="store_true", help="a Postgres server instead of a SQLite file")
    options.add_argument("--keep", type=Path, help="where the files go, and stay")
    asked = options.parse_args()
    with ExitStack() as stack:
        folder = asked.keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(parents=True, exist_ok=True)
        server = stack.enter_context(postgres.server(folder / "postgres")) if asked.postgres else None
        database = Database(server or f"sqlite:///{folder / 'year.db'}", base_dir=folder)
        stack.callback(database.close)
        upgrade(database)
        now_us = time.time_ns() // 1000
        say("filling", lambda: fill(database, now_us, asked.charges, asked.days, asked.users))
        with database.begin() as connection:
            connection.execute(text("ANALYZE"))
        measure(database, now_us, "nothing summed", asked.days, asked.users)
        say("summing", lambda: roll(database))
        measure(database, now_us, "summed", asked.days, asked.users)
        say("ledger verify", lambda: print("   ", verify(database).problems or "sound"))


def fill(database: Database, now_us: int, charges: int, days: int, users: int) -> None:
    """Users with a key and a lot each, and charges of the last ``days``; few users have most of them."""
    chance, spent = random.Random(1), Counter[int]()
    step_us = days * DAY_US // charges
    with database.begin() as connection:
        for part in batched(range(users), 2000):
            connection.execute(
                insert(AccountRow), [{"id": f"acc_{n}", "name": "", "created_at_us": 0} for n in part]
            )
            connection.execute(insert(UserRow), [
                {"id": f"usr_{n}", "email": f"{n}@example.com", "email_normalized": f"{n}@example.com",
                 "is_admin": False, "created_at_us": 0} for n in part
            ])  # fmt: skip
            connection.execute(
                insert(MemberRow),
                [{"account_id": f"acc_{n}", "user_id": f"usr_{n}", "role": "owner"} for n in part],
            )
            connection.execute(insert(ApiKeyRow), [
                {"id": f"key_{n}", "account_id": f"acc_{n}", "user_id": f"usr_{n}", "title": "laptop",
                 "prefix": f"pix_{n}", "hash": f"{n:064x}", "created_at_us": 0, "has_budget": False,
                 "revision": 1} for n in part
            ])  # fmt: skip
    for part in batched(rows(chance, spent, now_us - days * DAY_US, step_us, charges, users), 20_000):
        with database.begin() as connection:
            connection.execute(insert(ChargeRow), list(part))
    with database.begin() as connection:
        for part in batched(range(users), 2000):
            connection.execute(insert(WalletRow), [
                {"account_id": f"acc_{n}", "posted": GRANTED - spent[n], "held": 0, "overdraft": 0} for n in part
            ])  # fmt: skip
            connection.execute(insert(LotRow), [
                {"id": n + 1, "wallet_id": f"acc_{n}", "kind": "purchase", "priority": 50, "granted": GRANTED,
                 "remaining": GRANTED - spent[n], "source": f"s{n}", "created_at_us": 0} for n in part
            ])  # fmt: skip
            connection.execute(insert(EntryRow), [
                {"wallet_id": f"acc_{n}", "lot_id": n + 1, "kind": "grant", "amount": GRANTED, "reference": f"s{n}",
                 "created_at_us": 0} for n in part
            ])  # fmt: skip


def rows(
    chance: random.Random, spent: Counter[int], start_us: int, step_us: int, charges: int, users: int
) -> Iterator[dict[str, Any]]:
    """Settled charges in the order of time; ``spent`` counts what each user paid."""
    for n in range(charges):
        at_us = start_us + n * step_us
        user, amount = int(users * chance.random() ** 3), chance.randrange(10_000)
        spent[user] += amount
        serial = first_id("", at_us)[1:11] + f"{n:016}"
        yield {
            "id": f"chg_{serial}", "wallet_id": f"acc_{user}", "key_id": f"key_{user}",
            "user_id": f"usr_{user}", "owner": "own_1", "status": "settled", "operation": "chat",
            "model": chance.choice(MODELS), "route": "a/b", "stream": True, "budgeted": False, "price_id": 1,
            "held": 20_000, "amount": amount, "written_off": 0, "lot_id": user + 1, "usage_source": "reported",
            "usage": f'{{"input":{chance.randrange(2000)},"cached_input":100,"output":{chance.randrange(500)}}}',
            "http_status": 200, "first_byte_ms": 200, "duration_ms": 2000, "created_at_us": at_us,
            "settled_at_us": at_us + 2_000_000,
        }  # fmt: skip


def roll(database: Database) -> None:
    """Sums all charges, as the thread of a gateway does; tells this process's CPU for each."""
    roller, rounds, began_s = UsageRoller(database), 0, time.process_time()
    while roller.round():
        rounds += 1
    print(f"    {(time.process_time() - began_s) / max(1, rounds * SLICE) * 1e6:.1f} us of CPU a charge")


def batched(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    left = iter(items)
    while part := list(islice(left, size)):
        yield part


def say(what: str, work: Callable[[], object]) -> None:
    began_s = time.perf_counter()
    work()
    print(f"{what}: {time.perf_counter() - began_s:.1f} s", flush=True)


def measure(database: Database, now_us: int, state: str, days: int, users: int) -> None:
    """p50 and p95 of each question, in milliseconds."""

    def since(span_days: float) -> int:
        return now_us - int(span_days * DAY_US) - 1_234_567

    spans = sorted({7, 30, days // 2, days})
    questions: dict[str, Callable[[Any], object]] = {}
    for span in spans:
        for by in ("model", "day"):
            questions[f"usage report --by {by} --since {span}d"] = lambda c, by=by, span=span: usage_report(
                c, by, since(span)
            )
        for by in ("user", "key"):
            questions[f"usage report --by {by} --since {span}d --top 50"] = lambda c, by=by, span=span: (
                top_usage(c, by, since(span), 50)
            )
    for by in ("user", "key"):
        questions[f"usage report --by {by} --since 30d --csv"] = lambda c, by=by: usage_report(
            c, by, since(30)
        )
    # The key of the last user has hardly a charge.
    questions["requests list --key RARE --since 30d"] = lambda c: list_requests(
        c, key_id=f"key_{users - 1}", since_us=since(30)
    )
    questions["requests list --model NONE"] = lambda c: list_requests(
        c, model="none", since_us=now_us - DAY_US
    )
    print(f"{state}:")
    rounds = ROUNDS if state == "summed" else 3
    for name, ask in questions.items():
        taken_ms = []
        for _ in range(rounds):
            began_s = time.perf_counter()
            with database.read() as connection:
                ask(connection)
            taken_ms.append((time.perf_counter() - began_s) * 1000)
        taken_ms.sort()
        print(
            f"    {name:46} p50 {statistics.median(taken_ms):8.1f} ms   p95 {taken_ms[int(rounds * 0.95)]:8.1f} ms",
            flush=True,
        )


if __name__ == "__main__":
    main()
