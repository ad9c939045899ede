"""Every error leaves in the shape that the caller's SDK reads."""

from __future__ import annotations

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from pixapi.errors import BadRequest, CallerError, MethodNotAllowed, NotFound, PixapiError
from pixapi.gateway.http import error_headers
from pixapi.gateway.outcome import internal_error
from pixapi.telemetry.logs import logger
from pixapi.wire.base_url import advice
from pixapi.wire.offered import dialect_of

log = logger("api")


def _reply(request: Request, error: PixapiError) -> Response:
    request.scope["pixapi.error_code"] = error.code
    headers = {name.decode(): value.decode() for name, value in error_headers(error)}
    dialect = dialect_of(request.url.path, request.headers)
    body = dialect.error(error, request.scope.get("pixapi.request_id", ""))
    return Response(body, status_code=error.status, headers=headers, media_type="application/json")


async def _expected(request: Request, error: Exception) -> Response:
    assert isinstance(error, PixapiError)
    return _reply(request, error)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    path = request.url.path
    if error.status_code == 404:
        what_to_do = advice(path) or "see /openapi.json for what there is"
        return _reply(request, NotFound(f"there is nothing at {request.method} {path}; {what_to_do}"))
    if error.status_code == 405:
        return _reply(request, MethodNotAllowed(f"{path} does not take {request.method}"))
    return _reply(request, CallerError(str(error.detail), status=error.status_code))


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"][1:])
    return _reply(request, BadRequest(f"`{where}`: {first['msg']}", param=where or None))


async def _unexpected(request: Request, error: Exception) -> Response:
    request_id = request.scope.get("pixapi.request_id", "")
    log.error("request_failed", request_id=request_id, exc_info=error)
    return _reply(request, internal_error(error, request_id))


def install(app: FastAPI) -> None:
    """Make ``app`` answer with our errors only."""
    app.add_exception_handler(PixapiError, _expected)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(Exception, _unexpected)
