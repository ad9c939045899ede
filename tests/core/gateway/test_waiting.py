"""Servers that ask for a short wait: a call waits for all of them together no longer than it may for one."""

import time
from concurrent.futures import ThreadPoolExecutor

from pixapi.testing.scripted import http

PRICE = 'price = { input = "1.00", output = "10.00", per = "1M tokens" }'
NAMES = [f"busy-{number}" for number in range(5)]
SCRIPTS = {
    name: [http({"error": {"message": "slow down"}}, status="429 Too Many", headers=[("retry-after", "1")])]
    for name in NAMES
}
ROUTES = ", ".join(f'{{ provider = "up", model = "{name}" }}' for name in NAMES)
TOML = f'[[models]]\nid = "all-busy"\nroutes = [ {ROUTES} ]\n{PRICE}\n'
MAX_WAIT_S = 2
"""The default of routing.max_wait_s."""


def test_the_waits_for_many_routes_come_to_no_more_than_max_wait_s(world):
    def call(_):
        began_s = time.monotonic()
        status, _, _ = world.chat("all-busy")
        assert status in (429, 503)
        return time.monotonic() - began_s

    with ThreadPoolExecutor(12) as callers:
        took_s = sorted(callers.map(call, range(60)))
    assert took_s[-1] < MAX_WAIT_S + 1, took_s
