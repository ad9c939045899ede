"""`pixapi check`: what is wrong with the configuration, and what may be."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from pixapi.cli.common import config_option, emit, json_option, load
from pixapi.errors import ConfigError, PixapiError

if TYPE_CHECKING:
    from pixapi.config.load import Loaded
    from pixapi.config.problems import Problem
    from pixapi.interfaces import Outbound, Provider
    from pixapi.pluginhost.host import PluginHost

_PROBE_S = 15.0


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

    report: dict[str, Any] = {"problems": [], "warnings": [], "answers": [], "counts": {}}
    try:
        loaded = load(config)
        host = PluginHost.load(loaded)
    except PixapiError as error:
        report["problems"] = error.details.get("problems") or [error.message]
        return report
    report["problems"] = [str(problem) for problem in _unreadable(loaded, host)]
    report["warnings"] = [str(warning) for warning in advice(loaded)]
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


def _unreadable(loaded: Loaded, host: PluginHost) -> Iterator[Problem]:
    """Secrets that cannot be read now: the gateway would start, and calls would fail."""
    from pixapi.config.problems import Problem, spelled

    for path, secret in host.secrets():
        place = loaded.origins.nearest(path)
        try:
            secret.reveal()
        except ConfigError as error:
            yield Problem(place, f"key `{spelled(path)}` has no value: {error.message}")


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
                key.provider,
                outbound,
            )
            for item in host.providers.values()
            for key in item.keys
        ]
        return list(await asyncio.gather(*asked))
    finally:
        await outbound.close()


async def _answer(about: dict[str, Any], provider: Provider, outbound: Outbound) -> dict[str, Any]:
    """What a provider's server says to a free request with one key; ``ok`` is None where there is nothing to ask."""
    row: dict[str, Any] = {**about, "ok": None}
    try:
        request = provider.probe()
        if request is None:
            return {**row, "answer": "has nothing that could be asked for free"}
        reply = await outbound.send(request, timeout_s=_PROBE_S)
        if 200 <= reply.status < 300:
            return {**row, "ok": True, "answer": "answers and takes the credential"}
        return {**row, "ok": False, "answer": provider.error(reply).message}
    except PixapiError as error:
        return {**row, "ok": False, "answer": error.message}
