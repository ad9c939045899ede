"""The FastAPI half, and both halves together."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.types import ASGIApp

from pixapi import __version__
from pixapi.api import counting, errors, models, money, not_offered, operation
from pixapi.api.edge import Edge, with_cors
from pixapi.api.openapi import describe_hot_endpoints
from pixapi.calls.services import Services


def build_api(services: Services) -> ASGIApp:
    """The whole HTTP application over ``services``."""
    rest = FastAPI(
        title="Pixapi", version=__version__, docs_url=None, redoc_url=None, openapi_url="/openapi.json"
    )
    rest.state.services = services
    errors.install(rest)
    for router in (operation.router, counting.router, models.router, money.router, not_offered.router):
        rest.include_router(router)
    describe_hot_endpoints(rest)
    return with_cors(Edge(services, rest), services.configured.settings.server.cors_origins)
