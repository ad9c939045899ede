"""The states of routes and keys, read from the text that another process serves as its metrics."""

from __future__ import annotations

from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from pixapi.telemetry.metrics import STATES

_NAMES = {number: name for name, number in STATES.items()}


def read_states(text: str) -> dict[str, Any]:
    """``routes``: name -> state; ``keys``: ``provider#number`` -> state. Empty where there are none."""
    found: dict[str, Any] = {"routes": {}, "keys": {}}
    try:
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                state, labels = _NAMES.get(int(sample.value)), sample.labels
                if sample.name == "pixapi_route_state":
                    found["routes"][labels["route"]] = state
                elif sample.name == "pixapi_provider_key_state":
                    found["keys"][f"{labels['provider']}#{labels['key']}"] = state
    except (ValueError, KeyError):
        return {"routes": {}, "keys": {}}
    return found
