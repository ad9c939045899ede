"""The response object as callers get it (OpenAI API reference, "The response object"; the Open Responses
specification, which demands every member).

What the caller asked for is repeated in the caller's own bytes. An id of an item is made of the reply's id
and the item's place, so that the same call always gives the same ones.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from pixapi.interfaces.call import Call
from pixapi.interfaces.chat import ChatReply, FinishReason, Reasoning, Text, ToolCall
from pixapi.interfaces.usage import Usage
from pixapi.wire.json import FALSE, NULL, TRUE, is_null, lenient_fields, lenient_objects, raw
from pixapi.wire.responses_items import REDACTED
from pixapi.wire.responses_usage import write_usage

Item = dict[str, Any]
Status = Literal["in_progress", "completed", "incomplete", "failed"]

_ONE, _ZERO, _TEXT = raw(1.0), raw(0), raw({"type": "text"})
_REASONS: dict[FinishReason, str] = {"length": "max_output_tokens", "content_filter": "content_filter"}
_ECHOED: dict[str, msgspec.Raw] = {
    "instructions": NULL,
    "max_output_tokens": NULL,
    "max_tool_calls": NULL,
    "metadata": raw({}),
    "parallel_tool_calls": TRUE,
    "presence_penalty": _ZERO,
    "frequency_penalty": _ZERO,
    "prompt_cache_key": NULL,
    "safety_identifier": NULL,
    "service_tier": raw("default"),
    "temperature": _ONE,
    "tool_choice": raw("auto"),
    "top_logprobs": _ZERO,
    "top_p": _ONE,
    "user": NULL,
}
"""What a request may say and the response repeats, with what holds where it said nothing."""
_FUNCTION: dict[str, msgspec.Raw] = {"description": NULL, "parameters": NULL, "strict": NULL}


class ResponseObject:
    """The response to one call, as it stands at some moment."""

    __slots__ = ("_alias", "_base", "_created", "_echoes", "_id")

    def __init__(self, call: Call) -> None:
        self._id = call.reply_id
        self._alias = call.alias
        self._created = call.created
        self._base = call.reply_id.rpartition("_")[2] or call.reply_id
        self._echoes = _echoes(call)

    def item_id(self, kind: Literal["msg", "rs", "fc"], place: int) -> str:
        """The id of the item at ``place`` of the output."""
        return f"{kind}_{self._base}_{place}"

    def write(
        self,
        status: Status,
        output: list[Item],
        *,
        usage: Usage | None = None,
        reason: FinishReason = "stop",
        error: Item | None = None,
    ) -> Item:
        """The object. ``reason`` says why an incomplete one is. When it was completed is not known here."""
        return {
            "id": self._id,
            "object": "response",
            "created_at": self._created,
            "completed_at": None,
            "status": status,
            "background": False,
            "error": error,
            "incomplete_details": {"reason": _REASONS[reason]} if status == "incomplete" else None,
            "model": self._alias,
            "output": output,
            "previous_response_id": None,
            "store": False,
            "truncation": "disabled",
            **self._echoes,
            "usage": None if usage is None else write_usage(usage),
        }


def status_of(reason: FinishReason) -> Status:
    """How a response stands that ended for ``reason``."""
    return "incomplete" if reason in _REASONS else "completed"


def write_reply(call: Call, reply: ChatReply, usage: Usage | None) -> Item:
    """A whole answer as a response object."""
    response = ResponseObject(call)
    status = status_of(reply.finish_reason)
    output: list[Item] = []
    for part in reply.parts:
        if isinstance(part, Text):
            if not output or output[-1]["type"] != "message":
                output.append(message_item(response.item_id("msg", len(output)), [text_part("")]))
            output[-1]["content"][0]["text"] += part.text
        elif isinstance(part, Reasoning):
            output.append(reasoning_item(response.item_id("rs", len(output)), part))
        else:
            output.append(call_item(response.item_id("fc", len(output)), part))
    if reply.refusal:
        if not output or output[-1]["type"] != "message":
            output.append(message_item(response.item_id("msg", len(output)), []))
        output[-1]["content"].append(refusal_part(reply.refusal))
    if status == "incomplete" and output and output[-1]["type"] != "reasoning":
        output[-1]["status"] = "incomplete"
    return response.write(status, output, usage=usage, reason=reply.finish_reason)


def text_part(text: str) -> Item:
    """A piece of text in a message."""
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def refusal_part(text: str) -> Item:
    """A refusal in a message."""
    return {"type": "refusal", "refusal": text}


def message_item(item_id: str, content: list[Item], status: Status = "completed") -> Item:
    """What the model says."""
    return {"id": item_id, "type": "message", "status": status, "role": "assistant", "content": content}


def call_item(item_id: str, call: ToolCall, status: Status = "completed") -> Item:
    """A call of a function."""
    return {
        "id": item_id,
        "type": "function_call",
        "status": status,
        "call_id": call.id,
        "name": call.name,
        "arguments": call.arguments,
    }


def reasoning_item(item_id: str, thought: Reasoning) -> Item:
    """A thought. Its signature is always given, since nothing is stored that could stand in for it."""
    text = "" if thought.redacted else thought.text
    item: Item = {"id": item_id, "type": "reasoning", "summary": [summary_part(text)] if text else []}
    if thought.signature is not None:
        item["encrypted_content"] = f"{REDACTED if thought.redacted else ''}{thought.signature}"
    return item


def summary_part(text: str) -> Item:
    """The words of a thought."""
    return {"type": "summary_text", "text": text}


def _echoes(call: Call) -> dict[str, msgspec.Raw]:
    fields = call.fields
    echoes = {
        name: default if is_null(fields.get(name)) else fields[name] for name, default in _ECHOED.items()
    }
    tools = [_function(tool) for tool in lenient_objects(fields.get("tools"))]
    reasoning, text = lenient_fields(fields.get("reasoning")), lenient_fields(fields.get("text"))
    echoes["tools"] = raw(tools)
    echoes["reasoning"] = raw({"effort": NULL, "summary": NULL, **reasoning})
    echoes["text"] = raw({**text, "format": _TEXT if is_null(text.get("format")) else text["format"]})
    if bytes(echoes["service_tier"]) == b'"auto"':
        echoes["service_tier"] = _ECHOED["service_tier"]
    return echoes


def _function(tool: dict[str, msgspec.Raw]) -> dict[str, msgspec.Raw]:
    return {**_FUNCTION, **tool} if bytes(tool.get("type", FALSE)) == b'"function"' else tool
