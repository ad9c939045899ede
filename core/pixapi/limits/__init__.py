"""How much one key may do: requests a minute, tokens a minute, calls at once.

A call enters before it is priced and leaves when it is settled; `arrivals` bounds what comes before. `window` has the
arithmetic of the two rates, `memory` the limiter of a single process, `redis` the one that several processes share.
"""

from pixapi.limits.arrivals import Arrivals
from pixapi.limits.memory import MemoryLimiter
from pixapi.limits.scope import Limiter, Scope, Ticket

__all__ = ["Arrivals", "Limiter", "MemoryLimiter", "Scope", "Ticket"]
