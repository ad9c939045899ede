"""The dialects that callers may speak, and how a request shows which one it speaks.

Vendors' names stay in this package: the gateway knows dialects by what is said of them here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import msgspec

from pixapi.interfaces.call import Dialect, Operation
from pixapi.wire import anthropic_count, anthropic_model_list, gemini_count, gemini_listing
from pixapi.wire.anthropic_dialect import AnthropicDialect
from pixapi.wire.dialect import ChatDialect
from pixapi.wire.gemini_dialect import GeminiDialect
from pixapi.wire.json import FALSE, TRUE, Fields, encode, raw
from pixapi.wire.openai_dialect import OpenAIDialect
from pixapi.wire.openai_media import PATHS
from pixapi.wire.responses_dialect import ResponsesDialect

OPENAI = OpenAIDialect()
RESPONSES = ResponsesDialect()
ANTHROPIC = AnthropicDialect()
GEMINI = GeminiDialect()

DEFAULT = OPENAI
"""The dialect of everything that no other has a word for."""
IN_PATH = GEMINI
"""The dialect whose calls `read_path` reads."""

DIALECTS: Mapping[Dialect, ChatDialect] = MappingProxyType(
    {dialect.name: dialect for dialect in (OPENAI, RESPONSES, ANTHROPIC, GEMINI)}
)
"""Every dialect by its name."""

CHAT_PATHS: Mapping[str, ChatDialect] = MappingProxyType(
    {"/v1/chat/completions": OPENAI, "/v1/responses": RESPONSES, "/v1/messages": ANTHROPIC}
)
"""Where callers of each dialect POST their chats, but for the one that has the model in its path."""

OTHER_PATHS: Mapping[str, Operation] = MappingProxyType(
    {"/v1/embeddings": "embeddings", **{"/v1" + path: operation for operation, path in PATHS.items()}}
)
"""Where callers of the default dialect POST what is no chat."""

_MODEL_PATH = re.compile(r"/v1(?:beta)?/models/(?P<model>[^:]+(?::[^:]+)*):(?P<method>[A-Za-z]+)")
_STREAMS = {"generateContent": FALSE, "streamGenerateContent": TRUE}
_COUNTS = "countTokens"


class PathCall(msgspec.Struct, frozen=True):
    """What a path says of a call: fields that other dialects have in the body. ``counts``: only its tokens are asked
    for.
    """

    dialect: ChatDialect
    fields: Fields
    counts: bool = False


def read_path(path: str) -> PathCall | None:
    """A call whose model and method stand in its path; None for any other path, or a method not offered."""
    match = _MODEL_PATH.fullmatch(path) if ":" in path else None
    if match is None:
        return None
    fields = {"model": raw(match["model"])}
    if match["method"] == _COUNTS:
        return PathCall(GEMINI, fields, counts=True)
    stream = _STREAMS.get(match["method"])
    return None if stream is None else PathCall(GEMINI, {**fields, "stream": stream})


def dialect_of(path: str, headers: Mapping[str, str]) -> ChatDialect:
    """Whose errors and lists a caller expects who is no chat; ``headers`` have lower-case names."""
    if path.startswith("/v1/messages") or "anthropic-version" in headers:
        return ANTHROPIC
    if path.startswith("/v1beta/") or "x-goog-api-key" in headers or _MODEL_PATH.fullmatch(path):
        return GEMINI
    return OPENAI


class Listed(msgspec.Struct, frozen=True):
    """A model of the catalog as lists show it; ``created`` is Unix seconds."""

    id: str
    owned_by: str
    created: int
    operation: str


def model_list(dialect: ChatDialect, models: Sequence[Listed], query: Mapping[str, str]) -> bytes:
    """The models in the shape of the dialect's API.

    Raises:
        BadRequest: the page that the query asks for does not exist.
    """
    if dialect is ANTHROPIC:
        entries = [anthropic_model_list.ModelEntry(m.id, m.id, m.created) for m in models]
        return anthropic_model_list.models_body(entries, anthropic_model_list.read_page(query))
    if dialect is GEMINI:
        listed = [gemini_listing.Listed(m.id, m.operation) for m in models]
        return gemini_listing.write_models(
            listed, page_size=query.get("pageSize"), page_token=query.get("pageToken")
        )
    return encode({"object": "list", "data": [_openai_model(model) for model in models]})


def one_model(dialect: ChatDialect, model: Listed) -> bytes:
    """One model in the shape of the dialect's API."""
    if dialect is ANTHROPIC:
        return anthropic_model_list.model_body(
            anthropic_model_list.ModelEntry(model.id, model.id, model.created)
        )
    if dialect is GEMINI:
        return encode(gemini_listing.write_model(gemini_listing.Listed(model.id, model.operation)))
    return encode(_openai_model(model))


def _openai_model(model: Listed) -> dict[str, object]:
    return {"id": model.id, "object": "model", "created": model.created, "owned_by": model.owned_by}


class Counting(msgspec.Struct, frozen=True):
    """How a dialect asks for the tokens of a call and is told."""

    fields: Callable[[Fields], Fields]
    """The call's fields from those of the request."""
    reply: Callable[[int], bytes]


COUNTING: Mapping[Dialect, Counting] = MappingProxyType(
    {
        ANTHROPIC.name: Counting(lambda fields: fields, anthropic_count.write_count),
        GEMINI.name: Counting(gemini_count.read_count, gemini_count.write_count_reply),
    }
)
"""The dialects in which tokens can be counted beforehand."""
