"""API keys as text: how they are made, shown and hashed. Pure."""

from __future__ import annotations

import hashlib

from pixapi.errors import BadRequest
from pixapi.ids import new_secret

KEY_PREFIX = "pix"
SHORTEST_KEY = 16
LONGEST_KEY = 512
_SHOWN = len(KEY_PREFIX) + 7


def make_key() -> str:
    """A new key: ``pix_`` and 52 characters that carry 260 random bits."""
    return new_secret(KEY_PREFIX)


def prefix_of(key: str) -> str:
    """The part of a key that may be stored and shown: ten characters, or a quarter of a shorter one."""
    return key[: min(_SHOWN, len(key) // 4)]


def require_importable(key: str) -> None:
    """Check a key that was made elsewhere.

    Raises:
        BadRequest: it is too short to be a secret, too long, or could not be sent in a header.
    """
    if len(key) < SHORTEST_KEY:
        raise BadRequest(f"the key is too short: {len(key)} characters; expected at least {SHORTEST_KEY}")
    if len(key) > LONGEST_KEY:
        raise BadRequest(f"the key is too long: {len(key)} characters; expected at most {LONGEST_KEY}")
    if not all("!" <= character <= "~" for character in key):
        raise BadRequest("the key has spaces or characters outside ASCII; it could not be sent in a header")


class KeyHasher:
    """HMAC-SHA256 (RFC 2104) of keys under the server's secret.

    The two padded blocks that depend on the secret alone are hashed once, here; that makes it twice as fast
    for a key as the standard library's one-shot function, and every call needs it.
    """

    __slots__ = ("_inner", "_outer")

    def __init__(self, secret: bytes) -> None:
        if len(secret) > 64:
            raise ValueError("a secret longer than a block of SHA-256 would have to be hashed first")
        block = secret.ljust(64, b"\0")
        self._inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block))
        self._outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in block))

    def digest(self, key: str) -> bytes:
        """The 32 bytes for ``key``."""
        inner = self._inner.copy()
        inner.update(key.encode("utf-8", "surrogatepass"))
        outer = self._outer.copy()
        outer.update(inner.digest())
        return outer.digest()

    def hexdigest(self, key: str) -> str:
        """The same in hex, as it is stored."""
        return self.digest(key).hex()
