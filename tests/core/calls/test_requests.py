"""Charges and failed requests as one list."""

from pathlib import Path

import pytest
from sqlalchemy import insert

from pixapi.calls.models import FailedRequestRow
from pixapi.calls.requests import find_request, list_requests
from pixapi.db.engine import Database, driver_of
from pixapi.identity.audit import Actor
from pixapi.identity.keys import KeyHasher
from pixapi.identity.service import KeyTerms, add_key, create_user
from pixapi.ids import first_id
from pixapi.ledger.models import ChargeRow, WalletRow

MINUTE_US = 60_000_000


def charge(n: int, **more: object) -> dict[str, object]:
    settled = {
        "status": "settled",
        "amount": 1_500_000,
        "settled_at_us": n * MINUTE_US + 1,
        "http_status": 200,
    }
    return {
        "id": f"chg_{n:026}", "wallet_id": "acc_1", "key_id": "key_1", "owner": "own_1",
        "operation": "chat", "model": "echo", "route": "echo/echo", "stream": False, "budgeted": False, "price_id": 1,
        "held": 2_000_000, "written_off": 0, "created_at_us": n * MINUTE_US, **settled, **more,
    }  # fmt: skip


def refusal(n: int, **more: object) -> dict[str, object]:
    return {
        "id": f"req_{n:026}", "at_us": n * MINUTE_US, "operation": "chat", "dialect": "openai", "http_status": 401,
        "error_code": "invalid_api_key", **more,
    }  # fmt: skip


@pytest.fixture
def filled(database: Database) -> Database:
    voided = {"status": "voided", "amount": None, "http_status": 502, "error_code": "upstream_lost"}
    with database.begin() as connection:
        connection.execute(insert(WalletRow).values(account_id="acc_1", posted=0, held=0, overdraft=0))
        for row in (charge(1), charge(3, **voided), charge(5, model="other", key_id="key_2")):
            connection.execute(insert(ChargeRow).values(**row))
        for row in (
            refusal(2),
            refusal(4, key_id="key_2", account_id="acc_1", model="echo", http_status=429),
        ):
            connection.execute(insert(FailedRequestRow).values(**row))
    return database


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({}, [5, 4, 3, 2, 1]),
        ({"limit": 2}, [5, 4]),
        ({"failed": True}, [4, 3, 2]),
        ({"key_id": "key_2"}, [5, 4]),
        ({"model": "echo"}, [4, 3, 1]),
        ({"since_us": 4 * MINUTE_US}, [5, 4]),
        ({"failed": True, "model": "echo", "since_us": 4 * MINUTE_US}, [4]),
        ({"model": "nothing"}, []),
    ],
)
def test_newest_first_and_filtered(filled: Database, wanted: dict, found: list[int]) -> None:
    with filled.read() as connection:
        assert [int(row["id"][4:]) for row in list_requests(connection, **wanted)] == found


def test_rows_say_what_became_of_the_call(filled: Database) -> None:
    with filled.read() as connection:
        rows = {int(row["id"][4:]): row for row in list_requests(connection)}
    assert (rows[1]["status"], rows[1]["amount"], rows[1]["at"]) == ("settled", "1.5", "1970-01-01T00:01:00Z")
    assert (rows[3]["status"], rows[3]["amount"], rows[3]["error_code"]) == ("voided", None, "upstream_lost")
    assert (rows[4]["status"], rows[4]["http_status"], rows[4]["charge_id"]) == ("refused", 429, None)


@pytest.mark.parametrize("name", ["req_{}", "chg_{}", "chatcmpl-{}"])
def test_a_request_is_found_by_any_of_its_ids(filled: Database, name: str) -> None:
    with filled.read() as connection:
        found = find_request(connection, name.format(f"{3:026}"))
        assert found is not None
        assert found["error_code"] == "upstream_lost"
        assert find_request(connection, name.format(f"{2:026}")) is not None
        assert find_request(connection, name.format(f"{9:026}")) is None


def fill(database: Database, account: str, key: str, minutes: range) -> None:
    rows = [
        charge(n) | {"id": first_id("chg", n * MINUTE_US)[:-8] + account[-8:].rjust(8, "0"),
                     "wallet_id": account, "key_id": key}
        for n in minutes
    ]  # fmt: skip
    with database.begin() as connection:
        connection.execute(insert(ChargeRow), rows)


def steps(database: Database, **wanted: object) -> tuple[int, int]:
    """How many requests were found, and how many hundreds of steps SQLite took for it."""
    taken: list[int] = []
    with database.read() as connection:
        driver_of(connection).set_progress_handler(lambda: taken.append(1), 100)
        found = list_requests(connection, **wanted)
        driver_of(connection).set_progress_handler(None, 0)
    return len(found), len(taken)


def test_the_charges_of_others_cost_nothing(sqlite_url: str, tmp_path: Path) -> None:
    database = Database(sqlite_url, base_dir=tmp_path)
    with database.begin() as connection:
        user = create_user(connection, Actor("cli", 0), "ada@example.com")
        key = add_key(connection, Actor("cli", 0), KeyHasher(b"s"), user, "t", "pix_" + "0" * 40, KeyTerms())
    fill(database, user.account_id, key.id, range(3))
    before = steps(database, key_id=key.id)
    fill(database, "acc_other", "key_other", range(20_000))
    found, after = steps(database, key_id=key.id)
    assert (found, after <= before[1] + 5) == (3, True)
    # Nor does what is older than the time asked for, whatever else is asked.
    found, taken = steps(database, model="nothing", since_us=19_990 * MINUTE_US)
    assert (found, taken < 50) == (0, True)
    database.close()
