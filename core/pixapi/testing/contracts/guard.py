"""The contract of a guard: a verdict on every call, whatever it holds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from pixapi.errors import PixapiError
from pixapi.interfaces import (
    Allow,
    Call,
    Deny,
    Guard,
    GuardPort,
    GuardType,
    HttpReply,
    HttpRequest,
    Judgement,
    Outbound,
    PluginConfig,
    Rewrite,
)
from pixapi.testing.contracts.calls import BROKEN, ODD, call, chat
from pixapi.testing.contracts.promises import (
    Promise,
    config_is_documented,
    ensure,
    promise,
    secrets_stay_hidden,
    settings,
)

Judge = Callable[[str], Judgement]

_TIMEOUT_S = 30


class NoOutbound:
    """The port of a guard that needs none: reaching out fails the contract."""

    account_id = "acc_contract"
    key_id = "key_contract"

    async def send(self, request: HttpRequest, *, timeout_s: float = 30) -> HttpReply:
        """Fails the contract."""
        raise AssertionError("the guard reaches out; give guard_contract an `outbound` that answers")

    async def moderate(
        self, model: str, texts: Sequence[str], *, timeout_s: float = 10
    ) -> Sequence[Judgement]:
        """Fails the contract."""
        raise AssertionError("the guard asks a model; give guard_contract a `judge` that answers")


class StandIn(NoOutbound):
    """The port of a guard under test: what it reaches, and what stands in for the models of the catalog."""

    def __init__(self, outbound: Outbound | None, judge: Judge | None) -> None:
        self._outbound = outbound
        self._judge = judge

    async def send(self, request: HttpRequest, *, timeout_s: float = 30) -> HttpReply:
        """What ``outbound`` answers."""
        sender = self._outbound or super()
        return await sender.send(request, timeout_s=timeout_s)

    async def moderate(
        self, model: str, texts: Sequence[str], *, timeout_s: float = 10
    ) -> Sequence[Judgement]:
        """What ``judge`` says of each text."""
        if self._judge is None:
            return await super().moderate(model, texts, timeout_s=timeout_s)
        return [self._judge(text) for text in texts]


class GuardSuite:
    """The promises of one kind of guard, tried on one set of settings."""

    def __init__(
        self,
        kind: GuardType,
        config: Mapping[str, Any] | PluginConfig,
        allowed: tuple[Call | str, ...],
        denied: tuple[Call | str, ...],
        outbound: Outbound | None,
        judge: Judge | None = None,
    ) -> None:
        self.kind = kind
        self.config = settings(kind.config, config)
        self.guard: Guard = kind.build(self.config)
        self.allowed = [chat(item) if isinstance(item, str) else item for item in allowed]
        self.denied = [chat(item) if isinstance(item, str) else item for item in denied]
        self.port: GuardPort = StandIn(outbound, judge)

    def promises(self) -> list[Promise]:
        """All of them."""
        found = [
            promise(config_is_documented, self.kind.config),
            promise(secrets_stay_hidden, self.config, self.guard),
            promise(self.it_is_a_guard),
        ]
        odd = {name: call(body) for name, body in ODD.items()}
        odd["embeddings"] = call({"input": ["hello", "there"]}, operation="embeddings")
        odd["embeddings of tokens"] = call({"input": [[1, 2], [3]]}, operation="embeddings")
        for name, asked in odd.items():
            found.append(promise(self.it_judges, asked, about=name))
        for name, body in BROKEN.items():
            found.append(promise(self.it_does_not_break, call(body), about=name))
        for number, asked in enumerate(self.allowed):
            found.append(promise(self.it_lets_by, asked, about=str(number)))
        for number, asked in enumerate(self.denied):
            found.append(promise(self.it_refuses, asked, about=str(number)))
        return found

    def judge(self, asked: Call) -> Allow | Deny | Rewrite:
        """The verdict on a call."""

        async def judged() -> Allow | Deny | Rewrite:
            async with asyncio.timeout(_TIMEOUT_S):
                return await self.guard.check(asked, self.port)

        return asyncio.run(judged())

    def it_is_a_guard(self) -> None:
        """The kind is described, and builds a Guard."""
        ensure(self.kind.summary.strip(), "the summary is empty; one line says what the guard looks for")
        ensure(isinstance(self.guard, Guard), "build() returned something that is no Guard")

    def it_judges(self, asked: Call) -> None:
        """A verdict of one of the three kinds, the same each time, and the call is left as it was."""
        before = dict(asked.fields)
        verdict, again = self.judge(asked), self.judge(asked)
        ensure(isinstance(verdict, Allow | Deny | Rewrite), "the verdict is no Allow, Deny or Rewrite")
        ensure(asked.fields == before, "check() changed the call; return a Rewrite instead")
        ensure(type(verdict) is type(again), "a second look gives another verdict")
        if isinstance(verdict, Deny):
            ensure(verdict.reason.strip() and len(verdict.reason) <= 500, "the reason is no short sentence")
        if isinstance(verdict, Rewrite):
            for value in verdict.fields.values():
                ensure(isinstance(value, msgspec.Raw), "Rewrite holds a value that is no msgspec.Raw")
                msgspec.json.decode(value)

    def it_does_not_break(self, asked: Call) -> None:
        """A broken body is refused as such or let by to be refused later; nothing else is raised."""
        try:
            self.it_judges(asked)
        except PixapiError as error:
            ensure(error.fault == "caller", "a broken body is not the guard's fault")

    def it_lets_by(self, asked: Call) -> None:
        """A call that is in order is let by."""
        self.it_judges(asked)
        ensure(not isinstance(self.judge(asked), Deny), "it is refused")

    def it_refuses(self, asked: Call) -> None:
        """A call that is not in order is refused."""
        self.it_judges(asked)
        ensure(isinstance(self.judge(asked), Deny), "it is let by")
