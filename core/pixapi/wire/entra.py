"""Access tokens of Microsoft Entra ID for a program (Microsoft identity platform documentation, "OAuth 2.0
client credentials flow").
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

import msgspec

from pixapi.errors import UpstreamDenied, UpstreamError, UpstreamInvalid
from pixapi.interfaces.http import HttpReply, HttpRequest
from pixapi.interfaces.provider import Credential
from pixapi.interfaces.secret import Secret
from pixapi.wire.json import decode_any


def write_token_request(
    authority: str, tenant_id: str, *, client_id: str, client_secret: str, scope: str
) -> HttpRequest:
    """The request that asks for a token."""
    asked = {
        "grant_type": "client_credentials",
        "client_id": client_id,
        "client_secret": client_secret,
        "scope": scope,
    }
    url = f"{authority.rstrip('/')}/{quote(tenant_id, safe='')}/oauth2/v2.0/token"
    headers = (("content-type", "application/x-www-form-urlencoded"), ("accept", "application/json"))
    return HttpRequest("POST", url, headers, urlencode(asked).encode())


def read_token(reply: HttpReply, now: datetime) -> Credential:
    """The token, good for as long as the reply says, from ``now`` on.

    Raises:
        UpstreamDenied: the program's id, secret or tenant is wrong.
        UpstreamError, UpstreamInvalid: the service failed, or its reply cannot be understood.
    """
    said = _object(reply.body)
    code = said.get("error")
    code = code if isinstance(code, str) else None
    if reply.status in (400, 401, 403):
        raise UpstreamDenied(
            "The provider of this model gave the operator no access token: its credentials were refused.",
            upstream_status=reply.status,
            upstream_code=code,
        )
    if reply.status != 200:
        raise UpstreamError(
            f"The provider of this model gave no access token (status {reply.status}); try again.",
            upstream_status=reply.status,
            upstream_code=code,
        )
    token, life_s = said.get("access_token"), said.get("expires_in")
    if isinstance(life_s, str) and life_s.isdecimal():  # older versions of the service write it so
        life_s = int(life_s)
    if not isinstance(token, str) or not token or not isinstance(life_s, int) or not 0 < life_s < 10**8:
        raise UpstreamInvalid("The provider of this model answered without an access token; try again.")
    return Credential(Secret(token), now + timedelta(seconds=life_s))


def _object(body: bytes) -> dict[str, Any]:
    try:
        value = decode_any(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}
    return value if isinstance(value, dict) else {}
