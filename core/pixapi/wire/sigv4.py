"""Signature Version 4: what proves to AWS who sends a request, and that nobody changed it on the way (AWS
General Reference, "Signing AWS API requests").

The signature covers the method, the path, the query, the headers that are named in it, and the body's hash.
It is good for some minutes around ``x-amz-date``, so a request is signed anew each time it is sent. The path
is encoded once more than it is in the URL, as every service but S3 wants it.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from urllib.parse import quote, unquote, urlsplit

from pixapi.interfaces.http import HttpRequest

_ALGORITHM = "AWS4-HMAC-SHA256"
_UNSIGNED = frozenset({"accept-encoding", "authorization", "connection", "expect", "user-agent"})
"""Headers that may be changed on the way, or that the signature itself goes into."""
_PORTS = {"http": 80, "https": 443}

Headers = Iterable[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class SigningKeys:
    """Whose signature it is. ``session_token`` comes with temporary keys."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)


def sign(
    request: HttpRequest, body_sha256: str, keys: SigningKeys, *, region: str, service: str, now: datetime
) -> HttpRequest:
    """``request`` with its signature in the headers. ``body_sha256`` is the body's hash in hex."""
    stamp = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    added = [("x-amz-date", stamp), ("x-amz-content-sha256", body_sha256)]
    if keys.session_token:
        added.append(("x-amz-security-token", keys.session_token))
    names = {name for name, _ in added}
    kept = [(name, value) for name, value in request.headers if name.lower() not in names]
    signed = [pair for pair in (*kept, *added) if pair[0].lower() not in _UNSIGNED]
    signed.append(("host", host_of(request.url)))
    proof = authorization(
        request.method, request.url, signed, body_sha256, keys, region=region, service=service, stamp=stamp
    )
    return replace(request, headers=(*kept, *added, ("authorization", proof)))


def authorization(
    method: str,
    url: str,
    headers: Headers,
    body_sha256: str,
    keys: SigningKeys,
    *,
    region: str,
    service: str,
    stamp: str,
) -> str:
    """The value of ``authorization``. Every one of ``headers`` is signed, so ``host`` must be among them.

    ``stamp`` is the value of ``x-amz-date``.
    """
    canonical, names = canonical_request(method, url, headers, body_sha256)
    scope = f"{stamp[:8]}/{region}/{service}/aws4_request"
    text = f"{_ALGORITHM}\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = f"AWS4{keys.secret_access_key}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    return (
        f"{_ALGORITHM} Credential={keys.access_key_id}/{scope}, SignedHeaders={names}, Signature={signature}"
    )


def canonical_request(method: str, url: str, headers: Headers, body_sha256: str) -> tuple[str, str]:
    """The text whose hash is signed, and the names of the signed headers in it."""
    values: dict[str, list[str]] = {}
    for name, value in headers:
        values.setdefault(name.lower(), []).append(" ".join(value.split()))
    ordered = sorted(values)
    lines = "".join(f"{name}:{','.join(values[name])}\n" for name in ordered)
    names = ";".join(ordered)
    parts = urlsplit(url)
    text = f"{method}\n{_path(parts.path)}\n{_query(parts.query)}\n{lines}\n{names}\n{body_sha256}"
    return text, names


def host_of(url: str) -> str:
    """What the header ``host`` will say: the port too, unless it is the scheme's own."""
    parts = urlsplit(url)
    name = parts.hostname or ""
    name = f"[{name}]" if ":" in name else name
    return name if parts.port in (None, _PORTS.get(parts.scheme)) else f"{name}:{parts.port}"


def _path(path: str) -> str:
    segments: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del segments[-1:]
        elif segment not in ("", "."):
            segments.append(segment)
    closed = "/" if segments and path.endswith("/") else ""
    return "/" + quote("/".join(segments), safe="/-_.~") + closed


def _query(query: str) -> str:
    pairs = (part.partition("=") for part in query.split("&") if part)
    return "&".join(f"{name}={value}" for name, value in sorted((_once(n), _once(v)) for n, _, v in pairs))


def _once(text: str) -> str:
    """``text`` encoded exactly once, however it came."""
    return quote(unquote(text), safe="-_.~")
