"""Fixtures for the tests of plugins. Imports nothing of Pixapi before a test asks for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pixapi.interfaces import Call
    from pixapi.testing.replay import ReplayServer


@pytest.fixture
def pixapi_call() -> Callable[..., Call]:
    """Makes a chat call: ``pixapi_call("hello", stream=True, max_tokens=5)``."""
    from pixapi.testing.contracts.calls import chat

    return chat


@pytest.fixture
def pixapi_replay() -> Iterator[Callable[..., ReplayServer]]:
    """Starts servers that answer with recorded bytes: ``pixapi_replay(recorded, seed=1).url``."""
    from pixapi.testing.contracts.recorded import Recorded
    from pixapi.testing.replay import ReplayServer

    with ExitStack() as servers:

        def start(*replies: Recorded, seed: int = 0) -> ReplayServer:
            return servers.enter_context(ReplayServer(replies, seed=seed))

        yield start
