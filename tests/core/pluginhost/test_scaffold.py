"""A new plugin is ready: its own tests pass, its metadata is sound, the host loads it."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from pixapi.errors import BadRequest, Conflict
from pixapi.pluginhost.host import PluginHost
from pixapi.pluginhost.scaffold import Kind, write_plugin

KINDS: tuple[Kind, ...] = ("provider", "dialect", "guard")


@pytest.mark.parametrize("kind", KINDS)
def test_its_own_tests_pass(tmp_path: Path, kind: Kind) -> None:
    write_plugin("my-acme", kind, tmp_path / "new")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=tmp_path / "new",
        env={**os.environ, "PYTHONPATH": str(tmp_path / "new/src")},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    assert " passed" in done.stdout


@pytest.mark.parametrize("kind", KINDS)
def test_its_metadata_leads_to_its_module(
    tmp_path: Path,
    kind: Kind,
    install: Callable[..., None],
    host: Callable[..., PluginHost],
) -> None:
    files = write_plugin("pixapi-acme", kind, tmp_path / "new")
    assert {file.relative_to(tmp_path / "new").as_posix() for file in files} == {
        "README.md", "pyproject.toml", "src/pixapi_acme/__init__.py", "tests/test_acme.py",
    }  # fmt: skip
    assert not [file for file in files if "$" in file.read_text()]
    project = tomllib.loads((tmp_path / "new/pyproject.toml").read_text())["project"]
    assert project["name"] == "pixapi-acme"
    points = project["entry-points"]["pixapi.plugins"]
    assert points == {"acme": "pixapi_acme"}
    install("pixapi-acme", points, pixapi_acme=(tmp_path / "new/src/pixapi_acme/__init__.py").read_text())
    family, key = ("guard", "") if kind == "guard" else ("provider", 'api_key = "k"')
    made = host(f'[{family}s.a]\nuse = "acme"\n{key}')
    assert [*made.providers, *(guard.name for guard in made.guards)] == ["a"]


@pytest.mark.parametrize("name", ["Acme", "1acme", "a b", "../acme", "", "acme-", "pixapi-"])
def test_a_name_that_cannot_be_one(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadRequest, match="cannot be a plugin's name"):
        write_plugin(name, "provider", tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("x")
    with pytest.raises(Conflict, match="exists already and is not empty"):
        write_plugin("acme", "provider", tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["kept"]
