"""What a call used, as a vector of disjoint quantities.

No token is counted in two of them; the sum of the input quantities is all input, that of the output quantities
all output. **None means unknown, 0 means none.** The names are those of the price keys in `pixapi.toml`; units that
are counted by the piece stand in the plural here and in the singular there (`images`, priced by `image`).
"""

from __future__ import annotations

from decimal import Decimal

import msgspec


class Usage(msgspec.Struct, frozen=True, omit_defaults=True):
    """Quantities of one call. Tokens, unless the name says otherwise.

    Of a chat, ``input`` and ``output`` that are None are estimated, and such a charge says so; where the usage is None
    as a whole, so is that of any call. Every other quantity that is None is charged as none.
    """

    input: int | None = None
    """Text input that was neither read from a cache nor written to one."""
    cached_input: int | None = None
    """Input read from a cache."""
    cache_write: int | None = None
    """Input written to a cache with the vendor's ordinary lifetime (some minutes)."""
    cache_write_1h: int | None = None
    """Input written to a cache for an hour."""
    audio_input: int | None = None
    image_input: int | None = None
    output: int | None = None
    """Output that is none of the kinds below."""
    reasoning: int | None = None
    audio_output: int | None = None
    image_output: int | None = None
    requests: int | None = None
    """Calls, where a vendor charges by the call."""
    images: int | None = None
    """Images that were made."""
    seconds: Decimal | None = None
    """Seconds of audio or video, of what was made or, where nothing was made, of what was heard or seen."""
    characters: int | None = None
    """Characters that were spoken."""
    megapixels: Decimal | None = None
    """Megapixels that were made, of all images together."""
    searches: int | None = None
    """Searches that the model made on the vendor's account."""
    provider_cost_usd: str | None = None
    """What the vendor says it charges us: a decimal string of USD. Not a quantity; kept for margin reports."""

    def total_input(self) -> int:
        """All input tokens; unknown counts as none."""
        return (
            (self.input or 0)
            + (self.cached_input or 0)
            + (self.cache_write or 0)
            + (self.cache_write_1h or 0)
            + (self.audio_input or 0)
            + (self.image_input or 0)
        )

    def total_output(self) -> int:
        """All output tokens; unknown counts as none."""
        return (
            (self.output or 0) + (self.reasoning or 0) + (self.audio_output or 0) + (self.image_output or 0)
        )
