"""What the first bytes of a picture say of it, without decoding it: its kind, its size, whether it can be see-through.

Sources: PNG specification section 11; JPEG, ITU-T T.81 annex B; WebP container specification; GIF89a specification.
"""

from __future__ import annotations

import struct

_PNG = b"\x89PNG\r\n\x1a\n"
_WITH_ALPHA = (4, 6)
"""The colour types of PNG that have an alpha channel."""
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""The markers of JPEG that begin a frame."""


def image_kind(data: bytes) -> str | None:
    """The media type of a picture; None where it is none, or of another kind."""
    if data.startswith(_PNG):
        return "image/png"
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    if data[:6] in (b"GIF87a", b"GIF89a"):
        return "image/gif"
    head = data[:512].lstrip().lower()
    if head.startswith((b"<svg", b"<?xml")) and b"<svg" in head:
        return "image/svg+xml"
    return None


def image_size(data: bytes) -> tuple[int, int] | None:
    """Width and height in pixels; None where the bytes at hand do not say."""
    try:
        match image_kind(data):
            case "image/png":
                return struct.unpack(">II", data[16:24])
            case "image/gif":
                return struct.unpack("<HH", data[6:10])
            case "image/webp":
                return _webp_size(data)
            case "image/jpeg":
                return _jpeg_size(data)
    except (struct.error, IndexError):
        return None
    return None


def may_be_transparent(data: bytes) -> bool:
    """Whether a picture has an alpha channel, as far as its first bytes say: PNG with one, and WebP with one."""
    if data.startswith(_PNG):
        return len(data) > 25 and data[25] in _WITH_ALPHA
    if image_kind(data) != "image/webp":
        return False
    if data[12:16] == b"VP8X":
        return len(data) > 20 and bool(data[20] & 0x10)
    return data[12:16] == b"VP8L" and len(data) > 24 and bool(data[24] & 0x10)


def _webp_size(data: bytes) -> tuple[int, int] | None:
    match data[12:16]:
        case b"VP8X":
            wide, high = data[24:27], data[27:30]
            if len(high) < 3:
                return None
            return int.from_bytes(wide, "little") + 1, int.from_bytes(high, "little") + 1
        case b"VP8L":
            (bits,) = struct.unpack("<I", data[21:25])
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8 ":
            wide, high = struct.unpack("<HH", data[26:30])
            return wide & 0x3FFF, high & 0x3FFF
        case _:
            return None


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    place = 2
    while data[place] == 0xFF:
        marker = data[place + 1]
        if marker == 0xFF:  # padding
            place += 1
            continue
        (length,) = struct.unpack(">H", data[place + 2 : place + 4])
        if marker in _FRAMES:
            high, wide = struct.unpack(">HH", data[place + 5 : place + 9])
            return wide, high
        place += 2 + length
    return None
