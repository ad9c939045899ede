"""Tool calls of compatible servers, brought into OpenAI's shape (OpenAI API reference, "Streaming").

OpenAI numbers the calls of an answer from 0, names each in its first piece and sends only arguments after
that; clients rely on it. Compatible servers leave the index out, give every call the index 0, start at 1,
repeat id and name in every piece, send arguments before the name, send no id, or no arguments for a
function that takes none.
"""

from __future__ import annotations

import msgspec

from pixapi.wire.json import Fields, decode_any, lenient, lenient_fields, raw


class _Known(msgspec.Struct):
    """A call as far as it has come. ``announced``: its id and name have been passed on."""

    id: str | None = None
    name: str = ""
    text: str = ""
    announced: bool = False

    def is_whole(self) -> bool:
        try:
            return isinstance(decode_any(self.text.encode()), dict)
        except (msgspec.DecodeError, UnicodeEncodeError):
            return False


class ToolRepair:
    """The tool calls of one streamed choice; pieces that are in order already are left as they are."""

    __slots__ = ("_at_index", "_calls", "_prefix", "_with_id")

    def __init__(self, prefix: str) -> None:
        self._calls: list[_Known] = []
        self._at_index: dict[int, int] = {}
        self._with_id: dict[str, int] = {}
        self._prefix = prefix

    def mend(self, pieces: list[Fields], finishing: bool) -> tuple[list[Fields], bool]:
        """The pieces to pass on, and whether they differ from those given."""
        mended: list[Fields] = []
        changed = False
        for piece in pieces:
            passed, differs = self._piece(piece)
            changed = changed or differs
            if passed is not None:
                mended.append(passed)
        if finishing:
            rest = self._rest()
            return mended + rest, changed or bool(rest)
        return mended, changed

    def _piece(self, piece: Fields) -> tuple[Fields | None, bool]:
        function = lenient_fields(piece.get("function"))
        index, call_id = lenient(piece.get("index")), lenient(piece.get("id"))
        name, arguments = lenient(function.get("name")), lenient(function.get("arguments"))
        if isinstance(arguments, dict | list):
            arguments, differs = bytes(raw(arguments)).decode(), True
        else:
            differs = False
        index = index if isinstance(index, int) and index >= 0 else None
        call_id = call_id if isinstance(call_id, str) and call_id else None
        name = name if isinstance(name, str) else ""
        arguments = arguments if isinstance(arguments, str) else ""
        position = self._locate(index, call_id, name)
        call = self._calls[position]
        call.text += arguments
        if not call.announced:
            return self._announce(piece, function, position, call_id, name, index, differs)
        if position != index:
            piece["index"], differs = raw(position), True
        if "id" in piece:
            differs = True
            del piece["id"]
        if "name" in function and (not name or name == call.name):
            differs = True
            del function["name"]
        if differs and "function" in piece:
            piece["function"] = raw({**function, "arguments": arguments})
        return piece, differs

    def _announce(
        self,
        piece: Fields,
        function: Fields,
        position: int,
        call_id: str | None,
        name: str,
        index: int | None,
        differs: bool,
    ) -> tuple[Fields | None, bool]:
        call = self._calls[position]
        if not name and "custom" not in piece:
            call.id = call_id or call.id
            return None, True
        call.name, call.announced = name, True
        known = call_id or call.id or f"call_{self._prefix}_{position}"
        call.id = known
        if (
            not differs
            and index == position
            and call_id is not None
            and ("custom" in piece or lenient(function.get("arguments")) == call.text)
        ):
            return piece, False
        mended: Fields = {"index": raw(position), "id": raw(known), "type": raw("function")}
        mended.update({key: value for key, value in piece.items() if key not in ("index", "id", "function")})
        if "custom" not in piece:
            mended["function"] = raw({**function, "arguments": call.text})
        return mended, True

    def _locate(self, index: int | None, call_id: str | None, name: str) -> int:
        """Which call a piece belongs to; a new one where it starts one."""
        at = self._at_index.get(index) if index is not None else None
        if call_id is not None:
            if call_id in self._with_id:
                return self._with_id[call_id]
            if at is not None and not self._calls[at].announced:
                self._with_id[call_id] = at
                return at
            return self._new(index, call_id)
        if index is None:
            at = len(self._calls) - 1 if self._calls else None
            if at is None or (name and self._calls[at].announced):
                return self._new(index, call_id)
            return at
        if at is None or (name and self._calls[at].announced and self._calls[at].is_whole()):
            return self._new(index, call_id)
        return at

    def _new(self, index: int | None, call_id: str | None) -> int:
        position = len(self._calls)
        self._calls.append(_Known(id=call_id))
        if index is not None:
            self._at_index[index] = position
        if call_id is not None:
            self._with_id[call_id] = position
        return position

    def _rest(self) -> list[Fields]:
        """What is still owed when the answer ends: calls never named, and ``{}`` where no arguments came."""
        owed: list[Fields] = []
        for position, call in enumerate(self._calls):
            if not call.announced:
                call.announced = True
                call.text = call.text or "{}"
                known = call.id or f"call_{self._prefix}_{position}"
                function = {"name": "", "arguments": call.text}
                owed.append(
                    {
                        "index": raw(position),
                        "id": raw(known),
                        "type": raw("function"),
                        "function": raw(function),
                    }
                )
            elif not call.text and call.name:
                call.text = "{}"
                owed.append({"index": raw(position), "function": raw({"arguments": "{}"})})
        return owed


def mend_whole_calls(calls: list[Fields], prefix: str) -> bool:
    """Tool calls of a reply that is not streamed: an id and a JSON text as arguments for each. True if
    changed.
    """
    changed = False
    for position, call in enumerate(calls):
        function = lenient_fields(call.get("function"))
        if not lenient(call.get("id")):
            call["id"], changed = raw(f"call_{prefix}_{position}"), True
        arguments = lenient(function.get("arguments"))
        if function and (not isinstance(arguments, str) or not arguments):
            text = bytes(raw(arguments)).decode() if isinstance(arguments, dict | list) else "{}"
            call["function"], changed = raw({**function, "arguments": text}), True
    return changed
