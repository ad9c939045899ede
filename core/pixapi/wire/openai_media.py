"""Calls of OpenAI's dialect that are no chat, to a server of the same dialect and back (OpenAI API reference: images,
audio, moderations; Jina API reference: rerank).

Bodies go on as they came but for ``model``; forms are written anew. Of a reply is read what it costs: the images that
were delivered (a refused one has neither ``b64_json`` nor ``url``), seconds, searches, tokens where they are stated.
Plain text of a transcription is asked for as JSON, since only that tells the seconds.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import msgspec

from pixapi.errors import UpstreamInvalid
from pixapi.interfaces.call import Call, Operation, Result
from pixapi.interfaces.http import Body, HttpReply
from pixapi.interfaces.usage import Usage
from pixapi.wire.json import Fields, decode_objects, encode, lenient, lenient_fields, raw
from pixapi.wire.multipart import write_form
from pixapi.wire.openai_media_sizes import (
    FORMS,
    characters_asked,
    images_asked,
    least_searches,
    megapixels_of,
    usual_megapixels,
)
from pixapi.wire.openai_media_usage import read_media_usage
from pixapi.wire.openai_result import open_reply
from pixapi.wire.openai_usage import read_usage
from pixapi.wire.openai_withheld import COSTS, withhold

PATHS: Mapping[Operation, str] = MappingProxyType(
    {
        "images": "/images/generations",
        "image_edits": "/images/edits",
        "speech": "/audio/speech",
        "transcriptions": "/audio/transcriptions",
        "moderations": "/moderations",
        "rerank": "/rerank",
    }
)
"""Where a server of the dialect takes each operation, after its base URL."""

_JSON = "application/json"
_AUDIO = {
    "mp3": "audio/mpeg",
    "opus": "audio/ogg",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "pcm": "audio/pcm",
}
_AUDIO_TYPE = re.compile(r"(?:audio|video)/[a-z0-9.+-]+(?:; ?[a-z]+=[a-z0-9.+-]+)*")
_LAST_TIME = re.compile(r"--> *(?:(\d+):)?(\d\d):(\d\d)[.,](\d{1,3})")


def write_media_call(call: Call, fields: Fields) -> tuple[str, bytes | Body]:
    """Content type and body of the request; ``fields`` are those of the call with what the server wants otherwise.

    Raises:
        BadRequest: a field cannot be written into a form.
    """
    if call.operation == "transcriptions" and lenient(fields.get("response_format")) == "text":
        fields = {**fields, "response_format": raw("json")}
    if call.operation in FORMS:
        return write_form(fields, call.uploads, call.id)
    return _JSON, encode(fields)


def relay_media_reply(call: Call, reply: HttpReply) -> Result:
    """A whole reply under the caller's names, and what it used.

    Raises:
        UpstreamError: it is an error in spite of its status.
        UpstreamInvalid: it is not what such a call is answered with.
    """
    return _RELAYS[call.operation](call, reply)


def _images(call: Call, reply: HttpReply) -> Result:
    fields = open_reply(reply.body)
    items = _objects(fields, "data", "image")
    made = sum(1 for item in items if _has(item, "b64_json") or _has(item, "url"))
    made = min(made, images_asked(call.fields))
    size = megapixels_of(lenient(fields.get("size"))) or megapixels_of(lenient(call.fields.get("size")))
    told = read_media_usage(fields.get("usage"), makes_images=True) or Usage()
    usage = msgspec.structs.replace(told, images=made, megapixels=made * (size or usual_megapixels()))
    return Result(usage, _sealed(call, fields))


def _speech(call: Call, reply: HttpReply) -> Result:
    body = reply.body
    declared = reply.headers.get("content-type", "").strip().lower()
    is_sound = _AUDIO_TYPE.fullmatch(declared) is not None
    if not body or (not is_sound and (body[:1] in b"{[<" or body == b"null" or declared.startswith("text/"))):
        if body[:1] == b"{":
            open_reply(body)
        raise UpstreamInvalid(
            "The provider of this model answered with something that is no sound; try again."
        )
    asked = lenient(call.fields.get("response_format"))
    kind = declared if is_sound else _AUDIO.get(asked if isinstance(asked, str) else "mp3", "audio/mpeg")
    return Result(Usage(characters=characters_asked(call.fields)), body, media_type=kind)


def _transcriptions(call: Call, reply: HttpReply) -> Result:
    wanted = lenient(call.fields.get("response_format"))
    if wanted in ("srt", "vtt"):
        return _subtitles(reply.body, wanted)
    fields = open_reply(reply.body)
    text = lenient(fields.get("text"))
    if not isinstance(text, str):
        raise UpstreamInvalid("The provider of this model answered without any text; try again.")
    usage = read_media_usage(fields.get("usage"), makes_images=False)
    heard = lenient(fields.get("duration"))
    if (usage is None or usage.seconds is None) and isinstance(heard, int | float) and heard >= 0:
        usage = msgspec.structs.replace(usage or Usage(), seconds=Decimal(str(heard)))
    if wanted == "text":
        return Result(usage, text.encode() + b"\n", media_type="text/plain; charset=utf-8")
    return Result(usage, _sealed(call, fields))


def _subtitles(body: bytes, kind: str) -> Result:
    """The end of the last one tells the seconds, to the silence that follows it."""
    text = body.decode("utf-8", "replace")
    times = _LAST_TIME.findall(text)
    if not times and not (kind == "vtt" and text.lstrip("\ufeff").startswith("WEBVTT")):
        if body[:1] == b"{":
            open_reply(body)
        raise UpstreamInvalid("The provider of this model answered without any subtitles; try again.")
    usage = None
    if times:
        hours, minutes, seconds, parts = times[-1]
        whole = int(hours or 0) * 3600 + int(minutes) * 60 + int(seconds)
        usage = Usage(seconds=whole + Decimal(f"0.{parts}"))
    media_type = "text/vtt" if kind == "vtt" else "application/x-subrip"
    return Result(usage, body, media_type=f"{media_type}; charset=utf-8")


def _moderations(call: Call, reply: HttpReply) -> Result:
    fields = open_reply(reply.body)
    _objects(fields, "results", "judgement")
    told = read_media_usage(fields.get("usage"), makes_images=False) or Usage()
    return Result(msgspec.structs.replace(told, requests=1), _sealed(call, fields, is_named=True))


def _rerank(call: Call, reply: HttpReply) -> Result:
    fields = open_reply(reply.body)
    if "results" not in fields and "data" in fields:  # one vendor's word for it
        fields["results"] = fields.pop("data")
        fields.pop("object", None)
    found = _objects(fields, "results", "result")
    if any(bytes(item.get("document", b"")).startswith(b'"') for item in found):
        fields["results"] = raw([_with_text(item) for item in found])
    billed = lenient_fields(lenient_fields(fields.pop("meta", None)).get("billed_units"))
    searches = lenient(billed.get("search_units"))
    counted = isinstance(searches, int | float) and searches >= 0
    usage = read_usage(fields.get("usage", b"null"))
    if usage is not None or counted:
        units = int(-(-searches // 1)) if counted else least_searches(call.fields)
        usage = msgspec.structs.replace(usage or Usage(), searches=units)
    return Result(usage, _sealed(call, fields, is_named=True))


def _with_text(item: Fields) -> Fields:
    document = item.get("document")
    if document is None or not bytes(document).startswith(b'"'):
        return item
    return {**item, "document": raw({"text": document})}


_RELAYS: Mapping[str, Callable[[Call, HttpReply], Result]] = MappingProxyType(
    {
        "images": _images,
        "image_edits": _images,
        "speech": _speech,
        "transcriptions": _transcriptions,
        "moderations": _moderations,
        "rerank": _rerank,
    }
)


def _objects(fields: Fields, name: str, thing: str) -> list[Fields]:
    try:
        items: Any = decode_objects(fields[name])
    except (KeyError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        items = []
    if not items:
        raise UpstreamInvalid(f"The provider of this model answered without any {thing}; try again.")
    return items


def _has(item: Fields, name: str) -> bool:
    """Whether a member is a string that is not empty. Images are large: the text is looked at, not decoded."""
    value = bytes(item.get(name, b""))
    return value.startswith(b'"') and len(value) > 2


def _sealed(call: Call, fields: Fields, *, is_named: bool = False) -> bytes:
    """The reply with the caller's name of the model where there is one, or ``is_named``; our id in place of theirs;
    and without what the operator pays.
    """
    if is_named or "model" in fields:
        fields["model"] = raw(call.alias)
    if "id" in fields:
        fields["id"] = raw(call.reply_id)
    usage = lenient_fields(fields.get("usage"))
    if withhold(usage, COSTS):
        fields["usage"] = raw(usage)
    return encode(fields)
