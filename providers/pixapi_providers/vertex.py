"""The provider `vertex`: Gemini and Imagen models at Vertex AI on Google Cloud.

Sources: Vertex AI reference, "Generate content", "Locations", "Text embeddings", "Generate images"; Google's
OAuth 2.0 documentation, "Using OAuth 2.0 for server to server applications" (RFC 7523); Compute Engine documentation,
"Access tokens".

A token lives an hour. It is had from a service account's key, by a signed statement of who asks; or, on Google
Cloud itself, from the machine's metadata server. The core fetches it early and once at a time.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlencode

import msgspec
from pydantic import Field

from pixapi import hookimpl
from pixapi.errors import ConfigError, UpstreamDenied, UpstreamError, UpstreamInvalid
from pixapi.interfaces import (
    Call,
    Credential,
    Credentials,
    HttpReply,
    HttpRequest,
    Outbound,
    PluginConfig,
    ProviderType,
    Secret,
    SecretForm,
)
from pixapi.wire.gemini_embeddings import write_instances, write_one
from pixapi.wire.gemini_provider import GeminiProvider, Headers, path_of

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

PIXAPI_INTERFACE = 1

_SCOPE = "https://www.googleapis.com/auth/cloud-platform"
_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_LIFE_S = 3600
_NO_ACCOUNT = (
    "`credentials` is no key of a service account; expected the JSON text with client_email and private_key, such as "
    'credentials = { file = "key.json" }'
)
_ONE_BY_ONE = "gemini-embedding-2"
"""From this generation of embedding models on, they are asked by `:embedContent`; older ones by `:predict`."""


class _Account(msgspec.Struct):
    client_email: str
    private_key: str
    private_key_id: str | None = None


def _account(credentials: str) -> tuple[_Account, RSAPrivateKey]:
    """A service account and the key that signs for it. Raises ConfigError: that is not what the setting holds."""
    try:
        account = msgspec.json.decode(credentials, type=_Account)
    except msgspec.ValidationError as error:
        # The words of `error` name fields and types, never a value.
        raise ConfigError(f"{_NO_ACCOUNT} ({error})") from None
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        raise ConfigError(f"{_NO_ACCOUNT}; this is no JSON") from None
    return account, _private_key(account.private_key)


def _private_key(pem: str) -> RSAPrivateKey:
    try:
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key
    except ImportError:
        raise ConfigError(
            "a service account's key needs the extra `vertex`, which is not installed; "
            "run `pip install 'pixapi[vertex]'`"
        ) from None
    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, RSAPrivateKey):
        raise ConfigError(
            "the private_key in `credentials` is no RSA key in PEM form; expected its whole text, line "
            "breaks included, as Google Cloud gives it out"
        )
    return key


class Config(PluginConfig):
    """Settings of a provider with `use = "vertex"`."""

    project: Annotated[str, Field(pattern=r"^[A-Za-z0-9.:_-]+$")]
    """The Google Cloud project that is charged."""
    location: Annotated[str, Field(pattern=r"^[a-z0-9-]+$")] = "global"
    """A region such as `europe-west4`, a multi-region (`us`, `eu`), or `global`."""
    credentials: Annotated[Secret, SecretForm(_account)] | None = None
    """The key of a service account: the JSON text that Google Cloud gives out. Needs the extra `pixapi[vertex]`.
    Without it, the token comes from the metadata server of the machine on Google Cloud.
    """
    token_url: str = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address
    """Where a token is had for the service account."""
    metadata_url: str = (
        "http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/token"
    )
    """Where a token is had without `credentials`."""
    base_url: str | None = None
    """Where the API lies, its version included; of the location by default."""
    refused_tools: list[str] = []
    """Tools of Google's own that callers may not use, such as `googleSearch` and `googleMaps`, for each use of
    which Google charges besides the tokens. Tools that read what you have stored with Google are always refused.
    """


class _Token(msgspec.Struct):
    access_token: str
    expires_in: float = _LIFE_S


class Vertex(GeminiProvider, Credentials):
    """One configured project at Vertex AI."""

    chooses_image_format = True

    def __init__(self, config: Config) -> None:
        super().__init__("vertex", frozenset(config.refused_tools))
        self._config = config
        root = (config.base_url or f"https://{_host(config.location)}/v1").rstrip("/")
        self._root = f"{root}/projects/{config.project}/locations/{config.location}/publishers/google"

    def url(self, model: str, method: str) -> str:
        return f"{self._root}/{path_of(model)}:{method}"

    def headers(self) -> Headers:
        return (("accept-encoding", "identity"),)

    def embedding(self, call: Call) -> tuple[str, bytes]:
        if call.model.removeprefix("models/").startswith(_ONE_BY_ONE):
            return "embedContent", write_one(call)
        return "predict", write_instances(call)

    async def obtain(self, out: Outbound, now: datetime) -> Credential:
        """A token, good for about an hour.

        Raises:
            ConfigError: the service account's key cannot be read, or the extra `vertex` is not installed.
            UpstreamError: it was refused, or did not come.
        """
        if self._config.credentials is None:
            headers = (("metadata-flavor", "Google"),)
            reply = await out.send(HttpRequest("GET", self._config.metadata_url, headers), timeout_s=10)
        else:
            reply = await out.send(self._exchange(self._config.credentials, now))
        token = _token(reply)
        return Credential(Secret(token.access_token), now + timedelta(seconds=token.expires_in))

    def sign(
        self, request: HttpRequest, body_sha256: str, credential: Credential, now: datetime
    ) -> HttpRequest:
        bearer = ("authorization", f"Bearer {credential.value.reveal()}")
        return replace(request, headers=(*request.headers, bearer))

    def _exchange(self, credentials: Secret, now: datetime) -> HttpRequest:
        """The request that turns a signed statement into a token."""
        account, key = _account(credentials.reveal())
        at_s = int(now.timestamp())
        header = {"alg": "RS256", "typ": "JWT"}
        if account.private_key_id is not None:
            header["kid"] = account.private_key_id
        claims = {
            "iss": account.client_email,
            "scope": _SCOPE,
            "aud": self._config.token_url,
            "iat": at_s,
            "exp": at_s + _LIFE_S,
        }
        statement = b".".join(_segment(msgspec.json.encode(part)) for part in (header, claims))
        signed = statement + b"." + _segment(_signature(key, statement))
        form = urlencode({"grant_type": _GRANT, "assertion": signed.decode()}).encode()
        headers = (("content-type", "application/x-www-form-urlencoded"),)
        return HttpRequest("POST", self._config.token_url, headers, form)


def _host(location: str) -> str:
    if location == "global":
        return "aiplatform.googleapis.com"
    if location in ("us", "eu"):
        return f"aiplatform.{location}.rep.googleapis.com"
    return f"{location}-aiplatform.googleapis.com"


def _signature(key: RSAPrivateKey, statement: bytes) -> bytes:
    """RSASSA-PKCS1-v1_5 with SHA-256 (RFC 7518 section 3.3)."""
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.hashes import SHA256

    return key.sign(statement, PKCS1v15(), SHA256())


def _segment(data: bytes) -> bytes:
    return urlsafe_b64encode(data).rstrip(b"=")


def _token(reply: HttpReply) -> _Token:
    if 400 <= reply.status < 500 and reply.status not in (408, 429):
        raise UpstreamDenied(
            "Google refused the operator's account; your own key is fine.", upstream_status=reply.status
        )
    if reply.status != 200:
        raise UpstreamError(
            f"Google gave out no token (status {reply.status}); try again.", upstream_status=reply.status
        )
    try:
        return msgspec.json.decode(reply.body, type=_Token)
    except msgspec.DecodeError:
        raise UpstreamInvalid("Google answered without a token; try again.") from None


@hookimpl
def pixapi_register_providers() -> Iterable[ProviderType]:
    return [
        ProviderType(
            "vertex", "Gemini and Imagen models at Vertex AI, Google Cloud", Config, Vertex, "recorded"
        )
    ]
