"""The plugins' way to the network: `pixapi.interfaces.Outbound` on httpx2.

Only hosts that the plugin's configuration names, only https (but for loopback and hosts that were configured
with http), no redirects, no cookies, nothing from the environment, a time-out and a size cap; one line in the
log for each request, with neither its path nor its headers nor its body.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from http.cookiejar import CookieJar, DefaultCookiePolicy
from ipaddress import ip_address
from time import monotonic
from typing import Protocol
from urllib.parse import urlsplit

import httpx2

from pixapi import __version__
from pixapi.errors import (
    ConfigError,
    PixapiError,
    PluginError,
    UpstreamCut,
    UpstreamInvalid,
    UpstreamLost,
    UpstreamRefused,
    UpstreamTimeout,
)
from pixapi.interfaces import HttpReply, HttpRequest
from pixapi.telemetry.logs import logger
from pixapi.transport.coding import Inflater

DEFAULT_LIMIT_BYTES = 8 * 1024 * 1024
_CONNECT_S = 10
_PORTS = {"http": 80, "https": 443}

log = logger("outbound")


class Lookup(Protocol):
    """Finds the addresses of a name, the one to be tried first at the head."""

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        """At least one address.

        Raises:
            UpstreamRefused: there is none.
            PluginError: it has one that may not be connected to.
        """
        ...


class OutboundClient:
    """Sends a plugin's requests to the hosts that it may reach. Made anywhere, used in one event loop."""

    def __init__(
        self,
        allowed_hosts: Iterable[str],
        *,
        limit_bytes: int = DEFAULT_LIMIT_BYTES,
        lookup: Lookup | None = None,
    ) -> None:
        """``allowed_hosts``: exact names (``api.example.com``: any port), ``name:port``, or URLs, of which
        scheme, host and port count (``http://10.0.0.5:8000/v1``: plain http to that port). ``limit_bytes``
        caps a reply. ``lookup`` finds the addresses of a name, instead of the system; the first is connected to,
        so that none takes the place of the one that was looked at. An address that ``allowed_hosts`` names itself
        is not looked up.

        Raises:
            ConfigError: one of them cannot be understood.
        """
        self._rules = tuple(_rule(entry) for entry in allowed_hosts)
        self._limit_bytes = limit_bytes
        self._lookup = lookup
        self._client: httpx2.AsyncClient | None = None

    async def send(self, request: HttpRequest, *, timeout_s: float = 30) -> HttpReply:
        """Send and read the whole reply; see `pixapi.interfaces.Outbound`.

        Raises:
            PluginError: the host is not one of those that were allowed, or it would be plain http.
        """
        host = self._permit(request.url)
        began_s = monotonic()
        status: int | None = None
        code = None
        try:
            async with asyncio.timeout(timeout_s):
                reply = await self._exchange(request)
            status = reply.status
        except TimeoutError:
            code = UpstreamTimeout.code
            raise UpstreamTimeout(f"{host} took longer than {timeout_s:g} s", phase="total") from None
        except PixapiError as error:
            code = error.code
            raise
        finally:
            log.info(
                "outbound",
                method=request.method,
                host=host,
                status=status,
                code=code,
                milliseconds=round((monotonic() - began_s) * 1000),
            )
        return reply

    async def close(self) -> None:
        """Close every connection."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    def _permit(self, url: str) -> str:
        scheme, host, port = _split(url)
        for rule_scheme, rule_host, rule_port in self._rules:
            if host != rule_host or rule_port not in (None, port):
                continue
            if scheme == "https" or rule_scheme == "http" or _is_loopback(host):
                return host
            raise PluginError(f"a plugin asked for {host} over http; its configuration allows https only")
        raise PluginError(f"a plugin asked for {host or 'no host'}, which its configuration does not name")

    async def _exchange(self, request: HttpRequest) -> HttpReply:
        client = self._client or self._open()
        body = (
            request.body if isinstance(request.body, bytes) else await asyncio.to_thread(lambda: request.data)
        )
        try:
            url, extensions = await self._place(request.url)
            headers = [*request.headers, ("host", _authority(request.url))] if extensions else request.headers
            async with client.stream(
                request.method,
                url,
                headers=list(headers),
                content=body or None,
                extensions=extensions,
            ) as response:
                said = _joined(response.headers)
                return HttpReply(response.status_code, said, await self._body(response, said))
        except httpx2.ConnectTimeout:
            raise UpstreamTimeout("the server could not be connected to in time", phase="connect") from None
        except (httpx2.ConnectError, httpx2.UnsupportedProtocol):
            raise UpstreamRefused("the server cannot be reached; nothing was sent") from None
        except (httpx2.InvalidURL, httpx2.LocalProtocolError, ValueError):
            raise PluginError("a plugin asked for a URL or set a header that HTTP does not allow") from None
        except (httpx2.NetworkError, httpx2.RemoteProtocolError, httpx2.TimeoutException):
            raise UpstreamLost("the connection ended before the server answered") from None

    async def _place(self, url: str) -> tuple[httpx2.URL, dict[str, str]]:
        """Where to connect to: the URL as it is, or at the address that was looked up, under the host's own name."""
        scheme, host, port = _split(url)
        if self._lookup is None or host == "localhost" or _is_address(host):
            return httpx2.URL(url), {}
        first = (await self._lookup(host, port or _PORTS[scheme]))[0]
        return httpx2.URL(url).copy_with(host=first), {"sni_hostname": host}

    async def _body(self, response: httpx2.Response, headers: dict[str, str]) -> bytes:
        coding = headers.get("content-encoding", "identity").lower()
        inflater = None if coding == "identity" else Inflater(coding)
        body = bytearray()
        try:
            async for data in response.aiter_raw():
                for piece in (data,) if inflater is None else inflater.feed(data):
                    body += piece
                    if len(body) > self._limit_bytes:
                        raise UpstreamInvalid(
                            f"the server sent more than the {self._limit_bytes} bytes that are read"
                        )
        except (httpx2.NetworkError, httpx2.RemoteProtocolError):
            raise UpstreamCut("the server broke off its reply") from None
        if inflater is not None and body:
            inflater.close()
        return bytes(body)

    def _open(self) -> httpx2.AsyncClient:
        self._client = httpx2.AsyncClient(
            follow_redirects=False,
            trust_env=False,
            timeout=httpx2.Timeout(None, connect=_CONNECT_S),  # `send` bounds the whole exchange
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            headers={"user-agent": f"pixapi/{__version__}", "accept-encoding": "identity"},
        )
        return self._client


def _joined(headers: httpx2.Headers) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _split(url: str) -> tuple[str, str, int]:
    """Scheme, lower-case host and port of a URL; empty where there is none."""
    try:
        parts = urlsplit(url)
        scheme = parts.scheme.lower()
        return scheme, (parts.hostname or "").rstrip("."), parts.port or _PORTS.get(scheme, 0)
    except ValueError:
        return "", "", 0


def _rule(entry: str) -> tuple[str, str, int | None]:
    if "://" in entry:
        rule: tuple[str, str, int | None] = _split(entry)
    else:
        _, host, port = _split("//" + entry)
        rule = ("https", host, port or None)
    if rule[0] not in _PORTS or not rule[1]:
        raise ConfigError(f"{entry!r} is no host to allow; expected a name, name:port or an http(s) URL")
    return rule


def _authority(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2]


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _is_loopback(host: str) -> bool:
    return host == "localhost" or (_is_address(host) and ip_address(host).is_loopback)
