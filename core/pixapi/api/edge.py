"""The outermost layer: sends hot paths straight to their endpoints and gives every reply its request id."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from pixapi.calls.request_log import FailedRequest
from pixapi.calls.services import Services
from pixapi.gateway.endpoint import Endpoint
from pixapi.gateway.http import Receive, Scope, Send, headers_of
from pixapi.ids import new_id
from pixapi.wire.offered import CHAT_PATHS, DEFAULT, IN_PATH, OTHER_PATHS, dialect_of, read_path


class Edge:
    """An ASGI application of two halves: the hot endpoints, and everything else."""

    def __init__(self, services: Services, rest: ASGIApp) -> None:
        self._hot = {path: Endpoint(services, "chat", dialect) for path, dialect in CHAT_PATHS.items()}
        for path, operation in OTHER_PATHS.items():
            self._hot[path] = Endpoint(services, operation, DEFAULT)
        self._in_path = Endpoint(services, "chat", IN_PATH)
        self._services = services
        self._rest = rest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "POST":
            endpoint = self._hot.get(scope["path"])
            if endpoint is not None:
                return await endpoint(scope, receive, send)
            said = read_path(scope["path"])
            if said is not None and not said.counts:
                return await self._in_path(scope, receive, send, said)
        if scope["type"] != "http":
            return await self._rest(scope, receive, send)
        return await self._rest_of(scope, receive, send)

    async def _rest_of(self, scope: Scope, receive: Receive, send: Send) -> None:
        request_id = scope["pixapi.request_id"] = new_id("req")

        async def send_with_id(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), (b"x-request-id", request_id.encode())]
                if message["status"] >= 400 and scope["path"].startswith(("/v1/", "/v1beta/")):
                    self._note(scope, request_id, message["status"])
            await send(message)

        await self._rest(scope, receive, send_with_id)

    def _note(self, scope: Scope, request_id: str, status: int) -> None:
        self._services.request_log.record(
            FailedRequest(
                id=request_id,
                at_us=self._services.clock.now_us(),
                account_id=None,
                key_id=None,
                operation=scope["method"] + " " + scope["path"][:100],
                dialect=dialect_of(scope["path"], headers_of(scope)).name,
                model=None,
                route=None,
                http_status=status,
                error_code=scope.get("pixapi.error_code", str(status)),
                duration_ms=0,
            )
        )


def with_cors(app: ASGIApp, origins: list[str]) -> ASGIApp:
    """``app`` answering browsers of these origins; as it is if there are none."""
    if not origins:
        return app
    of_calls = ("charge", "cost", "balance", "route", "output-cap", "dropped")
    exposed = ["x-request-id", *(f"x-pixapi-{name}" for name in of_calls)]
    return CORSMiddleware(app, origins, allow_methods=["*"], allow_headers=["*"], expose_headers=exposed)
