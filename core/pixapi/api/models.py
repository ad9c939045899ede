"""`GET /v1/models`: the catalog as the caller's key sees it, in the shape of OpenAI's API."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from pixapi.api.access import Authenticated
from pixapi.catalog.catalog import Entry

router = APIRouter(tags=["models"])


@router.get("/v1/models", summary="List the models that this key may use")
async def list_models(access: Authenticated) -> dict[str, Any]:
    principal = access.principal
    entries = access.services.configured.catalog.listed(principal.group, principal.models)
    return {"object": "list", "data": [_as_json(entry) for entry in entries]}


@router.get("/v1/models/{model:path}", summary="One model")
async def show_model(model: str, access: Authenticated) -> dict[str, Any]:
    principal = access.principal
    return _as_json(access.services.configured.catalog.find(model, principal.group, principal.models))


def _as_json(entry: Entry) -> dict[str, Any]:
    settings = entry.settings
    return {"id": settings.id, "object": "model", "created": settings.created, "owned_by": settings.owned_by}
