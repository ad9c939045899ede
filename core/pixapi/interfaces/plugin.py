"""What every plugin declares about itself."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationInfo

INTERFACE_VERSION = 1
"""The version of `pixapi.interfaces`. A plugin module states the one it was written for as ``PIXAPI_INTERFACE``."""


class PluginConfig(BaseModel):
    """Base of a plugin's settings: its table in `pixapi.toml` without ``use``.

    Give every field a type and a description; mark secrets with `pixapi.interfaces.Secret`. Unknown keys are
    refused by the core with their line and a suggestion.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


def _beside(path: Path, info: ValidationInfo) -> Path:
    base_dir = (info.context or {}).get("base_dir")
    return path if base_dir is None else base_dir / path


LocalPath = Annotated[Path, AfterValidator(_beside)]
"""The path of a file in a plugin's settings; a relative one is relative to the configuration file."""
