"""Images, sounds, judgements and searches in the OpenAPI document."""

from __future__ import annotations

from typing import Any

_TEXT: dict[str, Any] = {"type": "string", "minLength": 1}
_FILE: dict[str, Any] = {"type": "string", "format": "binary"}
_COUNT: dict[str, Any] = {"type": ["integer", "null"], "minimum": 1, "maximum": 128}
_JSON = {"application/json": {"schema": {"type": "object"}}}
_SOUND = {"audio/*": {"schema": {"type": "string", "format": "binary"}}}
_FORM = "multipart/form-data"


def described(
    name: str,
    summary: str,
    body: dict[str, Any],
    reply: dict[str, Any],
    *,
    media_type: str = "application/json",
) -> dict[str, Any]:
    """An operation of the document; ``reply`` is the content of its 200."""
    return {
        "tags": ["calls"],
        "summary": summary,
        "operationId": name,
        "requestBody": {"required": True, "content": {media_type: {"schema": body}}},
        "responses": {"200": {"description": "The reply, in the shape of OpenAI's API", "content": reply}},
    }


def media_operations() -> dict[str, dict[str, Any]]:
    """What is POSTed to which path."""
    image = {"prompt": _TEXT, "n": _COUNT, "size": {"type": ["string", "null"]}}
    edit = {
        "image": _FILE,
        "prompt": _TEXT,
        "mask": _FILE,
        "n": {"type": "integer"},
        "size": {"type": "string"},
    }
    speech = {"input": _TEXT, "voice": {"type": ["string", "object"]}, "response_format": {"type": "string"}}
    heard = {"file": _FILE, "language": {"type": "string"}, "response_format": {"type": "string"}}
    ranked = {
        "query": _TEXT,
        "documents": {"type": "array", "minItems": 1, "items": {"type": ["string", "object"]}},
        "top_n": {"type": ["integer", "null"]},
        "return_documents": {"type": ["boolean", "null"]},
    }
    judged = {"input": {"type": ["string", "array"]}}
    return {
        "/v1/images/generations": described("create_image", "Images of a text", _body(image, 1), _JSON),
        "/v1/images/edits": described(
            "create_image_edit", "Images changed by a text", _body(edit, 2), _JSON, media_type=_FORM
        ),
        "/v1/audio/speech": described("create_speech", "A text, spoken", _body(speech, 1), _SOUND),
        "/v1/audio/transcriptions": described(
            "create_transcription",
            "What is said in a file of sound",
            _body(heard, 1),
            _JSON,
            media_type=_FORM,
        ),
        "/v1/moderations": described(
            "create_moderation", "Whether texts or images are harmful", _body(judged, 1), _JSON
        ),
        "/v1/rerank": described(
            "create_rerank", "Documents in the order in which they answer a query", _body(ranked, 2), _JSON
        ),
    }


def _body(properties: dict[str, Any], required: int) -> dict[str, Any]:
    """Of ``properties`` the first ones are ``required``, beside the model."""
    return {
        "type": "object",
        "required": ["model", *list(properties)[:required]],
        "properties": {"model": {"type": "string"}, **properties},
        "additionalProperties": True,
    }
