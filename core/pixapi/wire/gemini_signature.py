"""Thought signatures as callers of Gemini's dialect keep them (Gemini API documentation, "Thought
signatures").

On the wire a signature is base64, and clients decode it. One that Gemini itself made stands there as it is.
One that another maker sealed (`seal`) is packed: base64 of a mark, of what kind it is, and of the
sealed text. So whatever a caller sends back can be told apart, and goes to its own maker only.
"""

from __future__ import annotations

import base64
import binascii

from pixapi.interfaces.chat import Reasoning
from pixapi.wire.seal import seal, unseal

MAKER = "gemini"
PACKED = b'"cGl4O'
"""How a packed signature begins within JSON."""

_MARK = "pix:"
_KINDS = {"r": True, "t": False}


def pack(sealed: str, *, redacted: bool = False) -> str:
    """A sealed signature as ``thoughtSignature``."""
    own = unseal(MAKER, sealed)
    if own is not None and not redacted:
        return own
    return base64.b64encode(f"{_MARK}{'r' if redacted else 't'}:{sealed}".encode()).decode()


def unpack(said: str, text: str = "") -> Reasoning:
    """What a ``thoughtSignature`` stands for, with the thought's ``text``."""
    sealed = _packed(said)
    if sealed is None:
        return Reasoning(text, seal(MAKER, said))
    redacted = _KINDS[sealed[0]]
    return Reasoning("" if redacted else text, sealed[2:], redacted)


def is_packed(said: object) -> bool:
    """Whether a ``thoughtSignature`` is another maker's."""
    return isinstance(said, str) and _packed(said) is not None


def _packed(said: str) -> str | None:
    """Kind and sealed text; None where it is not packed. Clients encode anew, in either alphabet."""
    plain = said.rstrip("=").replace("-", "+").replace("_", "/")
    if not plain.startswith(PACKED[1:].decode()):
        return None
    try:
        text = base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True).decode()
    except (binascii.Error, ValueError):
        return None
    text = text.removeprefix(_MARK)
    return text if text[:1] in _KINDS and text[1:2] == ":" else None
