"""What people install: the wheel has every file of the packages, and nothing else."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

PACKAGES = (
    "core/pixapi",
    "providers/pixapi_providers",
    "plugins/pixapi_plugins",
    "migrations/pixapi_migrations",
)


@pytest.fixture(scope="module")
def wheel(root: Path, tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    return zipfile.ZipFile(next(folder.glob("*.whl")))


def test_every_committed_file_of_the_packages_is_in_the_wheel(
    wheel: zipfile.ZipFile, root: Path, committed: list[Path]
) -> None:
    wanted = {
        path.relative_to((root / package).parent).as_posix()
        for package in PACKAGES
        for path in committed
        if path.is_relative_to(root / package)
    }
    assert wanted
    assert sorted(wanted - set(wheel.namelist())) == []


def test_the_wheel_has_the_packages_and_their_licence_only(wheel: zipfile.ZipFile) -> None:
    tops = {name.split("/")[0] for name in wheel.namelist()}
    information = {top for top in tops if top.endswith(".dist-info")}
    assert tops - information == {Path(package).name for package in PACKAGES}
    assert any(name.endswith("licenses/LICENSE") for name in wheel.namelist())
    for package in PACKAGES:
        assert f"{Path(package).name}/py.typed" in wheel.namelist()
