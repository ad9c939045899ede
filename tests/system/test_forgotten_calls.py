"""`pixapi privacy purge` beside a running gateway, on a call that is made to look two and a half years old."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pixapi.ids import first_id
from pixapi.testing.gateway import RunningGateway

TOML = """
[providers.echo]
use = "echo"
[[models]]
id = "echo"
routes = [ { provider = "echo", model = "echo" } ]
price = { input = "1.00", output = "10.00", per = "1M tokens" }
"""
OLD_US = time.time_ns() // 1000 - 900 * 86_400_000_000


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[RunningGateway]:
    with RunningGateway(tmp_path, TOML) as running:
        yield running


def test_the_receipt_is_gone_and_the_balance_is_not(gateway: RunningGateway) -> None:
    key = gateway.account(credits="100")
    gateway.start()
    _, _, headers = gateway.chat(key, model="echo", messages=[{"role": "user", "content": "hello"}])
    settled(gateway, key, headers["x-pixapi-charge"])
    balance = gateway.json("credits", "balance", "ada@example.com")
    charge_id = make_old(gateway.folder)

    asked = gateway.json("privacy", "purge", "--dry-run")
    assert (asked["dry_run"], asked["charges"]) == (True, 1)
    assert gateway.request("GET", f"/v1/charges/{charge_id}", key=key)[0] == 200
    assert gateway.json("privacy", "purge")["charges"] == 1
    assert "Forgot 0 charges made before" in gateway.cli("privacy", "purge").stdout

    status, reply, _ = gateway.request("GET", f"/v1/charges/{charge_id}", key=key)
    assert (status, reply["error"]["code"]) == (410, "receipt_gone")
    assert "were replaced by their sum" in reply["error"]["message"]
    other = gateway.account("bob@example.com", credits=None)
    assert gateway.request("GET", f"/v1/charges/{charge_id}", key=other)[0] == 404
    assert gateway.json("credits", "balance", "ada@example.com") == balance
    assert [line["note"] for line in gateway.json("credits", "history", "ada@example.com")][-1] == "1 calls"
    report = gateway.json("ledger", "verify")
    assert (report["ok"], report["counts"]["carried"]) == (True, 1)
    assert gateway.json("usage", "report", "--since", "1000d")[0]["calls"] == 1


def settled(gateway: RunningGateway, key: str, charge_id: str) -> None:
    for _ in range(100):
        if gateway.request("GET", f"/v1/charges/{charge_id}", key=key)[1]["status"] == "settled":
            return
        time.sleep(0.05)
    raise AssertionError("the call was never settled")


def make_old(folder: Path) -> str:
    (path,) = folder.rglob("*.db")
    charge_id = first_id("chg", OLD_US)
    database = sqlite3.connect(path, timeout=10)
    database.execute("UPDATE charges SET id = ?, created_at_us = ?", (charge_id, OLD_US))
    database.commit()
    database.close()
    return charge_id
