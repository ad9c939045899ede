"""The provider `ollama_native`: Ollama's own API, `POST /api/chat` and `POST /api/embed`.

A reply is one JSON object; a stream is one object a line, the last of them with ``"done": true``. Tools are called
with an object of arguments, and mostly without an id. Source: docs.ollama.com/api ("Chat", "Embed", "Errors").

Refused is what the API has no word for and would change the answer: a tool that must be called, several answers,
files, images at an address. What only steers chance or names the user is left out.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from pixapi import adapters, hookimpl
from pixapi import interfaces as pix
from pixapi.errors import UpstreamError, UpstreamInvalid

PIXAPI_INTERFACE = 1
_OPTIONS = ("temperature", "top_p", "top_k", "seed", "presence_penalty", "frequency_penalty")
_EFFORTS = {
    "none": False,
    "minimal": "low",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "high",
}


class Config(pix.PluginConfig):
    """Settings of a provider with `use = "ollama_native"`."""

    base_url: str = "http://127.0.0.1:11434"
    """Where the server lies, without `/api`."""
    api_key: pix.Secret | None = None
    """A key, where the server wants one. One on your own machine does not."""


class Function(msgspec.Struct):
    name: str
    arguments: msgspec.Raw = msgspec.Raw(b"{}")  # unread: callers get the digits that the model wrote


class CalledTool(msgspec.Struct):
    function: Function
    id: str = ""


class Said(msgspec.Struct):
    content: str | None = None
    thinking: str | None = None
    tool_calls: list[CalledTool] | None = None


class Reply(msgspec.Struct):
    """A whole reply, or a line of a stream."""

    message: Said = msgspec.field(default_factory=Said)
    done: bool = False
    done_reason: str | None = None
    prompt_eval_count: adapters.Count | None = None
    eval_count: adapters.Count | None = None
    embeddings: list[list[float]] | None = None
    error: Any = None


def read_reply(data: bytes) -> Reply:
    """Raises UpstreamError: a status of 200 does not make a reply."""
    reply = adapters.read_json(data, Reply)
    if reply.error is not None:
        raise adapters.read_error(pix.HttpReply(200, body=data))
    return reply


def write_messages(messages: list[pix.Message]) -> Iterator[dict[str, Any]]:
    """Here the result of a tool is a message of its own, and names the tool."""
    names = {part.id: part.name for m in messages for part in m.parts if isinstance(part, pix.ToolCall)}
    for message in messages:
        for part in message.parts:
            if isinstance(part, pix.ToolResult):
                about = {"tool_name": names.get(part.call_id, ""), "tool_call_id": part.call_id}
                yield write_message("tool", part.content) | about
        if not all(isinstance(part, pix.ToolResult) for part in message.parts):
            yield write_message(message.role, message.parts)


def write_message(role: str, parts: Sequence[pix.Part]) -> dict[str, Any]:
    said: dict[str, Any] = {"role": role}
    said["content"] = "\n".join(part.text for part in parts if isinstance(part, pix.Text))
    for part in parts:
        match part:
            case pix.Reasoning():
                said["thinking"] = said.get("thinking", "") + part.text
            case pix.ToolCall():
                function = {"name": part.name, "arguments": adapters.read_arguments(part)}
                said.setdefault("tool_calls", []).append({"id": part.id, "function": function})
            case pix.Image():
                said.setdefault("images", []).append(part.data)
    return said


def write_chat(call: pix.Call, chat: pix.ChatRequest) -> dict[str, Any]:
    adapters.refuse_unsayable(chat, "forced_tools", "single_calls", "image_urls", "files")
    tools = [given(name=t.name, description=t.description, parameters=t.parameters) for t in chat.tools]
    if chat.tool_choice is not None and chat.tool_choice.mode == "none":
        tools = []
    budget, wanted = chat.reasoning_budget, chat.response_format
    options = {name: getattr(chat, name, chat.extra.get(name)) for name in _OPTIONS}
    return given(
        model=call.model,
        messages=list(write_messages(chat.messages)),
        stream=call.stream,
        tools=[{"type": "function", "function": tool} for tool in tools] or None,
        format=None if wanted is None or wanted.kind == "text" else wanted.schema or "json",
        think=_EFFORTS.get(chat.reasoning_effort or "", None if budget is None else budget > 0),
        options=given(**options, stop=chat.stop or None, num_predict=call.output_cap),
    )


def given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


class OllamaNative(pix.Provider):
    """One configured server. It serves many calls at once and keeps nothing of any."""

    operations = frozenset({"chat", "embeddings"})

    def __init__(self, config: Config) -> None:
        self._config = config

    def request(self, call: pix.Call) -> pix.HttpRequest:
        if call.operation == "chat":
            chat = adapters.read_chat(call)
            dropped = adapters.left_out(chat, *_OPTIONS, "reasoning_effort", "reasoning_budget")
            return self._ask("/api/chat", write_chat(call, chat), dropped)
        asked = adapters.read_embeddings(call)
        body = given(model=call.model, input=asked.texts, dimensions=asked.dimensions)
        return self._ask("/api/embed", body | {"truncate": False})  # too long a text is refused, not cut

    def result(self, call: pix.Call, reply: pix.HttpReply) -> pix.Result:
        if call.operation == "chat":
            return adapters.chat_result(OllamaDecoder(call).read(reply.body))
        read = read_reply(reply.body)
        if read.embeddings is None:
            raise UpstreamInvalid("The provider of this model answered without vectors; try again.")
        return adapters.embeddings_result(call, read.embeddings, read.prompt_eval_count)

    def decoder(self, call: pix.Call) -> pix.Decoder:
        return OllamaDecoder(call)

    def error(self, reply: pix.HttpReply) -> UpstreamError:
        return adapters.read_error(reply)

    def probe(self) -> pix.HttpRequest:
        return self._ask("/api/tags")

    def _ask(self, path: str, body: Any = None, dropped: tuple[str, ...] = ()) -> pix.HttpRequest:
        headers, key = [("content-type", "application/json")], self._config.api_key
        if key is not None:
            headers.append(("authorization", f"Bearer {key.reveal()}"))
        url = self._config.base_url.rstrip("/") + path
        text = b"" if body is None else msgspec.json.encode(body)
        return pix.HttpRequest("POST" if text else "GET", url, tuple(headers), text, dropped=dropped)


class OllamaDecoder(adapters.LinesDecoder):
    """One answer. A whole reply reads like the only line of a stream."""

    def __init__(self, call: pix.Call) -> None:
        super().__init__()
        self._prefix = call.reply_id  # makes the ids of tool calls unlike those of other replies
        self._called = 0

    def read(self, line: bytes) -> Iterator[pix.Event]:
        reply = read_reply(line)
        if reply.message.thinking:
            yield pix.ReasoningDelta(reply.message.thinking)
        if reply.message.content:
            yield pix.TextDelta(reply.message.content)
        for tool in reply.message.tool_calls or ():
            own_id = tool.id or f"{self._prefix}_{self._called}"
            arguments = bytes(tool.function.arguments).decode(errors="replace")
            yield pix.ToolCallDelta(self._called, own_id, tool.function.name, arguments)
            self._called += 1
        if reply.done:
            if reply.prompt_eval_count is not None and reply.eval_count is not None:  # else it is estimated
                yield pix.UsageReport(pix.Usage(input=reply.prompt_eval_count, output=reply.eval_count))
            ended = "tool_calls" if self._called else "stop"
            yield pix.Finished("length" if reply.done_reason == "length" else ended)
            yield pix.Ended()


@hookimpl
def pixapi_register_providers() -> list[pix.ProviderType]:
    return [pix.ProviderType("ollama_native", "Ollama's own API", Config, OllamaNative, "documented")]
