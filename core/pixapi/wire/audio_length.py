"""How long a sound may be and probably is, from its file alone, without decoding it.

A WAV file of plain samples (RIFF, format 1) says how many bytes a second takes. Of compressed sound only a rate can be
assumed: speech is hardly ever stored in less than 6 kbit/s, the lowest of Opus, and mostly in 128 kbit/s.
"""

from __future__ import annotations

from decimal import Decimal

from pixapi.interfaces.call import Upload

_LOWEST_BYTES_PER_S = 750
_USUAL_BYTES_PER_S = 16_000
_LONGEST_HEADER = 44
_MILLI = Decimal("0.001")


def longest_seconds(sound: Upload) -> int:
    """The most seconds that a file of sound can have, in whole seconds."""
    return -(-sound.size // (_wav_bytes_per_s(sound) or _LOWEST_BYTES_PER_S))


def likely_seconds(sound: Upload) -> Decimal:
    """The seconds that a file of sound probably has, where nobody says."""
    return (Decimal(sound.size) / (_wav_bytes_per_s(sound) or _USUAL_BYTES_PER_S)).quantize(_MILLI)


def _wav_bytes_per_s(sound: Upload) -> int | None:
    """What plain samples need a second: rate times channels times bytes, as a decoder reckons; not what the header says
    of it, which a decoder ignores.
    """
    head = sound.start(_LONGEST_HEADER)
    is_plain = head[:4] == b"RIFF" and head[8:16] == b"WAVEfmt " and head[20:22] == b"\x01\x00"
    if not is_plain or len(head) < _LONGEST_HEADER:
        return None
    channels, rate = int.from_bytes(head[22:24], "little"), int.from_bytes(head[24:28], "little")
    bits = int.from_bytes(head[34:36], "little")
    if not (1 <= channels <= 16 and 4000 <= rate <= 384_000 and bits in (8, 16, 24, 32)):
        return None
    return channels * rate * bits // 8
