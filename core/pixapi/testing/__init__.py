"""For the tests of plugins: contract suites, a server that replays recorded traffic, a gateway to run.

A plugin's whole test of the contract is one assignment::

    from pixapi.testing import provider_contract
    from pixapi_hello import Config, Hello, pixapi_register_providers

    (hello,) = pixapi_register_providers()
    test_contract = provider_contract(hello, {"api_key": "a-key-for-tests"})

It says more with a third argument, a list of `Recorded`: what the vendor's server answered, and what it means. The
fixtures `pixapi_call` (makes calls) and `pixapi_replay` (a server that answers with recorded bytes) are there without
an import.

Nothing is imported before it is asked for, so that this costs a test run nothing that does not use it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pixapi.errors import PluginError

if TYPE_CHECKING:
    from pixapi.interfaces import (
        Call,
        GuardType,
        Judgement,
        Outbound,
        PluginConfig,
        PriceSourceType,
        ProviderType,
    )
    from pixapi.testing.contracts.recorded import Recorded

__all__ = ["Recorded", "guard_contract", "price_source_contract", "provider_contract", "run_contract"]

if find_spec("pytest") is None:
    raise PluginError("pixapi.testing needs pytest, which is not installed; try `pip install pytest`")


def __getattr__(name: str) -> Any:
    if name == "Recorded":
        from pixapi.testing.contracts.recorded import Recorded

        return Recorded
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def provider_contract(
    kind: ProviderType, config: Mapping[str, Any] | PluginConfig, recorded: Iterable[Recorded] = ()
) -> Callable[..., None]:
    """A test function that holds a kind of provider to its contract, one case for each promise.

    Args:
        kind: what the plugin's hook returns.
        config: settings to build it with, as in `pixapi.toml`. Nothing is sent to where they point.
        recorded: what the vendor's server answers, from traffic or its documentation; the more, the better.
    """
    from pixapi.testing.contracts.promises import as_test
    from pixapi.testing.contracts.provider import ProviderSuite

    return as_test(ProviderSuite(kind, config, tuple(recorded)).promises())


def guard_contract(
    kind: GuardType,
    config: Mapping[str, Any] | PluginConfig,
    *,
    allowed: Iterable[Call | str] = (),
    denied: Iterable[Call | str] = (),
    outbound: Outbound | None = None,
    judge: Callable[[str], Judgement] | None = None,
) -> Callable[..., None]:
    """A test function that holds a kind of guard to its contract, one case for each promise.

    Args:
        kind: what the plugin's hook returns.
        config: settings to build it with, as in `pixapi.toml`.
        allowed: calls, or what a user says in one, that it lets by with these settings (rewritten or not).
        denied: the same, that it refuses.
        outbound: what the guard reaches; without it, reaching out fails the contract.
        judge: what a moderation model says of one text; without it, asking a model fails the contract.
    """
    from pixapi.testing.contracts.guard import GuardSuite
    from pixapi.testing.contracts.promises import as_test

    return as_test(GuardSuite(kind, config, tuple(allowed), tuple(denied), outbound, judge).promises())


def price_source_contract(
    kind: PriceSourceType, config: Mapping[str, Any] | PluginConfig, answers: Iterable[bytes] = ()
) -> Callable[..., None]:
    """A test function that holds a kind of price source to its contract, one case for each promise.

    Args:
        kind: what the plugin's hook returns.
        config: settings to build it with, as in `pixapi.toml`. Nothing is sent to where they point.
        answers: documents as the source's server sends them, each with at least one price.
    """
    from pixapi.testing.contracts.price_source import PriceSourceSuite
    from pixapi.testing.contracts.promises import as_test

    return as_test(PriceSourceSuite(kind, config, tuple(answers)).promises())


def run_contract(use: str, config: Path) -> int:
    """Run the contract suite on what ``use`` names: an installed plugin, or a file beside ``config``.

    Settings are those of the first table in ``config`` that uses it, else made up. Prints as pytest does.

    Returns:
        0: every promise is kept; 1: some is not.

    Raises:
        PluginError: there is no such plugin, or it cannot be loaded.
        ConfigError: it needs settings that cannot be made up.
    """
    from pixapi.testing.plugins import run

    return run(use, config)
