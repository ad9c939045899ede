"""`pixapi check`: what is wrong with the configuration, and what may be."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from pixapi.cli.common import config_option, emit, json_option, load
from pixapi.errors import PixapiError

if TYPE_CHECKING:
    from pixapi.config.load import Loaded
    from pixapi.config.problems import Problem
    from pixapi.interfaces import Outbound
    from pixapi.pluginhost.host import ConfiguredKey, PluginHost

_PROBE_S = 15.0
_SLIP = 0.85
"""How like a known word (`difflib`) one is that must be meant for it."""
_VERSION = re.compile(r"(?:_preview)?(?:_\d{8}|_\d{4}_\d{2}_\d{2})?$")
"""What vendors append to the names of their tools, and `hosted_tools` leaves out."""


@click.command("check")
@click.option(
    "--live",
    is_flag=True,
    help="Also ask each provider whether it answers and takes its credential; each key.",
)
@config_option
@json_option
def command(live: bool, config: str | None, as_json: bool) -> None:
    """Load the configuration with its plugins and say what is wrong: file, line, key, what was expected.

    Exit code 1 where something is wrong; warnings do not count.
    """
    report = _report(config, live)
    if as_json:
        emit(report, as_json)
    else:
        _print(report)
    raise SystemExit(1 if report["problems"] else 0)


def _report(config: str | None, live: bool) -> dict[str, Any]:
    from pixapi.config.advice import advice
    from pixapi.pluginhost.host import PluginHost
    from pixapi.pluginhost.unfit import malformed_secrets, missing_secrets

    report: dict[str, Any] = {"problems": [], "warnings": [], "answers": [], "counts": {}}
    try:
        loaded = load(config)
        host = PluginHost.load(loaded)
    except PixapiError as error:
        report["problems"] = error.details.get("problems") or [error.message]
        return report
    unserved, left_out = _unoffered(loaded, host)
    misspelt, unknown = _hosted_tools(loaded)
    secrets = (*missing_secrets(loaded, host), *malformed_secrets(loaded, host))
    found = (*secrets, *_no_addresses(loaded, host), *unserved, *misspelt)
    report["problems"] = [str(problem) for problem in found]
    report["warnings"] = [str(warning) for warning in (*advice(loaded), *left_out, *unknown)]
    for section in ("providers", "models", "groups", "guards"):
        report["counts"][section] = len(getattr(loaded.settings, section))
    if live:
        report["answers"] = asyncio.run(_probe(host))
        failed = [row for row in report["answers"] if row["ok"] is False]
        report["problems"] += [f"provider {_named(row)}: {row['answer']}" for row in failed]
    return report


def _print(report: dict[str, Any]) -> None:
    for row in report["answers"]:
        if row["ok"] is not False:
            click.echo(f"provider {_named(row)} {row['answer']}")
    for warning in report["warnings"]:
        click.echo(f"warning: {warning}", err=True)
    for problem in report["problems"]:
        click.echo(f"error: {problem}", err=True)
    if not report["problems"]:
        counts = ", ".join(
            f"{count} {section if count > 1 else section.removesuffix('s')}"
            for section, count in report["counts"].items()
            if count
        )
        click.echo(f"The configuration is sound: {counts or 'nothing in it'}.")


def _named(row: dict[str, Any]) -> str:
    return f"`{row['name']}`" if row["key"] is None else f"`{row['name']}`, key {row['key']}"


def _no_addresses(loaded: Loaded, host: PluginHost) -> Iterator[Problem]:
    """Addresses in plugins' settings that have no scheme or no host: no request could be sent there."""
    from pixapi.config.problems import Problem, spelled
    from pixapi.pluginhost.values import origin, walk

    for table, config in host.configs().items():
        for below, value in walk(config):
            is_address = isinstance(value, str) and str(below[-1]).endswith("url")
            if is_address and value and origin(value) is None:
                path = (*table, *below)
                yield Problem(
                    loaded.origins.nearest(path),
                    f"key `{spelled(path)}` is no address; expected one such as https://api.example.com/v1",
                )


def _unoffered(loaded: Loaded, host: PluginHost) -> tuple[list[Problem], list[Problem]]:
    """Models whose calls would all be refused, since no provider of theirs offers what they are for; and routes that
    are left out for that reason while others serve.
    """
    from pixapi.config.problems import Problem

    unserved, left_out = [], []
    for index, model in enumerate(loaded.settings.models):
        if model.operation == "any":
            continue
        offered = {
            route.provider: host.providers[route.provider].provider.operations for route in model.routes
        }
        lacking = [name for name, operations in offered.items() if model.operation not in operations]
        for name in lacking:
            problem = Problem(
                loaded.origins.nearest(("models", index, "routes")),
                f"the model `{model.id}` is for {model.operation}, which its provider `{name}` does not offer; "
                f"it offers {', '.join(sorted(offered[name]))}",
            )
            (unserved if len(lacking) == len(offered) else left_out).append(problem)
    return unserved, left_out


def _hosted_tools(loaded: Loaded) -> tuple[list[Problem], list[Problem]]:
    """Words in `hosted_tools` that are misspelt, so that no call could ever ask for such a tool; and words that are
    unknown, which may be a vendor's newest.
    """
    from difflib import get_close_matches

    from pixapi.config.problems import Problem, spelled, suggestion
    from pixapi.wire.offered import DIALECTS

    known = sorted(frozenset[str]().union(*(dialect.hosted_kinds for dialect in DIALECTS.values())))
    misspelt, unknown = [], []
    for index, model in enumerate(loaded.settings.models):
        for number, word in enumerate(model.hosted_tools):
            if word in known:
                continue
            path = ("models", index, "hosted_tools", number)
            place, key = loaded.origins.nearest(path), f"key `{spelled(path)}` is {word[:60]!r}"
            bare = _VERSION.sub("", word)
            if bare in known:
                text = f"{key}; expected a tool's name without its version; did you mean `{bare}`?"
            else:
                listed = f"; known: {', '.join(known)}"
                text = f"{key}, which is no tool of a vendor's that is known{suggestion(word, known, otherwise=listed)}"
            is_slip = bare in known or get_close_matches(word.lower(), map(str.lower, known), 1, _SLIP)
            (misspelt if is_slip else unknown).append(Problem(place, text))
    return misspelt, unknown


async def _probe(host: PluginHost) -> list[dict[str, Any]]:
    from pixapi.transport.outbound import OutboundClient

    outbound = OutboundClient(host.hosts())
    try:
        asked = [
            _answer(
                {
                    "name": item.name,
                    "key": key.table.number if len(item.keys) > 1 else None,
                    "use": item.type.name,
                },
                key,
                outbound,
            )
            for item in host.providers.values()
            for key in item.keys
        ]
        return list(await asyncio.gather(*asked))
    finally:
        await outbound.close()


async def _answer(about: dict[str, Any], key: ConfiguredKey, outbound: Outbound) -> dict[str, Any]:
    """What a provider's server says to a free request with one key; ``ok`` is None where there is nothing to ask."""
    row: dict[str, Any] = {**about, "ok": None}
    try:
        request = key.provider.probe()
        if request is None:
            return {**row, "answer": "has nothing that could be asked for free"}
        reply = await outbound.send(request, timeout_s=_PROBE_S)
        if 200 <= reply.status < 300:
            return {**row, "ok": True, "answer": "answers and takes the credential"}
        error = key.provider.error(reply)
        key.confidential.conceal(error)
        return {**row, "ok": False, "answer": error.message}
    except PixapiError as error:
        return {**row, "ok": False, "answer": error.message}
