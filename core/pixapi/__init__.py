"""Pixapi: a gateway between developers and the AI models of many vendors.

A plugin needs two names from here: ``hookimpl``, the marker for its hooks, and ``__version__``.
Everything else that a plugin may use lies in `pixapi.interfaces`, `pixapi.adapters`, `pixapi.wire`,
`pixapi.errors`, `pixapi.money` and `pixapi.clock`.
"""

import pluggy

__version__ = "0.1.0"

hookimpl = pluggy.HookimplMarker("pixapi")

__all__ = ["__version__", "hookimpl"]
