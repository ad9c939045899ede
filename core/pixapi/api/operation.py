"""For whoever runs it: is the process alive, can it serve, what does it count."""

from __future__ import annotations

import hmac
from typing import Any

from fastapi import APIRouter, Request, Response
from sqlalchemy import text
from starlette.concurrency import run_in_threadpool

from pixapi.api.access import Process
from pixapi.calls.services import Services
from pixapi.errors import PixapiError, Unauthenticated

router = APIRouter(tags=["operation"])


@router.get("/healthz", summary="The process answers")
async def healthz() -> dict[str, str]:
    return {"status": "ok"}


@router.get("/readyz", summary="The process can serve calls: database reachable, keys up to date")
async def readyz(services: Process, response: Response) -> dict[str, Any]:
    problems = await run_in_threadpool(_problems, services)
    response.status_code = 503 if problems else 200
    return {"status": "not ready" if problems else "ready", "problems": problems}


def _problems(services: Services) -> list[str]:
    problems = []
    try:
        with services.database.read() as connection:
            connection.execute(text("SELECT 1"))
    except PixapiError as error:
        problems.append(f"database: {error.message}")
    if not services.keyring.ready():
        problems.append("keys: no successful look at the database for too long")
    return problems


@router.get("/metrics", summary="Counters in Prometheus' text format", response_class=Response)
async def metrics(request: Request, services: Process) -> Response:
    token = services.configured.settings.telemetry.metrics_token
    sent = request.headers.get("authorization", "").removeprefix("Bearer ")
    if token and not hmac.compare_digest(sent.encode(), token.encode()):
        raise Unauthenticated("/metrics wants the bearer token set as telemetry.metrics_token")
    services.afterwards.do()
    now_s = services.clock.monotonic_s()
    services.metrics.health(services.board.route_states(now_s), services.board.key_states(now_s))
    services.metrics.request_log_dropped(services.request_log.dropped)
    return Response(services.metrics.render(), media_type="text/plain; version=0.0.4; charset=utf-8")
