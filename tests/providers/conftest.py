"""What the tests of several providers need: where recorded traffic lies and how it is cut, and what the gateway does with
one route, for the tests of credentials.
"""

from __future__ import annotations

import json
import os
import random
import re
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from pixapi.app.assembly import services
from pixapi.calls.flight import Flight
from pixapi.calls.services import Services
from pixapi.clock import ManualClock
from pixapi.config.load import load_settings
from pixapi.gateway.routes import open_route
from pixapi.interfaces import Call
from pixapi.wire.offered import DEFAULT

FOLDER = Path(
    os.environ.get("PIXAPI_CASSETTES", Path(__file__).resolve().parents[3] / "shared" / "cassettes")
)
MISSING = f"NOT TESTED: no recordings at {FOLDER.name}/"
CUT_ALONE_BYTES = 2500
SINGLE_BYTES = 60_000
RANDOM_CUTS = 25
NEAR_A_BORDER = range(-4, 5)

Cuttings = Callable[[bytes], Iterator[list[bytes]]]


class OfProviders:
    """What the conftest.py beside a provider's tests says."""

    @pytest.hookspec(firstresult=True)
    def pytest_recordings(self, folder: Path, name: str) -> Sequence[Any] | None:
        """The recordings in ``folder`` for each of which the argument ``name`` of a test stands; None: it is another."""


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    pluginmanager.add_hookspecs(OfProviders)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that has recordings as an argument is made once for each."""
    for name in metafunc.fixturenames:
        found = metafunc.definition.ihook.pytest_recordings(folder=FOLDER, name=name)
        if found is not None:
            missing = pytest.param(None, marks=pytest.mark.skip(MISSING))
            metafunc.parametrize(
                name, found or [missing], ids=lambda r: r.name if r is not None else "missing"
            )


@pytest.fixture(scope="session")
def cassettes() -> Path:
    """The folder of recorded traffic."""
    if not FOLDER.is_dir():
        pytest.skip(MISSING)
    return FOLDER


@pytest.fixture
def cuttings(size: int) -> Cuttings:
    """The ways in which a stream is cut. ``size`` (see ``sized``) is a stride in bytes, 0 for the usual form.

    In every form: single bytes (in the usual form pieces of 61 for streams above `SINGLE_BYTES`), and for streams up to
    `CUT_ALONE_BYTES` every place alone: the bytes before it, then the rest.

    In the long forms every place of longer streams, too: alone where the stream is no longer than the stride; else
    together with those that are a stride, two strides, ... away from it (the first cutting is at 1, 1 + stride, ..., the
    next at 2, 2 + stride, ..., and so on: each place is cut in exactly one of them). And all events at once, each so many
    bytes before or behind its empty line. In the usual form longer streams are cut at random places instead.
    """

    def of(body: bytes) -> Iterator[list[bytes]]:
        whole = len(body)
        yield pieces(body, range(1, whole) if size or whole <= SINGLE_BYTES else range(61, whole, 61))
        if whole <= max(CUT_ALONE_BYTES, size):
            yield from (pieces(body, [at]) for at in range(1, whole))
        elif size:
            yield from (pieces(body, range(first, whole, size)) for first in range(1, size + 1))
            borders = [found.end() for found in re.finditer(rb"\r?\n\r?\n", body)]
            for away in NEAR_A_BORDER:
                yield pieces(body, sorted({at + away for at in borders if 0 < at + away < whole}))
        else:
            dice = random.Random(whole)
            yield from (pieces(body, [at]) for at in dice.sample(range(1, whole), RANDOM_CUTS))

    return of


def pieces(body: bytes, cuts: Iterable[int]) -> list[bytes]:
    """``body`` cut at these places, which rise and are none of its ends."""
    return [body[start:end] for start, end in pairwise((0, *cuts, len(body)))]


MODEL = """
[database]
url = "{database}"

{provider}

[[models]]
id = "a-model"
routes = [ {{ provider = "up", model = "{model}" }} ]
price = {{ input = "1.00", output = "2.00", per = "1M tokens" }}
"""


class OneRoute:
    """The gateway's own parts with one provider, and the time in hand: each call goes to its route once."""

    def __init__(self, parts: Services, call: Call) -> None:
        self._parts = parts
        self._call = call

    async def ask(self) -> Any:
        """The JSON of the provider's reply; its status was one of 2xx. Raises the errors of `open_route`."""
        configured, clock = self._parts.configured, self._parts.clock
        (route,) = configured.catalog.find("a-model", "", None).routes
        flight = Flight("chat", DEFAULT, configured, clock.now_us(), clock.monotonic_s())
        flight.call, self._call.model = self._call, route.model
        exchange = await open_route(self._parts, flight, route)
        try:
            return json.loads(await exchange.read(10_000))
        finally:
            await exchange.close()


Routed = Callable[[str, str, ManualClock], AbstractAsyncContextManager[OneRoute]]


@pytest.fixture
def routed(sqlite_url: str, tmp_path: Path, pixapi_call: Callable[..., Call]) -> Routed:
    """Runs the parts of a gateway whose provider `up` is so configured, with a model of this name there."""

    @asynccontextmanager
    async def run(provider: str, model: str, clock: ManualClock) -> AsyncGenerator[OneRoute]:
        config = tmp_path / "pixapi.toml"
        config.write_text(MODEL.format(database=sqlite_url, provider=provider, model=model))
        async with services(load_settings(config), clock) as parts:
            yield OneRoute(parts, pixapi_call("hi"))

    return run
