"""Guards look at a call before it is priced and may refuse or rewrite it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

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


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a moderation model says of one text: of each category whether it applies, and a score from 0 to 1."""

    flagged: bool
    categories: Mapping[str, bool] = field(default_factory=dict)
    scores: Mapping[str, float] = field(default_factory=dict)


class GuardPort(Outbound, Protocol):
    """What a guard may reach while it judges a call: the network, as `Outbound`, and models of the catalog."""

    @property
    def account_id(self) -> str:
        """The account that will pay for the call."""
        ...

    @property
    def key_id(self) -> str:
        """The id of the API key that the call came with; not the key."""
        ...

    async def moderate(
        self, model: str, texts: Sequence[str], *, timeout_s: float = 10
    ) -> Sequence[Judgement]:
        """Ask a model of the catalog (operation ``moderations``) about ``texts``; a judgement of each, in their order.

        The house pays: no wallet is charged, no limit counts it, and no guard looks at it. The model's server is sent
        the texts and nothing of who calls. Models that `Guard.models` names exist.

        Raises:
            UpstreamError: no route of the model answered in ``timeout_s``, or none in a way that can be understood.
        """
        ...


class Guard(ABC):
    """Looks at every call, before it is priced."""

    @abstractmethod
    async def check(self, call: Call, out: GuardPort) -> Allow | Deny | Rewrite:
        """The verdict on ``call``. An exception refuses the call with 503: who cannot judge lets nothing by."""

    def models(self) -> Sequence[str]:
        """The models of the catalog that it asks. A configuration without one of them is refused."""
        return ()


@dataclass(frozen=True, slots=True)
class GuardType:
    """A kind of guard, as ``use`` in `pixapi.toml` names it."""

    name: str
    summary: str
    config: type[PluginConfig]
    build: Callable[[Any], Guard]
