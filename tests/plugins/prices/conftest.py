"""Samples in the form of each source, small and made up but for the names of their fields."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from pixapi.interfaces import PricedModel


@pytest.fixture
def rows() -> Callable[..., dict[str, PricedModel]]:
    """What a source makes of a document: ``vendor model`` -> row."""

    def read(source: Any, document: Any) -> dict[str, PricedModel]:
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        return {f"{row.vendor} {row.model}": row for row in source.parse(body)}

    return read
