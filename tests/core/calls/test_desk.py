"""Who is let in."""

from __future__ import annotations

from pathlib import Path

import pytest

from pixapi.app.assembly import services
from pixapi.calls.desk import Desk
from pixapi.clock import ManualClock
from pixapi.config.load import load_settings
from pixapi.errors import Unauthenticated
from pixapi.identity.keyring import STALE_S
from pixapi.testing.gateway import RunningGateway


async def test_the_first_call_after_the_process_stood_still_is_let_in(tmp_path: Path) -> None:
    gateway = RunningGateway(tmp_path)
    gateway.account(credits=None)
    kept, revoked = (gateway.json("keys", "create", "ada@example.com", "--title", t) for t in ("a", "b"))
    clock = ManualClock()
    async with services(load_settings(gateway.config), clock) as parts:
        desk = Desk(parts)
        gateway.cli("keys", "revoke", revoked["id"])
        clock.advance(STALE_S + 1)
        assert (await desk.authenticate(kept["key"], None)).key_id == kept["id"]
        with pytest.raises(Unauthenticated):
            await desk.authenticate(revoked["key"], None)
