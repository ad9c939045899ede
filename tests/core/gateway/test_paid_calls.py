"""What costs money by the piece is not sent again when the server may have taken it; what nothing was made of is."""

from __future__ import annotations

import pytest

from pixapi.testing.scripted import CUT, HANG, http

PICTURE = http({"created": 1, "data": [{"b64_json": "aGk="}]})
LIMITED = http({"error": {"message": "slow down"}}, "429 Too Many", headers=[("retry-after", "0")])
BROKEN = http({"error": {"message": "broke"}}, "500 Oops")
SCRIPTS = {
    "lost": [CUT],
    "broken": [BROKEN],
    "nonsense": [http({"created": 1})],
    "half": [b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{", CUT],
    "busy": [LIMITED],
    "good": [PICTURE],
    "slow": [HANG],
}


def spare(model: str, first: str, more: str = "") -> str:
    return (
        f'[[models]]\nid = "{model}"\nprice = {{ input = "0.04", per = "image" }}\n'
        f'routes = [ {{ provider = "up", model = "{first}", priority = 1{more} }}, '
        '{ provider = "up", model = "good", priority = 2 } ]\n'
    )


TOML = "".join(
    [
        spare("spare-lost", "lost"),
        spare("spare-broken", "broken"),
        spare("spare-nonsense", "nonsense"),
        spare("spare-half", "half"),
        spare("spare-slow", "slow", ", first_byte_s = 0.3"),
        spare("spare-busy", "busy"),
    ]
)


def ask(world, model):
    before = {name: len(calls) for name, calls in world.upstream.seen.items()}
    asked = {"model": model, "prompt": "a cat"}
    status, reply, headers = world.gateway.request("POST", "/v1/images/generations", asked, key=world.key)
    sent = {
        name: len(calls) - before.get(name, 0)
        for name, calls in world.upstream.seen.items()
        if len(calls) > before.get(name, 0)
    }
    return status, reply, headers, sent


@pytest.mark.parametrize("first", ["lost", "broken", "nonsense", "half", "slow"])
def test_nothing_is_made_twice(world, first) -> None:
    status, reply, headers, sent = ask(world, f"spare-{first}")
    assert status in (502, 504), reply
    assert sent == {first: 1}
    assert headers["x-should-retry"] == "false"
    charge = world.charge(headers)
    assert (charge["status"], charge["amount"]) == ("voided", None)


def test_another_route_is_asked_where_nothing_was_taken(world) -> None:
    status, _, headers, sent = ask(world, "spare-busy")
    assert (status, sent) == (200, {"busy": 1, "good": 1})
    assert headers["x-pixapi-cost"] == "4"


def test_a_chat_is_another_matter(world) -> None:
    before = len(world.upstream.seen["good"])
    status, _, _ = world.chat("spare-lost")
    assert status == 502  # `good` answers with a picture
    assert len(world.upstream.seen["good"]) == before + 1
