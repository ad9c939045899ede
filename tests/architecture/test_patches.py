"""Tests use real parts. A patch means that a seam is missing, so patches are counted."""

from __future__ import annotations

import re
from pathlib import Path

PATCH = re.compile(r"monkeypatch\.setattr\(|mock\.patch|mocker\.patch|@patch\b|MagicMock|AsyncMock")
TEST = re.compile(r"^\s*(?:async )?def test_", re.MULTILINE)
MOST = 5


def test_patches_are_few(root: Path) -> None:
    """The figures are printed; `pytest -s` shows them."""
    texts = {path: path.read_text(encoding="utf-8") for path in (root / "tests").rglob("*.py")}
    texts.pop(Path(__file__).resolve(), None)
    tests = sum(len(TEST.findall(text)) for text in texts.values())
    patched = {path: len(found) for path, text in texts.items() if (found := PATCH.findall(text))}
    patches = sum(patched.values())
    print(f"{patches} patches in {tests} test functions")
    assert patches <= MOST, {str(path.relative_to(root)): count for path, count in patched.items()}


def test_tests_are_plain_functions(root: Path) -> None:
    """State machines of hypothesis are the one kind of test class."""
    found = [
        f"{path.relative_to(root)}: {name}"
        for path in sorted((root / "tests").rglob("test_*.py"))
        for name in re.findall(r"^class (Test\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    ]
    assert found == []


def test_every_test_package_is_free_of_init_files(root: Path) -> None:
    """Tests are imported by path, so that basenames may repeat."""
    assert list((root / "tests").rglob("__init__.py")) == []
