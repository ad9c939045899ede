"""Embeddings on Amazon Bedrock, whose models each keep their maker's own shape behind ``InvokeModel``
(Amazon Bedrock user guide, "Amazon Titan Text Embeddings", "Amazon Nova Multimodal Embeddings", "Cohere
Embed").

Which shape it is shows in the model's name. A text that is too long is refused rather than cut in silence.
The tokens are counted in the header ``x-amzn-bedrock-input-token-count``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from pixapi.errors import BadRequest, UpstreamInvalid
from pixapi.interfaces.usage import Usage
from pixapi.wire.bedrock_errors import not_understood
from pixapi.wire.json import decode_any
from pixapi.wire.openai_embeddings import EmbeddingsRequest

_COUNT = "x-amzn-bedrock-input-token-count"
_NO_DIMENSIONS = "dimensions is not offered by this model; leave it out"


def write_invocation(asked: EmbeddingsRequest, model: str) -> dict[str, Any]:
    """The body for ``POST /model/{id}/invoke``; a name that shows no shape is taken for a Titan's.

    Raises:
        BadRequest: the model takes one text at a time, or other dimensions.
    """
    if "cohere.embed" in model:
        return _cohere(asked, model)
    if len(asked.texts) > 1:
        raise BadRequest("input is a list; this model embeds one text at a time", param="input")
    return _nova(asked) if "amazon.nova" in model else _titan(asked, model)


def read_vectors(body: bytes, headers: Mapping[str, str]) -> tuple[list[list[float]], Usage | None]:
    """The vectors of a reply of any of the shapes, and what it used.

    Raises:
        UpstreamError: it is an error in spite of its status.
        UpstreamInvalid: it holds no vectors.
    """
    try:
        said = decode_any(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise not_understood(body) from None
    if not isinstance(said, dict) or not ({"embedding", "embeddings"} & said.keys()):
        raise not_understood(body)
    found = said.get("embeddings", [said.get("embedding")])
    if isinstance(found, dict):
        found = found.get("float")
    if isinstance(found, list):
        found = [item.get("embedding") if isinstance(item, dict) else item for item in found]
    try:
        vectors = msgspec.convert(found, list[list[float]])
    except msgspec.ValidationError:
        raise UpstreamInvalid("The provider of this model answered without vectors; try again.") from None
    count = headers.get(_COUNT, "")
    tokens = int(count) if count.isdecimal() else said.get("inputTextTokenCount")
    return vectors, Usage(input=tokens) if isinstance(tokens, int) else None


def _cohere(asked: EmbeddingsRequest, model: str) -> dict[str, Any]:
    body: dict[str, Any] = {
        "texts": asked.texts,
        "input_type": asked.purpose or "search_document",
        "truncate": "NONE",
    }
    if asked.dimensions is not None:
        if "-v3" in model:
            raise BadRequest(_NO_DIMENSIONS, param="dimensions")
        body["output_dimension"] = asked.dimensions
    return body


def _nova(asked: EmbeddingsRequest) -> dict[str, Any]:
    text = {"value": asked.texts[0], "truncationMode": "NONE"}
    single: dict[str, Any] = {"embeddingPurpose": asked.purpose or "GENERIC_INDEX", "text": text}
    if asked.dimensions is not None:
        single["embeddingDimension"] = asked.dimensions
    return {"taskType": "SINGLE_EMBEDDING", "singleEmbeddingParams": single}


def _titan(asked: EmbeddingsRequest, model: str) -> dict[str, Any]:
    body: dict[str, Any] = {"inputText": asked.texts[0]}
    if asked.dimensions is not None:
        if "-v1" in model:
            raise BadRequest(_NO_DIMENSIONS, param="dimensions")
        body["dimensions"] = asked.dimensions
    return body
