"""The stages before and after a call is served: who asks, what may it cost, is there credit, what did it cost.

Nothing here touches a socket. Money moves only through the ledger's writer: `admit` ends with a hold that is
durable, `settle` or `release` ends that hold, and each `Flight` sees exactly one of the two.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from pixapi.calls.asked import Asked, read_asked
from pixapi.calls.ceiling import ceiling, output_limit, within_limits
from pixapi.calls.estimate import estimated
from pixapi.calls.guarding import rewritten_by_guards
from pixapi.calls.limiting import scope_of
from pixapi.errors import BadRequest, Forbidden, InsufficientCredit, NotReady, PixapiError, Unauthenticated
from pixapi.interfaces import Call, Usage
from pixapi.ledger.operations import HoldOrder, SettleOrder, VoidOrder
from pixapi.money import MAX_MICRO, format_credits
from pixapi.telemetry.logs import logger

if TYPE_CHECKING:
    from pixapi.calls.flight import Flight
    from pixapi.calls.guarding import Moderator
    from pixapi.calls.services import Services
    from pixapi.catalog.catalog import Offer, Route
    from pixapi.identity.keyring import Principal
    from pixapi.ledger.ticket import Meanwhile

log = logger("calls")


class Desk:
    """Takes calls in and closes them, for one process."""

    def __init__(self, services: Services, moderator: Moderator | None = None) -> None:
        """``moderator`` asks models on behalf of guards; a desk that admits calls needs one."""
        self.services = services
        self._moderator = moderator

    async def authenticate(self, key: str | None, client_ip: str | None) -> Principal:
        """Whose key it is.

        Raises:
            Unauthenticated: none was sent, or it is unknown, revoked or expired.
            Forbidden: it may not be used from this address.
            NotReady: this process has lost touch with the database for too long to vouch for keys.
        """
        if not key:
            raise Unauthenticated(
                "no API key was sent; send it as `Authorization: Bearer pix_...`", code="missing_api_key"
            )
        keyring = self.services.keyring
        try:
            principal = keyring.lookup(key, client_ip)
        except Unauthenticated:
            # It may be younger than this process's last look at the database.
            await keyring.refresh()
            principal = keyring.lookup(key, client_ip)
        except NotReady:
            # This process itself may have stood still, and not have looked since.
            await keyring.catch_up()
            principal = keyring.lookup(key, client_ip)
        keyring.used(principal.key_id)
        return principal

    async def admit(
        self,
        flight: Flight,
        principal: Principal,
        fields: dict[str, msgspec.Raw],
        meanwhile: Meanwhile | None = None,
    ) -> None:
        """Everything between authentication and the upstream; on return the hold is durable.

        ``meanwhile`` may be done while the hold is written.

        Raises:
            CallerError: the request, the model, the limits or the credit forbid it. Nothing is held then.
            NotReady, DatabaseAway: the process cannot decide now. Nothing is held then.
        """
        flight.principal = principal
        if flight.is_large:
            asked = await self.services.heavy.run(self._resolve, flight, principal, fields)
        else:
            asked = self._resolve(flight, principal, fields)
        await self._limit(flight, principal, asked)
        try:
            if flight.configured.guards:
                asked = await self._guard(flight, principal, asked)
            await self._hold(flight, principal, asked, meanwhile)
        except BaseException:
            self._leave(flight, 0)
            raise

    def _resolve(self, flight: Flight, principal: Principal, fields: dict[str, msgspec.Raw]) -> Asked:
        asked = read_asked(fields, flight.operation, flight.dialect, flight.uploads)
        entry = flight.configured.catalog.find(asked.model, principal.group, principal.models)
        offered = entry.settings.operation
        if offered not in ("any", flight.operation):
            raise Forbidden(
                f"the model {asked.model} is for {offered}, not for {flight.operation}", param="model"
            )
        if not any(flight.operation in route.provider.operations for route in entry.routes):
            raise BadRequest(
                f"no provider of the model {asked.model} offers {flight.operation}", param="model"
            )
        if not any(route.provider.offers(flight.operation, stream=asked.stream) for route in entry.routes):
            raise BadRequest(
                f"no provider of the model {asked.model} streams {flight.operation}; leave stream out",
                param="stream",
            )
        flight.entry, flight.offer = entry, entry.offer(principal.group)
        asked.complete(entry.settings)
        flight.asked, flight.input_bound = asked, asked.input_bound
        flight.call = Call(
            id=flight.request_id,
            operation=flight.operation,
            dialect=flight.dialect.name,
            alias=asked.model,
            model=entry.routes[0].model,
            fields=fields,
            reply_id=flight.dialect.reply_prefix + flight.serial,
            created=flight.at_us // 1_000_000,
            stream=asked.stream,
            include_usage=asked.include_usage,
            output_cap=asked.output_cap,
            framing=flight.framing,
            uploads=flight.uploads,
            headers=flight.caller_headers,
        )
        for route in entry.routes:
            if route.states_bound:
                self._believe(flight.call, route, asked)
        return asked

    def _believe(self, call: Call, route: Route, asked: Asked) -> None:
        """Where a provider states the most that the call can use, the larger of that and our own bound counts."""
        stated = route.provider.bound(msgspec.structs.replace(call, model=route.model))
        if stated is not None:
            asked.input_bound = max(asked.input_bound, stated.total_input())
            asked.output_bound = max(asked.output_bound, stated.total_output())

    async def _limit(self, flight: Flight, principal: Principal, asked: Asked) -> None:
        scope = scope_of(principal, flight.configured.settings)
        # Tokens of sound and images are bounded from afar: such a call counts with what it used, once that is known.
        tokens = asked.input_bound + asked.output_bound if asked.units is None else 0
        flight.ticket = await self.services.limiter.enter(scope, tokens)

    async def _guard(self, flight: Flight, principal: Principal, asked: Asked) -> Asked:
        call = flight.call
        assert call is not None
        if await rewritten_by_guards(flight, principal, self._moderator):
            return self._resolve(flight, principal, call.fields)
        return asked

    async def _hold(
        self, flight: Flight, principal: Principal, asked: Asked, meanwhile: Meanwhile | None
    ) -> None:
        call, offer, entry = flight.call, flight.offer, flight.entry
        assert call is not None
        assert offer is not None
        assert entry is not None
        credits = flight.configured.settings.credits
        table = offer.table
        needed = table.bound(asked.input_bound, asked.output_bound, asked.units)
        minimum = needed
        if credits.on_low_balance == "clamp" and asked.output_cap is not None:
            lowest = min(asked.output_cap, max(credits.min_output, asked.thinking_budget + 1))
            minimum = table.bound(asked.input_bound, lowest * asked.choices)
        order = HoldOrder(
            charge_id=flight.charge_id,
            wallet_id=principal.account_id,
            key_id=principal.key_id,
            user_id=principal.user_id,
            amount=needed,
            minimum=minimum,
            budgeted=principal.budgeted,
            operation=flight.operation,
            model=entry.settings.id,
            route=entry.routes[0].name,
            stream=call.stream,
            price_id=offer.price_id,
            at_us=flight.at_us,
        )
        try:
            held = await self.services.ledger.hold(order, meanwhile)
        except InsufficientCredit as refusal:
            _tell_affordable(refusal, asked, offer)
            raise
        flight.held, flight.holding = held, True
        if held < needed and asked.output_cap is not None:
            affordable = table.affordable_output(held, asked.input_bound)
            if affordable is not None:
                flight.ready = None  # it was made with the cap that was asked for
                call.output_cap = flight.clamped_output = min(asked.output_cap, affordable // asked.choices)

    async def settle(
        self,
        flight: Flight,
        usage: Usage,
        source: str,
        error: PixapiError | None = None,
        meanwhile: Meanwhile | None = None,
    ) -> None:
        """Charge the call for ``usage`` and end its hold. ``error``: it ended badly after it had begun to answer.
        ``meanwhile`` may be done while the charge is written.

        Raises:
            DatabaseAway: neither the database nor the spool took it; the hold stays.
        """
        offer = flight.offer
        assert offer is not None
        now_s = self.services.clock.monotonic_s()
        usage = within_limits(flight, usage) if source == "estimated" else usage
        amount, most = offer.table.amount(usage), None
        if amount > MAX_MICRO:
            # The ledger takes no such order, and the hold would stay: the most that was asked for counts.
            log.error("usage_beyond_belief", request_id=flight.request_id, source=source)
            usage, source = estimated(flight.input_bound, output_limit(flight)), "estimated"
            amount = offer.table.amount(usage)
        elif flight.held is not None and amount > flight.held:
            most = min(ceiling(flight, usage), amount)
            if most < amount:
                source = "capped"
                self._tell_capped(flight, amount, most)
        flight.usage, flight.usage_source, flight.holding = usage, source, False
        order = SettleOrder(
            charge_id=flight.charge_id,
            amount=amount,
            usage=msgspec.json.encode(usage).decode(),
            usage_source=source,
            at_us=self.services.clock.now_us(),
            http_status=200,
            error_code=None if error is None else error.code,
            first_byte_ms=flight.milliseconds_to(flight.first_byte_s),
            duration_ms=flight.milliseconds_to(now_s),
            route=None if flight.route is None else flight.route.name,
            most=most,
        )
        tokens = usage.total_input() + usage.total_output()
        if source == "capped" and flight.asked is not None:
            tokens = min(tokens, flight.asked.input_bound + flight.asked.output_bound)
        try:
            flight.settled = await self.services.ledger.settle(order, meanwhile)
        finally:
            self._leave(flight, tokens)

    def _tell_capped(self, flight: Flight, amount: int, most: int) -> None:
        log.warning(
            "usage_beyond_limits",
            request_id=flight.request_id,
            model=flight.model,
            route=None if flight.route is None else flight.route.name,
            reported=format_credits(amount),
            charged=format_credits(most),
        )
        self.services.metrics.usage_capped(flight.model, amount - most)

    async def release(self, flight: Flight, error: PixapiError) -> None:
        """End the hold without a charge; ``error`` is why.

        Raises:
            DatabaseAway: neither the database nor the spool took it; the hold stays.
        """
        self._leave(flight, 0)
        if not flight.holding:
            return
        flight.holding = False
        now_s = self.services.clock.monotonic_s()
        await self.services.ledger.void(
            VoidOrder(
                charge_id=flight.charge_id,
                at_us=self.services.clock.now_us(),
                error_code=error.code,
                http_status=error.status,
                duration_ms=flight.milliseconds_to(now_s),
            )
        )

    def _leave(self, flight: Flight, tokens_used: int) -> None:
        ticket, flight.ticket = flight.ticket, None
        if ticket is not None:
            ticket.leave(tokens_used)


def _tell_affordable(refusal: InsufficientCredit, asked: Asked, offer: Offer) -> None:
    """What the balance would have been enough for."""
    available_micro = max(0, refusal.available_micro)
    refusal.details = {
        "needed": format_credits(refusal.needed_micro),
        "available": format_credits(refusal.available_micro),
    }
    if asked.units is None:
        affordable = offer.table.affordable_output(available_micro, asked.input_bound)
        refusal.details["affordable_output_tokens"] = affordable
