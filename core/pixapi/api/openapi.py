"""The hot endpoints in the OpenAPI document: FastAPI does not serve them, so it cannot know of them."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from pixapi.api.openapi_media import described, media_operations

_ERRORS = {
    "400": "The request is malformed",
    "401": "The API key is missing, unknown, revoked or expired",
    "402": "Not enough credit; the error says what is affordable",
    "403": "The key may not do this",
    "404": "There is no such model",
    "413": "The body is too large",
    "415": "The body is not JSON",
    "429": "Too many requests, tokens or calls at once; `Retry-After` says when to come back",
    "500": "A fault of the gateway",
    "502": "The model's server failed",
    "503": "The gateway cannot serve now",
    "504": "The model's server took too long",
}


_OTHER_CHATS = (
    ("/v1/responses", "create_response", "A response, plain or streamed, without state", ("model", "input")),
    ("/v1/messages", "create_message", "A message, plain or streamed", ("model", "max_tokens", "messages")),
    (
        "/v1beta/models/{model}:generateContent", "generate_content",
        "Content, whole (and the same under /v1)", ("contents",),
    ),
    (
        "/v1beta/models/{model}:streamGenerateContent", "stream_generate_content",
        "Content, streamed: events with ?alt=sse, else one JSON array (and the same under /v1)", ("contents",),
    ),
)  # fmt: skip


def describe_hot_endpoints(app: FastAPI) -> None:
    """Make ``app.openapi()`` tell of the endpoints that lie in front of it."""
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = plain()
            schema["components"] = schema.get("components", {}) | {
                "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}}
            }
            schema["components"].setdefault("schemas", {})["Error"] = _error_schema()
            schema["paths"]["/v1/chat/completions"] = {"post": _chat()}
            schema["paths"]["/v1/embeddings"] = {"post": _embeddings()}
            for path, name, summary, needs in _OTHER_CHATS:
                schema["paths"][path] = {"post": _other_chat(name, summary, needs)}
            schema["paths"] |= {path: {"post": said} for path, said in media_operations().items()}
            for path, methods in schema["paths"].items():
                if path.startswith(("/v1/", "/v1beta/")):
                    for operation in methods.values():
                        operation["security"] = [{"key": []}]
                        operation["responses"] = _error_responses() | operation["responses"]
                        operation["responses"].pop("422", None)
            app.openapi_schema = schema
        return app.openapi_schema

    app.openapi = openapi


def _error_schema() -> dict[str, Any]:
    text = {"type": ["string", "null"]}
    inner = {
        "type": "object",
        "required": ["message", "type", "code"],
        "properties": {
            "message": {"type": "string"},
            "type": {"type": "string"},
            "param": text,
            "code": text,
        },
    }
    return {"type": "object", "required": ["error"], "properties": {"error": inner}}


def _error_responses() -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    return {status: {"description": words, "content": content} for status, words in _ERRORS.items()}


def _chat() -> dict[str, Any]:
    message = {"type": "object", "required": ["role"], "properties": {"role": {"type": "string"}}}
    body = {
        "type": "object",
        "required": ["model", "messages"],
        "properties": {
            "model": {"type": "string"},
            "messages": {"type": "array", "minItems": 1, "items": message},
            "stream": {"type": ["boolean", "null"]},
            "max_completion_tokens": {"type": ["integer", "null"], "minimum": 1},
        },
        "additionalProperties": True,
    }
    replies = {
        "application/json": {"schema": {"type": "object"}},
        "text/event-stream": {"schema": {"type": "string"}},
    }
    return described("create_chat_completion", "A chat completion, plain or streamed", body, replies)


def _other_chat(name: str, summary: str, needs: tuple[str, ...]) -> dict[str, Any]:
    """A chat in another dialect, whose fields are those of the API that it is of."""
    body = {
        "type": "object",
        "required": list(needs),
        "properties": {name: {} for name in needs},
        "additionalProperties": True,
    }
    replies = {
        "application/json": {"schema": {"type": "object"}},
        "text/event-stream": {"schema": {"type": "string"}},
    }
    operation = described(name, summary, body, replies)
    if needs[0] != "model":
        operation["parameters"] = [
            {"name": "model", "in": "path", "required": True, "schema": {"type": "string"}}
        ]
    return operation


def _embeddings() -> dict[str, Any]:
    body = {
        "type": "object",
        "required": ["model", "input"],
        "properties": {
            "model": {"type": "string"},
            "input": {"type": ["string", "array"]},
            "encoding_format": {"enum": ["float", "base64"]},
        },
        "additionalProperties": True,
    }
    return described(
        "create_embedding",
        "Embeddings, as floats or base64",
        body,
        {"application/json": {"schema": {"type": "object"}}},
    )
