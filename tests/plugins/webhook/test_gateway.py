"""The guard `webhook` in a gateway, before a service that verifies as the documentation shows it."""

from __future__ import annotations

import base64
import json
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pixapi.testing.gateway import ECHO, RunningGateway

SECRET = "whsec_" + base64.b64encode(bytes(range(100, 132))).decode()
PAGE = Path(__file__).parents[3] / "docs/how-to/guard-calls.md"


def documented_verification():
    """The function that the how-to gives to whoever writes such a service."""
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    names = {}
    exec(code, names)
    return names["is_genuine"]


class Service:
    """Verifies, remembers, and answers by what the call says."""

    def __init__(self):
        self.seen, self.forged = [], 0
        is_genuine, service = documented_verification(), self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                if not is_genuine(SECRET, headers, body) or is_genuine(SECRET, headers, body + b" "):
                    service.forged += 1
                said = json.loads(body)
                service.seen.append((headers, said))
                answer = {"allow": "rude" not in said["texts"], "reason": "mind your words"}
                if "slow" in said["texts"]:
                    time.sleep(2)
                self.send_response(500 if "broken" in said["texts"] else 200)
                self.end_headers()
                self.wfile.write(json.dumps(answer).encode())

            def log_message(self, *about):
                return None

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_port}/check"


@pytest.fixture(scope="module")
def service():
    made = Service()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture(scope="module")
def gateway(service, tmp_path_factory):
    toml = f'{ECHO}\n[guards.house]\nuse = "webhook"\nurl = "{service.url}"\nsecret = {{ env = "GUARD_SECRET" }}\ntimeout_s = 1\n'
    made = RunningGateway(tmp_path_factory.mktemp("world"), toml, env={"GUARD_SECRET": SECRET})
    made.credential = made.account(credits="100")
    made.start()
    yield made
    made.kill(15)


def test_the_service_is_asked_with_a_genuine_signature_and_never_sees_the_key(gateway, service):
    status, _, headers = gateway.chat(gateway.credential, "hello you")
    assert status == 200
    sent, said = service.seen[-1]
    assert service.forged == 0
    key = gateway.json("keys", "list", "ada@example.com")[0]
    assert (said["request_id"], said["key_id"]) == (headers["x-request-id"], key["id"])
    assert said["account_id"]
    assert (said["operation"], said["model"], said["dialect"], said["texts"]) == (
        "chat",
        "echo",
        "openai",
        ["hello you"],
    )
    assert gateway.credential not in json.dumps([sent, said])


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/chat/completions", {"model": "echo", "messages": [{"role": "user", "content": "rude"}]}),
        ("/v1/chat/completions", {"model": "echo", "stream": True, "messages": [{"role": "user", "content": "rude"}]}),
        ("/v1/embeddings", {"model": "echo", "input": ["rude"]}),
        ("/v1/responses", {"model": "echo", "input": "rude"}),
        ("/v1/messages", {"model": "echo", "max_tokens": 9, "messages": [{"role": "user", "content": "rude"}]}),
        ("/v1beta/models/echo:streamGenerateContent", {"contents": [{"role": "user", "parts": [{"text": "rude"}]}]}),
    ],
)  # fmt: skip
def test_a_refused_call_gets_the_services_sentence_and_costs_nothing(gateway, path, body):
    before = gateway.json("credits", "balance", "ada@example.com")
    status, said, headers = gateway.request("POST", path, body, key=gateway.credential)
    assert (status, said["error"]["message"]) == (403, "mind your words")
    assert headers["content-type"] == "application/json"
    assert gateway.json("credits", "balance", "ada@example.com") == before


@pytest.mark.parametrize("text", ["broken", "slow"])
def test_a_service_that_fails_lets_nothing_by(gateway, text):
    before = gateway.json("credits", "balance", "ada@example.com")
    status, said, _ = gateway.chat(gateway.credential, text)
    assert (status, said["error"]["code"]) == (503, "not_ready")
    assert gateway.json("credits", "balance", "ada@example.com") == before


def test_or_everything_where_that_is_configured(gateway):
    gateway.config.write_text(gateway.config.read_text() + 'on_failure = "allow"\n')
    gateway.cli("reload")
    assert gateway.chat(gateway.credential, "broken")[0] == 200
    assert gateway.chat(gateway.credential, "rude")[0] == 403
