"""What `pixapi models sync` prints: a plan as a table, as JSON, as a sentence."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pixapi.catalog.sync import decimal_text
from pixapi.cli.common import emit

if TYPE_CHECKING:
    from pixapi.catalog.sync import Change, Plan


def print_plan(found: Plan, *, drops: bool) -> None:
    """The plan as a table."""
    stays = "it is taken out" if drops else "it stays on sale; --drop-gone takes it out"
    rows = [("new", change.id, _prices(change)) for change in found.new]
    rows += [("changed", change.id, _differences(change)) for change in found.changed]
    rows += [("gone", name, f"the source no longer has it; {stays}") for name in found.gone]
    rows += [
        ("yours", change.id, f"{change.place} is left as it is; the source says {_differences(change)}")
        for change in found.own
    ]
    rows += [("skipped", name, why) for name, why in found.skipped]
    emit([{"what": what, "model": model, "detail": detail} for what, model, detail in rows], False,
         empty="Nothing differs.")  # fmt: skip


def as_json(found: Plan, written: Path | None) -> dict[str, Any]:
    """The plan as ``--json`` prints it; prices are decimal strings, shares of the old price too."""
    return {
        "new": [_change(change) for change in found.new],
        "changed": [_change(change) for change in found.changed],
        "gone": found.gone,
        "yours": [_change(change) | {"place": change.place} for change in found.own],
        "skipped": [{"model": name, "reason": why} for name, why in found.skipped],
        "jumps": [change.id for change in found.jumps],
        "unchanged": found.unchanged,
        "written": None if written is None else str(written),
    }


def summary(found: Plan, *, drops: bool) -> str:
    """How much a write would change, in one sentence."""
    parts = [f"{len(found.new)} new", f"{len(found.changed)} changed"]
    parts += [f"{len(found.gone)} taken out"] if drops and found.gone else []
    return f"Models: {', '.join(parts)}."


def refusal(found: Plan, most: Decimal) -> str:
    """Why nothing is written: which models jump, and how far."""
    models = "; ".join(f"{change.id}: {', '.join(map(str, change.differences))}" for change in found.jumps)
    return (
        f"prices change by more than {decimal_text(most * 100)}%, so nothing was written. {models}. "
        "See whether the source is right; --allow-jump MODEL lets one by"
    )


def print_end(found: Plan, written: Path | None, *, asked: bool, drops: bool) -> None:
    """What was done, or what would do it."""
    said = f"{summary(found, drops=drops)} {found.unchanged} as they were."
    if written is not None:
        click.echo(f"{said} Wrote {written}; `pixapi reload` takes it up.")
    elif found.is_edited:
        click.echo(f"{said} Nothing was written; --write does.")
    else:
        click.echo(f"{said} There is nothing to write." if asked else said)


def _prices(change: Change) -> str:
    """Of a new model: its price, and what it costs where that differs."""
    price = _side(change, "price")
    cost = _side(change, "cost")
    text = _listed(price) + ("" if price == cost else f" (cost {_listed(cost)})")
    return text + _untold(change)


def _side(change: Change, name: str) -> dict[str, str]:
    prefix = f"{name}."
    return {
        d.key.removeprefix(prefix): decimal_text(d.new)
        for d in change.differences
        if d.key.startswith(prefix)
    }


def _listed(prices: dict[str, str]) -> str:
    return ", ".join(f"{key} {price}" for key, price in prices.items())


def _differences(change: Change) -> str:
    return (", ".join(map(str, change.differences)) or "its cost, which was not known") + _untold(change)


def _untold(change: Change) -> str:
    return f"; not taken: {', '.join(change.untold)}" if change.untold else ""


def _change(change: Change) -> dict[str, Any]:
    return {
        "model": change.id,
        "differences": [
            {
                "key": d.key,
                "old": decimal_text(d.old),
                "new": decimal_text(d.new),
                "share": None if d.share is None else str(round(float(d.share), 6)),
            }
            for d in change.differences
        ],
        "untold": list(change.untold),
    }
