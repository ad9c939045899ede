"""Embeddings of Google's models for callers of OpenAI's dialect (Gemini API reference, "Embeddings"; Vertex
AI reference, "Text embeddings").

Google has three ways to ask: a batch of contents (Gemini API), one content, and instances to predict (both
Vertex AI). ``task_type`` and ``title``, which OpenAI's dialect does not know, are passed on where the caller
sends them.
"""

from __future__ import annotations

from typing import Any

from pixapi.errors import BadRequest, UpstreamInvalid
from pixapi.interfaces.call import Call, Result
from pixapi.interfaces.usage import Usage
from pixapi.wire.gemini_errors import not_understood
from pixapi.wire.gemini_names import BROKEN, field, listed, member, value, whole
from pixapi.wire.gemini_usage import read_usage
from pixapi.wire.json import Fields, decode_fields, encode, lenient
from pixapi.wire.openai_result import encode_vector

_OPTIONS = (("task_type", "taskType"), ("title", "title"))


def write_batch(call: Call) -> bytes:
    """The body of ``:batchEmbedContents``. Raises BadRequest."""
    options = _options(call.fields, "outputDimensionality")
    model = f"models/{call.model}"
    requests = [{"model": model, "content": _content(text), **options} for text in _texts(call.fields)]
    return encode({"requests": requests})


def write_one(call: Call) -> bytes:
    """The body of ``:embedContent``. Raises BadRequest."""
    texts = _texts(call.fields)
    if len(texts) > 1:
        raise BadRequest("this model embeds one text a call; input holds several", param="input")
    return encode({"content": _content(texts[0]), **_options(call.fields, "outputDimensionality")})


def write_instances(call: Call) -> bytes:
    """The body of ``:predict``. Raises BadRequest."""
    options = _options(call.fields, "outputDimensionality")
    dimensions = options.pop("outputDimensionality", None)
    instances = [
        {
            "content": text,
            **{"task_type" if name == "taskType" else name: said for name, said in options.items()},
        }
        for text in _texts(call.fields)
    ]
    body: dict[str, Any] = {"instances": instances}
    if dimensions is not None:
        body["parameters"] = {"outputDimensionality": dimensions}
    return encode(body)


def read_embeddings(call: Call, body: bytes) -> Result:
    """The reply to any of the three, as OpenAI's callers read it.

    Raises:
        UpstreamError: it is an error in spite of its status.
        UpstreamInvalid: it holds no vectors.
    """
    try:
        fields = decode_fields(body)
    except BROKEN:
        raise not_understood(body) from None
    if "error" in fields:
        raise not_understood(body)
    vectors, counted = _vectors(fields)
    if not vectors or not all(_is_vector(vector) for vector in vectors):
        raise UpstreamInvalid("The provider of this model answered without any embedding; try again.")
    usage = read_usage(lenient(field(fields, "usageMetadata")))
    tokens = usage.total_input() if usage is not None else counted
    as_text = bytes(call.fields.get("encoding_format", b"null")) == b'"base64"'
    data = [
        {"object": "embedding", "index": at, "embedding": encode_vector(vector) if as_text else vector}
        for at, vector in enumerate(vectors)
    ]
    said: dict[str, Any] = {"object": "list", "data": data, "model": call.alias}
    if tokens is not None:
        said["usage"] = {"prompt_tokens": tokens, "total_tokens": tokens}
    return Result(usage=None if tokens is None else Usage(input=tokens), body=encode(said))


def _vectors(fields: Fields) -> tuple[list[Any], int | None]:
    """The vectors, and the tokens where each of them states its own."""
    found = [lenient(field(fields, "embedding"))] if "embedding" in fields else []
    found += listed(lenient(field(fields, "embeddings")))
    counts: list[int | None] = []
    for prediction in listed(lenient(field(fields, "predictions"))):
        inner = member(prediction, "embeddings") if isinstance(prediction, dict) else None
        found.append(inner)
        statistics = member(inner, "statistics") if isinstance(inner, dict) else None
        counts.append(whole(member(statistics, "tokenCount")) if isinstance(statistics, dict) else None)
    known = [max(count, 0) for count in counts if count is not None]
    vectors = [item.get("values") if isinstance(item, dict) else None for item in found]
    return vectors, sum(known) if known and len(known) == len(vectors) else None


def _is_vector(vector: Any) -> bool:
    return isinstance(vector, list) and bool(vector) and all(type(item) in (int, float) for item in vector)


def _content(text: str) -> dict[str, Any]:
    return {"parts": [{"text": text}]}


def _texts(fields: Fields) -> list[str]:
    said = value(fields, "input")
    texts = [said] if isinstance(said, str) else said
    if not isinstance(texts, list) or not texts:
        raise BadRequest("input is missing; expected a string or a list of strings", param="input")
    if not all(isinstance(text, str) and text for text in texts):
        raise BadRequest(
            "input holds something other than text, or an empty text; this model embeds text only",
            param="input",
        )
    return texts


def _options(fields: Fields, dimensions: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    size = value(fields, "dimensions")
    if size is not None:
        number = whole(size)
        if number is None or number < 1:
            raise BadRequest("dimensions is not a positive whole number", param="dimensions")
        found[dimensions] = number
    for ours, theirs in _OPTIONS:
        said = value(fields, ours)
        if isinstance(said, str) and said:
            found[theirs] = said
    return found
