"""What every plugin declares about itself."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

INTERFACE_VERSION = 1
"""The version of `pixapi.interfaces`. A plugin module states the one it was written for as ``PIXAPI_INTERFACE``."""


class PluginConfig(BaseModel):
    """Base of a plugin's settings: its table in `pixapi.toml` without ``use``.

    Give every field a type and a description; mark secrets with `pixapi.interfaces.Secret`. Unknown keys are
    refused by the core with their line and a suggestion.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)
