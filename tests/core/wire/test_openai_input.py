"""The bound on what a call can use: never less than its text, and never more than it must be."""

import json

import pytest

from pixapi.errors import BadRequest
from pixapi.wire.json import decode_fields
from pixapi.wire.openai_input import (
    PER_MESSAGE,
    TOOLS_PREAMBLE,
    choices,
    embeddings_input_bound,
    input_bound,
    output_cap,
)

IMAGE = 1000


def fields(**body):
    return decode_fields(json.dumps(body).encode())


def user(content, **more):
    return {"role": "user", "content": content, **more}


CASES = [
    ("plain", [user("hello")], 5),
    ("escapes are not counted", [user('a"b\n')], 4),
    ("utf-8 bytes, not characters", [user("你好🙂")], 10),
    ("null", [{"role": "assistant", "content": None}], 0),
    ("two messages", [user("ab"), user("cd")], 4),
    ("text parts", [user([{"type": "text", "text": "ab"}, {"type": "text", "text": "cde"}])], 5),
    (
        "a picture counts as one, whatever its size",
        [user([{"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 50_000}}])],
        IMAGE,
    ),
    (
        "sound and files too",
        [user([{"type": "input_audio", "input_audio": {"data": "A" * 9000}}, {"type": "file", "file": {}}])],
        2 * IMAGE,
    ),
    ("a refusal part", [user([{"type": "refusal", "refusal": "no"}])], 2),
    ("a part nobody knows counts its bytes", [user([{"type": "x", "y": 1}])], 18),
    ("a name", [user("ab", name="bob")], 2 + 5),
    ("calls count their bytes", [{"role": "assistant", "content": None, "tool_calls": [{"id": "c"}]}], 12),
    ("thoughts that are sent back", [user("ab", reasoning_content="hmm")], 2 + 5),
    ("a key nobody knows", [user("ab", zzz="123")], 2 + 5),
]


@pytest.mark.parametrize(("messages", "size"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_messages(messages, size):
    body = decode_fields(json.dumps({"messages": messages}, separators=(",", ":")).encode())
    assert input_bound(body, IMAGE) == size + PER_MESSAGE * (len(messages) + 1)


def test_bodies_with_escapes_count_the_same():
    messages = [user("grüße 你好 🙂")]
    plain = json.dumps({"messages": messages}, ensure_ascii=False).encode()
    assert input_bound(decode_fields(plain), 1) == input_bound(fields(messages=messages), 1)


def test_tools_and_whatever_else_may_hold_text_count_their_bytes():
    base = input_bound(fields(model="m", messages=[user("x")]), IMAGE)
    assert (
        input_bound(fields(model="m", messages=[user("x")], temperature=0.5, stream=True, n=2), IMAGE) == base
    )
    assert input_bound(fields(messages=[user("x")], response_format={"a": 1}), IMAGE) == base + 8
    assert input_bound(fields(messages=[user("x")], never_heard_of="abc"), IMAGE) == base + 5
    assert input_bound(fields(messages=[user("x")], tools=[{"a": 1}]), IMAGE) == base + 10 + TOOLS_PREAMBLE


@pytest.mark.parametrize(
    "body",
    [
        b'{"model":"m"}',
        b'{"messages":[]}',
        b'{"messages":null}',
        b'{"messages":"hi"}',
        b'{"messages":{"role":"user"}}',
        b'{"messages":["hi"]}',
        b'{"messages":[{"content":"no role"}]}',
        b'{"messages":[{"role":7,"content":"x"}]}',
        b'{"messages":[{"role":"user","content":7}]}',
        b'{"messages":[{"role":"user","content":{"type":"text"}}]}',
        b'{"messages":[{"role":"user","content":[7]}]}',
        b'{"messages":[{"role":"user","content":[{"type":"text"}]}]}',
        b'{"messages":[{"role":"user","content":[{"type":"text","text":7}]}]}',
    ],
)
def test_a_wrong_shape_is_refused_by_name(body):
    with pytest.raises(BadRequest) as refusal:
        input_bound(decode_fields(body), IMAGE)
    assert refusal.value.param == "messages"


@pytest.mark.parametrize(
    ("given", "most"),
    [
        ("hello", 5 + PER_MESSAGE),
        (["ab", "cde"], 5 + 3 * PER_MESSAGE),
        ([1, 2, 3], 3 + PER_MESSAGE),
        ([[1, 2, 3], [4]], 4 + 3 * PER_MESSAGE),
    ],
)
def test_embeddings(given, most):
    assert embeddings_input_bound(fields(input=given)) == most


@pytest.mark.parametrize("given", ["", [], 7, None, {"a": 1}, [{"a": 1}], [["x"]], [1.5]])
def test_embeddings_of_a_wrong_shape(given):
    with pytest.raises(BadRequest) as refusal:
        embeddings_input_bound(fields(input=given))
    assert refusal.value.param == "input"


@pytest.mark.parametrize(
    ("body", "cap"),
    [
        ({}, None),
        ({"max_tokens": 5}, 5),
        ({"max_tokens": 5, "max_completion_tokens": 7}, 7),
        ({"max_tokens": 5, "max_completion_tokens": None}, 5),
        ({"max_tokens": None}, None),
    ],
)
def test_the_callers_cap(body, cap):
    assert output_cap(fields(**body)) == cap


@pytest.mark.parametrize("value", [0, -1, 1.5, "5", True, [], 10**20])
def test_a_cap_that_is_none(value):
    with pytest.raises(BadRequest) as refusal:
        output_cap(fields(max_tokens=value))
    assert refusal.value.param == "max_tokens"


def test_choices():
    assert choices(fields()) == 1
    assert choices(fields(n=3)) == 3
    for wrong in (0, 129, "2"):
        with pytest.raises(BadRequest):
            choices(fields(n=wrong))
