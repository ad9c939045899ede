"""A call of Gemini's dialect on its way to a server that speaks it: the body goes on as it came.

It is taken apart at its top level only. Written anew is the cap on output, within ``generationConfig``; the
core's own two fields are left out; signatures that other makers made are taken off their parts, since Google
refuses a whole request for one of them. What no caller may reach (`gemini_reach`) is refused.
"""

from __future__ import annotations

from typing import Any

from pixapi.errors import BadRequest
from pixapi.interfaces.call import Call
from pixapi.wire.gemini_names import BROKEN, field, listed, member, snake, spelling, value
from pixapi.wire.gemini_reach import check_files, check_tools
from pixapi.wire.gemini_signature import PACKED, is_packed
from pixapi.wire.json import Fields, decode_fields, encode, is_null, raw

_CAP = "maxOutputTokens"
_FILES = (b'"fileData"', b'"file_data"', b"\\u")


def forward(call: Call, refused_tools: frozenset[str] = frozenset()) -> bytes:
    """The body for ``:generateContent`` and ``:streamGenerateContent``.

    Raises:
        BadRequest: it is not of the shape that is needed here, or reaches for what is the operator's.
    """
    fields = {name: text for name, text in call.fields.items() if name not in ("model", "stream")}
    fields |= checked(fields, refused_tools)
    contents = fields.get("contents")
    if contents is not None and PACKED in bytes(contents):
        fields["contents"] = raw(_own_signatures(value(fields, "contents")))
    if call.output_cap is not None:
        _cap(fields, call.output_cap)
    return encode(fields)


def checked(fields: Fields, refused_tools: frozenset[str] = frozenset()) -> Fields:
    """Refuse what belongs to the operator.

    Returns the fields that name files, encoded anew, so that what was looked at is what is sent.

    Raises:
        BadRequest: the call reaches for what is the operator's.
    """
    if field(fields, "cachedContent") is not None:
        raise BadRequest(
            "cachedContent names a cache of this gateway's operator; send the content itself",
            param="cachedContent",
        )
    if field(fields, "tools") is not None:
        check_tools(listed(value(fields, "tools")), refused_tools)
    looked_at: Fields = {}
    for name in ("contents", "systemInstruction", "system_instruction"):
        text = fields.get(name)
        if text is not None and any(sign in bytes(text) for sign in _FILES):
            plain = value(fields, name)
            check_files(plain)
            if any(sign in bytes(text) for sign in _FILES[:2]):
                looked_at[name] = raw(plain)
    return looked_at


def _cap(fields: Fields, cap: int) -> None:
    name = spelling(fields, "generationConfig")
    config = fields.get(name)
    members: Fields = {}
    if config is not None and not is_null(config):
        try:
            members = decode_fields(config)
        except BROKEN:
            raise BadRequest("generationConfig is not an object", param="generationConfig") from None
    members.pop(snake(_CAP), None)
    members[_CAP] = raw(cap)
    fields[name] = raw(members)


def _own_signatures(contents: Any) -> Any:
    """``contents`` without the signatures of other makers; parts that were nothing else go as well."""
    for content in listed(contents):
        parts = member(content, "parts") if isinstance(content, dict) else None
        if not isinstance(parts, list):
            continue
        kept = []
        for part in parts:
            if isinstance(part, dict) and is_packed(member(part, "thoughtSignature")):
                for name in ("thoughtSignature", "thought_signature"):
                    part.pop(name, None)
                if not (set(part) - {"text", "thought"}) and not part.get("text"):
                    continue
            kept.append(part)
        content["parts"] = kept
    return contents
