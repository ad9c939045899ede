"""What a chat request may ask for beside the conversation itself, and what becomes of it on the way to a server
that has no word for it.

A *term* is a field of the internal model or a known key of its ``extra``. Some are vital: without them the answer
would be one to another question, or of another shape, so the request is refused with a sentence that names the
field. The others steer chance, cost, speed or somebody's bookkeeping: they are dropped, and the caller is told so in
a header. Each writer declares in its `Words` which terms it has a word for, and where in the body that word stands;
what was dropped is read off the body that was written, so that no path through a writer can forget to tell.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from pixapi.errors import BadRequest
from pixapi.interfaces.chat import ChatRequest
from pixapi.wire.json import Fields

_NOT_OFFERED = "{name} is not offered by this model's provider; leave it out"
_NOTHING = (b"null", b"false")


class Term(msgspec.Struct, frozen=True):
    """``asks`` tells whether a request asks for the term; saying what holds anyway is not asking."""

    asks: Callable[[ChatRequest], bool]
    vital: bool = False
    refusal: str = _NOT_OFFERED


class Word(msgspec.Struct, frozen=True):
    """How a server is told of a term: it has been told where the body has any of ``places``, dotted paths.

    ``but`` says, for the documentation, when it is not.
    """

    places: tuple[str, ...]
    but: str = ""


class Words(msgspec.Struct, frozen=True):
    """What a family of servers can be told.

    ``passes_unknown``: keys of ``extra`` that nobody here knows go on as they are.
    """

    words: Mapping[str, Word]
    passes_unknown: bool = False


def _given(name: str) -> Term:
    return Term(lambda request: getattr(request, name) is not None)


def _extra(name: str, *, vital: bool = False) -> Term:
    return Term(lambda request: bool(request.extra.get(name)), vital)


def _limits_calls(request: ChatRequest) -> bool:
    calls = bool(request.tools) and (request.tool_choice is None or request.tool_choice.mode != "none")
    return calls and request.parallel_tool_calls is False


def _is_shaped(request: ChatRequest) -> bool:
    return request.response_format is not None and request.response_format.kind != "text"


def _wants_more_than_text(request: ChatRequest) -> bool:
    kinds = request.extra.get("modalities")
    return isinstance(kinds, list) and any(kind != "text" for kind in kinds)


TERMS: Mapping[str, Term] = MappingProxyType(
    {
        "tools": Term(lambda request: bool(request.tools), vital=True),
        "tool_choice": Term(lambda request: request.tool_choice is not None, vital=True),
        "parallel_tool_calls": Term(
            _limits_calls, vital=True, refusal="{name} cannot be turned off for this model; leave it out"
        ),
        "response_format": Term(_is_shaped, vital=True),
        "max_output": Term(lambda request: request.max_output is not None, vital=True),
        "stop": Term(lambda request: bool(request.stop), vital=True),
        "n": Term(
            lambda request: request.n > 1,
            vital=True,
            refusal="{name} is larger than 1; this model answers with one choice only",
        ),
        "temperature": _given("temperature"),
        "top_p": _given("top_p"),
        "top_k": _given("top_k"),
        "seed": _given("seed"),
        "reasoning_effort": Term(lambda request: request.reasoning_effort not in (None, "none")),
        "reasoning_budget": _given("reasoning_budget"),
        "user": _given("user"),
        "logprobs": Term(lambda request: request.extra.get("logprobs") is True, vital=True),
        "top_logprobs": _extra("top_logprobs", vital=True),
        "logit_bias": _extra("logit_bias", vital=True),
        "modalities": Term(_wants_more_than_text, vital=True),
        "audio": _extra("audio", vital=True),
        "web_search_options": Term(
            lambda request: request.extra.get("web_search_options") is not None, vital=True
        ),
        "moderation": _extra("moderation", vital=True),
        "presence_penalty": _extra("presence_penalty"),
        "frequency_penalty": _extra("frequency_penalty"),
        "verbosity": _extra("verbosity"),
        "prediction": _extra("prediction"),
        "metadata": _extra("metadata"),
        "store": _extra("store"),
        "service_tier": _extra("service_tier"),
        "prompt_cache_key": _extra("prompt_cache_key"),
        "prompt_cache_options": _extra("prompt_cache_options"),
        "prompt_cache_retention": _extra("prompt_cache_retention"),
        "safety_identifier": _extra("safety_identifier"),
        "cache_control": _extra("cache_control"),
        "thinking": _extra("thinking"),
        "output_config": _extra("output_config"),
        "extra_body": _extra("extra_body"),
        "google": _extra("google"),
    }
)
"""Every term by its name in the internal model."""

OF_THE_MODEL = frozenset(ChatRequest.__struct_fields__)
"""Terms that are fields of the model; the others are keys of ``extra``."""

_HINTS = tuple((term, known.asks) for term, known in TERMS.items() if not known.vital)
_HINTS_OF_THE_MODEL = tuple((term, asks) for term, asks in _HINTS if term in OF_THE_MODEL)


def refuse_unsayable(request: ChatRequest, words: Words) -> None:
    """Raise BadRequest where ``request`` asks for a vital term that the server has no word for; ``param`` is the
    field as the caller calls it.
    """
    for term, known in TERMS.items():
        if term in words.words or not known.vital:
            continue
        if known.asks(request):
            name = request.names.get(term, term)
            raise BadRequest(known.refusal.format(name=name), param=name)


def unsaid(request: ChatRequest, body: Mapping[str, Any], words: Words) -> tuple[str, ...]:
    """What ``request`` asks for and ``body`` does not say, as the caller calls it."""
    lost = (term for term in hints(request) if not _says(body, term, words))
    return tuple(dict.fromkeys(request.names.get(term, term) for term in lost))


def withheld(
    fields: Fields, body: Mapping[str, Any], among: Collection[str] | None = None
) -> tuple[str, ...]:
    """What a call in the server's own dialect says, if it is ``among`` these names, and ``body`` does not."""
    return tuple(
        name
        for name, value in fields.items()
        if name not in body and (among is None or name in among) and bytes(value) not in _NOTHING
    )


def is_foreign(term: str, words: Words) -> bool:
    """Whether ``term`` is a known one that the server has no word for."""
    return term in TERMS and term not in words.words


def hints(request: ChatRequest) -> Iterator[str]:
    """The terms that are asked for and are not vital, unknown keys of ``extra`` included."""
    for term, asks in _HINTS if request.extra else _HINTS_OF_THE_MODEL:
        if asks(request):
            yield term
    for name, value in request.extra.items():
        if name not in TERMS and value is not None:
            yield name


def _says(body: Mapping[str, Any], term: str, words: Words) -> bool:
    word = words.words.get(term)
    if word is None:
        return words.passes_unknown and term in body
    return any(_has(body, place.split(".")) for place in word.places)


def _has(body: Any, path: list[str]) -> bool:
    for name in path:
        if not isinstance(body, Mapping) or name not in body:
            return False
        body = body[name]
    return True
