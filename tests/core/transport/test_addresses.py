"""Addresses of names that a reply has named."""

from __future__ import annotations

import pytest

from pixapi.errors import PluginError, UpstreamRefused
from pixapi.interfaces import HttpRequest
from pixapi.transport.addresses import is_public, public_addresses
from pixapi.transport.outbound import OutboundClient

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"


@pytest.mark.parametrize(
    ("address", "answer"),
    [
        ("8.8.8.8", True),
        ("2606:4700:4700::1111", True),
        ("127.0.0.1", False),
        ("10.0.0.1", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("::1", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("::ffff:10.0.0.1", False),
        ("::10.0.0.1", False),
        ("::ffff:0:10.0.0.1", False),
        ("64:ff9b::8.8.8.8", True),
        ("64:ff9b::10.0.0.1", False),
        ("64:ff9b:1::10.0.0.1", False),
        ("2002:0a00:0001::1", False),
        ("2002:0808:0808::1", True),
        ("2001:0:a00:1::", False),
        ("fec0::1", False),
        ("ff0e::1", False),
        ("nonsense", False),
    ],
)
def test_what_is_public(address: str, answer: bool) -> None:
    assert is_public(address) is answer


async def test_a_name_that_leads_home_is_not_followed() -> None:
    """`localhost` stands for any name that a resolver gives a private address for."""
    with pytest.raises(PluginError, match="not public"):
        await public_addresses("localhost", 80)
    with pytest.raises(UpstreamRefused):
        await public_addresses("no-such-name.invalid", 443)


async def test_the_client_connects_where_the_look_up_said_and_asks_for_the_host_by_name(serve) -> None:
    seen: list[bytes] = []
    asked: list[tuple[str, int]] = []

    async def handler(peer) -> None:
        seen.append(await peer.request())
        await peer.send(OK)

    async def lookup(host: str, port: int) -> list[str]:
        asked.append((host, port))
        return ["127.0.0.1"]

    server = await serve(handler)
    out = OutboundClient([f"http://files.vendor.test:{server.port}"], lookup=lookup)
    reply = await out.send(HttpRequest("GET", f"http://files.vendor.test:{server.port}/a.png?sig=1"))
    await out.close()
    assert (reply.status, reply.body) == (200, b"hi")
    assert asked == [("files.vendor.test", server.port)]
    assert seen[0].startswith(b"GET /a.png?sig=1 HTTP/1.1\r\n")
    assert b"host: files.vendor.test:%d\r\n" % server.port in seen[0].lower()
    assert seen[0].lower().count(b"host:") == 1


async def test_what_the_look_up_refuses_is_not_asked(serve) -> None:
    server = await serve(None)

    async def lookup(host: str, port: int) -> list[str]:
        raise PluginError(f"{host} leads home")

    out = OutboundClient([f"http://files.vendor.test:{server.port}"], lookup=lookup)
    with pytest.raises(PluginError, match="leads home"):
        await out.send(HttpRequest("GET", f"http://files.vendor.test:{server.port}/"))
    await out.close()
    assert server.peers == []


async def test_an_address_that_the_configuration_names_itself_is_not_looked_up(serve) -> None:
    async def handler(peer) -> None:
        await peer.request()
        await peer.send(OK)

    server = await serve(handler)
    out = OutboundClient([f"http://127.0.0.1:{server.port}"], lookup=public_addresses)
    assert (await out.send(HttpRequest("GET", f"http://127.0.0.1:{server.port}/"))).body == b"hi"
    with pytest.raises(PluginError, match="does not name"):
        await out.send(HttpRequest("GET", "https://10.0.0.1/"))
    await out.close()
