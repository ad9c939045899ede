"""The two ways in which the same question is asked: what is sent, and how a whole answer is told from a part of one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

SYSTEM = "You are a helpful assistant."
QUESTION = "Say hello to whoever measures this gateway, in a sentence or two, politely."
MAX_TOKENS = 128


def chat_body(model: str, stream: bool) -> dict[str, Any]:
    """A call in OpenAI's dialect."""
    messages = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": QUESTION}]
    body: dict[str, Any] = {"model": model, "messages": messages, "max_tokens": MAX_TOKENS}
    return body | ({"stream": True, "stream_options": {"include_usage": True}} if stream else {})


def messages_body(model: str, stream: bool) -> dict[str, Any]:
    """The same in Anthropic's."""
    messages = [{"role": "user", "content": QUESTION}]
    body: dict[str, Any] = {"model": model, "system": SYSTEM, "messages": messages, "max_tokens": MAX_TOKENS}
    return body | ({"stream": True} if stream else {})


@dataclass(frozen=True)
class Dialect:
    """How calls are made and answered."""

    path: str
    body: Callable[[str, bool], dict[str, Any]]
    usage: tuple[str, str]
    """The names of what came in and went out, in a reply's usage."""
    end: str
    """What stands at a stream's end, and nowhere else."""


CHAT = Dialect("/v1/chat/completions", chat_body, ("prompt_tokens", "completion_tokens"), "data: [DONE]")
MESSAGES = Dialect("/v1/messages", messages_body, ("input_tokens", "output_tokens"), "event: message_stop")
