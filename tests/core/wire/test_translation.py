"""Every field of every dialect, sent to a server of every other family: translated, refused or dropped as the tables
say. A new field needs a value here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from pixapi.adapters import OpenAICompatible
from pixapi.adapters.openai_responses import ResponsesApi
from pixapi.errors import BadRequest
from pixapi.interfaces import Call, HttpRequest, Secret
from pixapi.wire.json import Fields, decode_fields
from pixapi.wire.offered import DIALECTS
from pixapi.wire.translation import FAMILIES, outcomes
from pixapi_providers.anthropic import Anthropic
from pixapi_providers.anthropic import Config as AnthropicConfig
from pixapi_providers.bedrock import Bedrock
from pixapi_providers.bedrock import Config as BedrockConfig
from pixapi_providers.cohere import Cohere
from pixapi_providers.cohere import Config as CohereConfig
from pixapi_providers.gemini import Config as GeminiConfig
from pixapi_providers.gemini import Gemini

KEY = Secret("k")
URL = "https://up.example/v1"
PROVIDERS = {
    "openai": (OpenAICompatible(KEY, base_url=URL), "gpt-5"),
    "responses": (
        OpenAICompatible(KEY, base_url=URL, responses=ResponsesApi("openai"), api="responses"),
        "gpt-5",
    ),
    "anthropic": (Anthropic(AnthropicConfig(api_key=KEY, version="2023-06-01")), "claude-sonnet-4-5"),
    "gemini": (Gemini(GeminiConfig(api_key=KEY)), "gemini-2.5-flash"),
    "bedrock": (Bedrock(BedrockConfig(api_key=KEY, region="us-east-1")), "anthropic.claude-sonnet-4-5-v1:0"),
    "cohere": (Cohere(CohereConfig(api_key=KEY)), "command-a-reasoning"),
}
"""A server of each family, and a model of it that takes all that the family has words for."""
PLACE = {"type": "object", "properties": {"place": {"type": "string"}}, "additionalProperties": False}
FUNCTION = {"name": "weather", "parameters": PLACE}
CHAT_TOOL = {"type": "function", "function": FUNCTION}
RESPONSES_TOOL = {"type": "function", **FUNCTION}
MESSAGES_TOOL = {"name": "weather", "input_schema": PLACE}
GEMINI_TOOL = {"functionDeclarations": [FUNCTION]}
HI = [{"role": "user", "content": "hi"}]
JSON = {"type": "json_schema", "json_schema": {"name": "answer", "schema": PLACE}}
PLAIN: dict[str, dict[str, Any]] = {
    "openai": {"model": "m", "messages": HI},
    "responses": {"model": "m", "input": "hi"},
    "anthropic": {"model": "m", "messages": HI, "max_tokens": 4096},
    "gemini": {"model": "m", "stream": False, "contents": [{"role": "user", "parts": [{"text": "hi"}]}]},
}
"""The least that can be asked in each dialect."""

VALUES: dict[str, dict[str, Any]] = {
    "openai": {
        "model": "another", "messages": [{"role": "user", "content": "bye"}], "stream": True,
        "stream_options": {"include_usage": True}, "max_completion_tokens": 4000, "max_tokens": 4000,
        "functions": [FUNCTION], "function_call": {"name": "weather"}, "reasoning": {"max_tokens": 2048},
        "tools": [CHAT_TOOL], "tool_choice": "required", "parallel_tool_calls": False, "response_format": JSON,
        "stop": "END", "n": 2, "temperature": 0.5, "top_p": 0.5, "seed": 7, "reasoning_effort": "high", "user": "u1",
        "logprobs": True, "top_logprobs": 2, "logit_bias": {"5": 1}, "modalities": ["text", "audio"],
        "audio": {"voice": "alloy", "format": "wav"}, "web_search_options": {}, "moderation": {"model": "m"},
        "presence_penalty": 0.5, "frequency_penalty": 0.5, "verbosity": "low",
        "prediction": {"type": "content", "content": "x"}, "metadata": {"a": "b"}, "store": True,
        "service_tier": "flex", "prompt_cache_key": "k", "prompt_cache_options": {"mode": "explicit"},
        "prompt_cache_retention": "24h", "safety_identifier": "s", "top_k": 5, "thinking": {"type": "disabled"},
        "output_config": {"effort": "low"}, "cache_control": {"type": "ephemeral"},
        "extra_body": {"google": {"thinking_config": {"thinking_budget": 9}}},
        "google": {"safety_settings": [{"category": "c", "threshold": "OFF"}]},
    },
    "responses": {
        "model": "another", "input": "bye", "instructions": "Be kind.", "stream": True, "max_output_tokens": 4000,
        "parallel_tool_calls": False, "reasoning": {"effort": "high"}, "text": {"format": JSON["json_schema"]
        | {"type": "json_schema"}}, "tools": [RESPONSES_TOOL], "tool_choice": "required", "temperature": 0.5,
        "top_p": 0.5, "user": "u1", "safety_identifier": "s", "service_tier": "flex", "prompt_cache_key": "k",
        "prompt_cache_retention": "24h", "background": True, "conversation": "c", "previous_response_id": "r",
        "prompt": {"id": "p"}, "store": True, "top_logprobs": 2, "moderation": {"model": "m"},
        "context_management": [{"type": "compaction"}], "access_programs": {"a": 1},
        "background_options": {"completion_window": "2h"}, "image": {"a": 1},
        "include": ["file_search_call.results"], "max_tool_calls": 3, "metadata": {"a": "b"},
        "prompt_cache_options": {"mode": "explicit"}, "stream_options": {"include_obfuscation": True},
        "truncation": "auto",
    },
    "anthropic": {
        "model": "another", "messages": [{"role": "user", "content": "bye"}], "system": "Be kind.", "stream": True,
        "max_tokens": 4000, "metadata": {"user_id": "u1"}, "output_config": {"effort": "high"},
        "output_format": {"type": "json_schema", "schema": PLACE}, "stop_sequences": ["END"], "temperature": 0.5,
        "thinking": {"type": "enabled", "budget_tokens": 2048}, "tool_choice": {"type": "any"},
        "tools": [MESSAGES_TOOL], "top_k": 5, "top_p": 0.5, "cache_control": {"type": "ephemeral"},
        "compaction": {"type": "auto"}, "container": "c", "mcp_servers": [{"type": "url"}],
        "thread": {"type": "create"}, "betas": ["b"], "billing_policy": {"bill_to": "self"},
        "context_management": {"edits": []}, "diagnostics": {"previous_message_id": "m"},
        "fallback_credit_token": "t", "fallbacks": "default", "inference_geo": "eu", "service_tier": "auto",
        "speed": "fast", "user_profile_id": "p", "workspace_id": "w",
    },
    "gemini": {
        "model": "another", "stream": True, "contents": [{"parts": [{"text": "bye"}]}],
        "systemInstruction": {"parts": [{"text": "Be kind."}]}, "tools": [GEMINI_TOOL],
        "toolConfig": {"functionCallingConfig": {"mode": "ANY"}},
        "safetySettings": [{"category": "c", "threshold": "OFF"}], "cachedContent": "cachedContents/1",
        "continuationToken": "t", "modelArmorConfig": {"a": 1}, "labels": {"a": "b"}, "serviceTier": "FLEX",
        "store": True, "generationConfig.temperature": 0.5, "generationConfig.topP": 0.5, "generationConfig.topK": 5,
        "generationConfig.seed": 7, "generationConfig.candidateCount": 2, "generationConfig.maxOutputTokens": 4000,
        "generationConfig.stopSequences": ["END"], "generationConfig.presencePenalty": 0.5,
        "generationConfig.frequencyPenalty": 0.5, "generationConfig.responseMimeType": "application/json",
        "generationConfig.responseSchema": {"type": "OBJECT"}, "generationConfig.responseJsonSchema": PLACE,
        "generationConfig.thinkingConfig": {"thinkingBudget": 2048},
        "generationConfig.responseModalities": ["IMAGE"], "generationConfig.speechConfig": {"a": 1},
        "generationConfig.imageConfig": {"a": 1}, "generationConfig.audioTranscriptionConfig": {"a": 1},
        "generationConfig.responseLogprobs": True, "generationConfig.logprobs": 2,
        "generationConfig.outputConfig": {"a": 1}, "generationConfig.audioTimestamp": True,
        "generationConfig.enableEnhancedCivicAnswers": True, "generationConfig.mediaResolution": "LOW",
        "generationConfig.modelConfig": {"a": 1}, "generationConfig.routingConfig": {"a": 1},
    },
}  # fmt: skip
"""A value of every field that asks for something."""
BESIDES: dict[str, dict[str, dict[str, Any]]] = {
    "openai": {
        "function_call": {"functions": [FUNCTION]}, "tool_choice": {"tools": [CHAT_TOOL]},
        "parallel_tool_calls": {"tools": [CHAT_TOOL]},
    },
    "responses": {
        "tool_choice": {"tools": [RESPONSES_TOOL]}, "parallel_tool_calls": {"tools": [RESPONSES_TOOL]},
    },
    "anthropic": {"tool_choice": {"tools": [MESSAGES_TOOL]}},
    "gemini": {
        "toolConfig": {"tools": [GEMINI_TOOL]},
        "generationConfig.responseMimeType": {"generationConfig.responseJsonSchema": PLACE},
    },
}  # fmt: skip
"""What a field needs beside it to mean anything."""
PARTS: dict[tuple[str, str, str], Any] = {
    ("openai", "reasoning", "reasoning_effort"): {"effort": "high"},
    ("responses", "text", "verbosity"): {"verbosity": "low"},
    ("anthropic", "output_config", "response_format"): {"format": {"type": "json_schema", "schema": PLACE}},
    ("anthropic", "tool_choice", "parallel_tool_calls"): {"type": "auto", "disable_parallel_tool_use": True},
    ("gemini", "generationConfig.thinkingConfig", "reasoning_effort"): {"thinkingLevel": "HIGH"},
}
"""Values of the terms of a field that its value in `VALUES` says nothing of."""
SAYS_WHAT_HOLDS_ANYWAY = {
    ("openai", "stream_options"),
    ("gemini", "generationConfig.responseMimeType"),
}
"""Fields whose value changes nothing in the request: the default, what concerns only the reply, or a schema's type."""


def cases() -> Iterator[Any]:
    for dialect, known in DIALECTS.items():
        for name, field in known.table.items():
            for family, words in FAMILIES.items():
                if family == dialect:
                    continue
                for outcome in outcomes(field, words):
                    yield pytest.param(
                        dialect, name, family, outcome, id=f"{dialect}-{name}-{family}-{outcome.term}"
                    )


def fields_of(dialect: str, said: dict[str, Any]) -> Fields:
    body: dict[str, Any] = dict(PLAIN[dialect])
    for name, value in said.items():
        outer, _, inner = name.partition(".")
        body[outer] = {**body.get(outer, {}), inner: value} if inner else value
    return decode_fields(json.dumps(body).encode())


def sent(dialect: str, family: str, said: dict[str, Any]) -> HttpRequest:
    """The request of a server of ``family`` for a call that says this, as the gateway makes it."""
    provider, model = PROVIDERS[family]
    fields = fields_of(dialect, said)
    spoken = DIALECTS[dialect]
    cap = spoken.sizes(fields, 100).output_cap
    model = "another" if "model" in said else model
    call = Call(
        "r", "chat", dialect, "m", model, fields, "id", 1, stream=spoken.streams(fields), output_cap=cap
    )
    call.chat = spoken.read(fields)
    made = provider.request(call)
    return HttpRequest(made.method, made.url, body=made.body, dropped=(*call.chat.dropped, *made.dropped))


@pytest.mark.parametrize(("dialect", "name", "family", "outcome"), list(cases()))
def test_a_field_has_the_fate_that_the_table_says(dialect: str, name: str, family: str, outcome: Any) -> None:
    besides = BESIDES[dialect].get(name, {})
    value = PARTS.get((dialect, name, outcome.term), VALUES[dialect][name])
    if outcome.fate == "refused":
        with pytest.raises(BadRequest) as refused:
            sent(dialect, family, {**besides, name: value})
        assert refused.value.param == name
        assert name in refused.value.message
        return
    made, without = sent(dialect, family, {**besides, name: value}), sent(dialect, family, besides)
    assert made.dropped == ((name,) if outcome.fate == "dropped" else ())
    assert without.dropped == ()
    is_same = (made.url, json.loads(made.body)) == (without.url, json.loads(without.body))
    assert is_same == (outcome.fate == "dropped" or (dialect, name) in SAYS_WHAT_HOLDS_ANYWAY)


@pytest.mark.parametrize("family", FAMILIES)
def test_what_two_dialects_ask_for_has_one_fate(family: str) -> None:
    """Whatever the caller speaks: a term that a server has no word for is refused everywhere, or dropped everywhere;
    and so is a field of several dialects. `store` is no such thing: one dialect's callers ask for what was stored.
    """
    fates: dict[str, set[str]] = {}
    for dialect, known in DIALECTS.items():
        for name, field in known.table.items():
            if dialect == family or (field.fate == "translated" and not field.terms):
                continue
            for outcome in outcomes(field, FAMILIES[family]):
                for asked in (outcome.term,) if outcome.term else field.terms or (name,):
                    if outcome.fate != "translated":
                        fates.setdefault(asked, set()).add(outcome.fate)
    assert {asked for asked, found in fates.items() if len(found) > 1} <= {"store"}


def test_without_a_word_for_it_a_promise_is_refused_and_a_saving_dropped() -> None:
    """At most one call is what callers go by; a conversation that is read as a whole is only dearer, as priced."""
    one = {"tools": [CHAT_TOOL], "parallel_tool_calls": False}
    for family in ("gemini", "cohere"):
        with pytest.raises(BadRequest, match="parallel_tool_calls cannot be turned off") as refused:
            sent("openai", family, one)
        assert refused.value.param == "parallel_tool_calls"
        single = {"type": "auto", "disable_parallel_tool_use": True}
        with pytest.raises(BadRequest) as refused:
            sent("anthropic", family, {"tools": [MESSAGES_TOOL], "tool_choice": single})
        assert refused.value.param == "tool_choice"
    shorter = {
        "responses": [{"type": "compaction"}],
        "anthropic": {"edits": [{"type": "clear_thinking_20251015"}]},
    }
    for dialect, asked in shorter.items():
        assert sent(dialect, "gemini", {"context_management": asked}).dropped == ("context_management",)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_field_has_a_value_here(dialect: str) -> None:
    assert set(VALUES[dialect]) == set(DIALECTS[dialect].table)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_field_of_tomorrow_goes_on_or_is_named(dialect: str, family: str) -> None:
    if dialect == family:
        return
    made = sent(dialect, family, {"a_field_of_tomorrow": {"x": 1}})
    goes_on = family == "openai" and dialect != "gemini"
    assert ("a_field_of_tomorrow" in json.loads(made.body)) == goes_on
    assert made.dropped == (() if goes_on else ("a_field_of_tomorrow",))


ASKS_NOTHING: list[tuple[str, dict[str, Any]]] = [
    ("openai", {"n": 1, "logprobs": False, "store": False, "presence_penalty": 0, "metadata": {}, "seed": None}),
    ("openai", {"parallel_tool_calls": True, "modalities": ["text"], "reasoning_effort": "none", "logit_bias": {}}),
    ("openai", {"parallel_tool_calls": False, "stream_options": None, "tools": []}),
    ("responses", {"store": False, "background": False, "truncation": "disabled", "top_logprobs": 0, "metadata": {}}),
    ("responses", {"include": ["reasoning.encrypted_content"], "stream_options": {"include_obfuscation": False}}),
    ("anthropic", {"mcp_servers": [], "container": None, "metadata": {}, "betas": []}),
    ("gemini", {"generationConfig.responseModalities": ["TEXT"], "generationConfig.responseLogprobs": False}),
    ("gemini", {"generation_config": {"candidate_count": 1, "presence_penalty": 0}, "labels": {}}),
]  # fmt: skip


@pytest.mark.parametrize(("dialect", "said"), ASKS_NOTHING, ids=lambda value: ",".join(value)[:50])
def test_what_asks_for_nothing_is_neither_refused_nor_dropped(dialect: str, said: dict[str, Any]) -> None:
    for family in FAMILIES.keys() - {dialect}:
        assert sent(dialect, family, said).dropped == (), family


def test_names_are_the_callers_own_in_either_spelling() -> None:
    said = {
        "generation_config": {"top_k": 5, "media_resolution": "LOW"},
        "safety_settings": [{"category": "c"}],
    }
    assert sent("gemini", "openai", said).dropped == (
        "generationConfig.mediaResolution",
        "generationConfig.topK",
        "safetySettings",
    )
    with pytest.raises(BadRequest, match="stop_sequences is not offered") as refused:
        sent("anthropic", "responses", {"stop_sequences": ["END"]})
    assert refused.value.param == "stop_sequences"


DEPENDS: list[tuple[str, str, dict[str, Any]]] = [
    ("anthropic", "claude-opus-5", {"temperature": 0.5, "top_p": 0.5, "top_k": 3}),
    ("anthropic", "claude-3-5-haiku-latest", {"reasoning_effort": "high"}),
    ("gemini", "gemini-2.0-flash", {"reasoning_effort": "high"}),
    ("bedrock", "meta.llama3-1-8b-instruct-v1:0", {"reasoning_effort": "high", "top_k": 3}),
    ("cohere", "command-r", {"reasoning_effort": "high"}),
    ("cohere", "command-r", {"seed": -1}),
]  # fmt: skip


@pytest.mark.parametrize(("family", "model", "said"), DEPENDS)
def test_what_a_model_does_not_take_is_named_too(family: str, model: str, said: dict[str, Any]) -> None:
    provider, _ = PROVIDERS[family]
    fields = fields_of("openai", said)
    chat = DIALECTS["openai"].read(fields)
    made = provider.request(Call("r", "chat", "openai", "m", model, fields, "id", 1, chat=chat))
    assert set(made.dropped) == set(said)
