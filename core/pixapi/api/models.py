"""`GET /v1/models`: the catalog as the caller's key sees it, in the shape that the caller's SDK reads."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from pixapi.api.access import Access, Authenticated
from pixapi.catalog.catalog import Entry
from pixapi.wire.offered import Listed, dialect_of, model_list, one_model

router = APIRouter(tags=["models"])


@router.get("/v1beta/models", include_in_schema=False)
@router.get("/v1/models", summary="List the models that this key may use")
async def list_models(request: Request, access: Authenticated) -> Response:
    principal = access.principal
    entries = access.services.configured.catalog.listed(principal.group, principal.models)
    dialect = dialect_of(request.url.path, request.headers)
    return _json(model_list(dialect, [_listed(entry) for entry in entries], request.query_params))


@router.get("/v1beta/models/{model:path}", include_in_schema=False)
@router.get("/v1/models/{model:path}", summary="One model")
async def show_model(request: Request, model: str, access: Authenticated) -> Response:
    return _json(one_model(dialect_of(request.url.path, request.headers), _listed(_entry(access, model))))


def _entry(access: Access, model: str) -> Entry:
    principal = access.principal
    return access.services.configured.catalog.find(model, principal.group, principal.models)


def _listed(entry: Entry) -> Listed:
    settings = entry.settings
    return Listed(settings.id, settings.owned_by, settings.created, settings.operation)


def _json(body: bytes) -> Response:
    return Response(body, media_type="application/json")
