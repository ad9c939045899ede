"""A call on its way from a consumer to a provider."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from pixapi.interfaces.chat import ChatReply, ChatRequest
from pixapi.interfaces.usage import Usage

Operation = Literal[
    "chat", "embeddings", "images", "image_edits", "speech", "transcriptions", "moderations", "rerank"
]
"""What is asked for. All but chat are asked and answered in OpenAI's dialect, as a whole (rerank in Jina's shape)."""
Dialect = str
"""Whose wire format a call speaks: a name of `pixapi.wire.offered.DIALECTS`."""
Framing = Literal["sse", "json"]
"""How a stream is cut into events: server-sent events, or the elements of one JSON array."""


class Upload(msgspec.Struct, frozen=True):
    """A file of a multipart body. ``name`` is the form field's, ``media_type`` what the caller says it is."""

    name: str
    filename: str
    media_type: str
    data: bytes


class Call(msgspec.Struct):
    """What a provider is asked to do.

    ``fields`` is the caller's JSON body taken apart at its top level only: each value is the text the caller
    sent, so that what nobody needs to read survives unchanged. Where the dialect has them outside of the body
    (in the path), ``model`` and ``stream`` are put into it. Of a multipart body, ``fields`` has the texts as JSON
    strings, those that occur several times as a list, and ``uploads`` the files. ``output_cap`` is the
    number of output tokens the call has been priced for: the provider must not be asked for more.

    ``chat`` is the call in the internal model. The core sets it where a chat call's dialect is not one of the
    provider's own (`Provider.dialects`); else it is None and ``fields`` go on.
    """

    id: str
    """The request id, for logs."""
    operation: Operation
    dialect: Dialect
    alias: str
    """The model as the caller named it; replies carry this name."""
    model: str
    """The model as the provider knows it."""
    fields: dict[str, msgspec.Raw]
    reply_id: str
    """The id that replies carry in place of the provider's."""
    created: int
    """Unix seconds, for replies that the gateway builds itself."""
    stream: bool = False
    include_usage: bool = False
    """The caller asked for usage within the stream."""
    output_cap: int | None = None
    chat: ChatRequest | None = None
    framing: Framing = "sse"
    """How the caller wants a stream cut; providers are always asked for server-sent events."""
    uploads: tuple[Upload, ...] = ()
    headers: Mapping[str, str] = {}
    """Of the caller's headers those by which its dialect asks for something, by lower-case names; no credential is
    among them. None goes on by itself: a provider sends what its settings allow."""


class Result(msgspec.Struct, frozen=True):
    """A whole reply. ``body`` is ready for the caller (same dialect); else ``chat`` is, for an encoder.

    ``usage`` None: the reply does not say, and the core estimates. ``media_type`` is that of ``body``.
    """

    usage: Usage | None
    body: bytes | None = None
    chat: ChatReply | None = None
    media_type: str = "application/json"
