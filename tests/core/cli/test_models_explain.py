"""`pixapi models explain`: what the configuration says, for whom, and how it is in the running gateway."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pixapi.cli import main
from pixapi.testing.gateway import RunningGateway, free_port
from pixapi.testing.scripted import ScriptedUpstream, http, whole

PORT = free_port()
CONFIG = f"""
[server]
public_url = "http://127.0.0.1:{PORT}"
[providers.a]
use = "openai"
keys = [ "hunter2", "hunter3" ]
[providers.b]
use = "openai_compatible"
base_url = "http://127.0.0.1:9/v1"
api_key = {{ env = "NOT_SET" }}
[groups.partners]
price_factor = "0.5"
models = ["other"]
[[models]]
id = "m"
operation = "chat"
routes = [
  {{ provider = "b", model = "last", priority = 7, total_s = 60 }},
  {{ provider = "a", model = "x", weight = 3 }},
  {{ provider = "b", model = "y" }},
]
price = {{ input = "1", output = "10" }}
cost = {{ input = "2" }}
[[models]]
id = "other"
routes = [ {{ provider = "a", model = "x" }} ]
price = {{ output = "0.04", per = "image" }}
"""


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("pixapi.toml").write_text(CONFIG)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def explained(*arguments: str) -> dict:
    done = run("models", "explain", *arguments, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_the_order_and_why() -> None:
    found = explained("m")
    assert [(route["route"], route["when"]) for route in found["routes"]] == [
        ("a/x", "75% of calls"),
        ("b/y", "25% of calls"),
        ("b/last", "every call that priority 1 could not serve"),
    ]
    assert [route["keys"] for route in found["routes"]] == [2, 1, 1]
    assert [route["total_s"] for route in found["routes"]] == [3600, 3600, 60]
    assert (found["may_call"], found["price"], found["attempts"]) == (True, {"input": "1", "output": "10"}, 3)


def test_what_is_wrong_is_said_and_no_secret() -> None:
    done = run("models", "explain", "m")
    assert done.exit_code == 0
    assert "problem: key `providers.b.api_key` has no value: " in done.stderr
    assert "problem: the model `m` is priced below what its vendor charges (input)" in done.stderr
    assert "75% of calls" in done.stdout
    assert "hunter" not in done.output


def test_without_a_gateway_it_says_that_there_is_no_health() -> None:
    found = explained("m")
    assert [route["health"] for route in found["routes"]] == [None] * 3
    assert f"without health, for http://127.0.0.1:{PORT}/metrics did not answer" in found["live"]


def test_an_unknown_model_is_guessed() -> None:
    done = run("models", "explain", "othr")
    assert (done.exit_code, "did you mean `other`?" in done.stderr) == (1, True)


def test_for_a_key_its_group_and_its_own_limits_count() -> None:
    run("db", "upgrade")
    run("users", "create", "p@example.com", "--group", "partners")
    run("users", "create", "q@example.com")

    def key(email: str, *more: str) -> str:
        return json.loads(run("keys", "create", email, "--title", "t", *more, "--json").stdout)["id"]

    partner, limited = key("p@example.com"), key("q@example.com", "--models", "m")
    assert explained("m", "--key", partner)["reason"] == "the group `partners` does not see it"
    assert explained("other", "--key", partner)["price"] == {"image": "0.02"}
    assert explained("other", "--key", limited)["reason"] == "the key is limited to other models"
    assert explained("m", "--key", limited)["key"]["email"] == "q@example.com"
    assert run("models", "explain", "m", "--key", "key_none").exit_code == 1


def test_the_health_in_the_running_gateway(tmp_path: Path) -> None:
    refused = http({"error": {"message": "no"}}, status="401 No")
    upstream = ScriptedUpstream(
        {"x": lambda headers, _: [refused if headers["authorization"] == "Bearer bad" else http(whole())]}
    )
    toml = f"""
[telemetry]
metrics_token = "hunter2"
[providers.up]
use = "openai_compatible"
base_url = "http://127.0.0.1:{upstream.port}/v1"
keys = ["bad", "good"]
[[models]]
id = "m"
routes = [ {{ provider = "up", model = "x" }} ]
price = {{ input = "1" }}
"""
    with RunningGateway(tmp_path, toml) as gateway:
        owner = gateway.account()
        gateway.start()
        for _ in range(3):
            assert gateway.chat(owner, model="m")[0] == 200
        found = gateway.json("models", "explain", "m")
        shown = gateway.cli("models", "explain", "m").stdout
    upstream.close()
    assert found["routes"][0]["health"] == "closed"
    assert found["keys"] == {"up#1": "open", "up#2": "closed"}
    assert "Keys that are not good: up#1 open." in shown
    assert "hunter2" not in shown
