"""The main job on real parts: the official SDK, the gateway, a real llama.cpp server, and every credit accounted for."""

import json
import subprocess
from decimal import Decimal
from pathlib import Path

import pytest

from pixapi.testing.gateway import ECHO, RunningGateway

HERE = Path(__file__).parent
SDKS = ["3.57.0", "1.109.1"]

TINY = """
[providers.local]
use = "openai_compatible"
base_url = "http://127.0.0.1:{port}/v1"
api_key = "none"

[[models]]
id = "tiny"
routes = [ {{ provider = "local", model = "tiny-upstream-name" }} ]
price = {{ input = "0.30", cached_input = "0.03", output = "1.70", per = "1M tokens" }}
"""


@pytest.fixture(scope="module")
def gateway(model_server, tmp_path_factory):
    with RunningGateway(tmp_path_factory.mktemp("gateway"), ECHO + TINY.format(port=model_server)) as running:
        running.owner = running.account(credits="100")
        running.start()
        yield running


@pytest.fixture(scope="module", params=SDKS)
def sdk(request, sdk_environment):
    """The command for the scenarios with one version of the official SDK."""
    return sdk_environment("openai", request.param, HERE / "openai_scenarios.py")


@pytest.fixture(scope="module")
def findings(sdk, gateway):
    done = subprocess.run(
        [*sdk, gateway.url, gateway.owner],
        text=True,
        capture_output=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


def charge_of(gateway, found):
    return gateway.request("GET", f"/v1/charges/{found['charge']}", key=gateway.owner)[1]


def test_a_plain_call_is_charged_price_times_the_servers_usage(findings, gateway):
    found = findings["plain"]
    assert found["content"]
    assert found["model"] == "tiny"
    charge = charge_of(gateway, found)
    into, out = found["usage"]
    cached = charge["usage"].get("cached_input", 0)
    assert charge["usage"]["input"] + cached == into
    assert charge["usage"]["output"] == out
    exact = (into - cached) * Decimal("30") + cached * Decimal("3") + out * Decimal("170")
    assert Decimal(charge["amount"]) * 1_000_000 == exact.to_integral_value(rounding="ROUND_UP")
    assert charge["usage_source"] == "reported"
    assert found["cost"] == charge["amount"]


@pytest.mark.parametrize("kind", ["streamed", "streamed_usage"])
def test_a_stream_is_charged_by_the_servers_usage_whether_or_not_it_was_asked_for(findings, gateway, kind):
    found = findings[kind]
    assert found["models"] == ["tiny"]
    assert found["ids"] == 1
    charge = charge_of(gateway, found)
    assert charge["usage_source"] == "reported"
    assert charge["status"] == "settled"
    if kind == "streamed":
        assert (found["reports"], found["bare"]) == (0, 0)
    else:
        assert (found["reports"], found["bare"]) == (1, 1)
        assert found["usage"][1] == charge["usage"]["output"]
        assert found["usage"][0] == charge["usage"]["input"] + charge["usage"].get("cached_input", 0)


def test_embeddings_models_and_refusals_are_what_the_sdk_expects(findings):
    assert findings["embeddings"]["vectors"] == 2
    assert findings["embeddings"]["base64_is_float"]
    assert findings["models"] == ["echo", "tiny"]
    assert findings["refusals"] == {
        "model": ["NotFoundError", True], "stream": ["BadRequestError", True], "key": ["AuthenticationError", True],
    }  # fmt: skip


def test_the_books_balance(findings, gateway):
    assert gateway.cli("ledger", "verify").returncode == 0
    assert gateway.json("credits", "balance", "ada@example.com")["held"] == "0"
