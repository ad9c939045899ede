"""What people deploy with: checked as far as it goes without a container engine or a running systemd."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from pixapi.config.settings import Settings


@pytest.fixture(scope="module")
def compose(root: Path) -> dict[str, Any]:
    return yaml.safe_load((root / "deploy/compose.yaml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def dockerfile(root: Path) -> str:
    return (root / "deploy/Dockerfile").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def unit(root: Path) -> dict[str, list[str]]:
    """All settings of the systemd unit, by name."""
    found: dict[str, list[str]] = {}
    for line in (root / "deploy/pixapi.service").read_text(encoding="utf-8").splitlines():
        if "=" in line and not line.startswith("#"):
            name, _, value = line.partition("=")
            found.setdefault(name, []).append(value)
    return found


def with_secrets_read(value: Any) -> Any:
    """`{ file = ... }` stands for a text; here, for one that a database's address may be, and any other secret."""
    if isinstance(value, dict):
        if set(value) == {"file"}:
            return "postgresql+psycopg://pixapi:secret@postgres/pixapi"
        return {key: with_secrets_read(item) for key, item in value.items()}
    return [with_secrets_read(item) for item in value] if isinstance(value, list) else value


def secret_files(value: Any) -> set[str]:
    return set(re.findall(r"/run/secrets/([a-z-]+)", str(value)))


def test_the_example_configuration_is_valid(root: Path) -> None:
    raw = tomllib.loads((root / "deploy/pixapi.toml").read_text(encoding="utf-8"))
    settings = Settings.model_validate(with_secrets_read(raw))
    assert settings.redis is not None
    assert [model.routes[0].provider for model in settings.models] == list(settings.providers)


def test_compose_mentions_only_what_it_defines(compose: dict[str, Any], root: Path) -> None:
    assert set(compose["services"]) == {"gateway", "postgres", "redis"}
    for name, service in compose["services"].items():
        assert set(service.get("depends_on", {})) <= set(compose["services"]), name
        assert set(service.get("secrets", [])) <= set(compose["secrets"]), name
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            is_file = source.startswith("./") and (root / "deploy" / source).is_file()
            assert is_file or source in compose["volumes"], volume
        assert service["restart"] == "unless-stopped", name
    for service in ("postgres", "redis"):
        condition = compose["services"]["gateway"]["depends_on"][service]["condition"]
        assert condition == "service_healthy"
        assert compose["services"][service]["healthcheck"]["test"]
    build = compose["services"]["gateway"]["build"]
    assert (root / "deploy" / build["context"] / build["dockerfile"]).is_file()


def test_the_gateway_gets_the_secrets_that_its_configuration_reads(
    compose: dict[str, Any], root: Path
) -> None:
    wanted = secret_files((root / "deploy/pixapi.toml").read_text(encoding="utf-8"))
    assert wanted == set(compose["services"]["gateway"]["secrets"])
    environment = compose["services"]["postgres"]["environment"]
    assert secret_files(environment) == set(compose["services"]["postgres"]["secrets"])


def test_the_gateway_s_container_is_confined(compose: dict[str, Any], dockerfile: str) -> None:
    gateway = compose["services"]["gateway"]
    assert gateway["read_only"] is True
    assert gateway["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in gateway["security_opt"]
    last_stage = dockerfile.split("\nFROM ")[-1]
    assert re.search(r"^USER (?!0|root)", last_stage, re.MULTILINE)
    assert "HEALTHCHECK" in last_stage


def test_the_image_is_built_from_the_lock_and_from_files_that_are_there(dockerfile: str, root: Path) -> None:
    assert dockerfile.count("\nFROM ") == 2
    assert "--require-hashes -r requirements/runtime.txt" in dockerfile
    assert "--require-hashes -r requirements/setup.txt" in dockerfile
    ignored = (root / "deploy/Dockerfile.dockerignore").read_text(encoding="utf-8")
    for sources in re.findall(r"^COPY (?!--from)(.+) \S+$", dockerfile, re.MULTILINE):
        for source in sources.split():
            assert (root / source).exists(), source
            shown = re.findall(r"^!(\S+)$", ignored, re.MULTILINE)
            assert any(Path(source).match(pattern) for pattern in shown), f"{source} is hidden"
    packages = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]
    for package in packages["targets"]["wheel"]["packages"]:
        assert f"\nCOPY {package.split('/')[0]} " in dockerfile, f"{package} is not in the image"


def test_shell_scripts_parse(root: Path) -> None:
    for script in (root / "deploy/entrypoint.sh", root / ".ci/run"):
        shell = script.read_text(encoding="utf-8").splitlines()[0].split("/")[-1].split()[-1]
        done = subprocess.run([shell, "-n", script], capture_output=True, text=True, timeout=20, check=False)
        assert done.returncode == 0, done.stderr
        assert script.stat().st_mode & 0o111, f"{script.name} is not executable"


def test_the_unit_is_confined_and_stops_after_the_gateway_does(unit: dict[str, list[str]]) -> None:
    assert unit["Type"] == ["exec"]
    assert unit["DynamicUser"] == ["yes"]
    assert unit["ProtectSystem"] == ["strict"]
    assert unit["NoNewPrivileges"] == ["yes"]
    assert unit["ExecReload"] == ["/bin/kill -HUP $MAINPID"]
    assert int(unit["TimeoutStopSec"][0]) > Settings().server.shutdown_s
    assert {line.split(":")[0] for line in unit["LoadCredential"]} == {
        "database-url", "pixapi-secret", "openai-api-key",
    }  # fmt: skip


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_systemd_understands_the_unit(root: Path, tmp_path: Path) -> None:
    """The program is replaced by one that is there: only the unit is looked at."""
    text = (root / "deploy/pixapi.service").read_text(encoding="utf-8")
    file = tmp_path / "pixapi.service"
    file.write_text(text.replace("/opt/pixapi/bin/pixapi", "/bin/true"), encoding="utf-8")
    command = ["systemd-analyze", "verify", "--man=no", file]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert "pixapi.service" not in done.stderr, done.stderr
