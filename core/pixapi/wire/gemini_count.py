"""``:countTokens`` both ways (Gemini API reference, "Counting tokens").

A body holds either ``contents``, or a whole request in ``generateContentRequest`` (or, at Vertex AI, the
members of one beside ``contents``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pixapi.errors import BadRequest, UpstreamInvalid
from pixapi.interfaces.chat import ChatRequest
from pixapi.wire.gemini_errors import not_understood
from pixapi.wire.gemini_forward import checked
from pixapi.wire.gemini_names import BROKEN, field, whole
from pixapi.wire.gemini_request import write_request
from pixapi.wire.json import Fields, decode_fields, encode, lenient


def read_count(fields: Fields) -> Fields:
    """The fields of the request whose tokens are asked for, as `GeminiDialect` reads them. Raises BadRequest."""
    inner = field(fields, "generateContentRequest")
    if inner is None:
        return fields
    try:
        asked = decode_fields(inner)
    except BROKEN:
        raise BadRequest("generateContentRequest is not an object", param="generateContentRequest") from None
    return asked | {name: fields[name] for name in ("model", "stream") if name in fields}


def write_count_reply(tokens: int) -> bytes:
    """The answer to a caller; all of it counts as text."""
    details = [{"modality": "TEXT", "tokenCount": tokens}]
    return encode({"totalTokens": tokens, "promptTokensDetails": details})


def forward_count(fields: Fields, model: str, *, flat: bool = False) -> bytes:
    """The body for Google's server from the fields of a caller of this dialect (`read_count`).

    ``flat``: as Vertex AI wants it. Raises BadRequest.
    """
    asked = {name: text for name, text in fields.items() if name not in ("model", "stream")}
    return _body({**asked, **checked(asked)}, model, flat=flat)


def write_count(request: ChatRequest, *, model: str, maker: str, flat: bool = False) -> bytes:
    """The body for Google's server from a caller of another dialect. Raises BadRequest."""
    return _body(write_request(request, model=model, max_output=None, maker=maker), model, flat=flat)


def _body(asked: Mapping[str, Any], model: str, *, flat: bool) -> bytes:
    if flat or set(asked) <= {"contents"}:
        return encode(asked)
    return encode({"generateContentRequest": {"model": f"models/{model}", **asked}})


def read_count_reply(body: bytes) -> int:
    """How many tokens Google's server counted.

    Raises:
        UpstreamError: it is an error in spite of its status.
        UpstreamInvalid: it holds no count.
    """
    try:
        fields = decode_fields(body)
    except BROKEN:
        raise not_understood(body) from None
    tokens = whole(lenient(field(fields, "totalTokens")))
    if tokens is None or tokens < 0:
        if "error" in fields:
            raise not_understood(body)
        raise UpstreamInvalid("The provider of this model answered without a count of tokens; try again.")
    return tokens
