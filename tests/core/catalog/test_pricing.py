from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixapi.catalog.pricing import Line, PriceTable, Terms, line_as_json
from pixapi.config.price import QUANTITIES, UNITS
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
        # by the piece; seconds and megapixels need not be whole
        ({"output": "0.04", "per": "image"}, Usage(images=3), 12_000_000),
        ({"input": "0.0001", "per": "second"}, Usage(seconds=Decimal("12.34")), 123_400),
        ({"input": "0.000015", "per": "character"}, Usage(characters=7), 10_500),
        ({"output": "0.03", "per": "megapixel"}, Usage(megapixels=Decimal("1.048576")), 3_145_728),
        ({"output": "0.01", "per": "request"}, Usage(), 1_000_000),
        ({"input": "0.01", "per": "search"}, Usage(searches=2), 2_000_000),
        ({"second": "0.0000000001"}, Usage(seconds=Decimal("0.01")), 1),
        # beside tokens
        ({"input": "1", "output": "10", "image": "0.04"}, Usage(input=42, output=48, images=1), 4_052_200),
        ({"input": "1", "search": "0.01"}, Usage(input=1, searches=None), 100),
        # tokens are free where the unit is another, and units where they have no price
        ({"output": "0.04", "per": "image"}, Usage(input=10**6, output=10**6, images=1), 4_000_000),
        ({"input": "1"}, Usage(input=1, images=5, seconds=Decimal(5)), 100),
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


UNIT_PRICES: dict[str, str] = {
    "request": "0.01",
    "image": "0.04",
    "second": "0.0003",
    "character": "0.000015",
    "megapixel": "0.03",
    "search": "0.01",
}
units = st.builds(
    Usage,
    input=st.integers(0, 10**6),
    output=st.integers(0, 10**6),
    images=st.none() | st.integers(0, 100),
    characters=st.none() | st.integers(0, 10**6),
    searches=st.none() | st.integers(0, 100),
    seconds=st.none() | st.decimals(0, 10**5, places=3),
    megapixels=st.none() | st.decimals(0, 10**3, places=6),
)


@given(units, prices)
def test_units_are_exact_to_the_last_line_and_within_their_bound(usage, price):
    made = table(input="0.5", output=str(price), **UNIT_PRICES)
    counted = {key: Fraction(getattr(usage, name) or 0) for key, name in UNITS.items()} | {
        "request": Fraction(1)
    }
    usd = sum((Fraction(UNIT_PRICES[key]) * n for key, n in counted.items()), Fraction(0))
    usd += Fraction(usage.input, 2 * 10**6) + Fraction(usage.output, 10**6) * Fraction(price)
    assert made.exact(usage) == usd * 100_000_000
    assert made.amount(usage) == -(-made.exact(usage).numerator // made.exact(usage).denominator)
    assert made.amount(usage) == made.bound(usage.input, usage.output, usage)


def test_the_affordable_output_leaves_room_for_the_units():
    made = table(output="10", image="0.04")
    assert made.affordable_output(4_100_000, 0, Usage(images=1)) == 100
    assert made.affordable_output(4_000_000, 0, Usage(images=1)) == 0
    assert made.affordable_output(3_000_000, 0, Usage(images=1)) == 0


def test_a_receipt_says_what_each_line_is_for():
    made = table(input="1", image="0.04", second="0.0001", request="0.01")
    usage = Usage(input=42, images=2, seconds=Decimal("1.50"))
    assert [line_as_json(line) for line in made.lines(usage)] == [
        {"quantity": "input", "units": 42, "price_usd": "1", "per": "1M tokens", "amount": "0.0042"},
        {"quantity": "image", "units": 2, "price_usd": "0.04", "per": "image", "amount": "8"},
        {"quantity": "second", "units": "1.50", "price_usd": "0.0001", "per": "second", "amount": "0.015"},
        {"quantity": "request", "units": 1, "price_usd": "0.01", "per": "request", "amount": "1"},
    ]


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
        Line("input", 3, Decimal(1), "1M tokens", Fraction(300)),
        Line("request", 1, Decimal("0.01"), "request", Fraction(1_000_000)),
    ]


@pytest.mark.parametrize(
    ("price", "words"),
    [
        ({"input": "1", "output": "1", "per": "image"}, "expected one of them"),
        ({"output": "1", "image": "1", "per": "image"}, "expected one of them"),
        ({"output": "1", "reasoning": "1", "per": "second"}, "`reasoning` is for tokens"),
        ({"output": "1", "per": "frame"}, "per"),
        ({"image": "-1"}, "greater than or equal"),
    ],
)
def test_a_price_that_says_two_things_is_refused(price, words):
    with pytest.raises(ValueError, match=words):
        Price.model_validate(price)


def test_a_price_below_a_cost_is_found_in_every_quantity():
    price = Price.model_validate({"input": "1", "output": "2", "image": "0.04"})
    assert price.below(Price.model_validate({"input": "1", "cached_input": "0.1", "output": "2"})) == []
    assert price.below(Price.model_validate({"output": "2", "reasoning": "3", "image": "0.05"})) == [
        "reasoning",
        "image",
    ]
    assert price.below(Price.model_validate({"image": "0.04"}), Decimal("0.9")) == ["image"]


def test_a_row_without_costs_or_units_reads_as_it_was_written():
    """What was recorded before there were any is the same text now, so that no new row comes of an upgrade."""
    terms = Terms(Price(input=Decimal("0.25"), output=Decimal(2)), Decimal(100), Decimal(1))
    assert terms.as_json() == {
        "price": {"per": "1M tokens", "input": "0.25", "output": "2", "request": "0"},
        "credits_per_usd": "100",
        "factor": "1",
    }


def test_a_cost_is_recorded_and_not_shown():
    terms = Terms(Price(), Decimal(100), Decimal(1), Price(output=Decimal("0.1"), per="second"))
    assert Terms.from_json(terms.as_json()) == terms
    assert "cost" not in terms.as_shown()


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
    assert line_as_json(Line("output", 7, Decimal("0.25"), "1M tokens", exact)) == {
        "quantity": "output", "units": 7, "price_usd": "0.25", "per": "1M tokens", "amount": shown,
    }  # fmt: skip


def test_a_line_for_the_request_says_so():
    assert line_as_json(Line("request", 1, Decimal("0.01"), "request", Fraction(1)))["per"] == "request"


def test_terms_survive_the_database():
    terms = Terms(
        Price(input=Decimal("0.25"), cached_input=Decimal("0.025"), output=Decimal(2)),
        Decimal(100),
        Decimal("0.8"),
    )
    assert Terms.from_json(terms.as_json()) == terms
