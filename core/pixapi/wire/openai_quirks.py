"""In what a server that speaks OpenAI's chat dialect differs from it: plain data, one row a vendor."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from pixapi.interfaces.call import Operation


@dataclass(frozen=True, slots=True)
class Quirks:
    """One row. The defaults describe an ordinary compatible server; every field is one known difference."""

    base_url: str = ""
    """Where the API lies, ending in its version."""
    operations: frozenset[Operation] = frozenset({"chat", "embeddings"})
    """What the vendor offers in this dialect; a server without a row may offer all of it."""
    auth: Literal["bearer", "api-key"] = "bearer"
    """The header that carries the key: ``Authorization: Bearer`` or ``api-key``."""
    cap_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    """The field for the cap on output tokens where the caller used neither name."""
    rename: tuple[tuple[str, str], ...] = ()
    """Request fields that go under another name."""
    drop: frozenset[str] = frozenset()
    """Request fields that the vendor refuses."""
    stream_usage: bool = True
    """Whether the vendor accepts ``stream_options.include_usage``; those that refuse it send usage unasked.
    """
    flatten_text: bool = False
    """Message contents must be strings: lists that hold only text are joined."""
    echo_reasoning: bool = True
    """Whether ``reasoning_content`` on assistant messages may be sent back; without it, it is dropped."""
    reasoning_field: str = "reasoning_content"
    """What the vendor calls ``reasoning_content``, in requests and replies."""
    omit_empty_content: bool = False
    """Assistant messages that only call tools must have no ``content``."""
    plain_schemas: bool = False
    """Schemas must hold no ``strict``, ``$schema``, ``$id`` and ``additionalProperties: false``."""
    content_parts: bool = False
    """Reply contents may be lists of parts, ``{"type": "thinking"}`` among them."""
    repair_tools: bool = True
    """Tool call pieces may lack or repeat index, id and name; they are numbered anew where they do."""
    completion_excludes_reasoning: bool = False
    """``completion_tokens`` does not hold the reasoning tokens; they are added."""
    extra_headers: tuple[tuple[str, str], ...] = ()
    """Headers sent with every request."""
    needles: tuple[bytes, ...] = field(init=False, repr=False, compare=False)
    """Byte strings of which every part of a reply that needs mending holds at least one; derived."""
    marks: tuple[bytes, ...] = field(init=False, repr=False, compare=False)
    """The same without what may be spelt with a space; derived."""

    def __post_init__(self) -> None:
        found = []
        if self.repair_tools:
            found.append(b'"tool_calls"')
        if self.content_parts:
            found.append(b'"content":[')
        if self.reasoning_field != "reasoning_content":
            found.append(b'"%s"' % self.reasoning_field.encode())
        object.__setattr__(self, "needles", tuple(found))
        object.__setattr__(self, "marks", tuple(needle.rstrip(b"[:") for needle in found))


PLAIN = Quirks()
"""An ordinary compatible server."""
