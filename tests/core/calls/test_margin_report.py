"""What was charged against what it cost, on both databases."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import msgspec
import pytest

from pixapi.calls.margin_report import By, Margin, losses, margin_report, usd
from pixapi.catalog.pricing import PriceTable, Terms
from pixapi.catalog.repository import record_price
from pixapi.config.price import Price
from pixapi.db.engine import Database
from pixapi.ids import first_id
from pixapi.interfaces import Usage
from pixapi.ledger import Grant, HoldOrder, SettleOrder, apply

NOW_US = 1_750_000_000_000_000
DAY_US = 86_400_000_000
PRICE = {"input": "1", "output": "10"}
COST = {"input": "0.5", "output": "8"}

Sell = Callable[..., None]


@pytest.fixture
def sell(database: Database) -> Sell:
    """Charges one call for a usage: by a price, at a cost, on a route, at a time."""
    count = iter(range(1, 1000))
    with database.begin() as connection:
        apply(connection, [Grant("acc_1", 10**12, "first", "purchase", NOW_US)])

    def make(
        usage: Usage, *, model: str = "m", route: str = "p/m", cost: dict[str, str] | None = COST,
        price: dict[str, str] = PRICE, per_usd: str = "100", at_us: int = NOW_US,
    ) -> None:  # fmt: skip
        vendor = None if cost is None else Price.model_validate(cost)
        terms = Terms(Price.model_validate(price), Decimal(per_usd), Decimal(1), vendor)
        amount = PriceTable(terms).amount(usage)
        charge_id = first_id("chg", at_us) + str(next(count))
        with database.begin() as connection:
            price_id = record_price(connection, model, terms, at_us)
            hold = HoldOrder(
                charge_id=charge_id, wallet_id="acc_1", key_id="key_1", user_id="usr_1",
                amount=amount, minimum=amount, budgeted=False, operation="chat", model=model, route=route,
                stream=False, price_id=price_id, at_us=at_us,
            )  # fmt: skip
            text = msgspec.json.encode(usage).decode()
            apply(connection, [hold, SettleOrder(charge_id, amount, text, "reported", at_us, 200)])

    return make


@pytest.fixture
def report(database: Database) -> Callable[..., list[Margin]]:
    def read(by: By = "model", since_us: int = 0, **more: Any) -> list[Margin]:
        with database.read() as connection:
            return margin_report(connection, by, since_us, **more)

    return read


def test_the_cost_is_that_of_the_row_in_force_when_it_was_charged(sell: Sell, report: Any) -> None:
    million = Usage(input=1_000_000)
    sell(million)
    sell(million, cost={"input": "0.75"})
    sell(million, cost={"input": "2"})
    (row,) = report()
    assert (row.names, row.calls, row.charged_usd, row.cost_usd) == (("m",), 3, 3, Fraction("3.25"))
    assert (row.margin_usd, row.is_loss) == (Fraction("-0.25"), True)


def test_what_the_vendor_says_goes_before_the_table(sell: Sell, report: Any) -> None:
    sell(Usage(input=1_000_000, provider_cost_usd="0.1"))
    sell(Usage(input=1_000_000, provider_cost_usd="0.1"), cost=None)
    sell(Usage(input=1_000_000))
    (row,) = report()
    assert (row.cost_usd, row.reported_calls, row.unknown_calls) == (Fraction("0.7"), 2, 0)


@pytest.mark.parametrize("said", ["much", "NaN", "Infinity"])
def test_a_vendors_word_that_is_no_number_is_no_word(sell: Sell, report: Any, said: str) -> None:
    sell(Usage(input=1_000_000, provider_cost_usd=said))
    (row,) = report()
    assert (row.cost_usd, row.reported_calls) == (Fraction("0.5"), 0)


def test_an_unknown_cost_is_not_zero(sell: Sell, report: Any) -> None:
    sell(Usage(input=1_000_000), cost=None)
    (row,) = report()
    assert (row.margin_usd, row.is_loss, row.unknown_calls, row.charged_usd) == (None, False, 1, 1)
    sell(Usage(input=1_000_000), cost={"input": "3"})
    sell(Usage(), price={"request": "1"})
    (row,) = report()
    assert (row.calls, row.unknown_calls, row.charged_usd, row.earned_usd) == (3, 2, 3, 1)
    assert (row.margin_usd, row.is_loss) == (-2, True)


def test_every_quantity_counts_exactly(sell: Sell, report: Any) -> None:
    cost = {"input": "0.3", "cached_input": "0.03", "output": "1", "reasoning": "2", "request": "0.001",
            "image": "0.04", "second": "0.0003", "character": "0.00001", "megapixel": "0.01", "search": "0.007"}  # fmt: skip
    usages = [
        Usage(input=1, cached_input=2, output=3, reasoning=4, images=1, seconds=Decimal("1.1")),
        Usage(input=5, images=2, seconds=Decimal("2.7"), characters=9, searches=3),
        Usage(megapixels=Decimal("1.048576"), seconds=Decimal("1.1")),
        Usage(megapixels=Decimal("1.048576"), seconds=Decimal("1.1")),
    ]
    table = PriceTable(Terms(Price.model_validate(cost), Decimal(1), Decimal(1)))
    for usage in usages:
        sell(usage, cost=cost)
    (row,) = report()
    assert row.cost_usd == sum((table.exact(usage) for usage in usages), Fraction(0)) / 10**6


def test_by_route_and_by_day(sell: Sell, report: Any) -> None:
    million = Usage(input=1_000_000)
    sell(million, route="p/m")
    sell(million, route="q/m", cost={"input": "3"}, at_us=NOW_US + DAY_US)
    sell(million, route="z/z", model="z", cost=None)
    assert [(row.names, row.margin_usd) for row in report("route")] == [
        (("m", "q/m"), -2),
        (("m", "p/m"), Fraction("0.5")),
        (("z", "z/z"), None),
    ]
    assert [(row.names, row.calls) for row in report("day")] == [(("2025-06-16",), 1), (("2025-06-15",), 2)]
    assert losses(report("route")) == ["m by q/m (-2 USD)"]


def test_only_what_is_young_enough(sell: Sell, report: Any) -> None:
    sell(Usage(input=1), at_us=NOW_US - DAY_US)
    sell(Usage(input=1))
    assert [row.calls for row in report(since_us=NOW_US)] == [1]
    assert [row.calls for row in report(since_us=NOW_US, young_only=True)] == [1]
    assert report(since_us=NOW_US + 1) == []


def test_credits_of_another_worth(sell: Sell, report: Any) -> None:
    sell(Usage(input=1_000_000), per_usd="3")
    sell(Usage(input=1_000_000), per_usd="1000")
    (row,) = report()
    assert row.charged_usd == 2


@pytest.mark.parametrize(
    ("amount", "text"),
    [(None, None), (Fraction(0), "0"), (Fraction(1, 3), "0.333333333"), (Fraction(-5, 2), "-2.5"), (Fraction(100), "100"),
     (Fraction(1, 10**6), "0.000001")],
)  # fmt: skip
def test_dollars_for_people(amount: Fraction | None, text: str | None) -> None:
    assert usd(amount) == text
