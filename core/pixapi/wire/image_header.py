"""How large an image is, from the head of its file alone, without decoding it.

Sources: PNG specification, section 11.2.1 (IHDR); ITU-T T.81, annex B (JPEG's markers and frame header).
"""

from __future__ import annotations

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8"
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Markers that begin a frame header; the three between them begin tables."""
_BARE = frozenset({0x01, *range(0xD0, 0xDA)})
"""Markers that nothing belongs to."""


def dimensions(head: bytes) -> tuple[int, int] | None:
    """Width and height in pixels; None where ``head`` is no PNG or JPEG, or ends before it tells."""
    if head.startswith(_PNG):
        tells = len(head) >= 24 and head[12:16] == b"IHDR"
        size = (int.from_bytes(head[16:20]), int.from_bytes(head[20:24])) if tells else None
    else:
        size = _of_jpeg(head) if head.startswith(_JPEG) else None
    return size if size is not None and all(size) else None


def _of_jpeg(head: bytes) -> tuple[int, int] | None:
    at = 2
    while at + 9 <= len(head) and head[at] == 0xFF:
        marker = head[at + 1]
        if marker == 0xFF:  # padding before a marker
            at += 1
        elif marker in _BARE:
            at += 2
        elif marker in _FRAMES:
            return int.from_bytes(head[at + 7 : at + 9]), int.from_bytes(head[at + 5 : at + 7])
        else:
            at += 2 + int.from_bytes(head[at + 2 : at + 4])
    return None
