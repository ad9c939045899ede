"""The log of calls that left no charge."""

from typing import Any

import pytest
from sqlalchemy import delete, func, select

from pixapi.calls import request_log
from pixapi.calls.models import FailedRequestRow
from pixapi.calls.request_log import FailedRequest, RequestLog
from pixapi.clock import ManualClock
from pixapi.db.engine import Database
from pixapi.errors import DatabaseAway

DAY_S = 86_400


def failed(n: int, at_us: int = 1, **more: Any) -> FailedRequest:
    return FailedRequest(f"req_{n}", at_us, "chat", "openai", 429, "rate_limit_exceeded", **more)


def rows(database: Database) -> int:
    with database.read() as connection:
        return connection.execute(select(func.count()).select_from(FailedRequestRow)).scalar_one()


def test_what_was_recorded_is_there_after_stop(database: Database) -> None:
    log = RequestLog(database, ManualClock())
    log.start()
    for n in range(2500):
        log.record(failed(n, account_id="acc_1", key_id="key_1", model="echo"))
    log.stop()
    assert rows(database) == 2500
    assert log.dropped == 0
    with database.read() as connection:
        row = connection.execute(select(FailedRequestRow).where(FailedRequestRow.id == "req_7")).one()
    assert (row.key_id, row.model, row.http_status, row.error_code) == (
        "key_1",
        "echo",
        429,
        "rate_limit_exceeded",
    )


def test_a_row_that_is_there_already_is_no_error(database: Database) -> None:
    log = RequestLog(database, ManualClock())
    for n in (1, 2, 1):
        log.record(failed(n))
    log.flush()
    log.record(failed(1))
    log.record(failed(3))
    log.flush()
    assert rows(database) == 3


@pytest.mark.parametrize("model", ["a\0b", "\ud800", "m" * 5000, "'; DROP TABLE users; --", "模型"])
def test_whatever_a_caller_calls_a_model_can_be_written(database: Database, model: str) -> None:
    log = RequestLog(database, ManualClock())
    log.record(failed(1, model=model))
    assert log.flush() == 1
    with database.read() as connection:
        written = connection.execute(select(FailedRequestRow.model)).scalar_one()
    assert written is not None
    assert len(written) <= 128


def test_a_full_queue_drops_and_counts(database: Database) -> None:
    log = RequestLog(database, ManualClock())
    for n in range(request_log.QUEUE_MAX + 5):
        log.record(failed(n))
    assert log.dropped == 5
    log.flush()
    assert rows(database) == request_log.QUEUE_MAX


def test_off_means_nothing_is_kept(database: Database) -> None:
    log = RequestLog(database, ManualClock(), enabled=False)
    log.record(failed(1))
    assert log.flush() == 0


def test_rows_wait_for_a_database_that_is_away(sqlite_url: str, tmp_path) -> None:
    database = Database(sqlite_url, base_dir=tmp_path)
    log = RequestLog(database, ManualClock())
    log.record(failed(1))
    database.close()
    file = tmp_path / "pixapi.db"
    file.rename(tmp_path / "elsewhere.db")
    file.mkdir()
    with pytest.raises(DatabaseAway):
        log.flush()
    database.close()
    file.rmdir()
    (tmp_path / "elsewhere.db").rename(file)
    assert log.flush() == 1
    assert rows(database) == 1
    database.close()


def test_old_rows_are_purged_in_slices(database: Database) -> None:
    clock = ManualClock()
    log = RequestLog(database, clock, keep_days=30)
    for n in range(10):
        log.record(failed(n, clock.now_us()))
    clock.advance(29 * DAY_S)
    log.record(failed(99, clock.now_us()))
    log.flush()
    assert log.purge() == 0
    clock.advance(2 * DAY_S)
    assert log.purge(slice_rows=3) == 10
    assert rows(database) == 1


def test_a_batch_that_no_database_takes_does_not_stop_the_rest(database: Database) -> None:
    log = RequestLog(database, ManualClock())
    with database.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE failed_requests RENAME TO set_aside")
    log.record(failed(1))
    log.start()
    log.stop()
    assert log.dropped == 1
    with database.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE set_aside RENAME TO failed_requests")
        connection.execute(delete(FailedRequestRow))
    log.record(failed(2))
    assert log.flush() == 1
