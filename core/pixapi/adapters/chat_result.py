"""The events of an answer, put together to a whole one."""

from __future__ import annotations

from pixapi.interfaces import (
    ChatReply,
    Ended,
    Event,
    Failed,
    Finished,
    FinishReason,
    Reasoning,
    ReasoningDelta,
    RefusalDelta,
    Result,
    Text,
    TextDelta,
    ToolCall,
    ToolCallDelta,
    Usage,
    UsageReport,
)


class ChatResult:
    """Takes events in their order. Pieces of the same kind that follow each other are one part."""

    def __init__(self) -> None:
        self._parts: list[Text | Reasoning | ToolCall] = []
        self._at: dict[int, int] = {}
        self._refusal: str | None = None
        self._reason: FinishReason = "stop"
        self._usage: Usage | None = None

    def take(self, event: Event) -> bool:
        """Add an event. True: it ended the answer. Raises the UpstreamError of a `Failed`."""
        match event:
            case TextDelta(text):
                self._add_text(text)
            case ReasoningDelta():
                self._add_thought(event)
            case ToolCallDelta():
                self._add_tool(event)
            case RefusalDelta(text):
                self._refusal = (self._refusal or "") + text
            case UsageReport(usage):
                self._usage = usage
            case Finished(reason):
                self._reason = reason
            case Failed(error):
                raise error
        return isinstance(event, Ended)

    def whole(self) -> Result:
        """What was taken so far, as a reply. A tool call without arguments has ``{}``."""
        parts = [
            part if not isinstance(part, ToolCall) or part.arguments else ToolCall(part.id, part.name, "{}")
            for part in self._parts
        ]
        return Result(self._usage, chat=ChatReply(parts, self._reason, self._refusal))

    def _add_text(self, text: str) -> None:
        last = self._parts[-1] if self._parts else None
        if isinstance(last, Text):
            self._parts[-1] = Text(last.text + text)
        elif text:
            self._parts.append(Text(text))

    def _add_thought(self, piece: ReasoningDelta) -> None:
        last = self._parts[-1] if self._parts else None
        if isinstance(last, Reasoning) and last.signature is None and not piece.redacted:
            self._parts[-1] = Reasoning(last.text + piece.text, piece.signature)
        elif piece.text or piece.signature:
            self._parts.append(Reasoning(piece.text, piece.signature, piece.redacted))

    def _add_tool(self, piece: ToolCallDelta) -> None:
        at = self._at.get(piece.index)
        if at is None:
            self._at[piece.index] = len(self._parts)
            self._parts.append(ToolCall(piece.id or "", piece.name or "", piece.arguments))
            return
        known = self._parts[at]
        assert isinstance(known, ToolCall)
        self._parts[at] = ToolCall(known.id, known.name, known.arguments + piece.arguments)
