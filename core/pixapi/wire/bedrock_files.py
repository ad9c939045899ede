"""Images, documents and videos as blocks of Converse (Amazon Bedrock API reference, "ImageBlock",
"DocumentBlock", "VideoBlock").

They are inline, as base64. What lies at an address is not fetched: Converse itself only knows places in S3,
which it would read with the operator's permissions.
"""

from __future__ import annotations

from typing import Any

from pixapi.errors import BadRequest
from pixapi.interfaces.chat import File, Image

Block = dict[str, Any]

_IMAGES = {"png": "png", "jpeg": "jpeg", "jpg": "jpeg", "gif": "gif", "webp": "webp"}
_VIDEOS = {"mp4": "mp4", "quicktime": "mov", "x-matroska": "mkv", "webm": "webm", "mpeg": "mpeg"}
_OFFICE = "application/vnd.openxmlformats-officedocument."
_DOCUMENTS = {
    "application/pdf": "pdf",
    "application/msword": "doc",
    f"{_OFFICE}wordprocessingml.document": "docx",
    "application/vnd.ms-excel": "xls",
    f"{_OFFICE}spreadsheetml.sheet": "xlsx",
    "application/json": "txt",
    "text/csv": "csv",
    "text/html": "html",
    "text/markdown": "md",
}


def write_image(part: Image) -> Block:
    """An image. Raises BadRequest where it is not inline, or of a type that no model reads."""
    if part.url is not None:
        raise _wrong(
            "an image is given by its address, which this model's provider does not fetch; send it inline"
        )
    kind = (part.media_type or "image/png").lower().removeprefix("image/")
    if kind not in _IMAGES:
        raise _wrong(f"an image is of type {kind[:40]!r}; expected one of {', '.join(_IMAGES)}")
    return {"image": {"format": _IMAGES[kind], "source": {"bytes": part.data or ""}}}


def write_file(part: File, number: int) -> Block:
    """A document, image or video. ``number`` names it: a document must have a name of its own, and one that
    a caller chose could speak to the model.

    Raises:
        BadRequest: it is not inline, or of a type that no model reads.
    """
    if part.url is not None:
        raise _wrong(
            "a file is given by its address, which this model's provider does not fetch; send it inline"
        )
    kind = (part.media_type or "").lower()
    if kind.startswith("image/"):
        return write_image(Image(data=part.data, media_type=kind))
    if kind.startswith("video/") and kind.removeprefix("video/") in _VIDEOS:
        form = _VIDEOS[kind.removeprefix("video/")]
        return {"video": {"format": form, "source": {"bytes": part.data or ""}}}
    form = _DOCUMENTS.get(kind) or ("txt" if kind.startswith("text/") else "")
    if not form:
        raise _wrong(
            "a file is neither a document nor text nor an image nor a video, which is all that models read"
        )
    return {"document": {"format": form, "name": f"Document {number}", "source": {"bytes": part.data or ""}}}


def _wrong(message: str) -> BadRequest:
    return BadRequest(message, param="messages")
