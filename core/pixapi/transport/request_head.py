"""The head of a request as bytes, and where it is to be sent (RFC 9112)."""

from __future__ import annotations

import re
from collections.abc import Sized
from typing import NamedTuple
from urllib.parse import urlsplit

from pixapi import __version__
from pixapi.errors import ConfigError
from pixapi.interfaces import HttpRequest

_CANNOT_BE_SENT = (
    "a request to a model's server cannot be sent: its URL or one of its headers holds what HTTP does not "
    "allow (a line break at the end of a key, for instance); check base_url and api_key"
)
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\U0010ffff]*")
_TARGET = re.compile(r"[\x21-\x7e]+")
_METHOD = re.compile(r"[A-Z]+")
_PORTS = {"http": 80, "https": 443}
_OURS = frozenset({"host", "content-length", "transfer-encoding", "connection"})


class Origin(NamedTuple):
    """Who is connected to."""

    host: str
    port: int
    tls: bool


class RequestHead(NamedTuple):
    """``start`` is everything up to the number behind ``content-length:``."""

    origin: Origin
    start: bytes

    def before(self, body: Sized) -> bytes:
        """The whole head of a request with this body."""
        return b"%b%d\r\n\r\n" % (self.start, len(body))


def write_head(request: HttpRequest) -> RequestHead:
    """The head for ``request``; the target is sent as it stands, for a provider may have signed it.

    Raises:
        ConfigError: URL, method or a header cannot be sent.
    """
    origin, host, target = _address(request.url)
    if not _METHOD.fullmatch(request.method):
        raise ConfigError(_CANNOT_BE_SENT)
    lines = [f"{request.method} {target} HTTP/1.1", f"host: {host}"]
    names = set()
    for name, value in request.headers:
        if not _TOKEN.fullmatch(name) or not _VALUE.fullmatch(value):
            raise ConfigError(_CANNOT_BE_SENT)
        if name.lower() not in _OURS:
            names.add(name.lower())
            lines.append(f"{name}: {value}")
    defaults = {"accept": "*/*", "accept-encoding": "identity", "user-agent": f"pixapi/{__version__}"}
    lines += [f"{name}: {value}" for name, value in defaults.items() if name not in names]
    return RequestHead(origin, ("\r\n".join(lines) + "\r\ncontent-length: ").encode())


def _address(url: str) -> tuple[Origin, str, str]:
    """Origin, Host header and request target of a URL."""
    try:
        if not url.isprintable() or " " in url:
            raise ValueError
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
        if parts.scheme not in _PORTS or not host or parts.username is not None:
            raise ValueError
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        if not _TARGET.fullmatch(target):
            raise ValueError
        name = host if host.isascii() else host.encode("idna").decode()
    except ValueError:
        raise ConfigError(_CANNOT_BE_SENT) from None
    shown = f"[{name}]" if ":" in name else name
    if port is not None and port != _PORTS[parts.scheme]:
        shown += f":{port}"
    return Origin(name, port or _PORTS[parts.scheme], parts.scheme == "https"), shown, target
