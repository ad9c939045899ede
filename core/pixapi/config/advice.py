"""What a valid configuration says that is seldom meant."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator
from urllib.parse import urlsplit

from pixapi.config.load import Loaded
from pixapi.config.price import QUANTITIES, UNITS
from pixapi.config.problems import Problem
from pixapi.config.settings import Model, Settings

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def advice(loaded: Loaded) -> Iterator[Problem]:
    """Warnings, each with its place."""
    yield from _server(loaded)
    yield from _storage(loaded)
    yield from _catalog(loaded)
    yield from _groups(loaded)


def _server(loaded: Loaded) -> Iterator[Problem]:
    server, origins = loaded.settings.server, loaded.origins
    url = urlsplit(server.public_url)
    if url.scheme != "https" and url.hostname not in LOOPBACK:
        yield Problem(
            origins.nearest(("server", "public_url")),
            "`server.public_url` is not https; API keys would cross the network in the clear",
        )
    if server.host not in LOOPBACK and url.hostname in LOOPBACK:
        yield Problem(
            origins.nearest(("server", "host")),
            f"`server.host` is {server.host}, and `server.public_url` leads to this machine only; "
            "set it to the address that consumers use",
        )
    if url.scheme == "https" and not server.trusted_proxies:
        yield Problem(
            origins.nearest(("server", "trusted_proxies")),
            "`server.trusted_proxies` is empty: all callers will seem to be the proxy that does TLS",
        )
    if "*" in server.cors_origins:
        yield Problem(
            origins.nearest(("server", "cors_origins")),
            '`server.cors_origins` has "*": any web page may call the API',
        )


def _storage(loaded: Loaded) -> Iterator[Problem]:
    if loaded.settings.redis is not None and loaded.settings.database.url.startswith("sqlite"):
        yield Problem(
            loaded.origins.nearest(("redis",)),
            "`redis` is for several processes, and SQLite serves one; use Postgres, or leave redis out",
        )


def _catalog(loaded: Loaded) -> Iterator[Problem]:
    settings, origins = loaded.settings, loaded.origins
    if not settings.models:
        yield Problem(str(loaded.path), "no model is configured, so that there is nothing to call")
        return
    used = {route.provider for model in settings.models for route in model.routes}
    for name in settings.providers:
        if name not in used:
            yield Problem(
                origins.nearest(("providers", name)), f"no model has a route to the provider `{name}`"
            )
    for index, model in enumerate(settings.models):
        place = origins.nearest(("models", index, "price"))
        if not any(model.price.usd(key) for key in (*QUANTITIES, *UNITS)):
            yield Problem(place, f"the model `{model.id}` costs nothing")
        else:
            yield from (Problem(place, loss) for loss in losses_of(settings, model))


def _groups(loaded: Loaded) -> Iterator[Problem]:
    known = {model.id for model in loaded.settings.models}
    for name, group in loaded.settings.groups.items():
        for pattern in group.models or ():
            if not known.intersection(fnmatch.filter(known, pattern)):
                yield Problem(
                    loaded.origins.nearest(("groups", name, "models")),
                    f'the group `{name}` may see "{pattern}", which no model is called',
                )


def losses(settings: Settings) -> list[str]:
    """A sentence for each price below what the vendor charges."""
    return [loss for model in settings.models for loss in losses_of(settings, model)]


def losses_of(settings: Settings, model: Model) -> Iterator[str]:
    """A sentence for each price of the model below what the vendor charges."""
    if model.cost is None:
        return
    if keys := model.price.below(model.cost):
        yield f"the model `{model.id}` is priced below what its vendor charges ({', '.join(keys)})"
        return
    for name, group in settings.groups.items():
        # A factor of 0 is a present, and meant as one.
        if group.price_factor and (keys := model.price.below(model.cost, group.price_factor)):
            yield (
                f"the group `{name}` pays less for the model `{model.id}` than its vendor charges "
                f"({', '.join(keys)})"
            )
