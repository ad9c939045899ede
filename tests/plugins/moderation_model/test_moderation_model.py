"""The guard `moderation_model`: what it asks, what it makes of the answer, and what it does without one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from pydantic import ValidationError

from pixapi.errors import NotReady, UpstreamRejected, UpstreamTimeout
from pixapi.interfaces import Allow, Deny, Judgement
from pixapi.testing import guard_contract
from pixapi.testing.contracts.calls import call, chat
from pixapi.testing.contracts.guard import NoOutbound
from pixapi_plugins.moderation_model import Config, ModerationModel, pixapi_register_guards

(KIND,) = pixapi_register_guards()


def judge(text: str) -> Judgement:
    """A model that minds three words."""
    return Judgement(
        flagged="kill" in text,
        categories={"violence": "kill" in text, "hate": "hate" in text},
        scores={"violence": 0.9 if "kill" in text else 0.1, "self-harm": 0.5 if "hurt me" in text else 0.0},
    )


test_contract = guard_contract(
    KIND, {"model": "judge"}, allowed=["hello", "I hate it"], denied=["kill them"], judge=judge
)


class Port(NoOutbound):
    """Remembers what was asked; answers by `judge`, or not at all."""

    def __init__(self, error: Exception | None = None) -> None:
        self.asked: list[tuple[str, list[str]]] = []
        self.left_s: list[float] = []
        self.error = error

    async def moderate(
        self, model: str, texts: Sequence[str], *, timeout_s: float = 10
    ) -> Sequence[Judgement]:
        self.asked.append((model, list(texts)))
        self.left_s.append(timeout_s)
        if self.error is not None:
            raise self.error
        return [judge(text) for text in texts]


def verdict(asked: Any, port: Port | None = None, **settings: Any) -> Any:
    guard = ModerationModel(Config(model="judge", reason="no", **settings))
    return asyncio.run(guard.check(asked, port or Port()))


@pytest.mark.parametrize(
    ("text", "settings", "refused"),
    [
        ("kill", {}, True),
        ("hate", {}, False),
        ("hate", {"categories": ["hate"]}, True),
        ("kill", {"categories": ["hate"]}, False),
        ("kill", {"categories": ["a category that it does not know"]}, False),
        ("hurt me", {"thresholds": {"self-harm": 0.5}}, True),
        ("hurt me", {"thresholds": {"self-harm": 0.51}}, False),
        ("kill", {"thresholds": {"self-harm": 0.5}}, False),
        ("kill", {"thresholds": {"self-harm": 0.5}, "categories": ["violence"]}, True),
    ],
)
def test_what_is_refused(text: str, settings: dict[str, Any], refused: bool) -> None:
    assert verdict(chat(text), **settings) == (Deny("no") if refused else Allow())


def test_one_text_among_many_is_enough_and_all_are_asked_about_in_few_questions() -> None:
    port = Port()
    many = {"input": [f"text {number}" for number in range(69)] + ["kill"]}
    assert verdict(call(many, operation="embeddings"), port) == Deny("no")
    assert [len(texts) for _, texts in port.asked] == [32, 32, 6]
    assert port.left_s == sorted(port.left_s, reverse=True), "the time-out is for all of them together"


def test_a_long_text_is_judged_in_pieces_that_overlap() -> None:
    port = Port()
    text = "".join(str(number % 10) for number in range(20_000))
    verdict(chat(text), port)
    ((_, pieces),) = port.asked
    assert [len(piece) for piece in pieces] == [8000, 8000, 4400]
    assert pieces[0] + "".join(piece[200:] for piece in pieces[1:]) == text


@pytest.mark.parametrize("asked", [chat(" \n"), call({"input": [[1, 2]]}, operation="embeddings"), call({})])
def test_where_nothing_is_said_nothing_is_asked(asked: Any) -> None:
    port = Port()
    assert verdict(asked, port) == Allow()
    assert port.asked == []


def test_a_callers_own_question_to_such_a_model_is_let_by() -> None:
    port = Port()
    assert verdict(call({"input": "kill"}, operation="moderations"), port) == Allow()
    assert port.asked == []


def test_without_an_answer_calls_are_refused_or_let_by() -> None:
    away = UpstreamTimeout("too slow", phase="total")
    with pytest.raises(NotReady, match="could not be checked"):
        verdict(chat("hello"), Port(away))
    assert verdict(chat("kill"), Port(away), on_failure="allow") == Allow()


class Tires(Port):
    """A model that answers one question of a call, and no second one in time."""

    async def moderate(
        self, model: str, texts: Sequence[str], *, timeout_s: float = 10
    ) -> Sequence[Judgement]:
        if self.asked:
            self.error = UpstreamTimeout("too slow", phase="total")
        return await super().moderate(model, texts, timeout_s=timeout_s)


def test_no_caller_gets_by_unseen_for_saying_so_much_that_the_time_runs_out() -> None:
    padding = {"input": ["harmless"] * 64 + ["kill"]}
    with pytest.raises(NotReady, match="could not be checked"):
        verdict(call(padding, operation="embeddings"), Tires(), on_failure="allow")


def test_nor_for_saying_what_the_model_rejects() -> None:
    rejects = UpstreamRejected("it is too long", upstream_status=400)
    with pytest.raises(NotReady, match="could not be checked"):
        verdict(chat("kill"), Port(rejects), on_failure="allow")


def test_the_core_is_told_which_model_must_exist() -> None:
    assert list(ModerationModel(Config(model="judge")).models()) == ["judge"]


@pytest.mark.parametrize(
    "settings",
    [
        {}, {"model": ""}, {"model": "m", "thresholds": {"a": 1.1}}, {"model": "m", "timeout_s": 0},
        {"model": "m", "on_failure": "perhaps"}, {"model": "m", "reason": ""},
    ],
)  # fmt: skip
def test_settings_that_cannot_work_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Config.model_validate(settings)
