"""The ASGI side of a hot endpoint: headers and bodies in, replies out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, MutableMapping
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Any
from urllib.parse import parse_qs

import msgspec

from pixapi.errors import BadRequest, PixapiError, TooLarge, UnsupportedMedia, UpstreamError
from pixapi.gateway.crowded import CROWDED_BYTES, refuse_crowded
from pixapi.gateway.uploads import UploadStore
from pixapi.interfaces import Upload
from pixapi.wire.multipart import FormReader

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

_DISCARD_LIMIT_BYTES = 256 * 1024 * 1024
_DISCARD_S = 30
_BATCH_BYTES = 512 * 1024
_ARRIVE_S = 600
"""How long a body may take that does not come at once; what has come of it lies in memory or on the disk."""
BODY_FOLLOWS = "pixapi.body_follows"
"""In a reply's start: the first of its body is sent before anything else happens. So the server may let the head wait
for it without seeing to what becomes of a head that nothing follows; one that does not know this loses nothing.
"""
_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])


class ClientGone(Exception):
    """The caller closed the connection before its request was complete."""


def header(scope: Scope, name: bytes) -> bytes | None:
    """The first value of a header; ``name`` is lower-case."""
    for key, value in scope["headers"]:
        if key == name:
            return value
    return None


def headers_named(scope: Scope, names: Collection[bytes]) -> dict[str, str]:
    """Those headers, by their lower-case names; several of one name are one list, as HTTP has it."""
    found: dict[str, str] = {}
    for key, value in scope["headers"]:
        if key in names:
            name, text = key.decode("latin-1"), value.decode("latin-1")
            found[name] = f"{found[name]},{text}" if name in found else text
    return found


def headers_of(scope: Scope) -> dict[str, str]:
    """All headers by their lower-case names; of several of one name the last."""
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


def key_of(scope: Scope) -> str | None:
    """The API key: `Authorization: Bearer`, `x-api-key`, `api-key` or `x-goog-api-key`, whichever comes first."""
    for name, value in scope["headers"]:
        if name == b"authorization":
            scheme, _, credential = value.partition(b" ")
            if scheme.lower() == b"bearer":
                return credential.strip().decode("latin-1")
        elif name in (b"x-api-key", b"api-key", b"x-goog-api-key"):
            return value.decode("latin-1")
    return None


def query_of(scope: Scope) -> dict[str, str]:
    """The first value of each name in the query."""
    text = scope.get("query_string", b"").decode("latin-1")
    return {name: values[0] for name, values in parse_qs(text).items()} if text else {}


def client_ip(scope: Scope, trusted: Collection[IPv4Network | IPv6Network]) -> str | None:
    """The address of whoever called; X-Forwarded-For counts from the right, as far as trusted proxies wrote it."""
    client = scope.get("client")
    if client is None:
        return None
    address = client[0]
    if not trusted or not _within(address, trusted):
        return address
    forwarded = header(scope, b"x-forwarded-for")
    if forwarded is None:
        return address
    for hop in reversed([part.strip() for part in forwarded.decode("latin-1").split(",")]):
        try:
            ip_address(hop)
        except ValueError:
            return address
        address = hop
        if not _within(hop, trusted):
            break
    return address


def _within(address: str, networks: Collection[IPv4Network | IPv6Network]) -> bool:
    try:
        ip = ip_address(address)
    except ValueError:
        return False
    return any(ip in network for network in networks)


async def read_body(
    scope: Scope,
    receive: Receive,
    limit: int,
    waiting: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> bytes:
    """The whole body. ``waiting``: entered while more of it is to come; it may refuse.

    Raises:
        TooLarge: it is larger than ``limit`` bytes. The rest is read and thrown away first, so that the caller
            gets to read the answer.
        BadRequest: it takes too long.
        ClientGone: the caller left.
    """
    declared = header(scope, b"content-length")
    if declared is not None and int(declared) > limit:
        await discard_body(receive)
        raise _too_large(limit)
    message = await receive()
    body = message.get("body", b"")
    if message["type"] == "http.disconnect":
        raise ClientGone
    if message.get("more_body"):
        with waiting():
            async with _in_time():
                body = await _read_rest(receive, body, limit)
    if len(body) > limit:
        raise _too_large(limit)
    return body


async def _read_rest(receive: Receive, body: bytes, limit: int) -> bytes:
    parts, size, more = [body], len(body), True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        size += len(message["body"])
        if size > limit:
            await discard_body(receive)
            raise _too_large(limit)
        parts.append(message["body"])
        more = message.get("more_body")
    return b"".join(parts)


@asynccontextmanager
async def _in_time() -> AsyncGenerator[None]:
    try:
        async with asyncio.timeout(_ARRIVE_S):
            yield
    except TimeoutError:
        raise BadRequest(f"the request's body did not arrive within {_ARRIVE_S} s") from None


async def discard_body(receive: Receive) -> None:
    """Read what is left of a body and forget it, so that a caller in mid-upload gets to read why it was refused."""
    size = 0
    try:
        async with asyncio.timeout(_DISCARD_S):
            while size < _DISCARD_LIMIT_BYTES:
                message = await receive()
                size += len(message.get("body", b""))
                if message["type"] == "http.disconnect" or not message.get("more_body"):
                    return
    except TimeoutError:
        return


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"the request body is larger than {limit} bytes, the most that this gateway takes")


def read_fields(scope: Scope, body: bytes) -> dict[str, msgspec.Raw]:
    """A JSON object, taken apart at its top level; the values keep the caller's own bytes.

    Raises:
        UnsupportedMedia: the content type is something else than JSON.
        BadRequest: it is not a JSON object, or not UTF-8, or has far too many values.
    """
    content_type = header(scope, b"content-type")
    if content_type is not None and b"json" not in content_type:
        shown = content_type.decode("latin-1").split(";")[0][:60]
        raise UnsupportedMedia(
            f"the content type {shown} is not read here; send `Content-Type: application/json`"
        )
    if len(body) >= CROWDED_BYTES:
        refuse_crowded(body)
    if not body.isascii():
        try:
            body.decode()
        except UnicodeDecodeError as error:
            raise BadRequest(f"the body is not UTF-8: byte {error.start} cannot be decoded") from None
    try:
        return _fields.decode(body)
    except msgspec.ValidationError:
        raise BadRequest(
            'the body must be a JSON object, such as {"model": ..., "messages": [...]}'
        ) from None
    except msgspec.DecodeError as error:
        raise BadRequest(f"the body is not valid JSON: {error}") from None
    except RecursionError:
        raise BadRequest("the body is nested too deeply") from None


async def read_upload(
    scope: Scope, receive: Receive, limit: int, store: UploadStore
) -> tuple[dict[str, msgspec.Raw], tuple[Upload, ...]]:
    """The texts and files of a form, read as they come and in threads; large files go to ``store``.

    Raises:
        UnsupportedMedia, BadRequest: as `FormReader` does; the rest of the body is thrown away.
        NotReady: a file cannot be kept.
        TooLarge, ClientGone: as `read_body` does.
    """
    declared = header(scope, b"content-length")
    size, more = 0, True
    try:
        if declared is not None and int(declared) > limit:
            raise _too_large(limit)
        reader = FormReader((header(scope, b"content-type") or b"").decode("latin-1"), store.keep)
        async with _in_time():
            while more:
                batch, more = await _read_batch(receive)
                size += len(batch)
                if size > limit:
                    raise _too_large(limit)
                if size < _BATCH_BYTES:
                    reader.feed(batch)
                else:
                    await asyncio.to_thread(reader.feed, batch)
        return reader.close()
    except PixapiError:
        if more:
            await discard_body(receive)
        raise


async def _read_batch(receive: Receive) -> tuple[bytes, bool]:
    """What comes next of a body, in pieces worth a thread's while, and whether there is more of it."""
    pieces, size, more = [], 0, True
    while more and size < _BATCH_BYTES:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        pieces.append(message.get("body", b""))
        size += len(pieces[-1])
        more = message.get("more_body", False)
    return b"".join(pieces), more


async def send_body(
    send: Send, status: int, headers: Headers, body: bytes, media_type: str = "application/json"
) -> None:
    """A whole reply."""
    headers += [(b"content-type", media_type.encode("latin-1")), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers, BODY_FOLLOWS: True})
    await send({"type": "http.response.body", "body": body})


def error_headers(error: PixapiError, attempts: int = 0) -> Headers:
    """Headers that tell a caller's SDK whether and when to come back."""
    headers: Headers = []
    if error.retry_after_s is not None:
        headers.append((b"retry-after", b"%d" % max(1, -(-error.retry_after_s // 1))))
    elif attempts > 1 or not _is_worth_repeating(error):
        # Where the gateway has tried every route already, an SDK's own retries would only multiply.
        headers.append((b"x-should-retry", b"false"))
    return headers


def _is_worth_repeating(error: PixapiError) -> bool:
    """Not what the caller has to mend first, nor what upstream may have made already, for money."""
    if isinstance(error, UpstreamError):
        return error.retryable
    return error.fault != "caller" or error.status == 429


async def send_error(
    send: Send, error: PixapiError, headers: Headers, body: bytes, attempts: int = 0
) -> None:
    """An error; ``body`` is in the shape that the dialect's SDKs read."""
    await send_body(send, error.status, headers + error_headers(error, attempts), body)
