"""Keys as text."""

import hashlib
import hmac

import pytest

from pixapi.errors import BadRequest
from pixapi.identity.keys import KeyHasher, make_key, prefix_of, require_importable


def test_a_key_is_long_and_new_each_time() -> None:
    keys = {make_key() for _ in range(1000)}
    assert len(keys) == 1000
    assert all(key.startswith("pix_") and len(key) == 56 for key in keys)


@pytest.mark.parametrize(
    ("key", "shown"),
    [("pix_ab12cd" + "x" * 46, "pix_ab12cd"), ("a" * 16, "a" * 4), ("sk-" + "b" * 37, "sk-" + "b" * 7)],
)
def test_the_visible_part_leaves_the_rest_secret(key: str, shown: str) -> None:
    assert prefix_of(key) == shown


@pytest.mark.parametrize("key", ["pix_x", "", "é" * 20, "\ud800", "k" * 512])
@pytest.mark.parametrize("secret", [b"s" * 32, b"", b"t" * 64])
def test_the_hash_is_hmac_sha256(secret: bytes, key: str) -> None:
    expected = hmac.digest(secret, key.encode("utf-8", "surrogatepass"), hashlib.sha256)
    assert KeyHasher(secret).digest(key) == expected
    assert KeyHasher(secret).hexdigest(key) == expected.hex()


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("short", "too short"),
        ("x" * 513, "too long"),
        ("x" * 16 + " ", "spaces"),
        ("é" * 20, "outside ASCII"),
    ],
)
def test_what_cannot_be_imported(key: str, reason: str) -> None:
    with pytest.raises(BadRequest, match=reason) as refused:
        require_importable(key)
    assert key not in refused.value.message or len(key) < 6
