"""Whole replies, passed on under the caller's names."""

import base64
import json
import struct

import pytest

from pixapi.errors import UpstreamBusy, UpstreamDenied, UpstreamError, UpstreamInvalid, UpstreamRejected
from pixapi.interfaces import Call, Usage
from pixapi.wire.json import decode_fields
from pixapi.wire.openai_quirks import PLAIN, Quirks
from pixapi.wire.openai_result import decode_vector, encode_vector, relay_chat_reply, relay_embeddings_reply

BODY = (
    b'{"id": "up-1", "object": "chat.completion", "created": 5, "model": "up-m", "seed": 18446744073709551617,'
    b' "odd": "12345678901234567890", "choices": [ {"index": 0, "message": {"role": "assistant", "content": "hi"},'
    b' "finish_reason": "stop"} ], "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}}'
)


def call(operation="chat", **body):
    fields = decode_fields(json.dumps(body).encode())
    return Call("r", operation, "openai", "alias", "m", fields, "chatcmpl-ours", 7)


def replied(message, **more):
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return json.dumps({"id": "x", "model": "y", "choices": [choice], **more}).encode()


def test_trap_28_only_id_and_model_differ():
    result = relay_chat_reply(call(), BODY)
    assert result.usage == Usage(input=3, output=2)
    expected = {**json.loads(BODY), "id": "chatcmpl-ours", "model": "alias"}
    assert json.loads(result.body) == expected
    assert list(json.loads(result.body)) == list(expected)


COSTLY = {"prompt_tokens": 3, "completion_tokens": 2, "cost": 0.00006, "cost_details": {"upstream": 1}, "is_byok": False,
          "cost_in_usd_ticks": 600000, "num_sources_used": 0}  # fmt: skip


def test_trap_28_neither_the_operators_cost_nor_the_providers_name_is_told():
    body = replied(
        {"content": "x", "provider": "said by the model"}, provider="Somebody", usage=COSTLY, odd=1
    )
    result = relay_chat_reply(call(), body)
    reply = json.loads(result.body)
    assert result.usage == Usage(input=3, output=2, provider_cost_usd="0.00006")
    assert reply["usage"] == {"prompt_tokens": 3, "completion_tokens": 2, "num_sources_used": 0}
    assert ("provider" in reply, reply["odd"]) == (False, 1)
    assert reply["choices"][0]["message"]["provider"] == "said by the model"
    embedding = json.loads(
        relay_embeddings_reply(call("embeddings"), embedded(VECTOR, provider="S", usage=COSTLY)).body
    )
    assert embedding["usage"] == reply["usage"]
    assert "provider" not in embedding


def test_trap_26_numbers_keep_their_text():
    body = relay_chat_reply(call(), BODY).body
    assert b"18446744073709551617" in body
    assert b'"12345678901234567890"' in body
    assert b'[ {"index": 0' in body


def test_names_are_added_where_they_lack():
    body = relay_chat_reply(call(), b'{"choices":[{"message":{"content":"x"}}]}').body
    assert json.loads(body)["id"] == "chatcmpl-ours"
    assert json.loads(body)["model"] == "alias"


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b'{"error":{"message":"x","code":429}}', UpstreamBusy),
        (b'{"error":{"message":"x","code":"503"}}', UpstreamBusy),
        (b'{"error":{"message":"x","code":400},"choices":[]}', UpstreamRejected),
        (b'{"error":"boom"}', UpstreamError),
        (b'{"object":"error","message":"key","code":401}', UpstreamDenied),
        (b'{"message":"no quota","type":"insufficient_quota"}', UpstreamDenied),
        (b'{"choices":[{"index":0,"error":{"code":429,"message":"x"},"message":{}}]}', UpstreamBusy),
        (b'{"choices":[]}', UpstreamInvalid),
        (b'{"choices":null}', UpstreamInvalid),
        (b'{"choices":[7]}', UpstreamInvalid),
        (b'{"choices":{}}', UpstreamInvalid),
        (b'{"id":"x"}', UpstreamInvalid),
        (b"[]", UpstreamInvalid),
        (b"", UpstreamInvalid),
        (b"<html>internal-host</html>", UpstreamInvalid),
        (b'{"choices":[{', UpstreamInvalid),
        (b"\xff\xfe", UpstreamInvalid),
    ],
)
def test_trap_06_a_200_that_is_no_answer(body, kind):
    with pytest.raises(UpstreamError) as failure:
        relay_chat_reply(call(), body)
    assert type(failure.value) is kind
    assert "internal-host" not in failure.value.message


def test_an_error_that_is_null_is_none():
    body = replied({"content": "x"}, error=None)
    assert json.loads(relay_chat_reply(call(), body).body)["error"] is None


def test_trap_03_no_usage_is_unknown_and_zero_is_zero():
    assert relay_chat_reply(call(), replied({"content": "x"})).usage is None
    assert relay_chat_reply(call(), replied({"content": "x"}, usage=None)).usage is None
    zero = {"prompt_tokens": 0, "completion_tokens": 0}
    assert relay_chat_reply(call(), replied({"content": "x"}, usage=zero)).usage == Usage(input=0, output=0)


def test_trap_16_calls_are_mended():
    calls = [{"id": "", "type": "function", "function": {"name": "f", "arguments": ""}}]
    body = replied({"content": None, "tool_calls": calls})
    mended = json.loads(relay_chat_reply(call(), body).body)["choices"][0]["message"]["tool_calls"][0]
    assert mended["id"]
    assert mended["function"]["arguments"] == "{}"
    as_they_are = relay_chat_reply(call(), body, Quirks(repair_tools=False)).body
    assert json.loads(as_they_are)["choices"][0]["message"]["tool_calls"] == calls


def test_trap_17_contents_in_parts_become_text_and_thoughts():
    parts = [
        {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]},
        {"type": "text", "text": "yes"},
    ]
    body = relay_chat_reply(call(), replied({"content": parts}), Quirks(content_parts=True)).body
    assert json.loads(body)["choices"][0]["message"] == {"content": "yes", "reasoning_content": "hm"}


def test_reasoning_goes_under_the_usual_name():
    body = relay_chat_reply(
        call(), replied({"content": "x", "reasoning": "hm"}), Quirks(reasoning_field="reasoning")
    )
    assert json.loads(body.body)["choices"][0]["message"] == {"content": "x", "reasoning_content": "hm"}


VECTOR = [0.5, -1.0, 0.25]
TEXT = base64.b64encode(struct.pack("<3f", *VECTOR)).decode()


def embedded(value, **more):
    data = [{"object": "embedding", "index": 0, "embedding": value, "odd": 1}]
    usage = {"prompt_tokens": 4, "total_tokens": 4}
    return json.dumps({"object": "list", "data": data, "model": "up-m", "usage": usage, **more}).encode()


@pytest.mark.parametrize("sent", [VECTOR, TEXT], ids=["floats sent", "base64 sent"])
@pytest.mark.parametrize(("asked", "got"), [("float", VECTOR), ("base64", TEXT), (None, VECTOR)])
def test_vectors_come_as_they_were_asked_for(sent, asked, got):
    result = relay_embeddings_reply(call("embeddings", input="x", encoding_format=asked), embedded(sent))
    reply = json.loads(result.body)
    assert reply["data"] == [{"object": "embedding", "index": 0, "embedding": got, "odd": 1}]
    assert (reply["model"], reply["object"]) == ("alias", "list")
    assert "id" not in reply
    assert result.usage == Usage(input=4)


def test_an_id_of_the_servers_is_replaced():
    result = relay_embeddings_reply(call("embeddings"), embedded(VECTOR, id="up-1"))
    assert json.loads(result.body)["id"] == "chatcmpl-ours"


@pytest.mark.parametrize("value", [None, 7, "not base64!", "AAA=", ["x"], {"a": 1}])
def test_a_vector_that_is_none(value):
    with pytest.raises(UpstreamInvalid):
        relay_embeddings_reply(call("embeddings", encoding_format="float"), embedded(value))


@pytest.mark.parametrize("body", [b'{"data":[]}', b'{"data":null}', b"{}", b"<html>"])
def test_a_reply_without_vectors(body):
    with pytest.raises(UpstreamInvalid):
        relay_embeddings_reply(call("embeddings"), body)


def test_vectors_are_little_endian_floats():
    assert encode_vector(VECTOR) == TEXT
    assert decode_vector(TEXT) == VECTOR
    assert Quirks() == PLAIN
