"""The contract suite of guards finds each of many faults."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from pixapi.interfaces import (
    Allow,
    Call,
    Deny,
    Guard,
    GuardType,
    HttpRequest,
    Outbound,
    PluginConfig,
    Rewrite,
)
from pixapi.testing.contracts.guard import GuardSuite


class Config(PluginConfig):
    """No settings."""


class Quiet(Guard):
    """Lets everything by but calls with the word ``loud``."""

    def __init__(self, config: Config) -> None:
        self.seen = 0

    async def check(self, call: Call, out: Outbound) -> Allow | Deny | Rewrite:
        return Deny("too loud") if b"loud" in bytes(call.fields.get("messages", b"")) else Allow()


class Silent(Quiet):
    """Refuses without a word."""

    async def check(self, call: Call, out: Outbound) -> Allow | Deny | Rewrite:
        return Deny(" ")


class Writes(Quiet):
    """Changes the call itself."""

    async def check(self, call: Call, out: Outbound) -> Allow | Deny | Rewrite:
        call.fields["seed"] = msgspec.Raw(b"1")
        return Allow()


class Wavers(Quiet):
    """Thinks differently each time."""

    async def check(self, call: Call, out: Outbound) -> Allow | Deny | Rewrite:
        self.seen += 1
        return Allow() if self.seen % 2 else Deny("now and then")


class Breaks(Quiet):
    """Takes every body for sound."""

    async def check(self, call: Call, out: Outbound) -> Allow | Deny | Rewrite:
        messages = msgspec.json.decode(call.fields["messages"])
        return Deny("kings only") if messages[0]["role"] == "king" else Allow()


class Garbles(Quiet):
    """Rewrites to what is no JSON."""

    async def check(self, call: Call, out: Outbound) -> Allow | Deny | Rewrite:
        return Rewrite({"messages": msgspec.Raw(b"[")})


class Reaches(Quiet):
    """Asks somebody else."""

    async def check(self, call: Call, out: Outbound) -> Allow | Deny | Rewrite:
        await out.send(HttpRequest("GET", "https://judge.example"))
        return Allow()


def broken(built: Any, **more: Any) -> set[str]:
    kind = GuardType("quiet", "Keeps it quiet", Config, built)
    tried = GuardSuite(kind, {}, more.get("allowed", ()), more.get("denied", ()), None)
    found = set()
    for promise in tried.promises():
        try:
            promise.keep()
        except Exception:
            found.add(promise.name.partition("[")[0])
    return found


def test_a_sound_guard_keeps_every_promise() -> None:
    assert broken(Quiet, allowed=["hello"], denied=["how loud"]) == set()


@pytest.mark.parametrize(
    ("built", "promise"),
    [
        (Silent, "it-judges"),
        (Writes, "it-judges"),
        (Wavers, "it-judges"),
        (Breaks, "it-does-not-break"),
        (Garbles, "it-judges"),
        (Reaches, "it-judges"),
    ],
)
def test_a_faulty_guard_is_found(built: Any, promise: str) -> None:
    assert promise in broken(built)


def test_what_its_author_expects_is_compared() -> None:
    assert broken(Quiet, allowed=["how loud"]) == {"it-lets-by"}
    assert broken(Quiet, denied=["hello"]) == {"it-refuses"}
