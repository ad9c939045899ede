"""Taking on a role at AWS: temporary keys for a lasting access key (AWS Security Token Service API reference,
"AssumeRole").

The reply is XML of which four values are wanted; none of them can hold a sign that XML would have to escape.
"""

from __future__ import annotations

import re
from datetime import datetime
from urllib.parse import urlencode

import msgspec

from pixapi.errors import UpstreamDenied, UpstreamError, UpstreamInvalid
from pixapi.interfaces.http import HttpReply, HttpRequest
from pixapi.interfaces.provider import Credential
from pixapi.interfaces.secret import Secret
from pixapi.wire.json import encode
from pixapi.wire.sigv4 import SigningKeys

_VERSION = "2011-06-15"
_SESSION = "pixapi"
_KEYS = msgspec.json.Decoder(SigningKeys)
_NAMES = ("AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration")


def write_assume_role(url: str, role_arn: str) -> HttpRequest:
    """The request that asks for temporary keys; it has yet to be signed, for the service ``sts``."""
    asked = {"Action": "AssumeRole", "Version": _VERSION, "RoleArn": role_arn, "RoleSessionName": _SESSION}
    headers = (("content-type", "application/x-www-form-urlencoded; charset=utf-8"), ("accept", "text/xml"))
    return HttpRequest("POST", url.rstrip("/") + "/", headers, urlencode(asked).encode())


def read_assumed_role(reply: HttpReply) -> Credential:
    """The temporary keys, as a credential that `keys_of` reads.

    Raises:
        UpstreamDenied: the access key is wrong, or may not take on the role.
        UpstreamError, UpstreamInvalid: the service failed, or its reply cannot be understood.
    """
    text = reply.body.decode("utf-8", "replace")
    code = _value(text, "Code") or None
    if reply.status in (400, 401, 403):
        raise UpstreamDenied(
            "The provider of this model refused the operator's access key, or the role that it is to take on.",
            upstream_status=reply.status,
            upstream_code=code,
        )
    if reply.status != 200:
        raise UpstreamError(
            f"The provider of this model gave no temporary keys (status {reply.status}); try again.",
            upstream_status=reply.status,
            upstream_code=code,
        )
    key_id, secret, token, until = (_value(text, name) for name in _NAMES)
    try:
        expires_at = datetime.fromisoformat(until)
    except ValueError:
        expires_at = None
    if not (key_id and secret and token) or expires_at is None or expires_at.tzinfo is None:
        raise UpstreamInvalid("The provider of this model answered without temporary keys; try again.")
    return Credential(Secret(encode(SigningKeys(key_id, secret, token)).decode()), expires_at)


def keys_of(credential: Credential) -> SigningKeys:
    """The keys in a credential that `read_assumed_role` made."""
    return _KEYS.decode(credential.value.reveal())


def _value(text: str, name: str) -> str:
    found = re.search(rf"<{name}>\s*([^<]*?)\s*</{name}>", text)
    return found[1] if found is not None else ""
