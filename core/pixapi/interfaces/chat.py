"""The one internal model of a conversation, between any two chat dialects.

It is used only where caller and provider speak different dialects; between equal ones the bytes go on as they
came. ``extra`` carries what one dialect says and this model has no word for, so that the same dialect gets it back.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

FinishReason = Literal["stop", "length", "tool_calls", "content_filter"]


class Text(msgspec.Struct, frozen=True, tag="text"):
    """A piece of text."""

    text: str


class Image(msgspec.Struct, frozen=True, tag="image"):
    """An image by ``url``, or inline as base64 ``data`` of ``media_type``. A data URL is read into the latter."""

    url: str | None = None
    data: str | None = None
    media_type: str | None = None
    detail: str | None = None


class File(msgspec.Struct, frozen=True, tag="file"):
    """A document, inline as base64 ``data`` of ``media_type``, or by ``url``."""

    data: str | None = None
    url: str | None = None
    media_type: str | None = None
    filename: str | None = None


class Reasoning(msgspec.Struct, frozen=True, tag="reasoning"):
    """What the model thought. ``signature`` is opaque and goes back to the provider that made it, to no other.

    ``redacted``: the text is withheld and ``signature`` stands for it.
    """

    text: str
    signature: str | None = None
    redacted: bool = False


class ToolCall(msgspec.Struct, frozen=True, tag="tool_call"):
    """The model asks for a function. ``arguments`` is the JSON text as the model wrote it, ``{}`` if it wrote none.

    ``id`` must be unlike all others of the conversation; where the vendor gives none, ``f"{call.reply_id}_{index}"``
    will do.
    """

    id: str
    name: str
    arguments: str


class ToolResult(msgspec.Struct, frozen=True, tag="tool_result"):
    """What the tool answered to the call ``call_id``; the tool's name stands in the `ToolCall` of that id before."""

    call_id: str
    content: list[Text | Image]
    is_error: bool = False


Part = Text | Image | File | Reasoning | ToolCall | ToolResult


class Message(msgspec.Struct, frozen=True):
    """One turn of the conversation.

    What to expect: instructions are messages of the role system, mostly the first. `Reasoning` and `ToolCall` stand in
    messages of the assistant only. `ToolResult` stands in messages of the role tool, or of the user where the caller's
    dialect has it so; then several together, and text beside them. ``parts`` may be empty.
    """

    role: Literal["system", "user", "assistant", "tool"]
    parts: list[Part]
    name: str | None = None


class Tool(msgspec.Struct, frozen=True):
    """A function the model may call; ``parameters`` is a JSON schema."""

    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class ToolChoice(msgspec.Struct, frozen=True):
    """``mode`` "tool" names the one tool that must be called."""

    mode: Literal["auto", "none", "required", "tool"]
    name: str | None = None


class ResponseFormat(msgspec.Struct, frozen=True):
    """What the answer has to look like; ``schema`` is a JSON schema."""

    kind: Literal["text", "json_object", "json_schema"]
    name: str | None = None
    schema: dict[str, Any] | None = None
    strict: bool | None = None


class ChatRequest(msgspec.Struct, frozen=True):
    """A conversation and how it is to be continued. None: the caller does not say, and neither should the request.

    ``max_output`` is the caller's wish; the provider is asked for `Call.output_cap`. ``reasoning_effort`` is none,
    minimal, low, medium, high, or another word of some vendor's; ``reasoning_budget`` counts tokens. ``extra`` has the
    caller's fields that have no word here, as plain values and under their own names (``presence_penalty``): take what
    the vendor has a word for. What the vendor has no word for is refused with BadRequest where it changes the answer
    (`pixapi.adapters.refuse_unsayable`), and left out where it steers chance, cost or bookkeeping.

    ``dropped``: fields of the caller's dialect that say nothing to any other and were left out. ``names``: what the
    caller calls a field of this model, where that is another name; sentences and headers speak the caller's words.
    """

    messages: list[Message]
    tools: list[Tool] = []
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    response_format: ResponseFormat | None = None
    max_output: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop: list[str] = []
    seed: int | None = None
    n: int = 1
    reasoning_effort: str | None = None
    reasoning_budget: int | None = None
    user: str | None = None
    extra: dict[str, Any] = {}
    dropped: tuple[str, ...] = ()
    names: dict[str, str] = {}


class ChatReply(msgspec.Struct, frozen=True):
    """What the model answered: its parts in order."""

    parts: list[Text | Reasoning | ToolCall]
    finish_reason: FinishReason
    refusal: str | None = None
