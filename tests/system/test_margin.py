"""A model that is sold at a loss is told: when the configuration is taken up, in the report, in the metrics."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from pixapi.testing.gateway import ECHO, RunningGateway

CONFIG = (
    ECHO
    + """
cost = { input = "0.5", output = "20" }

[[models]]
id = "gift"
routes = [ { provider = "echo", model = "echo" } ]
price = { input = "1.00", output = "10.00" }
"""
)


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[RunningGateway]:
    """A gateway that has served a call of each model, and was started again."""
    with RunningGateway(tmp_path, CONFIG) as gateway:
        key = gateway.account()
        gateway.start()
        for model in ("echo", "gift"):
            status, reply, headers = gateway.chat(key, model=model)
            assert status == 200, reply
            if model == "echo":
                charge = gateway.request("GET", f"/v1/charges/{headers['x-pixapi-charge']}", key=key)[1]
        gateway.kill(15)
        gateway.start()
        assert "cost" not in charge["price"]
        yield gateway


def test_a_loss_is_told_everywhere(gateway: RunningGateway) -> None:
    echo, gift = gateway.json("usage", "margin")
    assert (echo["model"], echo["calls"], echo["loss"], echo["cost_unknown"]) == ("echo", 1, True, 0)
    assert echo["margin_usd"].startswith("-0.")
    assert (gift["model"], gift["cost_usd"], gift["margin_usd"], gift["loss"]) == ("gift", None, None, False)
    assert gift["cost_unknown"] == 1

    said = gateway.cli("usage", "margin", "--by", "route", "--check", check=False)
    assert said.returncode == 1
    assert said.stderr.startswith("sold at a loss: echo by echo/echo (-0.")
    assert gateway.cli("usage", "margin").returncode == 0
    rows = list(csv.DictReader(io.StringIO(gateway.cli("usage", "margin", "--by", "day", "--csv").stdout)))
    assert [(row["calls"], row["cost_unknown"]) for row in rows] == [("2", "1")]

    text = gateway.request("GET", "/metrics")[1]
    (line,) = [line for line in text.splitlines() if line.startswith("pixapi_margin_usd{")]
    assert line.startswith('pixapi_margin_usd{model="echo"} -')
    log = gateway.log.read_text()
    assert '"sold_at_a_loss"' in log
    assert '"priced_below_cost"' in log
    assert "priced below what its vendor charges (output)" in gateway.cli("check").stderr
