"""The contract of a provider: what a call asks for is said, refused, or named as left out."""

from __future__ import annotations

from typing import Any

from pixapi.errors import BadRequest
from pixapi.interfaces import HttpRequest, Provider
from pixapi.testing.contracts.calls import HELLO, PIXEL, call
from pixapi.testing.contracts.promises import Promise, ensure, promise

_LOOK_UP = {
    "type": "function",
    "function": {
        "name": "look_it_up",
        "description": "Looks a word up.",
        "parameters": {"type": "object", "properties": {"odd_word": {"type": "string"}}},
    },
}
_LOOKED_UP = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "look_it_up", "arguments": '{"odd_word":"aardvark"}'},
}
_ADDRESS = "https://pictures.example/of-a-cat.png"
_FILE = {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0xLjQKJSVFT0YK"}
_AGE = {"type": "object", "properties": {"age_in_years": {"type": "integer"}}}

_TELLING: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "instructions": (
        {"messages": [{"role": "developer", "content": "Be ever so kind."}, *HELLO]},
        ("Be ever so kind.", "hello"),
    ),
    "a tool": (
        {"messages": HELLO, "tools": [_LOOK_UP]},
        ("look_it_up", "Looks a word up.", "odd_word"),
    ),
    "a tool's result": (
        {
            "messages": [
                *HELLO,
                {"role": "assistant", "content": "Wait a bit.", "tool_calls": [_LOOKED_UP]},
                {"role": "tool", "tool_call_id": "call_1", "content": "an animal of Africa"},
            ],
            "tools": [_LOOK_UP],
        },
        ("Wait a bit.", "aardvark", "an animal of Africa"),
    ),
    "an image that a tool gave": (
        {
            "messages": [
                *HELLO,
                {"role": "assistant", "content": None, "tool_calls": [_LOOKED_UP]},
                {
                    "role": "tool",
                    "tool_call_id": "call_1",
                    "content": [
                        {"type": "text", "text": "an animal of Africa"},
                        {"type": "image_url", "image_url": {"url": PIXEL}},
                    ],
                },
            ],
            "tools": [_LOOK_UP],
        },
        ("an animal of Africa", PIXEL.partition(",")[2]),
    ),
    "an image": (
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": PIXEL}}]}]},
        (PIXEL.partition(",")[2],),
    ),
    "an image by its address": (
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": _ADDRESS}}]}]},
        (_ADDRESS,),
    ),
    "a file": (
        {"messages": [{"role": "user", "content": [{"type": "file", "file": _FILE}]}]},
        (_FILE["file_data"].partition(",")[2],),
    ),
    "a schema": (
        {
            "messages": HELLO,
            "response_format": {"type": "json_schema", "json_schema": {"name": "age", "schema": _AGE}},
        },
        ("age_in_years",),
    ),
    "a stop": ({"messages": HELLO, "stop": ["THE-END"]}, ("THE-END",)),
}
"""Bodies that ask for what must not be left out in silence, and the words by which it is known in a request."""

_LOOK_AWAY = {"type": "function", "function": {"name": "look_away", "parameters": {"type": "object"}}}
_TOOLS = {"messages": HELLO, "tools": [_LOOK_UP, _LOOK_AWAY]}

CHOICES: dict[str, Any] = {
    "required": "required",
    "none": "none",
    "of one tool": {"type": "function", "function": {"name": "look_it_up"}},
}
"""Choices of tools that make another call of one that leaves them to the model."""

HINTS: dict[str, dict[str, Any]] = {
    "temperature": {"temperature": 0.25},
    "top_p": {"top_p": 0.125},
    "seed": {"seed": 7_654_321},
    "presence_penalty": {"presence_penalty": 0.75},
    "frequency_penalty": {"frequency_penalty": 0.75},
    "reasoning_effort": {"reasoning_effort": "high"},
    "user": {"user": "somebody"},
    "metadata": {"metadata": {"kind": "of a test"}},
    "parallel_tool_calls": {"parallel_tool_calls": False, **_TOOLS},
}
"""Fields that may be left out, but not without a word in `HttpRequest.dropped`, and bodies that have them."""


def telling_promises(provider: Provider) -> list[Promise]:
    """What is promised of what callers ask for besides words."""
    return [
        *(
            promise(nothing_is_left_out_in_silence, provider, *_TELLING[name], about=name)
            for name in _TELLING
        ),
        *(promise(a_choice_of_tools_is_kept, provider, CHOICES[name], about=name) for name in CHOICES),
        *(promise(what_is_dropped_is_named, provider, name, HINTS[name], about=name) for name in HINTS),
    ]


def nothing_is_left_out_in_silence(provider: Provider, body: dict[str, Any], words: tuple[str, ...]) -> None:
    """Tools, results, images, files, a form of the answer: the request says them, or the call is refused."""
    try:
        request = provider.request(call(body, output_cap=50))
    except BadRequest:
        return
    text = text_of(request)
    missing = [word for word in words if word not in text]
    ensure(
        not missing,
        f"the request lacks {', '.join(map(repr, missing))}; say it in the vendor's words, or refuse the call "
        "with BadRequest (`pixapi.adapters.refuse_unsayable` does, for what it is told that the vendor lacks)",
    )


def a_choice_of_tools_is_kept(provider: Provider, choice: object) -> None:
    """A tool that must be called, or none that may: the request says so, or the call is refused."""
    try:
        left_open = provider.request(call(_TOOLS, output_cap=50))
        chosen = provider.request(call({**_TOOLS, "tool_choice": choice}, output_cap=50))
    except BadRequest:
        return
    ensure(
        _said(left_open) != _said(chosen),
        "tool_choice changes nothing in the request; say it, leave the tools out where it is none, or refuse the call "
        "(`forced_tools` is the name of that lack)",
    )


def what_is_dropped_is_named(provider: Provider, name: str, body: dict[str, Any]) -> None:
    """A field that the vendor has no word for is refused, or named in `HttpRequest.dropped`: the caller is told."""
    asked = {"messages": HELLO, **body}
    try:
        without = provider.request(call({k: asked[k] for k in asked if k != name}, output_cap=50))
        request = provider.request(call(asked, output_cap=50))
    except BadRequest:
        return
    ensure(
        name in request.dropped or _said(request) != _said(without),
        f"{name} changes nothing in the request and is not among `dropped` (`pixapi.adapters.left_out` finds it)",
    )


def text_of(request: HttpRequest) -> str:
    """All of a request as text, in which words can be looked for."""
    headers = " ".join(f"{name}: {value}" for name, value in request.headers)
    return f"{request.url} {headers} {request.data.decode('utf-8', 'replace')}"


def _said(request: HttpRequest) -> tuple[str, tuple[tuple[str, str], ...], bytes]:
    return request.url, request.headers, request.data
