"""`pixapi init`."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from pixapi.cli import main
from pixapi.config.load import load_settings

ROOT = Path(__file__).parents[3]
STARTER = ROOT / "core/pixapi/cli/starter.toml"


def test_it_writes_what_a_start_needs(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    result = CliRunner().invoke(main, ["init", str(folder)])
    assert result.exit_code == 0, result.stderr
    assert {file.name for file in folder.iterdir()} == {"pixapi.toml", "data", ".gitignore"}
    assert (folder / "data").stat().st_mode & 0o077 == 0
    assert f"pixapi serve --config {folder / 'pixapi.toml'}" in result.stdout
    assert load_settings(folder / "pixapi.toml", {}).settings.models[0].id == "echo"


def test_here_is_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, ["init"])
    assert result.exit_code == 0
    assert Path("pixapi.toml").exists()
    assert result.stdout.rstrip().endswith("pixapi serve")


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "pixapi.toml").write_text("# mine")
    result = CliRunner().invoke(main, ["init", str(tmp_path)])
    assert result.exit_code == 1
    assert "exists already" in result.stderr
    assert [file.name for file in tmp_path.iterdir()] == ["pixapi.toml"]
    assert (tmp_path / "pixapi.toml").read_text() == "# mine"


def test_an_ignore_file_is_kept(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("mine")
    assert CliRunner().invoke(main, ["init", str(tmp_path)]).exit_code == 0
    assert (tmp_path / ".gitignore").read_text() == "mine"


def test_the_roots_configuration_is_the_starter() -> None:
    assert (ROOT / "pixapi.toml").read_text() == STARTER.read_text()


def uncommented(text: str) -> str:
    """The starter with its examples switched on: lines that begin with "# " and are TOML."""
    lines = []
    for line in text.splitlines():
        example = line.removeprefix("# ")
        is_toml = example.startswith(("[", "]", "  {")) or (
            " = " in example and not line.startswith("# The ")
        )
        lines.append(example if line.startswith("# ") and is_toml else line)
    return "\n".join(lines)


def test_its_examples_are_right(tmp_path: Path) -> None:
    """Every commented setting is one that the core knows; what the examples refer to is there."""
    text = uncommented(STARTER.read_text().partition("\n\n")[2])
    assert text.count("[[models]]") == 2
    (tmp_path / "pixapi.toml").write_text(text)
    settings = load_settings(tmp_path / "pixapi.toml", {"METRICS_TOKEN": "t"}).settings
    assert list(settings.providers) == ["echo", "openai", "pool", "local", "mine"]
    assert settings.groups["partners"].models == ["gpt-*"]
