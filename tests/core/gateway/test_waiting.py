"""Servers that ask for a short wait: a call waits for all of them together no longer than it may for one."""

import time
from concurrent.futures import ThreadPoolExecutor

from pixapi.testing.scripted import http, whole

PRICE = 'price = { input = "1.00", output = "10.00", per = "1M tokens" }'
NAMES = [f"busy-{number}" for number in range(5)]
SCRIPTS = {
    name: [http({"error": {"message": "slow down"}}, status="429 Too Many", headers=[("retry-after", "1")])]
    for name in NAMES
}
NO_TIME = [f"at-once-{number}" for number in range(3)]
SCRIPTS |= {
    name: [http({"error": {"message": "slow down"}}, status="429 Too Many", headers=[("retry-after", "0")])]
    for name in NO_TIME
}
SCRIPTS["good"] = [http(whole("good"))]
ROUTES = ", ".join(f'{{ provider = "up", model = "{name}" }}' for name in NAMES)
TOML = f'[[models]]\nid = "all-busy"\nroutes = [ {ROUTES} ]\n{PRICE}\n'
AT_ONCE = ", ".join(f'{{ provider = "up", model = "{name}" }}' for name in NO_TIME)
GOOD = '{ provider = "up", model = "good", priority = 2 }'
for name, routes in (("none-in-no-time", AT_ONCE), ("one-in-no-time", f"{AT_ONCE}, {GOOD}")):
    TOML += f'[[models]]\nid = "{name}"\nroutes = [ {routes} ]\n{PRICE}\n'
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


def test_servers_that_name_no_time_are_not_asked_again_and_again(world):
    """`Retry-After: 0` is no word that a server is well: it is left alone for the shortest cool-down, and no call waits
    for it.
    """
    calls = 300
    with ThreadPoolExecutor(4) as callers:
        found = list(callers.map(lambda _: world.chat("none-in-no-time")[0], range(calls)))
    assert set(found) == {503}
    sent = sum(len(world.upstream.seen[name]) for name in NO_TIME)
    retries = 0.2 * calls + 5 * 10  # as for any failure: the budget
    assert sent <= calls + retries + len(NO_TIME)


def test_they_keep_no_call_from_a_route_that_is_well(world):
    before = len(world.upstream.seen["good"])
    for _ in range(20):
        status, _, headers = world.chat("one-in-no-time")
        assert (status, headers["x-pixapi-route"]) == (200, "up/good")
    assert len(world.upstream.seen["good"]) == before + 20
