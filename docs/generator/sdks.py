"""docs/reference/sdks.md, from the matrix that tests/live/test_sdk_matrix.py runs."""

from __future__ import annotations

import tomllib
from itertools import count
from pathlib import Path
from typing import Any

from generator.markdown import code, document, table

_FILE = Path(__file__).resolve().parents[2] / "tests" / "live" / "sdks" / "matrix.toml"
_INTRO = """
What the vendors' own SDKs do against a gateway, in the API's dialect of each, over models of every kind of server. Each
cell is a program that runs against real servers and fails the build where it fails: `make test` runs the newest
versions for Python, `make test-long-short` the old majors and Node too.

A cell with a number shows less, or nothing, for the reason under that number.
"""


def page() -> str:
    matrix = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    notes: dict[str, int] = {}
    parts = [
        _INTRO,
        "## The SDKs\n\n"
        + table(["language", "API", "package", "versions", "has no call for"], _sdks(matrix)),
    ]
    for dialect, title in matrix["dialects"].items():
        rows = [
            [
                code(scenario),
                *(_cell(matrix, notes, dialect, upstream, scenario) for upstream in matrix["upstreams"]),
            ]
            for scenario in matrix["scenarios"]
        ]
        parts.append(f"## {title}\n\n" + table(["scenario", *map(code, matrix["upstreams"])], rows))
    parts.append(
        "## Why a cell shows less\n\n" + "\n".join(f"{number}. {why}" for why, number in notes.items())
    )
    for title, words in (("scenarios", matrix["scenarios"]), ("upstreams", matrix["upstreams"])):
        rows = [[code(name), meaning] for name, meaning in words.items()]
        parts.append(f"## The {title}\n\n" + table([title.removesuffix("s"), "what it is"], rows))
    return document("SDKs", *parts)


def _sdks(matrix: dict[str, Any]) -> list[list[str]]:
    return [
        [
            sdk["language"],
            matrix["dialects"][sdk["dialect"]],
            code(sdk["package"]),
            ", ".join(sdk["versions"]),
            ", ".join(map(code, sdk.get("lacks", []))),
        ]
        for sdk in matrix["sdks"]
    ]


def _cell(matrix: dict[str, Any], notes: dict[str, int], dialect: str, upstream: str, scenario: str) -> str:
    numbers = count(len(notes) + 1)
    for row in matrix["left_out"]:
        axes = (("dialects", dialect), ("upstreams", upstream), ("scenarios", scenario))
        if all(name in row.get(axis, [name]) for axis, name in axes):
            return f"– ({notes.setdefault(row['reason'], next(numbers))})"
    for row in matrix["half"]:
        if (row["upstream"], row["scenario"]) == (upstream, scenario):
            return f"yes ({notes.setdefault(row['reason'], next(numbers))})"
    return "yes"
