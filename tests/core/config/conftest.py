"""A configuration in a folder of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pixapi.config.load import Loaded, load_settings
from pixapi.errors import ConfigError

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes files into the working directory, a fresh one; returns `pixapi.toml`, as people name it."""
    monkeypatch.chdir(tmp_path)

    def make(text: str, **more: str) -> Path:
        for name, content in {"pixapi.toml": text, **more}.items():
            file = Path(name)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content, encoding="utf-8")
        return Path("pixapi.toml")

    return make


@pytest.fixture
def loaded(write: Write) -> Callable[..., Loaded]:
    """Loads a text: ``loaded(text, env=..., **other_files)``."""

    def make(text: str, env: dict[str, str] | None = None, **more: str) -> Loaded:
        return load_settings(write(text, **more), env or {})

    return make


@pytest.fixture
def problems(write: Write) -> Callable[..., list[str]]:
    """What is wrong with a text, one sentence each; the same arguments as `loaded`."""

    def make(text: str, env: dict[str, str] | None = None, **more: str) -> list[str]:
        with pytest.raises(ConfigError) as caught:
            load_settings(write(text, **more), env or {})
        error = caught.value
        listed = error.details.get("problems", [error.message])
        assert isinstance(listed, list)
        assert all(str(line) in error.message for line in listed)
        return [str(line) for line in listed]

    return make
