"""The tables of fields hold every field that the newest official SDKs have, so that a new one is decided upon."""

from __future__ import annotations

import json
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pixapi.wire.gemini_names import snake
from pixapi.wire.offered import DIALECTS

SDKS = Path(__file__).parent / "sdks"
MATRIX = tomllib.loads((SDKS / "matrix.toml").read_text())
NEWEST = {sdk["dialect"]: sdk for sdk in MATRIX["sdks"] if sdk["language"] == "Python"}
NOT_SENT = {
    "gemini": {
        "automatic_continuation", "automatic_function_calling", "http_options", "should_return_http_response",
    },
}  # fmt: skip
"""What SDKs take and do not send as a field."""
RENAMED = {"gemini": {"model_selection_config": "model_config", "generation_output_config": "output_config"}}
"""What SDKs send under another name."""
NOT_IN_SDKS = {
    "openai": {"top_k", "thinking", "output_config", "cache_control", "extra_body", "google", "reasoning"},
    "responses": set(),
    "anthropic": {"output_format", "temperature", "top_k", "top_p"},
    "gemini": {"stream"},
}
"""Fields of the tables that the newest SDKs have not: old ones, other servers', the path's."""


def table(dialect: str) -> set[str]:
    """The names in the table, as the SDK spells them."""
    names = DIALECTS[dialect].table
    return {snake(name.rpartition(".")[2]) for name in names} if dialect == "gemini" else set(names)


@pytest.mark.timeout(420)
@pytest.mark.parametrize("dialect", list(NEWEST))
def test_every_field_of_the_sdk_is_in_the_table(dialect: str, sdk_environment: Callable[..., Any]) -> None:
    sdk = NEWEST[dialect]
    command = [*sdk_environment(sdk["package"], sdk["versions"][0], SDKS / "fields.py"), dialect]
    done = subprocess.run(command, text=True, capture_output=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    renamed = RENAMED.get(dialect, {})
    has = {renamed.get(name, name) for name in json.loads(done.stdout)} - NOT_SENT.get(dialect, set())
    undecided = sorted(has - table(dialect))
    assert not undecided, (
        f"{sdk['package']} {sdk['versions'][0]} has fields that the table of {dialect} has not: decide whether each is "
        "translated, refused or dropped, and give it a value in tests/core/wire/test_translation.py"
    )
    assert table(dialect) - has == NOT_IN_SDKS[dialect]
