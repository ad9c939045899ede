"""`pixapi models sync`: prices from a source into the catalog."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pixapi.cli.common import config_option, confirm, emit, json_option, load, yes_option
from pixapi.errors import BadRequest, ConfigError, PixapiError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pixapi.catalog.model_file import Written
    from pixapi.catalog.sync import Plan
    from pixapi.config.load import Loaded
    from pixapi.config.settings import Model, PluginTable
    from pixapi.interfaces import PricedModel

_FORMATS = (".toml", ".json", ".csv")


class Share(click.ParamType):
    """A share such as ``50%``; the value is 0.5."""

    name = "percent"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Decimal:
        if isinstance(value, Decimal):
            return value
        text = value.strip()
        number = _positive(text.removesuffix("%")) if text.endswith("%") else None
        if number is None:
            self.fail(f"{value!r} is no share; expected something like 50%", param, ctx)
        return number / 100


class Factor(click.ParamType):
    """A factor such as ``1.2``."""

    name = "factor"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Decimal:
        number = value if isinstance(value, Decimal) else _positive(value)
        if not number:
            self.fail(f"{value!r} is no factor; expected something like 1.2", param, ctx)
        return number


def _positive(text: str) -> Decimal | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() and number >= 0 else None


@click.command("sync")
@click.option(
    "--from",
    "source",
    metavar="NAME|FILE",
    required=True,
    help="The source: a table under [prices], a list of prices (.toml, .json, .csv), or an installed price source.",
)
@click.option("--provider", metavar="NAME", help="Only models of this provider of the configuration.")
@click.option(
    "--vendor", metavar="NAME", help="What the source calls that provider's vendor, if not the same."
)
@click.option("--models", metavar="GLOB", default="*", show_default=True, help="Only models of such names.")
@click.option("--write", is_flag=True, help="Write models.d/NAME.toml, after asking.")
@click.option(
    "--margin", type=Factor(), help="Price over cost.  [default: what each model has; 1 for new ones]"
)
@click.option(
    "--max-jump",
    type=Share(),
    default="50%",
    show_default=True,
    help="Refuse prices that change by more than that.",
)
@click.option("--allow-jump", metavar="MODEL", multiple=True, help="Let this model jump; may be repeated.")
@click.option("--drop-gone", is_flag=True, help="Take models out that the source no longer has.")
@yes_option
@config_option
@json_option
def sync(source: str, write: bool, yes: bool, config: str | None, as_json: bool, **wishes: Any) -> None:
    """Compare the catalog with a price source, and write what differs when told to.

    `cost` becomes what the source says, `price` that times the margin. Models in pixapi.toml and in other files of
    models.d are yours: they are compared, and never rewritten.
    """
    from pixapi.catalog.model_file import read_models, replace_file, write_models
    from pixapi.cli import sync_report
    from pixapi.config.load import load_settings

    if write and as_json and not yes:
        raise BadRequest("--json leaves no place for a question; add --yes to write, or leave --write out")
    loaded = load(config)
    name, table = _source(loaded, source)
    rows = asyncio.run(_fetch(loaded, name, table))
    file = loaded.path.parent / "models.d" / f"{re.sub(r'[^A-Za-z0-9._-]', '-', name)}.toml"
    before = file.read_text(encoding="utf-8") if file.is_file() else None
    found = _plan(loaded, name, rows, [] if before is None else read_models(before), file, wishes)
    drops = wishes["drop_gone"]
    if not as_json:
        sync_report.print_plan(found, drops=drops)
    written = None
    if write and found.is_edited and not found.jumps:
        confirm(f"{sync_report.summary(found, drops=drops)} Write {file}?", yes=yes)
        replace_file(file, write_models(found.models, _header(name)) if found.models else None)
        try:
            load_settings(loaded.path)
        except PixapiError:
            replace_file(file, before)
            raise
        written = file
    if as_json:
        emit(sync_report.as_json(found, written), True)
    if found.jumps:
        raise BadRequest(sync_report.refusal(found, wishes["max_jump"]))
    if not as_json:
        sync_report.print_end(found, written, asked=write, drops=drops)


def _source(loaded: Loaded, source: str) -> tuple[str, PluginTable]:
    """What ``--from`` means: its name, and the table that configures it."""
    from pixapi.config.settings import PluginTable

    if source in loaded.settings.prices:
        return source, loaded.settings.prices[source]
    file = Path(source)
    if file.suffix.lower() in _FORMATS:
        return file.stem, PluginTable.model_validate({"use": "price_file", "file": str(file.absolute())})
    return source.rpartition(":")[2], PluginTable(use=source)


async def _fetch(loaded: Loaded, name: str, table: PluginTable) -> list[PricedModel]:
    """All that the source knows."""
    from pixapi.pluginhost.host import PluginHost
    from pixapi.transport.outbound import OutboundClient

    settings = loaded.settings.model_copy(update={"prices": {name: table}})
    host = PluginHost.load(replace(loaded, settings=settings), section="prices")
    outbound = OutboundClient(host.hosts())
    try:
        return list(await host.price_sources[name].source.fetch(outbound))
    finally:
        await outbound.close()


def _plan(
    loaded: Loaded,
    name: str,
    rows: list[PricedModel],
    own: Iterable[Written],
    file: Path,
    wishes: dict[str, Any],
) -> Plan:
    from pixapi.catalog.sync import Wish, plan
    from pixapi.clock import SystemClock, as_datetime

    written = {model.id: model for model in own}
    models: list[tuple[Model, str, Written | None]] = []
    for index, model in enumerate(loaded.settings.models):
        place = loaded.origins.nearest(("models", index, "id"))
        models.append((model, place, written.get(model.id) if place.startswith(f"{file}:") else None))
    wish = Wish(
        source=name,
        vendors=_vendors(loaded, rows, wishes["provider"], wishes["vendor"]),
        today=as_datetime(SystemClock().now_us()).date().isoformat(),
        models=wishes["models"],
        margin=wishes["margin"],
        max_jump=wishes["max_jump"],
        allowed=frozenset(wishes["allow_jump"]),
        drop_gone=wishes["drop_gone"],
    )
    return plan(rows, models, wish)


def _vendors(
    loaded: Loaded, rows: list[PricedModel], provider: str | None, vendor: str | None
) -> dict[str, str]:
    """Provider -> what the source calls its vendor."""
    known = {row.vendor for row in rows}
    providers = loaded.settings.providers
    asked = list(providers) if provider is None else [provider]
    if provider is not None and provider not in providers:
        raise BadRequest(
            f"no provider `{provider}` is configured; there are {', '.join(providers) or 'none'}"
        )
    if vendor is not None:
        if len(asked) != 1:
            raise BadRequest("--vendor goes with one provider; name it with --provider")
        if vendor not in known:
            raise ConfigError(f"the source knows no vendor `{vendor}`{_nearest(vendor, known)}")
        return {asked[0]: vendor}
    found = {}
    for name in asked:
        said = providers[name].settings.get("vendor")
        candidates = [said] if isinstance(said, str) else [providers[name].use.partition(":")[0], name]
        found |= {name: next(c for c in candidates if c in known)} if known & set(candidates) else {}
    if not found:
        raise ConfigError(
            f"none of the providers ({', '.join(asked) or 'none is configured'}) is a vendor of that source by name"
            f"{_nearest(asked[0] if asked else '', known)}; say which with --provider and --vendor"
        )
    return found


def _nearest(word: str, known: set[str]) -> str:
    from pixapi.config.problems import suggestion

    some = ", ".join(sorted(known)[:12])
    return suggestion(word, known, otherwise=f"; it knows {some}{', …' if len(known) > 12 else ''}")


def _header(name: str) -> list[str]:
    return [
        f"Written by `pixapi models sync --from {name}`. Another one rewrites `price` and `cost` and keeps the other",
        "keys, and the comments right above a model. To keep prices of your own, move a model to pixapi.toml.",
    ]
