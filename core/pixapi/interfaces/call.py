"""A call on its way from a consumer to a provider."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from pixapi.interfaces.chat import ChatReply, ChatRequest
from pixapi.interfaces.http import Body
from pixapi.interfaces.usage import Usage

Operation = Literal[
    "chat", "embeddings", "images", "image_edits", "speech", "transcriptions", "moderations", "rerank"
]
"""What is asked for. All but chat are asked (``Call.fields``) and answered (``Result.body``, under ``Call.alias``) in
OpenAI's dialect (rerank in Jina's shape), as a whole; images by some providers as a stream, too.
"""
BY_THE_PIECE: frozenset[Operation] = frozenset({"images", "image_edits"})
"""Operations whose requests vendors charge for once they accept them (`HttpRequest.paid`)."""
Dialect = str
"""Whose wire format a call speaks: a name of `pixapi.wire.offered.DIALECTS`."""
Framing = Literal["sse", "json"]
"""How a stream is cut into events: server-sent events, or the elements of one JSON array."""


class Upload(msgspec.Struct, frozen=True):
    """A file of a multipart body. ``name`` is the form field's, ``media_type`` what the caller says it is.

    ``content`` of a large file lies on the disk, and only as long as the call is served. `data` has all of it in
    memory: for those whose vendors want it encoded. Who sends a form passes the upload on and never looks at it.
    """

    name: str
    filename: str
    media_type: str
    content: bytes | Body

    @property
    def data(self) -> bytes:
        """All its bytes."""
        return self.content if isinstance(self.content, bytes) else b"".join(self.content.chunks())

    @property
    def size(self) -> int:
        """How many bytes it has."""
        return len(self.content)

    def start(self, size: int) -> bytes:
        """Its first bytes, ``size`` of them or as many as there are."""
        content = self.content
        return content[:size] if isinstance(content, bytes) else next(content.chunks(), b"")[:size]


class Call(msgspec.Struct):
    """What a provider is asked to do.

    ``fields`` is the caller's JSON body taken apart at its top level only: each value is the text the caller
    sent, so that what nobody needs to read survives unchanged. Where the dialect has them outside of the body
    (in the path), ``model`` and ``stream`` are put into it. Of a multipart body, ``fields`` has the texts as JSON
    strings, those that occur several times as a list, and ``uploads`` the files. ``output_cap`` is the
    number of output tokens the call has been priced for: the provider must not be asked for more.

    ``chat`` is the call in the internal model. The core sets it where a chat call's dialect is not one of the
    provider's own (`Provider.dialects`), and has refused before what cannot be read; else it is None and ``fields`` go
    on. `pixapi.adapters.read_chat` gives it in either case.
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
    """How the caller wants a stream cut. It is the encoder's business, and none of the provider's."""
    uploads: tuple[Upload, ...] = ()
    headers: Mapping[str, str] = {}
    """Of the caller's headers those by which its dialect asks for something, by lower-case names; no credential is
    among them. None goes on by itself: a provider sends what its settings allow."""


class Result(msgspec.Struct, frozen=True):
    """A whole reply. ``body`` is ready for the caller (same dialect); else ``chat`` is, for an encoder.

    ``usage`` None: the reply does not say, and the core estimates; of a chat also ``usage.input`` and ``usage.output``
    where they are None.
    ``media_type`` is that of ``body``.
    """

    usage: Usage | None
    body: bytes | None = None
    chat: ChatReply | None = None
    media_type: str = "application/json"
