"""Runs the scenarios of one dialect and prints what came of them: `DIALECT.py URL KEY`, with the cells on stdin.

Stdin has ``{upstream: {scenario: model}}``; stdout gets ``{"version": ..., "cells": {upstream: {scenario: "ok" or what
was wrong}}}``. It runs in an environment that has nothing but one SDK.
"""

import json
import sys
import traceback
from collections.abc import Callable

QUESTION = "Say héllo to the 世界 🙂 in a few words of your own"
LONG = "word " * 6000
"""More than the tiny model's context holds."""
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "degrees": {"type": "integer"}},
    "required": ["city", "degrees"],
    "additionalProperties": False,
}
TOOLS = {"weather": "The weather at a place", "clock": "The time at a place"}
PLACE = {"type": "object", "properties": {"location": {"type": "string"}}, "required": ["location"]}
PICTURE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
"""A PNG of one pixel, in base64."""


def run(version: str, scenarios: list[Callable[[str], None]]) -> None:
    known = {scenario.__name__: scenario for scenario in scenarios}
    cells = {
        upstream: {name: _outcome(known.get(name), model) for name, model in models.items()}
        for upstream, models in json.load(sys.stdin).items()
    }
    print(json.dumps({"version": version, "cells": cells}))


def _outcome(scenario: Callable[[str], None] | None, model: str) -> str:
    if scenario is None:
        return "there is no such scenario"
    try:
        scenario(model)
    except Exception as error:
        line = traceback.extract_tb(error.__traceback__)
        ours = [frame for frame in line if "scenarios" in frame.filename or frame.name == scenario.__name__]
        where = (ours or line)[-1]
        return f"{type(error).__name__} in {where.name}:{where.lineno} ({where.line}): {str(error)[:500]}"
    return "ok"


def refused(kind: type[Exception], call: Callable[[], object]) -> Exception:
    """The exception that a call must raise."""
    try:
        call()
    except kind as error:
        return error
    raise AssertionError(f"nothing was refused; expected {kind.__name__}")
