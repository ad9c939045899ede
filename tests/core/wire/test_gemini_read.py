"""Gemini's request as callers send it: into the internal model, and its bounds."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from pixapi.errors import BadRequest
from pixapi.interfaces import (
    Call,
    File,
    Image,
    Message,
    Reasoning,
    ResponseFormat,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)
from pixapi.wire.dialect import Sizes
from pixapi.wire.gemini_dialect import GeminiDialect
from pixapi.wire.gemini_forward import forward
from pixapi.wire.gemini_schema import json_schema
from pixapi.wire.gemini_signature import pack
from pixapi.wire.json import decode_fields

DIALECT = GeminiDialect()
HI = [{"role": "user", "parts": [{"text": "hi"}]}]


def fields_of(**body: Any) -> dict[str, msgspec.Raw]:
    return {name: msgspec.Raw(json.dumps(value).encode()) for name, value in {"contents": HI, **body}.items()}


def read(**body: Any) -> Any:
    return DIALECT.read(fields_of(**body))


def messages(*contents: Any) -> list[Message]:
    return read(contents=list(contents)).messages


def user(*parts: Any) -> dict[str, Any]:
    return {"role": "user", "parts": list(parts)}


def model(*parts: Any) -> dict[str, Any]:
    return {"role": "model", "parts": list(parts)}


def test_a_conversation() -> None:
    request = read(
        systemInstruction={"role": "user", "parts": [{"text": "Be kind."}]},
        contents=[
            {"parts": [{"text": "hi"}]},
            model({"text": "hello"}),
            user({"text": "and"}, {"text": "?"}),
        ],
    )
    assert request.messages == [
        Message("system", [Text("Be kind.")]),
        Message("user", [Text("hi")]),
        Message("assistant", [Text("hello")]),
        Message("user", [Text("and"), Text("?")]),
    ]


@pytest.mark.parametrize(
    "body",
    [
        {"system_instruction": {"parts": {"text": "Be kind."}}, "contents": HI[0]},
        {"systemInstruction": "Be kind."},
        {"systemInstruction": {"parts": [{"text": "Be kind."}]}, "contents": [{"parts": {"text": "hi"}}]},
    ],
)
def test_a_lone_value_is_a_list_of_one(body: dict[str, Any]) -> None:
    assert read(**body).messages == [Message("system", [Text("Be kind.")]), Message("user", [Text("hi")])]


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        (
            {"inlineData": {"mimeType": "image/png", "data": "-_8="}},
            Image(data="+/8=", media_type="image/png"),
        ),
        ({"inline_data": {"mime_type": "audio/wav", "data": "AA"}}, File(data="AA", media_type="audio/wav")),
        (
            {"fileData": {"fileUri": "https://example.com/a", "mimeType": "image/png"}},
            Image(url="https://example.com/a", media_type="image/png"),
        ),
        (
            {"file_data": {"file_uri": "https://example.com/a.pdf", "displayName": "a"}, "videoMetadata": {}},
            File(url="https://example.com/a.pdf", filename="a"),
        ),
    ],
)
def test_media(part: dict[str, Any], expected: Any) -> None:
    assert messages(user(part)) == [Message("user", [expected])]


def test_calls_and_results_with_ids() -> None:
    call = {"functionCall": {"id": "a", "name": "look", "args": {"at": 1}}}
    result = {"functionResponse": {"id": "a", "name": "look", "response": {"output": "seen"}}}
    assert messages(user({"text": "hi"}), model(call), user(result, {"text": "well?"}))[1:] == [
        Message("assistant", [ToolCall("a", "look", '{"at":1}')]),
        Message("tool", [ToolResult("a", [Text("seen")])]),
        Message("user", [Text("well?")]),
    ]


def test_calls_without_ids_are_answered_in_order() -> None:
    calls = model(*({"function_call": {"name": name}} for name in ("look", "wait", "look")))
    results = {
        "role": "function",
        "parts": [
            {"function_response": {"name": name, "response": {"result": name}}}
            for name in ("look", "look", "wait")
        ],
    }
    _, asked, answered = messages(user({"text": "hi"}), calls, results)
    assert [part.id for part in asked.parts] == ["call_0", "call_1", "call_2"]  # type: ignore[union-attr]
    assert [part.call_id for part in answered.parts] == ["call_0", "call_2", "call_1"]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("response", "text", "is_error"),
    [
        ({"output": "x"}, "x", False),
        ({"result": "x"}, "x", False),
        ({"error": "x"}, "x", True),
        ({"error": {"code": 1}}, '{"code":1}', True),
        ({"temp": 3}, '{"temp":3}', False),
        ({"output": "x", "more": 1}, '{"output":"x","more":1}', False),
        ({"output": [1]}, '{"output":[1]}', False),
    ],
)
def test_what_tools_answer(response: Any, text: str, is_error: bool) -> None:
    call, result = {"functionCall": {"name": "f"}}, {"functionResponse": {"name": "f", "response": response}}
    (part,) = messages(user({"text": "hi"}), model(call), user(result))[-1].parts
    assert part == ToolResult("call_0", [Text(text)], is_error)


def test_tools_may_answer_with_images() -> None:
    image = {"inlineData": {"mimeType": "image/png", "data": "AA"}}
    result = {"functionResponse": {"id": "c", "name": "f", "response": {"output": "x"}, "parts": [image]}}
    (part,) = messages(user({"text": "hi"}), user(result))[-1].parts
    assert part == ToolResult("c", [Text("x"), Image(data="AA", media_type="image/png")])


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([{"text": "a", "thoughtSignature": "c2ln"}], [Reasoning("", "gemini:c2ln"), Text("a")]),
        ([{"text": "", "thought_signature": "c2ln"}], [Reasoning("", "gemini:c2ln")]),
        ([{"thoughtSignature": "c2ln"}], [Reasoning("", "gemini:c2ln")]),
        (
            [{"text": "hm", "thought": True}, {"text": " so", "thought": True}, {"text": "a"}],
            [Reasoning("hm so"), Text("a")],
        ),
        (
            [
                {"text": "hm", "thought": True},
                {"text": "", "thought": True, "thoughtSignature": pack("anthropic:s")},
                {"text": "more", "thought": True},
            ],
            [Reasoning("hm", "anthropic:s"), Reasoning("more")],
        ),
        (
            [{"text": "", "thought": True, "thoughtSignature": pack("anthropic:s", redacted=True)}],
            [Reasoning("", "anthropic:s", redacted=True)],
        ),
    ],
)
def test_trap_18_thoughts_and_signatures(parts: list[Any], expected: list[Any]) -> None:
    assert messages(user({"text": "hi"}), model(*parts))[1] == Message("assistant", expected)


@pytest.mark.parametrize("sealed", ["anthropic:abc", "anthropic:" + "x" * 100, "vertex:c2ln", "a:ü"])
def test_a_packed_signature_survives_clients_that_encode_it_anew(sealed: str) -> None:
    packed = pack(sealed)
    for said in (packed, packed.rstrip("="), packed.replace("+", "-").replace("/", "_")):
        (part,) = messages(user({"text": "hi"}), model({"thoughtSignature": said}))[1].parts
        assert part == Reasoning("", sealed)


@pytest.mark.parametrize(
    ("config", "choice", "names"),
    [
        (None, None, ["look", "wait"]),
        ({"mode": "AUTO"}, ToolChoice("auto"), ["look", "wait"]),
        ({"mode": "NONE"}, ToolChoice("none"), ["look", "wait"]),
        ({"mode": "any"}, ToolChoice("required"), ["look", "wait"]),
        ({"mode": "ANY", "allowedFunctionNames": ["look"]}, ToolChoice("tool", "look"), ["look"]),
        (
            {"mode": "ANY", "allowed_function_names": ["look", "wait"]},
            ToolChoice("required"),
            ["look", "wait"],
        ),
        ({"mode": "VALIDATED", "allowedFunctionNames": ["wait"]}, ToolChoice("auto"), ["wait"]),
    ],
)
def test_tools(config: Any, choice: Any, names: list[str]) -> None:
    declared = [
        {"name": "look", "description": "Looks.", "parametersJsonSchema": {"type": "object"}},
        {"name": "wait", "parameters": {"type": "OBJECT", "properties": {"s": {"type": "NUMBER"}}}},
    ]
    request = read(
        tools=[{"functionDeclarations": declared}],
        toolConfig={"functionCallingConfig": config} if config else None,
    )
    every = {
        "look": Tool("look", "Looks.", {"type": "object"}),
        "wait": Tool("wait", None, {"type": "object", "properties": {"s": {"type": "number"}}}),
    }
    assert request.tools == [every[name] for name in names]
    assert request.tool_choice == choice


def test_settings() -> None:
    request = read(
        generation_config={
            "max_output_tokens": "77",
            "temperature": 1,
            "topP": 0.9,
            "topK": 40.0,
            "seed": 7,
            "stopSequences": ["END"],
            "candidateCount": 2,
            "presencePenalty": 0.5,
            "mediaResolution": "LOW",
        },
        safetySettings=[{"category": "X"}],
        a_field_of_tomorrow=1,
    )
    assert (request.max_output, request.temperature, request.top_p, request.top_k) == (77, 1.0, 0.9, 40)
    assert (request.seed, request.stop, request.n) == (7, ["END"], 2)
    assert request.extra == {
        "presence_penalty": 0.5,
        "google": {"safetySettings": [{"category": "X"}]},
    }
    assert request.dropped == ("generationConfig.mediaResolution", "a_field_of_tomorrow")


@pytest.mark.parametrize(
    ("config", "effort", "budget"),
    [
        ({"thinkingBudget": 0}, "none", None),
        ({"thinkingBudget": -1}, None, None),
        ({"thinkingBudget": 512, "includeThoughts": True}, None, 512),
        ({"thinkingLevel": "HIGH"}, "high", None),
        ({"thinking_level": "low"}, "low", None),
        ({"includeThoughts": True}, None, None),
    ],
)
def test_thinking(config: Any, effort: str | None, budget: int | None) -> None:
    request = read(generationConfig={"thinkingConfig": config})
    assert (request.reasoning_effort, request.reasoning_budget) == (effort, budget)


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({}, None),
        ({"responseMimeType": "text/plain"}, None),
        ({"responseMimeType": "application/json"}, ResponseFormat("json_object")),
        (
            {"responseMimeType": "application/json", "responseSchema": {"type": "STRING", "nullable": True}},
            ResponseFormat("json_schema", "answer", {"type": ["string", "null"]}),
        ),
        (
            {"response_json_schema": {"title": "City", "type": "object"}},
            ResponseFormat("json_schema", "City", {"title": "City", "type": "object"}),
        ),
    ],
)
def test_formats(config: Any, expected: Any) -> None:
    assert read(generationConfig=config).response_format == expected


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        (
            {"type": "STRING", "format": "enum", "enum": ["a"]},
            {"type": "string", "format": "enum", "enum": ["a"]},
        ),
        (
            {"type": "STRING", "enum": ["a"], "nullable": True},
            {"type": ["string", "null"], "enum": ["a", None]},
        ),
        (
            {"type": "ARRAY", "items": {"type": "INTEGER"}, "minItems": "2", "max_items": 3},
            {"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 3},
        ),
        (
            {"type": "OBJECT", "properties": {"type": {"type": "STRING"}}, "propertyOrdering": ["type"]},
            {"type": "object", "properties": {"type": {"type": "string"}}},
        ),
        (
            {"anyOf": [{"type": "STRING"}, {"$ref": "#/$defs/A"}], "nullable": True, "example": 1},
            {"anyOf": [{"type": "string"}, {"$ref": "#/$defs/A"}, {"type": "null"}], "examples": [1]},
        ),
        ({"type": "TYPE_UNSPECIFIED"}, {}),
        ("no schema", {}),
    ],
)
def test_schemas_of_geminis_own_kind(schema: Any, expected: Any) -> None:
    assert json_schema(schema) == expected


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"contents": None}, "contents"),
    ({"contents": []}, "contents"),
    ({"contents": ["hi"]}, "contents"),
    ({"contents": [{"role": "king", "parts": [{"text": "hi"}]}]}, "contents"),
    ({"contents": [user("hi")]}, "contents"),
    ({"contents": [user({"text": 5})]}, "contents"),
    ({"contents": [user({"smell": "?"})]}, "contents"),
    ({"contents": [user({"inlineData": {"mimeType": "image/png"}})]}, "contents"),
    ({"contents": [user({"inlineData": "AA"})]}, "contents"),
    ({"contents": [user({"fileData": {"fileUri": "gs://bucket/x"}})]}, "contents"),
    ({"contents": [model({"functionCall": {}})]}, "contents"),
    ({"contents": [user({"functionResponse": {"name": "nobody"}})]}, "contents"),
    ({"contents": [model({"executableCode": {"code": "1"}})]}, "contents"),
    ({"contents": [model({"tool_call": {"id": "1"}})]}, "contents"),
    ({"systemInstruction": {"parts": [{"inlineData": {}}]}}, "systemInstruction"),
    ({"systemInstruction": 5}, "systemInstruction"),
    ({"tools": [{"googleSearch": {}}]}, "tools"),
    ({"tools": [{"code_execution": {}}]}, "tools"),
    ({"tools": [5]}, "tools"),
    ({"tools": [{"functionDeclarations": [{}]}]}, "tools"),
    ({"tools": [{"functionDeclarations": [{"name": "f", "parametersJsonSchema": 5}]}]}, "tools"),
    ({"toolConfig": {"functionCallingConfig": {"mode": "SOON"}}}, "toolConfig"),
    ({"cachedContent": "cachedContents/x"}, "cachedContent"),
    ({"generationConfig": 5}, "generationConfig"),
    ({"generationConfig": {}, "generation_config": {}}, "generationConfig"),
    ({"generationConfig": {"maxOutputTokens": 0}}, "generationConfig"),
    ({"generationConfig": {"maxOutputTokens": "many"}}, "generationConfig"),
    ({"generationConfig": {"candidateCount": 9}}, "generationConfig"),
    ({"generationConfig": {"temperature": "hot"}}, "generationConfig"),
    ({"generationConfig": {"stopSequences": [1]}}, "generationConfig"),
    ({"generationConfig": {"responseModalities": ["TEXT", "IMAGE"]}}, "generationConfig.responseModalities"),
    ({"generationConfig": {"responseMimeType": "text/x.enum"}}, "generationConfig"),
    ({"generationConfig": {"responseLogprobs": True}}, "generationConfig.responseLogprobs"),
    ({"generationConfig": {"speechConfig": {"a": 1}}}, "generationConfig.speechConfig"),
]


@pytest.mark.parametrize(("body", "param"), REFUSED, ids=lambda value: json.dumps(value)[:50])
def test_what_cannot_be_understood_is_refused(body: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as refused:
        read(**body)
    assert refused.value.param == param
    assert len(refused.value.message) > 20


def test_noise_is_refused_with_a_sentence_or_read() -> None:
    whole = json.dumps(
        {
            "contents": [user({"text": "ü\\n"}), model({"functionCall": {"name": "f", "args": {"a": [1]}}})],
            "systemInstruction": {"parts": [{"text": "x"}]},
            "tools": [{"functionDeclarations": [{"name": "f", "parameters": {"type": "OBJECT"}}]}],
            "generationConfig": {"maxOutputTokens": 5, "thinkingConfig": {"thinkingBudget": 3}},
        },
        ensure_ascii=False,
    ).encode()
    dice = random.Random(7)
    understood = 0
    for _ in range(3000):
        damaged = bytearray(whole)
        for _ in range(dice.randrange(1, 4)):
            at = dice.randrange(len(damaged))
            damaged[at : at + dice.randrange(6)] = dice.choice(
                [b"", b"[", b"{}", b"5", b'"', b"null", b"\xff", b"true"]
            )
        try:
            fields = decode_fields(bytes(damaged))
        except ValueError:
            continue
        for use in (DIALECT.read, lambda found: DIALECT.sizes(found, 100)):
            understood += _is_understood(use, fields)
    assert understood > 50


def _is_understood(use: Callable[[Any], object], fields: dict[str, msgspec.Raw]) -> bool:
    try:
        use(fields)
    except BadRequest as refused:
        return not refused.message  # anything but a sentence fails the test with the error itself
    return True


# Bounds


@pytest.mark.parametrize(
    ("body", "tokens"),
    [
        ({}, 16 + 16 + 2),
        ({"contents": HI * 3}, 16 + 3 * 18),
        ({"contents": HI[0]}, 16 + 18),
        ({"contents": [user({"text": "ü\n"})]}, 16 + 16 + 3),
        ({"contents": [user({"inlineData": {"data": "A" * 999}})]}, 16 + 16 + 100),
        ({"contents": [user({"functionResponse": {"parts": [{"inlineData": {}}]}})]}, 16 + 16 + 100),
        ({"system_instruction": {"parts": [{"text": "abc"}]}}, 16 + 18 + 16 + 3),
        ({"tools": [{"functionDeclarations": []}]}, 16 + 18 + 30 + 512),
        ({"tools": [{"googleSearch": {}}]}, 16 + 18 + 22 + 512),
        ({"a_field_of_tomorrow": "abc"}, 16 + 18 + 5),
    ],
)
def test_the_bound_on_input(body: dict[str, Any], tokens: int) -> None:
    assert DIALECT.sizes(fields_of(**body), 100) == Sizes(tokens)


def test_the_bounds_that_callers_set() -> None:
    config = {"maxOutputTokens": "500", "candidate_count": 3, "thinkingConfig": {"thinkingBudget": 99}}
    sizes = DIALECT.sizes(fields_of(generation_config=config), 100)
    assert (sizes.output_cap, sizes.choices, sizes.thinking_budget) == (500, 3, 99)
    config = {"thinkingConfig": {"thinkingBudget": -1}}
    assert DIALECT.sizes(fields_of(generationConfig=config), 100).thinking_budget == 0


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"cached_content": "cachedContents/x"}, "cachedContent"),
        ({"tools": [{"fileSearch": {"fileSearchStoreNames": ["x"]}}]}, "tools"),
        ({"tools": {"retrieval": {}}}, "tools"),
        ({"contents": [user({"file_data": {"file_uri": "gs://b/x"}})]}, "contents"),
        (
            {"contents": [user({"fileData": {"fileUri": "https://a.example/", "file_uri": "gs://b/x"}})]},
            "contents",
        ),
        (
            {"contents": [user({"functionResponse": {"parts": [{"fileData": {"fileUri": "files/x"}}]}})]},
            "contents",
        ),
    ],
)
def test_trap_14_what_is_the_operators_is_out_of_reach(body: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as refused:
        DIALECT.sizes(fields_of(**body), 100)
    assert refused.value.param == param


def test_whether_to_stream_is_said_by_whoever_serves_the_path() -> None:
    assert DIALECT.streams(fields_of(stream=True))
    assert not DIALECT.streams(fields_of(stream=False))
    assert not DIALECT.streams(fields_of())


HOLES = [b"[" * 20_000 + b"]" * 20_000, b'{"parts":' * 20_000 + b"5" + b"}" * 20_000]


@pytest.mark.parametrize("hole", HOLES, ids=["lists", "objects"])
@pytest.mark.parametrize("name", ["contents", "systemInstruction", "tools", "toolConfig", "generationConfig"])
def test_a_deep_hole_is_no_trap(name: str, hole: bytes) -> None:
    call = Call("r", "chat", "gemini", "alias", "m", fields_of(), "reply_1", 1, output_cap=5)
    call.fields[name] = msgspec.Raw(b'[{"parts":[{"text":"\\u0061","functionResponse":' + hole + b"}]}]")
    refused = 0
    for use in (DIALECT.read, lambda fields: DIALECT.sizes(fields, 100), lambda _: forward(call)):
        refused += not _is_understood(use, call.fields)
    call.fields[name] = msgspec.Raw(hole)
    for use in (DIALECT.read, lambda fields: DIALECT.sizes(fields, 100), lambda _: forward(call)):
        refused += not _is_understood(use, call.fields)
    assert refused > 0
