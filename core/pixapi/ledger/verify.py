"""The proof: recomputes every sum of the ledger from what is never changed, and names what does not agree.

It runs while calls run, in three phases, none of which keeps a snapshot open for long:

1. *Gather*, in slices, each its own short snapshot: the sums of all older charges (by the order of their ids, which
   is that of time) and of all older entries. Charges that are still open are remembered.
2. *Compare*, in one snapshot: what is new since, what became of the open ones, and all wallets, lots and budgets.
   Whatever disagrees is a suspect only: a charge may have ended behind the gatherer's back (a late settle).
3. *Confirm*: each suspect wallet alone, from all of its rows, in one snapshot. Only this makes a problem.

So a true report never depends on phase 1 having seen a moment; it just makes phase 3 small.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from pixapi.db.engine import Database
from pixapi.ledger.verify_sums import Sums, compare, confirm, gather

_MOST_PROBLEMS = 200


@dataclass
class Report:
    """What `verify` found. ``counts`` says how much was looked at."""

    problems: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether everything agrees."""
        return not self.problems


def verify(database: Database, *, progress: Callable[[str, int], None] | None = None) -> Report:
    """Checks the whole ledger.

    Args:
        progress: hears the phase and how many rows it has seen so far.

    Raises:
        DatabaseAway: the database does not answer.
    """
    tell = progress or (lambda _phase, _rows: None)
    sums = Sums()
    gather(database, sums, tell)
    suspects = compare(database, sums)
    report = Report(list(sums.faults), dict(sums.counts))
    for number, suspect in enumerate(sorted(suspects), 1):
        tell("confirm", number)
        report.problems += confirm(database, suspect)
        if len(report.problems) >= _MOST_PROBLEMS:
            report.problems.append("there may be more; the check stopped here")
            break
    return report
