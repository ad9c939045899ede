"""The answers of `echo`, in OpenAI's dialect: a pure function of the request.

A token is a word with the white space after it, in what is read and in what is written; each message adds
four, each picture, file or sound one. So the usage can be worked out by hand, and never exceeds the bound
that a call is priced by.
"""

from __future__ import annotations

import hashlib
import math
import re
from typing import Any

import msgspec

from pixapi.wire.json import encode, raw
from pixapi.wire.openai_result import encode_vector
from pixapi_providers.echo.script import Script

MAX_DIMENSIONS = 4096
_WORDS = re.compile(r"\A\s*+\S+\s*+|\S+\s*+")
_PER_MESSAGE = 4
_ID = "chatcmpl-echo"


class Chat(msgspec.Struct):
    """A chat request, as far as an echo needs it."""

    model: str
    messages: list[dict[str, Any]]
    stream: bool | None = None
    stream_options: dict[str, Any] | None = None
    max_completion_tokens: int | None = None
    max_tokens: int | None = None
    n: int | None = None
    tools: list[dict[str, Any]] | None = None
    tool_choice: str | dict[str, Any] | None = None
    parallel_tool_calls: bool | None = None
    response_format: dict[str, Any] | None = None
    echo: dict[str, Any] | None = None


class Answer(msgspec.Struct, frozen=True):
    """What is answered: words of thought, words of text, or calls of tools as (name, arguments)."""

    thoughts: list[str]
    words: list[str]
    calls: list[tuple[str, str]]
    reason: str
    prompt_tokens: int
    completion_tokens: int

    def usage(self, choices: int) -> dict[str, Any]:
        """The ``usage`` object."""
        completion = self.completion_tokens * choices
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": completion,
            "total_tokens": self.prompt_tokens + completion,
            "prompt_tokens_details": {"cached_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": len(self.thoughts) * choices},
        }


def words(text: str) -> list[str]:
    """A text as its tokens: joined, they are the text again."""
    return _WORDS.findall(text) or ([text] if text else [])


def answer(chat: Chat, script: Script) -> Answer:
    """The last user's text again; a call of a tool where there are tools; the text of a tool's result."""
    cap = chat.max_completion_tokens or chat.max_tokens or math.inf
    prompt = sum(_message_tokens(message) for message in chat.messages) + _schema_tokens(chat.tools)
    thoughts = words(script.reasoning or "")[: int(min(cap, 10**9))]
    calls = _calls(chat)
    if calls:
        spoken = sum(1 + len(words(arguments)) for _, arguments in calls)
        return Answer(thoughts, [], calls, "tool_calls", prompt, int(min(len(thoughts) + spoken, cap)))
    text = words(_text(chat))
    room = int(min(cap - len(thoughts), len(text)))
    reason = "length" if room < len(text) else "stop"
    return Answer(thoughts, text[:room], [], reason, prompt, len(thoughts) + room)


def _text(chat: Chat) -> str:
    last = chat.messages[-1]
    if last.get("role") != "tool":
        last = next((m for m in reversed(chat.messages) if m.get("role") == "user"), last)
    text = _text_of(last.get("content")) or "nothing"
    form = chat.response_format or {}
    if form.get("type") == "json_schema":
        return encode(_least((form.get("json_schema") or {}).get("schema") or {})).decode()
    return encode({"echo": text}).decode() if form.get("type") == "json_object" else text


def _text_of(content: object) -> str:
    if isinstance(content, list):
        texts = [part.get("text") for part in content if isinstance(part, dict)]
        return "\n".join(text for text in texts if isinstance(text, str))
    return content if isinstance(content, str) else ""


def _message_tokens(message: dict[str, Any]) -> int:
    content = message.get("content")
    media = 0
    if isinstance(content, list):
        media = sum(1 for part in content if isinstance(part, dict) and "text" not in part)
    return len(words(_text_of(content))) + media + _PER_MESSAGE


def _schema_tokens(tools: list[dict[str, Any]] | None) -> int:
    return len(words(encode(tools).decode())) if tools else 0


def _calls(chat: Chat) -> list[tuple[str, str]]:
    """The first tool, the one that `tool_choice` names, or with `parallel_tool_calls` all; none after a
    result.
    """
    if not chat.tools or chat.tool_choice == "none" or chat.messages[-1].get("role") == "tool":
        return []
    functions = [function for tool in chat.tools if isinstance(function := tool.get("function"), dict)]
    if isinstance(chat.tool_choice, dict):
        named = (chat.tool_choice.get("function") or {}).get("name")
        functions = [function for function in functions if function.get("name") == named]
    elif not chat.parallel_tool_calls:
        functions = functions[:1]
    return [
        (str(function.get("name", "")), encode(_least(function.get("parameters") or {})).decode())
        for function in functions
    ]


def _least(schema: Any, depth: int = 0) -> Any:
    """The least value that a JSON schema allows, as far as its common words tell."""
    if not isinstance(schema, dict) or depth > 20:
        return None
    for word in ("const", "default"):
        if word in schema:
            return schema[word]
    if schema.get("enum"):
        return schema["enum"][0]
    for word in ("anyOf", "oneOf", "allOf"):
        if schema.get(word):
            return _least(schema[word][0], depth + 1)
    kind = schema.get("type", "object")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        properties, required = schema.get("properties") or {}, schema.get("required") or []
        return {name: _least(properties.get(name) or {}, depth + 1) for name in required}
    if kind == "array":
        return [_least(schema.get("items"), depth + 1) for _ in range(min(schema.get("minItems", 0), 8))]
    least = {"string": "echo", "integer": 0, "number": 0, "boolean": False}
    return schema.get("minimum", least[kind]) if kind in least else None


def whole(chat: Chat, said: Answer, script: Script, created: int) -> bytes:
    """The reply that is not streamed."""
    message: dict[str, Any] = {"role": "assistant", "content": None if said.calls else "".join(said.words)}
    if said.thoughts:
        message["reasoning_content"] = "".join(said.thoughts)
    if said.calls:
        message["tool_calls"] = [_call(at, call) for at, call in enumerate(said.calls)]
    choices = [
        {"index": at, "message": message, "logprobs": None, "finish_reason": said.reason}
        for at in range(chat.n or 1)
    ]
    body = {
        "id": _ID,
        "object": "chat.completion",
        "created": created,
        "model": chat.model,
        "choices": choices,
    }
    return encode(body if script.omit_usage else {**body, "usage": said.usage(chat.n or 1)})


def _call(at: int, call: tuple[str, str]) -> dict[str, Any]:
    return {"id": f"call_echo_{at}", "type": "function", "function": {"name": call[0], "arguments": call[1]}}


def events(chat: Chat, said: Answer, script: Script, created: int) -> list[bytes]:
    """The events of the stream: the role, a chunk for each word, the finish, the usage, ``[DONE]``."""
    head = {"id": _ID, "object": "chat.completion.chunk", "created": created, "model": chat.model}
    usage = None if script.omit_usage or not (chat.stream_options or {}).get("include_usage") else said
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": None if said.calls else ""}]
    deltas += [{"reasoning_content": word} for word in said.thoughts]
    deltas += [{"content": word} for word in said.words]
    for at, call in enumerate(said.calls):
        deltas.append({"tool_calls": [{"index": at, **_call(at, (call[0], ""))}]})
        deltas += [
            {"tool_calls": [{"index": at, "function": {"arguments": word}}]} for word in words(call[1])
        ]
    chunks: list[dict[str, Any]] = []
    for index in range(chat.n or 1):
        chunks += [{"choices": [_choice(index, delta, None)]} for delta in deltas]
        chunks.append({"choices": [_choice(index, {}, said.reason)]})
    if usage is not None:
        numbers = raw(usage.usage(chat.n or 1))
        if script.usage_in_finish:
            chunks[-1]["usage"] = numbers
        else:
            chunks.append({"choices": [], "usage": numbers})
    sent = [b"data: " + encode({**head, **chunk}) + b"\n\n" for chunk in chunks]
    return sent if script.omit_done else [*sent, b"data: [DONE]\n\n"]


def _choice(index: int, delta: dict[str, Any], reason: str | None) -> dict[str, Any]:
    return {"index": index, "delta": delta, "logprobs": None, "finish_reason": reason}


class Embeddings(msgspec.Struct):
    """An embeddings request."""

    model: str
    input: str | list[str | int | list[int]]
    dimensions: int | None = None
    encoding_format: str | None = None
    echo: dict[str, Any] | None = None


def vectors(asked: Embeddings) -> bytes:
    """The reply to an embeddings request: for equal inputs equal vectors, of length 1."""
    given = asked.input
    tokens_only = isinstance(given, list) and all(isinstance(item, int) for item in given)
    items: list[Any] = [given] if isinstance(given, str) or tokens_only else given
    size = asked.dimensions or 64
    found = [_vector(encode(item), size) for item in items]
    as_text = asked.encoding_format == "base64"
    data = [
        {"object": "embedding", "index": at, "embedding": encode_vector(vector) if as_text else vector}
        for at, vector in enumerate(found)
    ]
    tokens = sum(_item_tokens(item) for item in items)
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return encode({"object": "list", "data": data, "model": asked.model, "usage": usage})


def _item_tokens(item: str | int | list[int]) -> int:
    if isinstance(item, str):
        return len(words(item))
    return 1 if isinstance(item, int) else len(item)


def _vector(seed: bytes, size: int) -> list[float]:
    noise = hashlib.shake_256(seed).digest(2 * size)
    numbers = [int.from_bytes(noise[at : at + 2], "little") - 32767.5 for at in range(0, 2 * size, 2)]
    length = math.sqrt(sum(number * number for number in numbers))
    return [number / length for number in numbers]
