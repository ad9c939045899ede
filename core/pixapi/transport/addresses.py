"""The addresses of a name that a server's reply has named: public ones, or none at all.

A name that is allowed may still lead into the deployer's own network, by mistake or by somebody who controls it. All
its addresses are looked at, and whoever asks connects to one of those, not to what another look-up gives.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from pixapi.errors import PluginError, UpstreamRefused

_NAT64 = IPv6Network("64:ff9b::/96")
"""What networks without IPv4 reach it through (RFC 6052)."""
_UNICAST = IPv6Network("2000::/3")
"""All of IPv6 that is given out to the internet at large (RFC 4291 section 2.4, IANA's registry)."""


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
    if isinstance(parsed, IPv6Address):
        inner = _within(parsed)
        if inner is None:
            return parsed.is_global and parsed in _UNICAST
        parsed = inner
    return parsed.is_global and not parsed.is_multicast


def _within(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that packets to ``address`` end at, where it stands for one."""
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour
