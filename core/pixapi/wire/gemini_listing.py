"""The list of models in Gemini's shape (Gemini API reference, "Models"): ``{"models": [{"name":
"models/…"}], "nextPageToken"}``.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Any

import msgspec

from pixapi.errors import BadRequest
from pixapi.wire.json import encode

DEFAULT_PAGE = 50
MOST_PER_PAGE = 1000
_METHODS = ["generateContent", "streamGenerateContent", "countTokens"]


class Listed(msgspec.Struct, frozen=True):
    """A model as it is listed. Limits are tokens; None where they are not known."""

    id: str
    operation: str = "chat"
    """chat, embeddings, or any. Embeddings are not offered in this dialect."""
    input_limit: int | None = None
    output_limit: int | None = None


def write_model(model: Listed) -> dict[str, Any]:
    """One model."""
    said = {
        "name": f"models/{model.id}",
        "baseModelId": model.id,
        "version": "001",
        "displayName": model.id,
        "inputTokenLimit": model.input_limit,
        "outputTokenLimit": model.output_limit,
        "supportedGenerationMethods": _METHODS if model.operation in ("chat", "any") else [],
    }
    return {name: value for name, value in said.items() if value is not None}


def write_models(
    models: Sequence[Listed], *, page_size: str | None = None, page_token: str | None = None
) -> bytes:
    """One page of ``models``, which are in a fixed order; the token says after which id the next one begins.

    ``page_size`` and ``page_token`` are as the caller's query has them.

    Raises:
        BadRequest: one of them cannot be understood.
    """
    size = DEFAULT_PAGE
    if page_size:
        if not page_size.isascii() or not page_size.isdigit() or len(page_size) > 9:
            raise BadRequest("pageSize is not a whole number", param="pageSize")
        size = min(int(page_size) or DEFAULT_PAGE, MOST_PER_PAGE)
    after = _after(page_token) if page_token else None
    start = next((at + 1 for at, model in enumerate(models) if model.id == after), 0)
    if after is not None and start == 0:
        raise BadRequest("pageToken is out of date; start with the first page", param="pageToken")
    page = models[start : start + size]
    said: dict[str, Any] = {"models": [write_model(model) for model in page]}
    if start + size < len(models):
        said["nextPageToken"] = base64.urlsafe_b64encode(page[-1].id.encode()).decode()
    return encode(said)


def _after(token: str) -> str:
    try:
        return base64.urlsafe_b64decode(token.encode()).decode()
    except (binascii.Error, ValueError):
        raise BadRequest("pageToken is not one that this list gave out", param="pageToken") from None
