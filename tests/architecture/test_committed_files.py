"""What is committed speaks of the project alone: no place, no registry, nothing large, nothing left to do."""

from __future__ import annotations

import getpass
import re
from pathlib import Path

import pytest

# Spelt in pieces, so that this file does not hold what it looks for.
REGISTRIES = tuple(
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("registry", "npmjs", "org"),
        ("deb", "debian", "org"),
        ("security", "debian", "org"),
        ("crates", "io"),
    )
)
LEFT_OVER = re.compile(rf"\b(?:{'TO' + 'DO'}|{'FIX' + 'ME'}|{'X' * 3})\b")
TEXT = {
    ".py", ".toml", ".md", ".txt", ".in", ".yaml", ".yml", ".json",
    ".cfg", ".service", ".html", ".css", ".js"
}  # fmt: skip
MOST_BYTES = 1_000_000


@pytest.fixture(scope="module")
def texts(committed: list[Path], root: Path) -> dict[str, str]:
    wanted = [path for path in committed if path.suffix in TEXT or not path.suffix]
    named = {path.relative_to(root).as_posix(): path for path in wanted}
    return {name: path.read_text(encoding="utf-8", errors="replace") for name, path in named.items()}


def holding(texts: dict[str, str], needles: tuple[str, ...]) -> list[str]:
    return [
        f"{name}:{number} has {needle}"
        for name, text in texts.items()
        for needle in needles
        if needle in text
        for number, line in enumerate(text.splitlines(), 1)
        if needle in line
    ]


def test_no_place_of_one_machine_is_named(texts: dict[str, str], root: Path) -> None:
    """A home folder, or where this checkout or a folder above it lies (unless that is as common as /tmp)."""
    above = [folder for folder in (root, *root.parents) if len(folder.parts) > 2]
    homes = [Path.home(), Path("/home") / getpass.getuser()]
    places = [f"{folder}/" for folder in [*above, *homes]]
    assert holding(texts, tuple(places)) == []


def test_no_package_registry_is_named(texts: dict[str, str]) -> None:
    assert holding(texts, REGISTRIES) == []


def test_nothing_is_left_to_do_in_the_sources(texts: dict[str, str]) -> None:
    marks = {name: LEFT_OVER.findall(text) for name, text in texts.items() if name.endswith(".py")}
    assert {name: found for name, found in marks.items() if found} == {}


def test_no_file_is_large(committed: list[Path], root: Path) -> None:
    sizes = {str(path.relative_to(root)): path.stat().st_size for path in committed}
    assert {name: size for name, size in sizes.items() if size > MOST_BYTES} == {}


def test_no_private_key_and_no_live_looking_secret_is_committed(texts: dict[str, str]) -> None:
    armour = re.compile("-----BEGIN [A-Z ]*" + "PRIVATE KEY-----")
    live = re.compile(r"\b(?:sk_live|rk_live|whsec|ghp|xox[bp])_?[A-Za-z0-9]{20,}")
    assert [name for name, text in texts.items() if armour.search(text) or live.search(text)] == []
