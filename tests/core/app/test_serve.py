"""What a listening socket makes of the configuration."""

from __future__ import annotations

import socket

import pytest

from pixapi.app.serve import listen


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="the system has no such bound")
@pytest.mark.parametrize(
    ("write_s", "expected_ms"),
    [(300, 300_000), (0.0001, 1), (1e9, 2_000_000_000), (float("inf"), 2_000_000_000)],
)
def test_how_long_a_caller_may_take_nothing_is_what_the_system_can_count(
    write_s: float, expected_ms: int
) -> None:
    """0 would switch the bound off, and a number of more than 31 bits is refused."""
    with listen("127.0.0.1", 0, write_s) as listener:
        assert listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == expected_ms
