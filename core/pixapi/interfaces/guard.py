"""Guards look at a call before it is priced and may refuse or rewrite it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from pixapi.interfaces.call import Call
from pixapi.interfaces.http import Outbound
from pixapi.interfaces.plugin import PluginConfig


@dataclass(frozen=True, slots=True)
class Allow:
    """Let the call go on as it is."""


@dataclass(frozen=True, slots=True)
class Deny:
    """Refuse the call; the caller reads ``reason``."""

    reason: str


@dataclass(frozen=True, slots=True)
class Rewrite:
    """Let the call go on with these top-level fields of its body replaced."""

    fields: dict[str, msgspec.Raw]


class Guard(ABC):
    """Looks at every call, before it is priced."""

    @abstractmethod
    async def check(self, call: Call, out: Outbound) -> Allow | Deny | Rewrite:
        """The verdict on ``call``. An exception refuses the call with 503: who cannot judge lets nothing by."""


@dataclass(frozen=True, slots=True)
class GuardType:
    """A kind of guard, as ``use`` in `pixapi.toml` names it."""

    name: str
    summary: str
    config: type[PluginConfig]
    build: Callable[[Any], Guard]
