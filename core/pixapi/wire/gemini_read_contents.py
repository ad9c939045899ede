"""The ``contents`` of a Gemini request as messages of the internal model (Gemini API reference, "Content").

Calls and results may come without ids; then a result answers the first call of its name that is still
without one. What tools answered stands in the user's turns, and becomes messages of its own before the rest
of the turn.
"""

from __future__ import annotations

from typing import Any

from pixapi.errors import BadRequest
from pixapi.interfaces.chat import File, Image, Message, Part, Reasoning, Text, ToolCall, ToolResult
from pixapi.wire.gemini_names import listed, member, words
from pixapi.wire.gemini_reach import check_uri
from pixapi.wire.gemini_signature import unpack
from pixapi.wire.json import encode

_OWN = ("executableCode", "codeExecutionResult", "toolCall", "toolResponse")
_SHORT = ("output", "result")


def read_system(said: Any) -> list[Message]:
    """``systemInstruction``: content of any role, or bare text. Raises BadRequest."""
    if said is None:
        return []
    if isinstance(said, str):
        return [Message("system", [Text(said)])] if said else []
    if not isinstance(said, dict):
        raise BadRequest("systemInstruction is not an object with parts", param="systemInstruction")
    parts = listed(member(said, "parts"))
    texts = [part["text"] for part in parts if isinstance(part, dict) and isinstance(part.get("text"), str)]
    if len(texts) != len(parts):
        raise BadRequest(
            "systemInstruction holds something other than text, which this model cannot read",
            param="systemInstruction",
        )
    return [Message("system", [Text(text) for text in texts])] if texts else []


class ContentsReader:
    """Reads the turns of one conversation in order."""

    def __init__(self) -> None:
        self._calls = 0
        self._unanswered: list[tuple[str, str]] = []
        """Name and id of calls that no result has answered yet."""

    def read(self, contents: Any) -> list[Message]:
        """All messages. Raises BadRequest (param ``contents``)."""
        turns = listed(contents)
        if not turns:
            raise _wrong("contents is missing or empty; expected a list of contents with role and parts")
        return [message for at, turn in enumerate(turns) for message in self._turn(turn, f"contents[{at}]")]

    def _turn(self, turn: Any, where: str) -> list[Message]:
        if not isinstance(turn, dict):
            raise _wrong(f"{where} is no object; expected role and parts")
        role = turn.get("role")
        if role not in (None, "", "user", "model", "function", "tool", "system"):
            raise _wrong(f"{where} has no known role; expected user or model")
        parts = listed(turn.get("parts"))
        if role == "model":
            return [Message("assistant", self._answer(parts, where))]
        read = [self._part(part, f"{where}.parts[{at}]") for at, part in enumerate(parts)]
        results: list[Part] = [part for part in read if isinstance(part, ToolResult)]
        rest: list[Part] = [part for part in read if part is not None and not isinstance(part, ToolResult)]
        messages = [Message("tool", results)] if results else []
        if rest:
            messages.append(Message("system" if role == "system" else "user", rest))
        return messages

    def _answer(self, parts: list[Any], where: str) -> list[Part]:
        """A turn of the model's. A thought ends where its signature comes, or where something else begins."""
        found: list[Part] = []
        thought = ""
        for at, said in enumerate(parts):
            part = self._part(said, f"{where}.parts[{at}]")
            signature = words(member(said, "thoughtSignature"))
            if member(said, "thought") is True:
                thought += words(said.get("text"))
                if signature:
                    found.append(unpack(signature, thought))
                    thought = ""
                continue
            if thought:
                found.append(Reasoning(thought))
                thought = ""
            if signature:
                found.append(unpack(signature))
            if part is not None and part != Text(""):
                found.append(part)
        return [*found, Reasoning(thought)] if thought else found

    def _part(self, said: Any, where: str) -> Part | None:
        if not isinstance(said, dict):
            raise _wrong(f"{where} is no object")
        for name in _OWN:
            if member(said, name) is not None:
                raise _wrong(f"{where} holds {name}, which only Gemini's own models understand")
        for name, read in (
            ("functionCall", self._call),
            ("functionResponse", self._result),
            ("inlineData", _inline),
            ("fileData", _file),
        ):
            inner = member(said, name)
            if inner is not None:
                if not isinstance(inner, dict):
                    raise _wrong(f"{where}.{name} is no object")
                return read(inner, f"{where}.{name}")
        text = said.get("text")
        if text is not None and not isinstance(text, str):
            raise _wrong(f"{where}.text is no string")
        if text is None and member(said, "thoughtSignature") is None and said:
            raise _wrong(f"{where} holds {sorted(said)[0][:40]!r}, which this model's provider cannot read")
        return None if text is None else Text(text)

    def _call(self, said: dict[str, Any], where: str) -> ToolCall:
        name = words(said.get("name"))
        if not name:
            raise _wrong(f"{where} has no name")
        call_id = words(said.get("id")) or f"call_{self._calls}"
        self._calls += 1
        self._unanswered.append((name, call_id))
        return ToolCall(call_id, name, encode(said.get("args") or {}).decode())

    def _result(self, said: dict[str, Any], where: str) -> ToolResult:
        name, call_id = words(said.get("name")), words(said.get("id"))
        known = [
            call for call in self._unanswered if (call_id or call[1]) == call[1] and name in ("", call[0])
        ]
        if not call_id and not known:
            raise _wrong(f"{where} answers {name[:40]!r}, which is no open call of this conversation")
        if known:
            self._unanswered.remove(known[0])
        text, is_error = _answered(member(said, "response"))
        content: list[Text | Image] = [Text(text)] if text else []
        for at, part in enumerate(listed(said.get("parts"))):
            inner = self._part(part, f"{where}.parts[{at}]")
            if not isinstance(inner, Image):
                raise _wrong(f"{where}.parts[{at}] is no image; tools answer with text and images only")
            content.append(inner)
        return ToolResult(call_id or known[0][1], content, is_error)


def _answered(response: Any) -> tuple[str, bool]:
    """The text of a response, and whether it is an error. Google's names for the two are output and error."""
    if isinstance(response, dict) and len(response) == 1:
        ((name, inner),) = response.items()
        if name == "error":
            return inner if isinstance(inner, str) else encode(inner).decode(), True
        if name in _SHORT and isinstance(inner, str):
            return inner, False
    return "" if response is None else encode(response).decode(), False


def _inline(said: dict[str, Any], where: str) -> Image | File:
    kind, data = words(member(said, "mimeType")).lower(), member(said, "data")
    if not kind or not isinstance(data, str):
        raise _wrong(f"{where} lacks mimeType or data; expected both, data as base64")
    data = data.replace("-", "+").replace("_", "/")  # Google's clients write the alphabet of URLs
    if kind.startswith("image/"):
        return Image(data=data, media_type=kind)
    return File(data=data, media_type=kind, filename=words(member(said, "displayName")) or None)


def _file(said: dict[str, Any], where: str) -> Image | File:
    uri = check_uri(words(member(said, "fileUri")), "contents")
    kind = words(member(said, "mimeType")).lower() or None
    if kind is not None and kind.startswith("image/"):
        return Image(url=uri, media_type=kind)
    return File(url=uri, media_type=kind, filename=words(member(said, "displayName")) or None)


def _wrong(message: str) -> BadRequest:
    return BadRequest(message, param="contents")
