"""Tool calls of servers that number them wrongly."""

import json

import pytest

from pixapi.wire.json import decode_objects
from pixapi.wire.openai_tools import ToolRepair, mend_whole_calls


def piece(index=None, call_id=None, name=None, arguments=None, **more):
    function = {key: value for key, value in (("name", name), ("arguments", arguments)) if value is not None}
    body = {"index": index, "id": call_id, "type": "function", "function": function, **more}
    return {key: value for key, value in body.items() if value is not None}


def mend(*pieces):
    """Each piece in an event of its own, then the finish."""
    repair = ToolRepair("seed")
    mended, changed = [], False
    for one in pieces:
        passed, differs = repair.mend(decode_objects(json.dumps([one]).encode()), finishing=False)
        mended += passed
        changed = changed or differs
    rest, differs = repair.mend([], finishing=True)
    return [json.loads(msg) for msg in map(_text, mended + rest)], changed or differs


def _text(fields):
    return json.dumps({key: json.loads(bytes(value)) for key, value in fields.items()})


def assembled(pieces):
    """What a client makes of the pieces, as OpenAI's own does: by index, joining texts."""
    calls = {}
    for one in pieces:
        call = calls.setdefault(one["index"], {"id": "", "name": "", "arguments": ""})
        call["id"] += one.get("id", "")
        call["name"] += one.get("function", {}).get("name", "")
        call["arguments"] += one.get("function", {}).get("arguments", "")
    assert list(calls) == list(range(len(calls)))
    return [(call["id"], call["name"], call["arguments"]) for call in calls.values()]


A, B = '{"a":1}', '{"b":2}'
CASES = [
    ("in order", [piece(0, "x", "f", ""), piece(0, arguments=A)], [("x", "f", A)], False),
    ("two in order", [piece(0, "x", "f", A), piece(1, "y", "g", B)], [("x", "f", A), ("y", "g", B)], False),
    ("no index", [piece(None, "x", "f", A), piece(None, "y", "g", B)], [("x", "f", A), ("y", "g", B)], True),
    ("no index, in pieces", [piece(None, "x", "f", ""), piece(arguments=A)], [("x", "f", A)], True),
    ("all with index 0", [piece(0, "x", "f", A), piece(0, "y", "g", B)], [("x", "f", A), ("y", "g", B)], True),
    ("all with index 0 and no id", [piece(0, None, "f", A), piece(0, None, "f", B)],
     [("call_seed_0", "f", A), ("call_seed_1", "f", B)], True),
    ("starts at 1", [piece(1, "x", "f", ""), piece(1, arguments=A)], [("x", "f", A)], True),
    ("a gap", [piece(0, "x", "f", A), piece(3, "y", "g", B)], [("x", "f", A), ("y", "g", B)], True),
    ("id and name in every piece", [piece(0, "x", "f", '{"a"'), piece(0, "x", "f", ":1}")], [("x", "f", A)], True),
    ("empty id and name later", [piece(0, "x", "f", ""), piece(0, "", "", A)], [("x", "f", A)], True),
    ("arguments before the name", [piece(0, arguments='{"a"'), piece(0, "x", "f", ":1}")], [("x", "f", A)], True),
    ("no id at all", [piece(0, None, "f", A)], [("call_seed_0", "f", A)], True),
    ("no arguments", [piece(0, "x", "f", "")], [("x", "f", "{}")], True),
    ("arguments as an object", [piece(0, "x", "f", {"a": 1})], [("x", "f", A)], True),
    ("two at once, mixed", [piece(0, "x", "f", ""), piece(1, "y", "g", ""), piece(0, arguments=A),
      piece(1, arguments=B)], [("x", "f", A), ("y", "g", B)], False),
]  # fmt: skip


@pytest.mark.parametrize(
    ("pieces", "calls", "changed"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_trap_16_indices_are_dense_and_id_and_name_come_first(pieces, calls, changed):
    mended, differs = mend(*pieces)
    assert assembled(mended) == calls
    assert differs == changed
    seen = set()
    for one in mended:
        assert ("id" in one and "name" in one["function"]) == (one["index"] not in seen)
        seen.add(one["index"])


def test_trap_18_opaque_members_of_a_call_survive():
    mended, _ = mend(piece(None, "x", "f", A, extra_content={"google": {"thought_signature": "s"}}))
    assert mended[0]["extra_content"] == {"google": {"thought_signature": "s"}}


def test_a_call_whose_name_never_came_is_not_lost():
    mended, _ = mend(piece(0, "x", arguments=A))
    assert assembled(mended) == [("x", "", A)]


def test_custom_tools_pass_as_they_are():
    custom = {"index": 0, "id": "x", "type": "custom", "custom": {"name": "shell", "input": "ls"}}
    assert mend(custom) == ([custom], False)


def test_calls_of_a_whole_reply():
    calls = decode_objects(
        b'[{"id":"","type":"function","function":{"name":"f","arguments":""}},'
        b'{"id":"y","type":"function","function":{"name":"g","arguments":{"b":2}}}]'
    )
    assert mend_whole_calls(calls, "seed")
    assert [json.loads(_text(call)) for call in calls] == [
        {"id": "call_seed_0", "type": "function", "function": {"name": "f", "arguments": "{}"}},
        {"id": "y", "type": "function", "function": {"name": "g", "arguments": B}},
    ]
    assert not mend_whole_calls(calls, "seed")
