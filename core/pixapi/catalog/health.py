"""Whether something upstream is worth a call now: a route with one key, or a key wherever it is used.

::

    closed ──────── too many failures, or one that says enough ──────▶ open
      ▲                                                                 │ the cool-down is over
      │ the probe succeeds                                              ▼
      └────────────────────────────────────────────────────────── half-open ── the probe fails ──▶ open, for longer

Closed: calls go there. Open: they do not, as long as there is anything else. Half-open: one call at a time is let
through as a probe, and what becomes of it decides.

- Failures count in a row, and as a share of the calls of the last while: what happened some time ago weighs less and
  less (e^-t/window). Calls are counted only once one has failed, so a healthy route costs one comparison a call.
- A cool-down doubles with each repetition, and begins small again after a time without one. A server that says how
  long to wait is believed.
- The verdict of an attempt that began before the last change is stale and changes nothing: a burst of calls that fail
  together is one failure of the route, not hundreds.

Pure: whoever asks says what time it is, in seconds of a clock that never goes back. One thread uses it.
"""

from __future__ import annotations

from math import exp
from typing import Literal

import msgspec

State = Literal["closed", "half_open", "open"]

LONGEST_WAIT_S = 3600.0
"""A server that asks for more is asked again after this."""
PROBE_S = 60.0
"""A probe without a verdict for so long keeps no other from being sent."""
LATELY_S = 5.0
"""One that answered a call within so many seconds serves."""
_FORGOTTEN = 0.05
_MOST_DOUBLINGS = 20
_NEVER = float("-inf")


class Terms(msgspec.Struct, frozen=True):
    """When something counts as unwell, and how long it is left alone then."""

    failures: int = 3
    """So many in a row open it."""
    error_rate: float = 0.5
    """This share of failures opens it..."""
    min_calls: int = 10
    """...among so many calls at least."""
    window_s: float = 30.0
    cooldown_s: float = 5.0
    cooldown_max_s: float = 300.0


class Health:
    """The state of one thing upstream."""

    __slots__ = (
        "_answered_s", "_calls", "_closed_s", "_cooled_s", "_counted_s", "_doublings", "_in_a_row", "_opened_s",
        "_probe_until_s", "bad", "is_closed", "reason", "terms", "until_s", "was_asked",
    )  # fmt: skip

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        self.is_closed = True
        self.bad = 0.0
        """The failures that are remembered; 0 means that nothing need be counted."""
        self.until_s = _NEVER
        """When the cool-down ends; in the past while closed."""
        self.was_asked = False
        """The server itself said how long to wait."""
        self.reason: str | None = None
        """The code of the failure that opened it."""
        self._answered_s = _NEVER
        self._calls = 0.0
        self._counted_s = 0.0
        self._in_a_row = 0
        self._doublings = 0
        self._cooled_s = 0.0
        self._opened_s = _NEVER
        self._closed_s = _NEVER
        self._probe_until_s = _NEVER

    def state(self, now_s: float) -> State:
        if self.is_closed:
            return "closed"
        return "half_open" if now_s >= self.until_s else "open"

    def is_ready(self, now_s: float) -> bool:
        """Whether a call may go there: it is closed, or half-open without a probe under way."""
        return self.is_closed or (now_s >= self.until_s and now_s >= self._probe_until_s)

    def limits(self, now_s: float) -> bool:
        """Whether it asked for a wait although it serves: it has answered others lately, so it is not down."""
        return self.was_asked and now_s - self._answered_s <= LATELY_S

    def claim(self, now_s: float) -> bool:
        """A call goes there. True: it is the probe, and its verdict or `let_go` must follow."""
        if self.is_closed or not self.is_ready(now_s):
            return False
        self._probe_until_s = now_s + PROBE_S
        return True

    def let_go(self) -> None:
        """The probe ended without a verdict."""
        self._probe_until_s = _NEVER

    def succeeded(self, now_s: float, began_s: float, *, is_probe: bool = False) -> None:
        """A call that began at ``began_s`` was answered."""
        self._answered_s = now_s
        if is_probe:
            self._probe_until_s = _NEVER
        if self.is_closed:
            if self.bad:
                self._count(now_s, 0.0)
                self._in_a_row = 0
                if self.bad < _FORGOTTEN:
                    self.bad = 0.0
        elif is_probe or began_s >= self._opened_s:
            self._close(now_s)

    def failed(
        self,
        now_s: float,
        began_s: float,
        *,
        is_probe: bool = False,
        at_once: bool = False,
        wait_s: float | None = None,
        reason: str | None = None,
    ) -> None:
        """A call that began at ``began_s`` failed in a way that speaks against this.

        Args:
            is_probe: `claim` said so.
            at_once: the failure says enough by itself; no second one is waited for.
            wait_s: how long the server asks us to keep away.
            reason: a code, for people.
        """
        if is_probe:
            self._probe_until_s = _NEVER
        if self.is_closed:
            if began_s < self._closed_s:
                return
            self._count(now_s, 1.0)
            self._in_a_row += 1
            if at_once or wait_s is not None or self._is_too_much():
                self._open(now_s, wait_s, reason)
        elif is_probe:
            self._open(now_s, wait_s, reason)
        elif wait_s is not None:
            self.until_s = max(self.until_s, now_s + min(wait_s, LONGEST_WAIT_S))

    def revive(self) -> None:
        """Begin anew: what was wrong has been mended."""
        self._close(_NEVER)
        self._doublings = 0

    def _is_too_much(self) -> bool:
        terms = self.terms
        return self._in_a_row >= terms.failures or (
            self._calls >= terms.min_calls and self.bad >= terms.error_rate * self._calls
        )

    def _count(self, now_s: float, failures: float) -> None:
        kept = exp((self._counted_s - now_s) / self.terms.window_s)
        self._counted_s = now_s
        self.bad = self.bad * kept + failures
        self._calls = self._calls * kept + 1

    def _open(self, now_s: float, wait_s: float | None, reason: str | None) -> None:
        if self.is_closed and now_s - self._closed_s > self._cooled_s:
            self._doublings = 0
        if wait_s is None:
            terms = self.terms
            cooled_s = min(terms.cooldown_max_s, terms.cooldown_s * 2**self._doublings)
        else:
            cooled_s = min(wait_s, LONGEST_WAIT_S)
        self._doublings = min(self._doublings + 1, _MOST_DOUBLINGS)
        self.is_closed, self.was_asked, self.reason = False, wait_s is not None, reason
        self._opened_s, self._cooled_s, self.until_s = now_s, cooled_s, now_s + cooled_s
        self._forget()

    def _close(self, now_s: float) -> None:
        self.is_closed, self.was_asked, self.reason = True, False, None
        self._closed_s = now_s
        self.until_s = self._probe_until_s = _NEVER
        self._forget()

    def _forget(self) -> None:
        self.bad = self._calls = 0.0
        self._in_a_row = 0
