"""What a price source would change: pure, from rows and models to a plan."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from pixapi.catalog.model_file import Written
from pixapi.catalog.sync import Plan, Wish, plan
from pixapi.config.settings import Model
from pixapi.interfaces import PricedModel

WISH = Wish("table", {"p": "acme"}, "2026-01-02")
OWN_FILE = "models.d/table.toml:3"


def row(model: str, vendor: str = "acme", untold: tuple[str, ...] = (), **usd: str) -> PricedModel:
    return PricedModel(vendor, model, {key: Decimal(price) for key, price in usd.items()}, untold=untold)


def table(name: str, price: dict[str, str], cost: dict[str, str] | None, **more: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"id": name, "routes": [{"provider": "p", "model": name}], "price": price}
    return made | ({} if cost is None else {"cost": cost}) | more


def synced(made: dict[str, Any], *comments: str) -> tuple[Model, str, Written | None]:
    """A model of the source's own file."""
    return Model.model_validate(made), OWN_FILE, Written(made, comments)


def yours(made: dict[str, Any]) -> tuple[Model, str, Written | None]:
    return Model.model_validate(made), "pixapi.toml:9", None


def told(found: Plan) -> dict[str, Any]:
    """The plan in short."""
    return {
        "new": [c.id for c in found.new],
        "changed": {c.id: [str(d) for d in c.differences] for c in found.changed},
        "gone": found.gone,
        "own": {c.id: [str(d) for d in c.differences] for c in found.own},
        "skipped": dict(found.skipped),
        "jumps": {c.id: [str(d) for d in c.differences] for c in found.jumps},
    }


NOTHING: dict[str, Any] = {"new": [], "changed": {}, "gone": [], "own": {}, "skipped": {}, "jumps": {}}


def test_a_new_model() -> None:
    usd = {"input": Decimal("2.5"), "output": Decimal(10), "search": Decimal("0.01")}
    source = PricedModel("acme", "large", usd, operation="chat", output_tokens=4096, untold=("tiers",))
    found = plan([source], [], replace(WISH, margin=Decimal("1.2")))
    assert told(found) == NOTHING | {"new": ["large"]}
    (written,) = found.models
    assert written.table == {
        "id": "large",
        "routes": [{"provider": "p", "model": "large"}],
        "operation": "chat",
        "default_output": 4096,
        "price": {"input": "3", "output": "12", "search": "0.012"},
        "cost": {"input": "2.5", "output": "10", "search": "0.01"},
    }
    assert written.comments == ("from table (acme) on 2026-01-02; not taken: tiers",)


def test_without_a_margin_a_new_model_is_sold_at_its_cost() -> None:
    (written,) = plan([row("m", input="0.1", image="0.04")], [], WISH).models
    assert written.table["price"] == written.table["cost"] == {"input": "0.1", "image": "0.04"}


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (row("m", untold=("tiers",)), "no price that can be taken"),
        (row("m", input="0", output="0"), "costs nothing"),
        (row("a model", input="1"), "its name cannot be one"),
        (row("taken", input="1"), "its name is taken; give it another by hand, with a route to p"),
    ],
)
def test_what_cannot_be_new(source: PricedModel, reason: str) -> None:
    other = table("taken", {"input": "1"}, None, routes=[{"provider": "q", "model": "taken"}])
    found = plan([source], [yours(other)], WISH)
    assert (found.models, found.new, found.is_edited) == ([], [], False)
    ((name, why),) = found.skipped
    assert name == source.model
    assert reason in why


def test_only_the_vendors_of_the_wish_and_the_models_of_the_glob_count() -> None:
    rows = [row("a-1", input="1"), row("b-1", input="1"), row("a-2", "other", input="1")]
    assert told(plan(rows, [], replace(WISH, models="a-*")))["new"] == ["a-1"]


def test_a_changed_price_keeps_its_margin_and_everything_else() -> None:
    before = table("m", {"input": "3", "output": "12"}, {"input": "2.5", "output": "10"}, drain_s=5.0)
    found = plan(
        [row("m", input="2.6", output="10")],
        [synced(before, "ours", "from table (acme) on 2025-01-01")],
        WISH,
    )
    assert told(found) == NOTHING | {
        "changed": {"m": ["cost.input 2.5 -> 2.6 (+4.0%)", "price.input 3 -> 3.12 (+4.0%)"]}
    }
    (written,) = found.models
    assert written.table == before | {
        "price": {"input": "3.12", "output": "12"},
        "cost": {"input": "2.6", "output": "10"},
    }
    assert written.comments == ("ours", "from table (acme) on 2026-01-02")


def test_nothing_changes_where_the_source_says_the_same() -> None:
    before = table("m", {"input": "3", "cached_input": "3"}, {"input": "2.5", "cached_input": "2.5"})
    model = synced(before, "from table (acme) on 2025-01-01")
    found = plan([row("m", input="2.50")], [model], WISH)
    assert (told(found), found.unchanged, found.is_edited) == (NOTHING, 1, False)
    assert found.models == [model[2]]


def test_a_margin_that_is_no_decimal_rounds_up() -> None:
    """3 over 7 for a cost that goes from 7 to 8: 24/7."""
    before = table("m", {"input": "3"}, {"input": "7"})
    (written,) = plan([row("m", input="8")], [synced(before)], WISH).models
    price = Fraction(written.table["price"]["input"])
    assert Fraction(24, 7) < price < Fraction(24, 7) + Fraction(1, 10**20)


@pytest.mark.parametrize(
    "before",
    [
        table("m", {"input": "3", "output": "10"}, {"input": "2.5", "output": "10"}),
        table("m", {"input": "3"}, None),
        table("m", {"output": "0.04", "per": "image"}, {"output": "0.04", "per": "image"}),
    ],
)
def test_a_price_that_was_set_by_hand_is_left_alone_until_a_margin_is_said(before: dict[str, Any]) -> None:
    found = plan([row("m", input="2.6", output="10")], [synced(before)], WISH)
    assert "--margin sets one" in told(found)["skipped"]["m"]
    assert found.models == [Written(before)]
    said = replace(WISH, margin=Decimal(1), allowed=frozenset({"m"}))
    (written,) = plan([row("m", input="2.6", output="10")], [synced(before)], said).models
    assert written.table["price"] == {"input": "2.6", "output": "10"}


@pytest.mark.parametrize(
    ("new", "jumps"),
    [
        ({"input": "1.5"}, []),
        ({"input": "0.5"}, []),
        ({"input": "1.51"}, ["cost.input 1 -> 1.51 (+51.0%)", "price.input 2 -> 3.02 (+51.0%)"]),
        ({"input": "0.49"}, ["cost.input 1 -> 0.49 (-51.0%)", "price.input 2 -> 0.98 (-51.0%)"]),
        ({"input": "1000"}, ["cost.input 1 -> 1000 (+99900.0%)", "price.input 2 -> 2000 (+99900.0%)"]),
        ({"input": "0"}, ["cost.input 1 -> 0 (-100.0%)", "price.input 2 -> 0 (-100.0%)"]),
        ({"input": "1", "search": "0.01"}, ["cost.search 0 -> 0.01", "price.search 0 -> 0.02"]),
    ],
)
def test_a_jump_is_told(new: dict[str, str], jumps: list[str]) -> None:
    model = synced(table("m", {"input": "2"}, {"input": "1"}))
    found = told(plan([row("m", **new)], [model], WISH))
    assert found["jumps"] == ({"m": jumps} if jumps else {})
    allowed = replace(WISH, allowed=frozenset({"m"}))
    assert told(plan([row("m", **new)], [model], allowed))["jumps"] == {}


def test_a_new_margin_can_be_a_jump_too() -> None:
    model = synced(table("m", {"input": "2"}, {"input": "1"}))
    found = told(plan([row("m", input="1")], [model], replace(WISH, margin=Decimal(4))))
    assert found["jumps"] == {"m": ["price.input 2 -> 4 (+100.0%)"]}


def test_a_model_of_the_operators_own_is_compared_and_left() -> None:
    mine = yours(table("m", {"input": "9"}, {"input": "1"}))
    found = plan([row("m", input="100")], [mine], WISH)
    assert told(found) == NOTHING | {"own": {"m": ["cost.input 1 -> 100 (+9900.0%)"]}}
    assert found.own[0].place == "pixapi.toml:9"
    assert (found.models, found.is_edited) == ([], False)


def test_a_model_that_the_source_no_longer_has_stays_until_it_is_to_go() -> None:
    model = synced(table("m", {"input": "1"}, {"input": "1"}))
    found = plan([row("n", "other", input="1")], [model], WISH)
    assert (told(found), found.models, found.is_edited) == (NOTHING | {"gone": ["m"]}, [model[2]], False)
    dropped = plan([], [model], replace(WISH, drop_gone=True))
    assert (dropped.models, dropped.is_edited) == ([], True)


def test_models_out_of_scope_stay_in_the_file() -> None:
    other = synced(table("m", {"input": "1"}, {"input": "1"}, routes=[{"provider": "q", "model": "m"}]))
    glob = synced(table("z", {"input": "1"}, {"input": "1"}))
    wish = replace(WISH, models="a*", drop_gone=True)
    found = plan([row("a", input="1")], [other, glob], wish)
    assert [model.id for model in found.models] == ["m", "z", "a"]
    assert told(found) == NOTHING | {"new": ["a"]}


def test_a_route_is_matched_by_its_own_model_and_not_by_the_name_consumers_use() -> None:
    alias = synced(table("fast", {"input": "1"}, {"input": "1"}, routes=[{"provider": "p", "model": "m"}]))
    found = told(plan([row("m", input="1.1")], [alias], WISH))
    assert list(found["changed"]) == ["fast"]
    assert found["new"] == []


def test_two_providers_of_one_vendor() -> None:
    wish = replace(WISH, vendors={"p": "acme", "q": "acme"})
    second = yours(table("m2", {"input": "1"}, {"input": "1"}, routes=[{"provider": "q", "model": "m"}]))
    found = told(plan([row("m", input="2")], [second], wish))
    assert (found["new"], list(found["own"])) == (["m"], ["m2"])
