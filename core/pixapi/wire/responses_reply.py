"""A whole response of the Responses API as the internal model (OpenAI API reference, "The response object").

Items for tools that run on the vendor's side have no word in the internal model and are left out; the text
that the model made of them stays.
"""

from __future__ import annotations

from typing import Any

import msgspec

from pixapi.errors import UpstreamCut, UpstreamInvalid
from pixapi.interfaces.call import Result
from pixapi.interfaces.chat import ChatReply, FinishReason, Reasoning, Text, ToolCall
from pixapi.wire.json import Fields, decode_fields, is_null, lenient, lenient_fields, lenient_objects
from pixapi.wire.openai_error_words import read_said
from pixapi.wire.openai_errors import read_error
from pixapi.wire.responses_errors import read_failure
from pixapi.wire.responses_usage import read_usage
from pixapi.wire.seal import seal

_REASONS: dict[str, FinishReason] = {"max_output_tokens": "length", "content_filter": "content_filter"}


def open_reply(body: bytes) -> Fields:
    """The top level of a response that holds an answer.

    Raises:
        UpstreamError: it is an error in spite of its status, or failed.
        UpstreamInvalid: it is not JSON, or no response.
    """
    try:
        fields = decode_fields(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        said = read_said(body)
        if said.message or said.status:
            raise read_error(None, body) from None
        raise UpstreamInvalid(
            "The provider of this model answered with something that is not JSON; try again."
        ) from None
    if not is_null(fields.get("error")):
        error = lenient_fields(fields["error"])
        raise read_failure(error) if error else read_error(None, body)
    if not bytes(fields.get("output", b"")).startswith(b"["):
        said = read_said(body)
        if said.message or said.status:
            raise read_error(None, body)
        raise UpstreamInvalid("The provider of this model answered without any output; try again.")
    if lenient(fields.get("status")) in ("failed", "cancelled", "queued", "in_progress"):
        raise UpstreamCut("The provider of this model did not complete its response; try again.")
    return fields


def read_reply(body: bytes, maker: str) -> Result:
    """What a response says and what it used. ``maker`` marks its encrypted thoughts (`seal`).

    Raises:
        UpstreamError: it is an error in spite of its status.
    """
    fields = open_reply(body)
    parts: list[Text | Reasoning | ToolCall] = []
    refusals: list[str] = []
    for item in lenient_objects(fields["output"]):
        kind = lenient(item.get("type"))
        if kind == "message":
            for part in lenient_objects(item.get("content")):
                if lenient(part.get("type")) == "refusal":
                    refusals.append(text_of(part, "refusal"))
                else:
                    parts.append(Text(text_of(part, "text")))
        elif kind == "function_call":
            call_id = text_of(item, "call_id") or text_of(item, "id")
            parts.append(ToolCall(call_id, text_of(item, "name"), text_of(item, "arguments") or "{}"))
        elif kind == "reasoning":
            thought = read_thought(item, maker)
            parts += [] if thought is None else [thought]
    reply = ChatReply(
        parts=[part for part in parts if not isinstance(part, Text) or part.text],
        finish_reason=finish_reason(fields, has_calls=any(isinstance(part, ToolCall) for part in parts)),
        refusal="".join(refusals) or None,
    )
    return Result(usage=read_usage(fields.get("usage")), chat=reply)


def finish_reason(response: Fields, *, has_calls: bool) -> FinishReason:
    """Why the model stopped, in the words of the internal model."""
    if lenient(response.get("status")) == "incomplete":
        said = lenient(lenient_fields(response.get("incomplete_details")).get("reason"))
        return _REASONS.get(said, "length") if isinstance(said, str) else "length"
    return "tool_calls" if has_calls else "stop"


def read_thought(item: Fields, maker: str) -> Reasoning | None:
    """A reasoning item; None where it says nothing. Its words are those of the model where it shows them, else
    the summary's.
    """
    text = "\n\n".join(filter(None, thought_texts(item)[1]))
    encrypted = text_of(item, "encrypted_content")
    if not encrypted:
        return Reasoning(text) if text else None
    return Reasoning(text, seal(maker, encrypted), redacted=not text)


def thought_texts(item: Fields, kind: str | None = None) -> tuple[str, list[str]]:
    """The pieces of a reasoning item that are to be read, and the member that has them. ``kind`` settles which."""
    for name in (kind,) if kind else ("content", "summary"):
        texts = [text_of(part, "text") for part in lenient_objects(item.get(name))]
        if any(texts):
            return name, texts
    return kind or "content", []


def text_of(fields: Fields, name: str) -> str:
    """A string; empty for anything else."""
    value: Any = lenient(fields.get(name))
    return value if isinstance(value, str) else ""
