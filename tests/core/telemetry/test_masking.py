"""What must never be read in a log."""

from __future__ import annotations

import pytest

from pixapi.telemetry.masking import MASK, MAX_TEXT, mask_fields, mask_text

KEY = "0123456789abcdefghjkmnpqrstvwxyz"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        (f"key pix_{KEY} is unknown", f"key pix_{MASK} is unknown"),
        (f"sk-proj-{KEY}", f"sk-{MASK}"),
        (f"Authorization: Bearer {KEY}", f"Authorization: Bearer {MASK}"),
        (f"basic {KEY}=", f"basic {MASK}"),
        (f"https://host/v1/models?key={KEY}&alt=sse", f"https://host/v1/models?key={MASK}&alt=sse"),
        (f"GET /x?a=b&access_token={KEY} HTTP/1.1", f"GET /x?a=b&access_token={MASK} HTTP/1.1"),
        ("postgresql+psycopg://pixapi:hunter2@db:5432/pixapi", f"postgresql+psycopg://{MASK}@db:5432/pixapi"),
        ("redis://:hunter2@cache/0", f"redis://{MASK}@cache/0"),
        ("no account of ada.l@example.co.uk here", f"no account of {MASK} here"),
        (f"AIzaSy{KEY}", MASK),
        (f"eyJhbGciOiJIUzI1NiJ9.{KEY}.{KEY}", MASK),
        ("req_01k0000000000000000000000x took 3 ms", "req_01k0000000000000000000000x took 3 ms"),
        ("mask-task sk-1 @home https://example.com/a?b=c", "mask-task sk-1 @home https://example.com/a?b=c"),
    ],
)
def test_text(text: str, masked: str) -> None:
    assert mask_text(text) == masked


def test_long_text_is_cut() -> None:
    assert len(mask_text("a" * 1_000_000)) <= MAX_TEXT + 3


SECRETS = (
    "authorization", "Authorization", "api_key", "x-api-key", "x-goog-api-key", "key", "token", "password",
    "cookie", "set-cookie", "webhook_secret", "metrics_token", "secret",
)  # fmt: skip


@pytest.mark.parametrize("name", SECRETS)
@pytest.mark.parametrize("value", ["hunter2", 1234, ["a"], {"b": "c"}, b"raw"])
def test_secrets_by_name(name: str, value: object) -> None:
    assert mask_fields({name: value}) == {name: MASK}


@pytest.mark.parametrize(
    "name", ["messages", "prompt", "input", "body", "content", "text", "email", "Arguments"]
)
def test_payloads_by_name(name: str) -> None:
    assert mask_fields({name: "tell me a story"}) == {name: MASK}
    assert mask_fields({name: [{"role": "user"}]}) == {name: MASK}


def test_counts_under_a_payloads_name_stay() -> None:
    assert mask_fields({"input": 42, "output": 7, "tokens": 49, "key": None}) == {
        "input": 42, "output": 7, "tokens": 49, "key": None,
    }  # fmt: skip


def test_depth_and_kinds() -> None:
    fields = {
        "request": {"headers": {"Authorization": "Bearer x", "accept": "*/*"}, "json": [{"prompt": "story"}]},
        "blob": b"12345",
        "error": ValueError(f"pix_{KEY}"),
        "many": list(range(1000)),
        "flag": True,
    }
    masked = mask_fields(fields)
    assert masked["request"] == {
        "headers": {"Authorization": MASK, "accept": "*/*"},
        "json": [{"prompt": MASK}],
    }
    assert masked["blob"] == "<5 bytes>"
    assert masked["error"] == f"ValueError('pix_{MASK}')"
    assert masked["many"] == list(range(50))
    assert masked["flag"] is True


def test_a_structure_without_end_is_cut() -> None:
    endless: dict[str, object] = {}
    endless["again"] = endless
    assert "..." in str(mask_fields(endless))
