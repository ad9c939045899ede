"""`pixapi models explain`: which routes a call would take, in which order, and why."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from pixapi.cli.common import config_option, emit, json_option, load, migrated_database
from pixapi.errors import ConfigError, NotFound

if TYPE_CHECKING:
    from pixapi.config.load import Loaded
    from pixapi.config.settings import Model
    from pixapi.identity.views import ApiKey
    from pixapi.pluginhost.host import PluginHost

_COLUMNS = ["route", "priority", "weight", "keys", "when", "first_byte_s", "total_s", "health"]


@click.command("explain")
@click.argument("model_id")
@click.option(
    "--key", "key_id", metavar="KEY_ID", help="For the calls of this API key: may it, and at what price?"
)
@config_option
@json_option
def explain(model_id: str, key_id: str | None, config: str | None, as_json: bool) -> None:
    """Which routes a call of a model takes, in which order, and why.

    The order is what the configuration says; the health beside it is that of the gateway that runs at
    server.public_url, if one answers there.
    """
    from pixapi.pluginhost.host import PluginHost

    loaded = load(config)
    model = _model(loaded, model_id)
    host = PluginHost.load(loaded)
    report: dict[str, Any] = {"model": model.id, "operation": model.operation}
    report |= _for_key(loaded, model, key_id, config)
    live, note = _live(loaded)
    report["routes"] = list(_routes(model, host, live))
    report["keys"] = {name: state for name, state in live["keys"].items() if _is_of(name, model)}
    report["live"] = note
    report["attempts"] = loaded.settings.routing.attempts
    report["problems"] = list(_problems(loaded, model, host))
    if as_json:
        emit(report, as_json)
    else:
        _print(report)


def _model(loaded: Loaded, model_id: str) -> Model:
    from pixapi.config.problems import suggestion

    for model in loaded.settings.models:
        if model.id == model_id:
            return model
    known = [model.id for model in loaded.settings.models]
    hint = suggestion(model_id, known, otherwise="; `pixapi models list` shows those that are")
    raise NotFound(f"no model {model_id} is configured{hint}")


def _for_key(loaded: Loaded, model: Model, key_id: str | None, config: str | None) -> dict[str, Any]:
    """Whether the key may call the model, and the price; without a key, those of accounts in the default group."""
    from decimal import Decimal

    found, group = (None, "default") if key_id is None else _key(key_id, config)
    terms = loaded.settings.groups.get(group)
    factor = Decimal(1) if terms is None else terms.price_factor
    reason = None
    if terms is not None and terms.models is not None and not _matches(model.id, terms.models):
        reason = f"the group `{group}` does not see it"
    elif found is not None and found.models is not None and not _matches(model.id, found.models):
        reason = "the key is limited to other models"
    return {
        "key": None if found is None else {"id": found.id, "email": found.email, "group": group or None},
        "may_call": reason is None,
        "reason": reason,
        "price": _price(model, factor),
    }


def _key(key_id: str, config: str | None) -> tuple[ApiKey, str]:
    """The key of that id, and the group of its user."""
    from pixapi.identity.lookup import find_user
    from pixapi.identity.service import require_key

    with migrated_database(config) as database, database.read() as connection:
        key = require_key(connection, key_id)
        return key, find_user(connection, key.email).group


def _matches(model: str, patterns: Any) -> bool:
    from fnmatch import fnmatchcase

    return any(fnmatchcase(model, pattern) for pattern in patterns)


def _price(model: Model, factor: Any) -> dict[str, str]:
    """What is priced, in USD: tokens by the million, all else by the piece."""
    from pixapi.config.price import QUANTITIES, UNITS

    given = [key for key in QUANTITIES if getattr(model.price, key)] + list(UNITS)
    prices = {key: model.price.usd(key) * factor for key in given}
    return {key: f"{price.normalize():f}" for key, price in prices.items() if price}


def _routes(model: Model, host: PluginHost, live: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """In the order in which calls try them."""
    priorities = sorted({route.priority for route in model.routes})
    for route in sorted(model.routes, key=lambda each: each.priority):
        peers = [each for each in model.routes if each.priority == route.priority]
        share = route.weight / sum(each.weight for each in peers)
        tier = priorities.index(route.priority)
        which = "every call" if len(peers) == 1 else f"{share:.0%} of calls"
        when = which if not tier else f"{which} that priority {priorities[tier - 1]} could not serve"
        name = f"{route.provider}/{route.model}"
        provider = host.providers[route.provider]
        yield {
            "route": name,
            "provider": route.provider,
            "use": provider.type.name,
            "model": route.model,
            "priority": route.priority,
            "weight": route.weight,
            "share": round(share, 4),
            "keys": len(provider.keys),
            "when": when,
            "connect_s": route.connect_s,
            "first_byte_s": route.first_byte_s,
            "idle_s": route.idle_s,
            "total_s": route.total_s,
            "health": live["routes"].get(name),
        }


def _problems(loaded: Loaded, model: Model, host: PluginHost) -> Iterator[str]:
    """What is configured and would make calls fail, or cost more than they bring."""
    from pixapi.config.advice import losses_of
    from pixapi.config.problems import spelled

    named = {route.provider for route in model.routes}
    for path, secret in host.secrets():
        if path[0] == "providers" and path[1] in named:
            try:
                secret.reveal()
            except ConfigError as error:
                yield f"key `{spelled(path)}` has no value: {error.message}"
    for name in sorted(named):
        offered = host.providers[name].provider.operations
        if model.operation != "any" and model.operation not in offered:
            yield f"the provider `{name}` does not offer {model.operation}; it offers {', '.join(sorted(offered))}"
    yield from losses_of(loaded.settings, model)


def _live(loaded: Loaded) -> tuple[dict[str, Any], str]:
    """The states of routes and keys in the running gateway, and a sentence on where they are from."""
    from pixapi.errors import PixapiError
    from pixapi.telemetry.states import read_states

    nothing: dict[str, Any] = {"routes": {}, "keys": {}}
    url = loaded.settings.server.public_url.rstrip("/")
    try:
        text = asyncio.run(_metrics(loaded, url))
    except PixapiError as error:
        why = f"{url}/metrics did not answer ({error.message})"
        return nothing, f"this is what the configuration says, without health, for {why}"
    return read_states(text), f"health is that of the gateway at {url}"


async def _metrics(loaded: Loaded, url: str) -> str:
    """What /metrics says. Raises PixapiError if it does not."""
    from pixapi.interfaces import HttpRequest
    from pixapi.transport.outbound import OutboundClient

    token = loaded.settings.telemetry.metrics_token
    headers = (("authorization", f"Bearer {token}"),) if token else ()
    client = OutboundClient([url])
    try:
        reply = await client.send(HttpRequest("GET", f"{url}/metrics", headers), timeout_s=2)
    finally:
        await client.close()
    if reply.status != 200:
        raise NotFound(f"status {reply.status}")
    return reply.body.decode("utf-8", "replace")


def _is_of(name: str, model: Model) -> bool:
    return name.rpartition("#")[0] in {route.provider for route in model.routes}


def _print(report: dict[str, Any]) -> None:
    key = report["key"]
    who = "An account of the group `default`" if key is None else f"The key {key['id']} of {key['email']}"
    may = "may call it" if report["may_call"] else f"may not call it: {report['reason']}"
    prices = ", ".join(f"{name} {usd}" for name, usd in report["price"].items()) or "nothing"
    click.echo(f"{report['model']}: {who} {may}. USD: {prices}.")
    click.echo(f"In this order, with at most {report['attempts']} attempts of a call on each:\n")
    emit(report["routes"], False, columns=_COLUMNS)
    dead = [f"{name} {state}" for name, state in report["keys"].items() if state != "closed"]
    if dead:
        click.echo(f"\nKeys that are not good: {', '.join(dead)}.")
    click.echo(f"\n{report['live'][0].upper()}{report['live'][1:]}.")
    for problem in report["problems"]:
        click.echo(f"problem: {problem}", err=True)
