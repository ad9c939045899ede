"""Requests of callers of the Messages API on their way to a server of it: what is written anew, and what is not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pixapi.wire.anthropic_forward import forward_message
from pixapi.wire.json import decode_fields, encode

OLD, NEW = "2023-06-01", "2026-10-21"
OPUS, HAIKU = "claude-opus-5", "claude-haiku-4-5"
TEXT = {"type": "text", "text": "so"}
CALL = {"type": "tool_use", "id": "i", "name": "x", "input": {}}
RESULT = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "i", "content": "ok"}]}
HI = {"role": "user", "content": "hi"}


def forward(
    body: dict[str, Any], *, model: str = OPUS, version: str = NEW, maker: str = "anthropic"
) -> dict[str, Any]:
    fields = decode_fields(json.dumps(body).encode())
    before = dict(fields)
    forwarded = forward_message(fields, model=model, version=version, maker=maker)
    assert fields == before, "the caller's body is left as it was"
    return json.loads(encode(forwarded))


def thought(signature: str | None, text: str = "hm") -> dict[str, Any]:
    return {"type": "thinking", "thinking": text, **({} if signature is None else {"signature": signature})}


def withheld(data: str) -> dict[str, Any]:
    return {"type": "redacted_thinking", "data": data}


def test_unknown_fields_and_values_survive_byte_for_byte() -> None:
    body = b'{"model":"alias","messages":[ {"role":"user","content":"x","n":1.50}],"new":12345678901234567890,"top_p":1}'
    sent = encode(forward_message(decode_fields(body), model=OPUS, version=NEW, maker="anthropic"))
    assert sent == body.replace(b'"alias"', b'"claude-opus-5"').replace(b',"top_p":1', b"")


@pytest.mark.parametrize(
    ("model", "version", "stays"),
    [(HAIKU, OLD, True), (HAIKU, NEW, False), (OPUS, OLD, False), ("deepseek-chat", OLD, True)],
)
def test_sampling_goes_where_it_is_taken(model: str, version: str, stays: bool) -> None:
    sent = forward(
        {"messages": [HI], "temperature": 1, "top_p": 0.5, "top_k": 3}, model=model, version=version
    )
    assert ({"temperature", "top_p", "top_k"} <= sent.keys()) is stays
    assert ("temperature" in sent) is stays


def test_the_operators_account_is_not_the_callers_to_choose() -> None:
    sent = forward(
        {"messages": [HI], "workspace_id": "w", "user_profile_id": "p", "metadata": {"user_id": "u"}}
    )
    assert sent == {"model": OPUS, "messages": [HI], "metadata": {"user_id": "u"}}


KEPT: list[tuple[str, str, list[dict[str, Any]], list[dict[str, Any]]]] = [
    ("its own, as its clients know it", "anthropic", [thought("c2ln"), TEXT], [thought("c2ln"), TEXT]),
    ("its own, out of another dialect", "anthropic", [thought("anthropic:c2ln"), TEXT], [thought("c2ln"), TEXT]),
    ("another vendor's", "anthropic", [thought("gemini:c2ln"), TEXT], [TEXT]),
    ("nobody's", "anthropic", [thought(""), thought(None), TEXT], [TEXT]),
    ("withheld, its own", "anthropic", [withheld("ZA"), TEXT], [withheld("ZA"), TEXT]),
    ("withheld, another's", "anthropic", [withheld("other:ZA"), TEXT], [TEXT]),
    ("a compatible vendor's own", "ds", [thought("ds:c2ln"), withheld("ds:ZA"), TEXT], [thought("c2ln"), withheld("ZA"), TEXT]),
    ("Anthropic's, at another", "ds", [thought("c2ln"), withheld("ZA"), TEXT], [TEXT]),
    ("unsigned, at a vendor who does not sign", "ds", [thought(""), thought(None), TEXT], [thought(""), thought(None), TEXT]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("maker", "said", "sent"), [case[1:] for case in KEPT], ids=[case[0] for case in KEPT]
)
def test_thoughts_go_back_to_who_made_them(
    maker: str, said: list[dict[str, Any]], sent: list[dict[str, Any]]
) -> None:
    """Trap 18."""
    turns = [HI, {"role": "assistant", "content": said, "new": 1}, HI]
    found = forward({"messages": turns}, maker=maker)["messages"]
    assert found == [HI, {"role": "assistant", "content": sent, "new": 1}, HI]


def test_a_turn_of_nothing_but_anothers_thoughts_goes() -> None:
    turns = [HI, {"role": "assistant", "content": [thought("other:x")]}, HI]
    assert forward({"messages": turns})["messages"] == [HI, HI]


@pytest.mark.parametrize(
    ("thinking", "signature", "stays"),
    [
        ({"type": "enabled", "budget_tokens": 2000}, "other:x", False),
        ({"type": "enabled", "budget_tokens": 2000}, "c2ln", True),
        ({"type": "adaptive"}, "other:x", True),
    ],
)
def test_a_budget_needs_the_thoughts_before_the_call(
    thinking: dict[str, Any], signature: str, stays: bool
) -> None:
    turns = [HI, {"role": "assistant", "content": [thought(signature), CALL]}, RESULT]
    assert ("thinking" in forward({"messages": turns, "thinking": thinking})) is stays


@pytest.mark.parametrize(
    "messages",
    [
        '"thinking"',
        [5, {"type": "thinking"}],
        [{"content": [5, 'thinking"']}],
        [{"content": {"thinking": 1}}],
    ],
)
def test_what_cannot_be_read_is_the_servers_to_refuse(messages: Any) -> None:
    assert forward({"messages": messages})["messages"] == messages
