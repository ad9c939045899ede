"""`pixapi models`: what is for sale."""

from __future__ import annotations

from typing import Any

import click

from pixapi.cli.common import config_option, emit, json_option, load
from pixapi.cli.models_explain import explain
from pixapi.cli.models_sync import sync
from pixapi.config.price import UNITS
from pixapi.config.settings import Model
from pixapi.errors import NotFound


@click.group("models")
def group() -> None:
    """The catalog of models."""


group.add_command(sync)
group.add_command(explain)


@group.command("list")
@config_option
@json_option
def list_models(config: str | None, as_json: bool) -> None:
    """All configured models with their prices."""
    rows = [_row(model) for model in load(config).settings.models]
    emit(
        rows,
        as_json,
        columns=["id", "input_usd", "output_usd", "units_usd", "routes"],
        empty="No models are configured.",
    )


@group.command("show")
@click.argument("model_id")
@config_option
@json_option
def show_model(model_id: str, config: str | None, as_json: bool) -> None:
    """One model: its routes, prices and policies."""
    for model in load(config).settings.models:
        if model.id == model_id:
            emit(model.model_dump(mode="json", exclude_none=True), as_json)
            return
    raise NotFound(f"no model {model_id} is configured; `pixapi models list` shows those that are")


def _row(model: Model) -> dict[str, Any]:
    """``input_usd`` and ``output_usd`` are for a million tokens, ``units_usd`` for one image, second and so on."""
    price = model.price
    return {
        "id": model.id,
        "input_usd": str(price.usd("input")),
        "output_usd": str(price.usd("output")),
        "units_usd": {key: str(price.usd(key)) for key in UNITS if price.usd(key)} or None,
        "routes": ", ".join(f"{route.provider}/{route.model}" for route in model.routes),
    }
