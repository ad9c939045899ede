"""Addresses as names."""

import pytest

from pixapi.errors import BadRequest
from pixapi.identity.email import normalize_email


@pytest.mark.parametrize(
    ("given", "normalized"),
    [
        ("Ada@Example.COM", "ada@example.com"),
        ("  ada@example.com ", "ada@example.com"),
        ("ada.l+x@example.com", "ada.l+x@example.com"),
        ("ａｄａ@example.com", "ada@example.com"),
        ("STRASSE@example.com", "strasse@example.com"),
        ("Straße@example.com", "strasse@example.com"),
        ("ada@localhost", "ada@localhost"),
        ("ada@bücher.example", "ada@bücher.example"),
    ],
)
def test_spellings_of_one_address(given: str, normalized: str) -> None:
    assert normalize_email(given) == normalized
    assert normalize_email(normalized) == normalized


@pytest.mark.parametrize(
    "given",
    [
        "",
        "ada",
        "@example.com",
        "ada@",
        "a b@example.com",
        "a@b@c",
        "a@.com",
        "<a@b.c>",
        "a" * 251 + "@b.c",
        "a\0@b.c",
    ],
)
def test_what_is_no_address(given: str) -> None:
    with pytest.raises(BadRequest, match="not an e-mail address"):
        normalize_email(given)
