"""Every hook of Pixapi. A hook is synchronous, typed, and called only when its docstring says so."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from pixapi.interfaces import GuardType, PriceSourceType, ProviderType

hookspec = pluggy.HookspecMarker("pixapi")


@hookspec
def pixapi_register_providers() -> Iterable[ProviderType]:
    """The kinds of provider this plugin offers. Called once, when the plugin is loaded."""
    raise AssertionError("a specification is never called")


@hookspec
def pixapi_register_guards() -> Iterable[GuardType]:
    """The kinds of guard this plugin offers. Called once, when the plugin is loaded."""
    raise AssertionError("a specification is never called")


@hookspec
def pixapi_register_price_sources() -> Iterable[PriceSourceType]:
    """The kinds of price source this plugin offers. Called once, when the plugin is loaded."""
    raise AssertionError("a specification is never called")
