from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixapi.catalog.pricing import QUANTITIES, Line, PriceTable, Terms, line_as_json
from pixapi.config.settings import Price
from pixapi.interfaces import Usage


def table(per_usd: str = "100", factor: str = "1", **price: str) -> PriceTable:
    return PriceTable(Terms(Price.model_validate(price), Decimal(per_usd), Decimal(factor)))


@pytest.mark.parametrize(
    ("price", "usage", "amount"),
    [
        # 42 at 1 USD and 48 at 10 USD a million are 0.000522 USD = 0.0522 credits
        ({"input": "1", "output": "10"}, Usage(input=42, output=48), 52_200),
        # a quantity without a price of its own costs what its kind costs
        ({"input": "1", "output": "10"}, Usage(input=10, cached_input=10, output=0, reasoning=1), 3_000),
        ({"input": "1", "cached_input": "0.1", "output": "10"}, Usage(input=10, cached_input=10), 1_100),
        ({"input": "1", "cache_write": "1.25"}, Usage(cache_write=4, cache_write_1h=4), 1_000),
        # unknown is not charged, zero is zero
        ({"input": "1", "output": "10"}, Usage(input=None, output=0), 0),
        # a price so small that a token is a fraction of a micro-credit: rounded up, once
        ({"input": "0.003"}, Usage(input=1), 1),
        ({"input": "0.003"}, Usage(input=10), 3),
        ({"input": "0.003", "output": "0.003"}, Usage(input=1, output=1), 1),
        ({"request": "0.01"}, Usage(), 1_000_000),
    ],
)
def test_an_amount_is_the_exact_sum_rounded_up_once(price, usage, amount):
    assert table(**price).amount(usage) == amount


def test_a_group_pays_by_its_factor():
    assert table(input="1", factor="0.8").amount(Usage(input=1_000_000)) == 80_000_000


usages = st.builds(Usage, **{q: st.none() | st.integers(0, 10**7) for q in QUANTITIES})
prices = st.decimals(0, 1000, places=6, allow_nan=False)


@given(
    usages,
    st.fixed_dictionaries({"input": prices, "output": prices, "reasoning": prices, "cached_input": prices}),
)
def test_no_call_costs_more_than_its_bound(usage, price):
    made = table(**{k: str(v) for k, v in price.items()})
    assert made.amount(usage) <= made.bound(usage.total_input(), usage.total_output())


@given(usages, prices, prices)
def test_the_lines_of_a_receipt_add_up_to_its_amount(usage, into, out):
    made = table(input=str(into), output=str(out), request="0.000001")
    total = sum((line.amount for line in made.lines(usage)), Fraction(0))
    assert made.amount(usage) - 1 < total <= made.amount(usage)


@given(st.integers(0, 10**9), st.integers(0, 10**5), prices.filter(lambda p: p > 0))
def test_the_affordable_output_is_affordable_and_one_more_is_not(amount, input_tokens, price):
    made = table(input="0.5", output=str(price))
    output = made.affordable_output(amount, input_tokens)
    if output:
        assert made.bound(input_tokens, output) <= amount
    if made.bound(input_tokens, 0) <= amount:
        assert made.bound(input_tokens, output + 1) > amount


@pytest.mark.parametrize(
    ("amount", "input_tokens", "output"),
    [
        # A request costs 1 credit, an input token 100 and an output token 1000 micro-credits.
        (1_001_000, 0, 1),
        (1_000_999, 0, 0),
        (1_002_100, 1, 2),
        (0, 0, 0),
        (1_000_000, 7, 0),
    ],
)
def test_the_request_and_the_input_are_paid_before_the_output(amount, input_tokens, output):
    made = table(request="0.01", input="1", output="10")
    assert made.affordable_output(amount, input_tokens) == output


def test_output_without_a_price_has_no_limit():
    assert table(input="1").affordable_output(0, 5) is None


def test_a_receipt_has_a_line_for_each_quantity_and_one_for_the_request():
    made = table(request="0.01", input="1", output="10")
    assert made.lines(Usage(input=3, cached_input=None, output=0)) == [
        Line("input", 3, Decimal(1), Fraction(300)),
        Line("request", 1, Decimal("0.01"), Fraction(1_000_000)),
    ]


@pytest.mark.parametrize(
    ("exact", "shown"),
    [
        (Fraction(0), "0"),
        (Fraction(1, 3), "0"),
        (Fraction(1, 2), "0.000001"),
        (Fraction(2, 3), "0.000001"),
        (Fraction(3, 2), "0.000002"),
        (Fraction(2_500_000), "2.5"),
    ],
)
def test_a_line_is_printed_to_the_micro_credit(exact, shown):
    assert line_as_json(Line("output", 7, Decimal("0.25"), exact)) == {
        "quantity": "output", "units": 7, "price_usd": "0.25", "per": "1M tokens", "amount": shown,
    }  # fmt: skip


def test_a_line_for_the_request_says_so():
    assert line_as_json(Line("request", 1, Decimal("0.01"), Fraction(1)))["per"] == "request"


def test_terms_survive_the_database():
    terms = Terms(
        Price(input=Decimal("0.25"), cached_input=Decimal("0.025"), output=Decimal(2)),
        Decimal(100),
        Decimal("0.8"),
    )
    assert Terms.from_json(terms.as_json()) == terms
