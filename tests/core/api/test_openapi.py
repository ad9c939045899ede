"""What /openapi.json tells of the paths that are served."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, get_args

import httpx2
import pytest

from pixapi.api.build import build_api
from pixapi.config.settings import Settings
from pixapi.interfaces.call import Operation
from pixapi.wire.offered import DIALECTS

OPEN = {"/healthz", "/readyz", "/metrics"}


@pytest.fixture(scope="module")
def paths() -> dict[str, Any]:
    services: Any = SimpleNamespace(configured=SimpleNamespace(settings=Settings()))
    transport = httpx2.ASGITransport(app=build_api(services))

    async def fetch() -> dict[str, Any]:
        async with httpx2.AsyncClient(transport=transport, base_url="http://gateway") as client:
            return (await client.get("/openapi.json")).json()["paths"]

    return asyncio.run(fetch())


def test_every_path_but_those_of_the_operator_needs_a_key(paths: dict[str, Any]) -> None:
    without = {
        path for path, methods in paths.items() for said in methods.values() if not said.get("security")
    }
    assert without == OPEN


def test_every_path_that_needs_a_key_has_the_answer_to_a_wrong_one(paths: dict[str, Any]) -> None:
    for path in set(paths) - OPEN:
        for said in paths[path].values():
            assert {"200", "401", "402"} <= set(said["responses"]), path


def test_a_quote_lists_the_operations_and_dialects_that_it_takes(paths: dict[str, Any]) -> None:
    said = {row["name"]: row["schema"]["enum"] for row in paths["/v1/quote"]["post"]["parameters"]}
    assert said == {"operation": list(get_args(Operation)), "dialect": list(DIALECTS)}
