"""How a call is served: the hot endpoints, from ASGI to the upstream and back.

**The way.** `endpoint.Endpoint` reads the body, lets the desk admit the call (after which a hold is durable), and
hands it to `plain` or `stream`. Both try the model's routes in order (`routes.open_route`) until one begins to
answer, and end in exactly one of `Desk.settle` and `Desk.release`.

**When is the caller told what?** A plain reply is settled before its first byte. A stream's status is held back
until the first event of the answer, or until `server.keepalive_s` have passed in silence: then 200 goes out with a
keep-alive comment, and any later error is told within the stream. The last frame of a stream (the usage chunk and
``[DONE]``) waits until the charge is durable, so whoever has seen the end has been charged for it.

**When may another route be tried?** As long as nothing of the answer has been passed on, and the failure is of a
kind that another server could do better.

**What if the caller leaves?** `watch.Watch` looks after a short while, so that a quick call pays nothing for it. Before
upstream has sent headers, nothing is charged. Afterwards the model's policy decides: `abort` closes the upstream and
charges the reported usage or an estimate of what was passed on; `drain` reads on to the end, for an exact bill. A
plain reply whose headers have come is always read to its end.

**What if the upstream breaks off?** If nothing was passed on, nothing is charged. If something was, the caller is
told in its dialect that the stream broke, and what was delivered is charged.
"""
