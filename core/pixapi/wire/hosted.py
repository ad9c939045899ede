"""What a call asks the vendor itself to run or to look up, which a body only names; common to the dialects.

Such a tool runs at the vendor's, where no caller sees it: it searches, calls servers, runs code, each round reads the
conversation anew, and some of it is charged besides the tokens. So a model offers the tools that its settings name,
and what they may read is held for. Things that are stored at the vendor's (files, containers) lie in the operator's
account, open to all who use its key: a call may not name them.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from pixapi.errors import BadRequest
from pixapi.wire.json import Fields, decode_any, decode_objects, is_null, lenient

_ESCAPED = re.compile(rb"\\u00[2-7]")


class HostedTool(msgspec.Struct, frozen=True):
    """A tool of the vendor's by its ``kind``, a word without dates; ``param`` is the field that asks for it."""

    kind: str
    param: str = "tools"


def may_name_stored(value: msgspec.Raw) -> bool:
    """Whether messages may name something stored: a quick look that errs on the safe side (escapes hide names)."""
    text = bytes(value)
    return b"file_id" in text or b"container" in text or (b"\\" in text and _ESCAPED.search(text) is not None)


def stored(what: str, param: str) -> BadRequest:
    """The refusal of a call that names ``what`` is stored at the vendor's."""
    return BadRequest(
        f"{param} names {what}, which would lie in the account of this gateway's operator; send the content itself",
        code="unsupported_parameter",
        param=param,
    )


def plain(value: msgspec.Raw, param: str) -> Any:
    """The plain value of messages. Raises BadRequest: it cannot be read, and so nobody can tell what it names."""
    try:
        return decode_any(value)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise BadRequest(f"{param} holds something broken, or is nested too deeply", param=param) from None


def kinds_of(tools: msgspec.Raw) -> list[tuple[str, Fields]]:
    """Each tool with its ``type``; "" where it has none.

    Raises:
        BadRequest: they are no list of objects.
    """
    if is_null(tools):
        return []
    try:
        objects = decode_objects(tools)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BadRequest("tools is not a list of objects; expected a list of tools", param="tools") from None
    kinds = [lenient(tool.get("type")) for tool in objects]
    return [(kind if isinstance(kind, str) else "", tool) for kind, tool in zip(kinds, objects, strict=True)]
