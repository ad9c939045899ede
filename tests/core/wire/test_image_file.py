"""What the first bytes of a picture say."""

from __future__ import annotations

import struct

import pytest

from pixapi.wire.image_file import image_kind, image_size, may_be_transparent


def png(wide: int, high: int, colour: int = 2) -> bytes:
    return b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">IIBB", wide, high, 8, colour) + b"\0\0\0"


def jpeg(wide: int, high: int, frame: int = 0xC0) -> bytes:
    exif = b"\xff\xe1" + struct.pack(">H", 10) + b"Exif\0\0\0\0"
    return b"\xff\xd8" + exif + b"\xff\xff" + bytes([frame]) + struct.pack(">HBHH", 17, 8, high, wide)


def webp(kind: bytes, body: bytes) -> bytes:
    return b"RIFF\0\0\0\0WEBP" + kind + b"\0\0\0\0" + body


EXTENDED = webp(b"VP8X", b"\0\0\0\0" + (639).to_bytes(3, "little") + (479).to_bytes(3, "little"))
LOSSLESS = webp(b"VP8L", b"\x2f" + struct.pack("<I", 639 | 479 << 14))
LOSSY = webp(b"VP8 ", b"\0\0\0\x9d\x01\x2a" + struct.pack("<HH", 640, 480))
GIF = b"GIF89a" + struct.pack("<HH", 640, 480)


@pytest.mark.parametrize(
    ("data", "kind", "size"),
    [
        (png(640, 480), "image/png", (640, 480)),
        (jpeg(640, 480), "image/jpeg", (640, 480)),
        (jpeg(640, 480, 0xC2), "image/jpeg", (640, 480)),
        (jpeg(640, 480, 0xC4), "image/jpeg", None),
        (EXTENDED, "image/webp", (640, 480)),
        (LOSSLESS, "image/webp", (640, 480)),
        (LOSSY, "image/webp", (640, 480)),
        (webp(b"XXXX", b""), "image/webp", None),
        (GIF, "image/gif", (640, 480)),
        (b'<?xml version="1.0"?>\n<svg xmlns="x">', "image/svg+xml", None),
        (b"<svg>", "image/svg+xml", None),
        (b"<!doctype html>", None, None),
        (b"", None, None),
    ],
)
def test_kind_and_size(data: bytes, kind: str | None, size: tuple[int, int] | None) -> None:
    assert (image_kind(data), image_size(data)) == (kind, size)


@pytest.mark.parametrize("data", [png(640, 480), jpeg(640, 480), EXTENDED, LOSSLESS, LOSSY, GIF])
def test_a_picture_that_breaks_off_says_nothing_wrong(data: bytes) -> None:
    for length in range(len(data)):
        assert image_size(data[:length]) in (None, (640, 480))
        assert may_be_transparent(data[:length]) is False


@pytest.mark.parametrize(
    ("data", "answer"),
    [
        (png(1, 1, 6), True),
        (png(1, 1, 4), True),
        (png(1, 1, 2), False),
        (png(1, 1, 0), False),
        (webp(b"VP8X", b"\x10" + bytes(9)), True),
        (webp(b"VP8L", b"\x2f" + struct.pack("<I", 1 << 28)), True),
        (LOSSY, False),
        (jpeg(1, 1), False),
    ],
)
def test_alpha_is_seen(data: bytes, answer: bool) -> None:
    assert may_be_transparent(data) is answer
