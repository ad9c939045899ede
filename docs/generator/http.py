"""docs/reference/http.md, from the OpenAPI document that a running gateway serves."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import httpx2

from generator.markdown import code, document, table
from pixapi.api.build import build_api
from pixapi.api.not_offered import router as not_offered
from pixapi.config.settings import Settings

_INTRO = """
The machine-readable form is at `/openapi.json` of a running gateway. A key is accepted as `Authorization: Bearer`,
`x-api-key`, `api-key` or `x-goog-api-key`. Paths under `/v1/` speak OpenAI's dialect, but for those of other chat
dialects; [compatibility](../explanation/compatibility.md) tells what is rewritten and what is passed on.
Errors have the shape and the codes of [errors](errors.md).
"""
_HEADERS = (
    ("x-request-id", "every reply", "The request's id. `pixapi requests show` finds the call by it."),
    ("x-pixapi-charge", "calls", "The id of the charge; `GET /v1/charges/{id}` explains it."),
    ("x-pixapi-route", "calls", "The route that answered, as `provider/model`."),
    (
        "x-pixapi-cost",
        "calls with a whole reply",
        "What the call cost, in credits. A stream's cost is known only at its end.",
    ),
    (
        "x-pixapi-balance",
        "calls with a whole reply",
        "What the account has left beside its holds, in credits.",
    ),
    (
        "x-pixapi-output-cap",
        "calls that were clamped",
        "The cap on output tokens that the balance allowed, for each choice.",
    ),
    (
        "x-pixapi-dropped",
        "calls of which something was dropped",
        "Fields that the caller asked for and the model's server was not told: [translation](translation.md).",
    ),
    ("retry-after", "some errors", "Seconds after which it is worth trying again."),
    ("x-should-retry", "some errors", "`false` where an SDK's own retries would not help."),
)


def page() -> str:
    schema = openapi()
    parts = [_INTRO, "## Endpoints", table(["method", "path", "what it does", "key"], _endpoints(schema))]
    for path, methods in sorted(schema["paths"].items()):
        for method, operation in methods.items():
            parts.append(_operation(path, method.upper(), operation))
    refused = sorted(
        {route.path for route in not_offered.routes if "{" not in route.path} - set(schema["paths"])
    )  # type: ignore[attr-defined]
    parts.append(
        "## Not offered\n\nThese paths answer 501 with the code `not_offered`: "
        + ", ".join(code(path) for path in refused)
        + ". So does whatever lies below them or below a path of a call, or under `/v1beta/`, and is not listed above "
        "(`/v1/responses/{id}`, `/v1/audio/translations`)."
    )
    parts.append(
        "## Headers of replies\n\n"
        + table(["header", "on", "meaning"], [(code(n), w, m) for n, w, m in _HEADERS])
    )
    return document("HTTP", *parts)


def openapi() -> dict[str, Any]:
    """The document, fetched from an application that serves nothing else."""
    services: Any = SimpleNamespace(configured=SimpleNamespace(settings=Settings()))
    transport = httpx2.ASGITransport(app=build_api(services))

    async def fetch() -> dict[str, Any]:
        async with httpx2.AsyncClient(transport=transport, base_url="http://gateway") as client:
            return (await client.get("/openapi.json")).json()

    return asyncio.run(fetch())


def _endpoints(schema: dict[str, Any]) -> list[tuple[str, str, str, str]]:
    return [
        (
            method.upper(),
            code(path),
            operation.get("summary", ""),
            "yes" if operation.get("security") else "no",
        )
        for path, methods in sorted(schema["paths"].items())
        for method, operation in methods.items()
    ]


def _operation(path: str, method: str, operation: dict[str, Any]) -> str:
    parts = [f"### `{method} {path}`", operation.get("summary", "") + ".", operation.get("description", "")]
    content = operation.get("requestBody", {}).get("content", {})
    body = next(iter(content.values()), {}).get("schema", {})
    if "multipart/form-data" in content:
        parts.append("The body is a form, `multipart/form-data`.")
    required = body.get("required", [])
    rows = [
        (code(name), _type(spec), "yes" if name in required else "no")
        for name, spec in body.get("properties", {}).items()
    ]
    parts.append(table(["field", "type", "required"], rows))
    if rows and body.get("additionalProperties"):
        parts.append(
            "All other fields of that API are taken as well, and go on to the model's server as they are or "
            "[translated](translation.md)."
        )
    parameters = [
        (code(p["name"]), p["in"], _type(p.get("schema", {})), "yes" if p.get("required") else "no")
        for p in operation.get("parameters", [])
    ]
    parts.append(table(["parameter", "in", "type", "required"], parameters))
    statuses = [code(status) for status in sorted(operation.get("responses", {}))]
    parts.append(f"Answers {', '.join(statuses)}." if statuses else "")
    return "\n\n".join(part for part in parts if part.strip(". "))


def _type(spec: dict[str, Any]) -> str:
    if "enum" in spec:
        return " or ".join(code(str(value)) for value in spec["enum"])
    kinds = spec.get("type", "any")
    return " or ".join(kinds) if isinstance(kinds, list) else kinds
