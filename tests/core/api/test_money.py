"""What a charge shows to the consumer who paid it."""

from __future__ import annotations

from pixapi.api.money import charge_as_json
from pixapi.ledger.reads import Charge


def charge(usage: str | None) -> Charge:
    return Charge(
        id="chg_1", wallet_id="acc_1", key_id="key_1", user_id=None, owner="own_1",
        status="settled", operation="chat", model="m", route="p/m", stream=False, budgeted=False, price_id=1, held=9,
        amount=5, written_off=0, lot_id=1, usage=usage, usage_source="reported", error_code=None, http_status=200,
        first_byte_ms=1, duration_ms=2, created_at_us=1, settled_at_us=2,
    )  # fmt: skip


def test_what_the_vendor_charges_the_operator_is_not_shown() -> None:
    shown = charge_as_json(charge('{"input":7,"seconds":"1.5","provider_cost_usd":"0.00042"}'))
    assert shown["usage"] == {"input": 7, "seconds": "1.5"}
    assert "0.00042" not in str(shown)


def test_a_charge_without_usage() -> None:
    assert charge_as_json(charge(None))["usage"] is None
