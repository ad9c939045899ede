"""Embeddings in OpenAI's dialect, where the provider speaks another one (OpenAI API reference, "Create
embeddings").
"""

from __future__ import annotations

from typing import Any

import msgspec

from pixapi.errors import BadRequest
from pixapi.interfaces.call import Call
from pixapi.interfaces.usage import Usage
from pixapi.wire.json import Fields, decode_any, encode
from pixapi.wire.openai_result import encode_vector


class EmbeddingsRequest(msgspec.Struct, frozen=True):
    """What a caller wants embedded. ``purpose`` is Cohere's ``input_type``, where the caller names one."""

    texts: list[str]
    dimensions: int | None = None
    purpose: str | None = None


def read_embeddings_request(fields: Fields) -> EmbeddingsRequest:
    """The request that a body states.

    Raises:
        BadRequest: a field has a wrong type, or the input is given as tokens of OpenAI's own vocabulary.
    """
    given = _value(fields, "input")
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
        raise BadRequest(
            "input is no text; expected a string or a list of strings, since this model cannot read tokens of "
            "another vocabulary",
            param="input",
        )
    dimensions, purpose = _value(fields, "dimensions"), _value(fields, "input_type")
    if dimensions is not None and (not isinstance(dimensions, int) or isinstance(dimensions, bool)):
        raise BadRequest("dimensions has a wrong type; expected a whole number", param="dimensions")
    if purpose is not None and not isinstance(purpose, str):
        raise BadRequest("input_type has a wrong type; expected a string", param="input_type")
    return EmbeddingsRequest(texts, dimensions, purpose)


def encode_embeddings_reply(call: Call, vectors: list[list[float]], usage: Usage | None) -> bytes:
    """The vectors as the caller of ``call`` reads them: as numbers, or as base64 where it asked for that."""
    as_text = _value(call.fields, "encoding_format") == "base64"
    data = [
        {"object": "embedding", "index": at, "embedding": encode_vector(vector) if as_text else vector}
        for at, vector in enumerate(vectors)
    ]
    reply: dict[str, Any] = {"object": "list", "data": data, "model": call.alias}
    if usage is not None:
        tokens = usage.total_input()
        reply["usage"] = {"prompt_tokens": tokens, "total_tokens": tokens}
    return encode(reply)


def _value(fields: Fields, name: str) -> Any:
    try:
        return decode_any(fields[name]) if name in fields else None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise BadRequest(f"{name} is not valid JSON", param=name) from None
