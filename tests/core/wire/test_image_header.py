"""How large an image is, from its head."""

from __future__ import annotations

import pytest

from pixapi.wire.image_header import dimensions

PNG = b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + b"\0\0\x05\x40\0\0\x03\0" + b"\x08\x02\0\0\0"
FRAME = b"\xff\xc0\0\x11\x08\x03\0\x05\x40\x03"
EXIF = b"\xff\xe1\0\x06Exif"


@pytest.mark.parametrize(
    "head",
    [
        PNG,
        b"\xff\xd8" + FRAME,
        b"\xff\xd8" + EXIF + FRAME,
        b"\xff\xd8" + EXIF + b"\xff\xff" + FRAME,
        b"\xff\xd8\xff\x01" + b"\xff\xc4\0\x04ab" + b"\xff\xc2" + FRAME[2:],
    ],
)
def test_a_head_tells_width_and_height(head: bytes) -> None:
    assert dimensions(head) == (1344, 768)
    assert all(dimensions(head[:end]) in (None, (1344, 768)) for end in range(len(head)))


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"GIF89a" + bytes(20),
        PNG[:20],
        PNG.replace(b"IHDR", b"IDAT"),
        PNG[:16] + bytes(16),
        b"\xff\xd8" + EXIF,
        b"\xff\xd8" + bytes(40),
        b"\xff\xd8" + b"\xff\xe1\xff\xff" + FRAME,
    ],
)
def test_what_tells_nothing_is_unknown(head: bytes) -> None:
    assert dimensions(head) is None
