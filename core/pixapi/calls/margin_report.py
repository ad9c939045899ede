"""What was charged against what it cost us, by model, route or day.

The cost of a call is what the vendor said it charges, where it said so; else the model's `cost` in the price row that
the call was charged by, so that a later change of the configuration does not rewrite the past. A call with neither, or
of which nobody knows what it used, has an unknown cost, which is not zero: it is counted apart, and left out of the
margin on both sides.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any, Literal

import msgspec
from sqlalchemy import ColumnElement, Connection, Date, Integer, Row, case, cast, func, literal_column, select
from sqlalchemy.dialects.postgresql import JSONB

from pixapi.catalog.models import PriceRow
from pixapi.catalog.pricing import PriceTable, Terms
from pixapi.config.price import QUANTITIES
from pixapi.db.base import Int64
from pixapi.ids import first_id
from pixapi.interfaces import Usage
from pixapi.ledger.models import ChargeRow
from pixapi.money import MICRO

By = Literal["model", "route", "day"]

_WHOLE = (*QUANTITIES, "images", "characters", "searches")
_BROKEN = ("seconds", "megapixels")
"""Decimals: summed here and not by the database, whose sums of them would be floating-point."""
_BATCH = 1000
_CLOCK_SKEW_US = 3600 * 1_000_000


@dataclass(slots=True)
class Margin:
    """A row of the report. ``names``: the model; the model and the route; or the UTC day."""

    names: tuple[str, ...]
    calls: int = 0
    charged_usd: Fraction = Fraction(0)
    cost_usd: Fraction = Fraction(0)
    """Of the calls whose cost is known."""
    earned_usd: Fraction = Fraction(0)
    """What was charged for the calls whose cost is known."""
    reported_calls: int = 0
    """Calls whose cost the vendor said."""
    unknown_calls: int = 0
    """Calls whose cost nobody knows."""

    @property
    def margin_usd(self) -> Fraction | None:
        """What the calls of known cost have earned beyond it; None where no cost is known."""
        return None if self.unknown_calls == self.calls else self.earned_usd - self.cost_usd

    @property
    def is_loss(self) -> bool:
        """The calls of known cost brought in less than they cost."""
        return self.margin_usd is not None and self.margin_usd < 0


def margin_report(connection: Connection, by: By, since_us: int, *, young_only: bool = False) -> list[Margin]:
    """A row for each model, pair of model and route, or UTC day since ``since_us``; the lowest margin first (days: the
    newest), rows of unknown cost last.

    ``young_only``: leave out charges whose id was made more than an hour before ``since_us``. Ids grow with time, and
    the index by id spares a look at all that ever was; an hour is more than clocks differ.
    """
    rows = connection.execute(
        _query(connection, by, since_us, young_only).execution_options(yield_per=_BATCH)
    )
    found: dict[tuple[str, ...], Margin] = {}
    prices: dict[int, _Price] = {}
    for row in rows:
        names = (str(row.name),) if by != "route" else (str(row.name), str(row.route))
        if row.price_id not in prices:
            prices[row.price_id] = _price(connection, row.price_id)
        _add(found.setdefault(names, Margin(names)), row, prices[row.price_id])
    if by == "day":
        return sorted(found.values(), key=lambda margin: margin.names, reverse=True)
    return sorted(found.values(), key=lambda m: (m.margin_usd is None, m.margin_usd or 0, m.names))


@dataclass(frozen=True, slots=True)
class _Price:
    per_usd: Fraction
    """Micro-credits for a dollar."""
    cost: PriceTable | None
    """In micro-dollars."""


def _price(connection: Connection, price_id: int) -> _Price:
    text = connection.execute(select(PriceRow.terms).where(PriceRow.id == price_id)).scalar_one()
    terms = Terms.from_json(json.loads(text))
    cost = None if terms.cost is None else PriceTable(Terms(terms.cost, Decimal(1), Decimal(1)))
    return _Price(Fraction(terms.per_usd) * MICRO, cost)


def _add(margin: Margin, row: Row[Any], price: _Price) -> None:
    charged = Fraction(int(row.amount)) / price.per_usd
    margin.calls += row.calls
    margin.charged_usd += charged
    reported = _decimal(row.provider_cost_usd)
    if reported is not None:
        cost = reported * row.calls
        margin.reported_calls += row.calls
    elif price.cost is not None and row.is_counted:
        cost = _by_table(price.cost, row)
    else:
        margin.unknown_calls += row.calls
        return
    margin.cost_usd += cost
    margin.earned_usd += charged


def _by_table(table: PriceTable, row: Row[Any]) -> Fraction:
    """The cost of all calls of the row together: prices are linear, and one request is paid for each call."""
    used: dict[str, Any] = {name: int(getattr(row, name) or 0) for name in _WHOLE}
    used |= {name: Decimal(str(getattr(row, name) or 0)) * row.calls for name in _BROKEN}
    request = table.exact(Usage())
    return (table.exact(msgspec.convert(used, Usage)) + (row.calls - 1) * request) / MICRO


def _decimal(value: object) -> Fraction | None:
    """A decimal string as a fraction; None of nothing, and of what is no number."""
    if value is None:
        return None
    try:
        return Fraction(Decimal(str(value)))
    except (InvalidOperation, ValueError, OverflowError):
        return None


def _query(connection: Connection, by: By, since_us: int, young_only: bool) -> Any:
    """One row for each group, price row, and value of what the database does not add up."""
    usage = {name: _member(connection, name) for name in (*_WHOLE, *_BROKEN, "provider_cost_usd")}
    inner = (
        select(
            _day(connection).label("name") if by == "day" else ChargeRow.model.label("name"),
            (ChargeRow.route if by == "route" else literal_column("''")).label("route"),
            ChargeRow.price_id,
            ChargeRow.amount,
            case((ChargeRow.usage == "{}", 0), (ChargeRow.usage.is_(None), 0), else_=1).label("is_counted"),
            *(column.label(name) for name, column in usage.items()),
        )
        .where(ChargeRow.status == "settled", ChargeRow.created_at_us >= since_us)
        .where(*([ChargeRow.id >= first_id("chg", since_us - _CLOCK_SKEW_US)] if young_only else []))
        .subquery()
    )
    of = inner.c
    groups = (
        of.name,
        of.route,
        of.price_id,
        of.is_counted,
        of.provider_cost_usd,
        *(of[name] for name in _BROKEN),
    )
    sums = (func.sum(cast(of[name], Int64)).label(name) for name in _WHOLE)
    counted = (func.count().label("calls"), func.sum(of.amount).label("amount"))
    return select(*groups, *counted, *sums).group_by(*groups)


def _member(connection: Connection, name: str) -> ColumnElement[Any]:
    if connection.dialect.name == "sqlite":
        return func.json_extract(ChargeRow.usage, f"$.{name}")
    return cast(ChargeRow.usage, JSONB)[name].astext


def _day(connection: Connection) -> ColumnElement[Any]:
    seconds = ChargeRow.created_at_us / literal_column("1000000")
    if connection.dialect.name == "sqlite":
        return func.date(cast(seconds, Integer), literal_column("'unixepoch'"))
    return cast(func.timezone("UTC", func.to_timestamp(seconds)), Date)


def usd(amount: Fraction | None) -> str | None:
    """Dollars for people, to nine decimals; None stays None."""
    if amount is None:
        return None
    text = f"{Decimal(round(amount * 10**9)).scaleb(-9):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def losses(rows: Iterable[Margin]) -> list[str]:
    """A sentence part for each row that is sold at a loss."""
    return [f"{' by '.join(row.names)} ({usd(row.margin_usd)} USD)" for row in rows if row.is_loss]
