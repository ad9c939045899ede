"""What a price source would change in the catalog. Pure: rows and models in, a plan out; nothing is written here.

`cost` becomes what the source says, `price` that times a margin. Only the models of one file of `models.d`, the file of
that source, are ever changed: what stands elsewhere is the operator's own, and is compared but left as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, Context, Decimal
from fnmatch import fnmatchcase
from fractions import Fraction
from typing import Any, get_args

from pydantic import ValidationError

from pixapi.catalog.model_file import Written
from pixapi.config.price import PER_TOKENS, Price
from pixapi.config.settings import Model
from pixapi.interfaces import PRICE_KEYS, Operation, PricedModel

_DEFAULT_OUTPUT: int = Model.model_fields["default_output"].default
_UP = Context(prec=28, rounding=ROUND_CEILING)
_FROM = "from "
"""How the comment begins that says where a model's price is from."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What the operator asked for."""

    source: str
    """How the source is called in comments."""
    vendors: Mapping[str, str]
    """Provider of the configuration -> the vendor's name at the source."""
    today: str
    models: str = "*"
    margin: Decimal | None = None
    """Price over cost; None keeps what each model has, and gives new ones 1."""
    max_jump: Decimal = Decimal("0.5")
    allowed: frozenset[str] = frozenset()
    """Models that may jump further."""
    drop_gone: bool = False


@dataclass(frozen=True, slots=True)
class Difference:
    """One price that changes. ``percent`` is None where it was nothing before."""

    key: str
    """``cost.input``, ``price.image`` and so on."""
    old: Decimal
    new: Decimal

    @property
    def share(self) -> Fraction | None:
        """The change as a share of the old price."""
        return None if not self.old else Fraction(self.new - self.old) / Fraction(self.old)

    def __str__(self) -> str:
        share = self.share
        percent = "" if share is None else f" ({float(share * 100):+.1f}%)"
        return f"{self.key} {decimal_text(self.old)} -> {decimal_text(self.new)}{percent}"


@dataclass(frozen=True, slots=True)
class Change:
    """One model that is new, changed, or the operator's own with another cost at the source."""

    id: str
    differences: tuple[Difference, ...]
    untold: tuple[str, ...] = ()
    place: str | None = None
    """Where the operator's own model stands."""


@dataclass(slots=True)
class Plan:
    """What a sync would do. ``models`` is what the file holds afterwards."""

    new: list[Change] = field(default_factory=list)
    changed: list[Change] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    own: list[Change] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    """Models that cannot be taken, and why."""
    jumps: list[Change] = field(default_factory=list)
    unchanged: int = 0
    models: list[Written] = field(default_factory=list)
    is_edited: bool = False
    """The file would be another one than it is."""


def plan(
    rows: Iterable[PricedModel], models: Sequence[tuple[Model, str, Written | None]], wish: Wish
) -> Plan:
    """Compare ``rows`` with the catalog.

    Args:
        rows: what the source says.
        models: every model of the catalog, its place, and how the source's own file has it (None: it stands elsewhere).
        wish: the scope and the limits.
    """
    made = Plan()
    by_vendor: dict[str, list[PricedModel]] = {}
    for row in rows:
        by_vendor.setdefault(row.vendor, []).append(row)
    wanted = {
        (provider, row.model): row
        for provider, vendor in wish.vendors.items()
        for row in by_vendor.get(vendor, [])
    }
    known = {model.id for model, *_ in models}
    served = set()
    for model, place, written in models:
        route = next((r for r in model.routes if r.provider in wish.vendors), None)
        row = None if route is None else wanted.get((route.provider, route.model))
        if route is not None:
            served.add((route.provider, route.model))
        in_scope = route is not None and fnmatchcase(model.id, wish.models)
        if written is None:
            if in_scope and row is not None and row.usd:
                _compare_own(made, model, place, row)
        elif not in_scope:
            made.models.append(written)
        elif row is None:
            _keep_or_drop(made, written, wish)
        else:
            made.models.append(_updated(made, model, written, row, wish))
    for (provider, name), row in sorted(wanted.items()):
        if (provider, name) not in served and fnmatchcase(name, wish.models):
            _add(made, provider, row, known, wish)
            known.add(name)
    made.is_edited = bool(made.new or made.changed or (made.gone and wish.drop_gone))
    return made


def _compare_own(made: Plan, model: Model, place: str, row: PricedModel) -> None:
    differences = _differences("cost", model.cost or Price(), cost_of(row))
    if differences:
        made.own.append(Change(model.id, differences, row.untold, place))
    else:
        made.unchanged += 1


def _keep_or_drop(made: Plan, written: Written, wish: Wish) -> None:
    made.gone.append(written.id)
    if not wish.drop_gone:
        made.models.append(written)


def _updated(made: Plan, model: Model, written: Written, row: PricedModel, wish: Wish) -> Written:
    """The model with the source's prices; as it was where nothing changes or nothing may."""
    margin = _margin_of(model) if wish.margin is None else Fraction(wish.margin)
    if not row.usd:
        made.skipped.append((model.id, "the source gives no price that can be taken"))
        return written
    if margin is None:
        made.skipped.append((model.id, "its price is no plain multiple of its cost; --margin sets one"))
        return written
    cost = cost_of(row)
    price = _times(cost, margin)
    differences = _differences("cost", model.cost or cost, cost) + _differences("price", model.price, price)
    if not differences and model.cost is not None:
        made.unchanged += 1
        return written
    change = Change(model.id, differences, row.untold)
    made.changed.append(change)
    if model.id not in wish.allowed:
        too_far = tuple(d for d in differences if d.share is None or abs(d.share) > Fraction(wish.max_jump))
        if too_far:
            made.jumps.append(Change(model.id, too_far))
    return _written(dict(written.table), price, cost, row, wish, written.comments)


def _add(made: Plan, provider: str, row: PricedModel, known: set[str], wish: Wish) -> None:
    cost = cost_of(row)
    if not row.usd:
        made.skipped.append((row.model, "the source gives no price that can be taken"))
    elif not any(row.usd.values()):
        made.skipped.append((row.model, "it costs nothing at the source; write it by hand if that is meant"))
    elif row.model in known:
        made.skipped.append(
            (row.model, f"its name is taken; give it another by hand, with a route to {provider}")
        )
    else:
        price = _times(cost, Fraction(1) if wish.margin is None else Fraction(wish.margin))
        table: dict[str, Any] = {"id": row.model, "routes": [{"provider": provider, "model": row.model}]}
        if row.operation in get_args(Operation):
            table["operation"] = row.operation
        if row.output_tokens is not None and row.output_tokens < _DEFAULT_OUTPUT:
            table["default_output"] = row.output_tokens
        written = _written(table, price, cost, row, wish, ())
        try:
            Model.model_validate(written.table)
        except ValidationError:
            made.skipped.append((row.model, "its name cannot be one here; give it another by hand"))
            return
        made.models.append(written)
        nothing = Price()
        differences = _differences("cost", nothing, cost) + _differences("price", nothing, price)
        made.new.append(Change(row.model, differences, row.untold))


def _written(
    table: dict[str, Any], price: Price, cost: Price, row: PricedModel, wish: Wish, comments: tuple[str, ...]
) -> Written:
    table["price"], table["cost"] = _as_table(price), _as_table(cost)
    kept = tuple(comment for comment in comments if not comment.startswith(_FROM))
    untold = f"; not taken: {', '.join(row.untold)}" if row.untold else ""
    return Written(table, (*kept, f"{_FROM}{wish.source} ({row.vendor}) on {wish.today}{untold}"))


def decimal_text(value: Decimal) -> str:
    """A price as text without exponent and trailing zeros."""
    return f"{value.normalize():f}"


def cost_of(row: PricedModel) -> Price:
    """The row as a `cost`."""
    return Price.model_validate({key: row.usd[key] for key in PRICE_KEYS if key in row.usd})


def _as_table(price: Price) -> dict[str, str]:
    return {key: decimal_text(getattr(price, key)) for key in PRICE_KEYS if key in price.model_fields_set}


def _times(cost: Price, margin: Fraction) -> Price:
    """``cost`` times ``margin``: exact where a decimal can be, else rounded up."""
    prices = {}
    for key in PRICE_KEYS:
        if key in cost.model_fields_set:
            exact = Fraction(getattr(cost, key)) * margin
            prices[key] = _UP.divide(Decimal(exact.numerator), Decimal(exact.denominator)).normalize(_UP)
    return Price.model_validate(prices)


def _margin_of(model: Model) -> Fraction | None:
    """Price over cost, where it is one and the same for everything that costs something."""
    if model.cost is None or model.cost.per != PER_TOKENS or model.price.per != PER_TOKENS:
        return None
    ratios = {
        Fraction(model.price.usd(key)) / Fraction(model.cost.usd(key))
        for key in PRICE_KEYS
        if model.cost.usd(key)
    }
    return ratios.pop() if len(ratios) == 1 else None


def _differences(name: str, old: Price, new: Price) -> tuple[Difference, ...]:
    """What differs, kinds of tokens that follow their kind in both left out."""
    said = old.model_fields_set | new.model_fields_set
    return tuple(
        Difference(f"{name}.{key}", old.usd(key), new.usd(key))
        for key in PRICE_KEYS
        if key in said and old.usd(key) != new.usd(key)
    )
