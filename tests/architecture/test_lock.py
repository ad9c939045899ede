"""The lock: plain requirements with hashes, no addresses, everything that the project asks for."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

PIN = re.compile(r"^([A-Za-z0-9._-]+)==(\S+?)(?: ; (.+?))? \\$", re.MULTILINE)
HASH = re.compile(r"^    --hash=sha256:[0-9a-f]{64}(?: \\)?$")
LOCKS = ("dev", "runtime", "setup")


@pytest.fixture(scope="module")
def locks(root: Path) -> dict[str, str]:
    return {name: (root / f"requirements/{name}.txt").read_text(encoding="utf-8") for name in LOCKS}


@pytest.fixture(scope="module")
def project(root: Path) -> dict[str, Any]:
    return tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))


def pins(text: str) -> dict[str, set[Version]]:
    """Versions by name; a name has several where Pythons or platforms need different ones."""
    found: dict[str, set[Version]] = {}
    for name, version, _marker in PIN.findall(text):
        found.setdefault(canonicalize_name(name), set()).add(Version(version))
    return found


def unmet(wanted: list[str], text: str) -> list[str]:
    have = pins(text)
    found = []
    for line in wanted:
        need = Requirement(line)
        versions = have.get(canonicalize_name(need.name), set())
        if not versions or not all(need.specifier.contains(version) for version in versions):
            found.append(f"{line}: the lock has {sorted(map(str, versions)) or 'nothing'}; run `make lock`")
    return found


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_holds_pins_and_hashes_and_nothing_else(locks: dict[str, str], name: str) -> None:
    strange = [line for line in locks[name].splitlines() if not PIN.match(line) and not HASH.match(line)]
    assert strange == []
    assert pins(locks[name])


@pytest.mark.parametrize("name", LOCKS)
def test_every_pin_has_a_hash(locks: dict[str, str], name: str) -> None:
    bare = re.findall(r"^([A-Za-z0-9][^ ]*==\S+)[^\n]*\n(?!    --hash)", locks[name], re.MULTILINE)
    assert bare == []


def test_everything_the_project_asks_for_is_locked(locks: dict[str, str], project: dict[str, Any]) -> None:
    extras = [line for lines in project["project"]["optional-dependencies"].values() for line in lines]
    runtime = [*project["project"]["dependencies"], *extras]
    groups = [line for lines in project["dependency-groups"].values() for line in lines]
    assert unmet(runtime, locks["runtime"]) == []
    assert unmet([*runtime, *groups], locks["dev"]) == []
    assert unmet(project["build-system"]["requires"], locks["setup"]) == []


def test_the_locks_agree(locks: dict[str, str]) -> None:
    everything = pins(locks["dev"])
    for name in ("runtime", "setup"):
        some = pins(locks[name])
        assert some == {key: everything.get(key) for key in some}
