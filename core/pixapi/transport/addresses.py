"""The addresses of a name that a server's reply has named: public ones, or none at all.

A name that is allowed may still lead into the deployer's own network, by mistake or by somebody who controls it. All
its addresses are looked at, and whoever asks connects to one of those, not to what another look-up gives.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from ipaddress import ip_address

from pixapi.errors import PluginError, UpstreamRefused


async def public_addresses(host: str, port: int) -> Sequence[str]:
    """Every address of ``host``, those of IPv4 first: where a network has a broken IPv6, they work all the same.

    Raises:
        UpstreamRefused: its name is not known.
        PluginError: one of them is not public (private, loopback, link-local, reserved, multicast).
    """
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError):
        raise UpstreamRefused("the server cannot be reached: its name is not known") from None
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    if not all(is_public(address) for address in addresses):
        raise PluginError(f"{host} leads to an address that is not public; nothing is fetched from there")
    return sorted(addresses, key=lambda address: ":" in address)


def is_public(address: str) -> bool:
    """Whether an address belongs to the internet at large."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    inner = getattr(parsed, "ipv4_mapped", None) or parsed
    return inner.is_global and not inner.is_multicast
