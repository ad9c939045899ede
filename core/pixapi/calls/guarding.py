"""What guards say of a call, and what they may reach to find out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from pixapi.errors import CallerError, Forbidden, InternalError, NotReady
from pixapi.interfaces import Deny, HttpReply, HttpRequest, Judgement, Rewrite
from pixapi.telemetry.logs import logger

if TYPE_CHECKING:
    from pixapi.calls.flight import Flight
    from pixapi.identity.keyring import Principal

log = logger("calls")


class Moderator(Protocol):
    """Asks models of the catalog; the gateway's part in `GuardPort.moderate`."""

    async def moderate(
        self, flight: Flight, model: str, texts: Sequence[str], timeout_s: float
    ) -> Sequence[Judgement]:
        """See `GuardPort.moderate`; ``flight`` is the call that is guarded."""
        ...


class Port:
    """The `GuardPort` of one call."""

    __slots__ = ("_flight", "_moderator", "_principal")

    def __init__(self, flight: Flight, principal: Principal, moderator: Moderator | None) -> None:
        self._flight = flight
        self._principal = principal
        self._moderator = moderator

    @property
    def account_id(self) -> str:
        return self._principal.account_id

    @property
    def key_id(self) -> str:
        return self._principal.key_id

    async def send(self, request: HttpRequest, *, timeout_s: float = 30) -> HttpReply:
        return await self._flight.configured.outbound.send(request, timeout_s=timeout_s)

    async def moderate(
        self, model: str, texts: Sequence[str], *, timeout_s: float = 10
    ) -> Sequence[Judgement]:
        if self._moderator is None:
            raise InternalError("this part of the gateway asks no models")
        return await self._moderator.moderate(self._flight, model, texts, timeout_s)


async def rewritten_by_guards(flight: Flight, principal: Principal, moderator: Moderator | None) -> bool:
    """Ask every guard about the call, in the order of the configuration; True where one has rewritten its fields.

    Raises:
        Forbidden: one refuses it (code ``content_refused``).
        CallerError: one finds the request malformed.
        NotReady: one could not judge.
    """
    call = flight.call
    assert call is not None
    rewritten = False
    port = Port(flight, principal, moderator)
    for guard in flight.configured.guards:
        try:
            verdict = await guard.check(call, port)
        except (CallerError, NotReady):
            raise
        except Exception as error:
            log.exception("guard_failed", guard=type(guard).__name__, request_id=flight.request_id)
            raise NotReady("a guard of this gateway could not judge the request; try again later") from error
        if isinstance(verdict, Deny):
            raise Forbidden(verdict.reason, code="content_refused")
        if isinstance(verdict, Rewrite):
            call.fields = {**call.fields, **verdict.fields}
            rewritten = True
    return rewritten
