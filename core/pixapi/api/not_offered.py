"""Parts of the vendors' APIs that Pixapi does not offer yet: an honest 501 with a sentence."""

from __future__ import annotations

from fastapi import APIRouter, Request

from pixapi.errors import MethodNotAllowed, NotFound, NotOffered
from pixapi.wire.base_url import advice
from pixapi.wire.offered import CHAT_PATHS, OTHER_PATHS

router = APIRouter(include_in_schema=False)

_PATHS = (
    "completions", "images", "audio", "files", "batches", "videos", "uploads",
    "fine_tuning", "realtime", "assistants", "threads", "vector_stores", "tasks", "evals", "containers",
)  # fmt: skip
_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


async def refuse(request: Request) -> None:
    path = request.url.path
    if (what_to_do := advice(path)) is not None:
        raise NotFound(f"there is nothing at {request.method} {path}; {what_to_do}")
    raise NotOffered(
        f"{path} is not offered here; this gateway serves chat at {', '.join(CHAT_PATHS)} and "
        f"/v1beta/models/{{model}}:generateContent, {', '.join(OTHER_PATHS)} and GET /v1/models"
    )


async def refuse_method(request: Request) -> None:
    raise MethodNotAllowed(f"{request.url.path} takes POST, not {request.method}")


for _path in (*CHAT_PATHS, *OTHER_PATHS):
    router.add_api_route(_path, refuse_method, methods=["GET", "PUT", "PATCH", "DELETE"])
for _name in _PATHS:
    router.add_api_route(f"/v1/{_name}", refuse, methods=_METHODS)
    router.add_api_route(f"/v1/{_name}/{{rest:path}}", refuse, methods=_METHODS)
for _path in CHAT_PATHS:
    # What they have beside the call itself: stored replies, batches, input items.
    router.add_api_route(f"{_path}/{{rest:path}}", refuse, methods=_METHODS)
router.add_api_route("/v1/models/{rest:path}", refuse, methods=["POST"])
router.add_api_route("/v1beta/{rest:path}", refuse, methods=_METHODS)
router.add_api_route("/v1/models/{model:path}:{verb}", refuse, methods=["POST"])
