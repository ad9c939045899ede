"""`pixapi check`, with and without asking the providers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from click.testing import CliRunner, Result

from pixapi.cli import main

Check = Callable[..., Result]

MODEL = """
[[models]]
id = "m"
routes = [ {{ provider = "{provider}", model = "x" }} ]
price = {{ input = "1", output = "1" }}
"""
ECHO = '[providers.echo]\nuse = "echo"\n' + MODEL.format(provider="echo")


@pytest.fixture
def check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Check:
    monkeypatch.chdir(tmp_path)

    def run(text: str, *arguments: str) -> Result:
        Path("pixapi.toml").write_text(text)
        return CliRunner().invoke(main, ["check", *arguments])

    return run


def test_a_sound_configuration(check: Check) -> None:
    result = check(ECHO)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == "The configuration is sound: 1 provider, 1 model.\n"


def test_warnings_are_no_failure(check: Check) -> None:
    result = check(ECHO + '[server]\ncors_origins = ["*"]')
    assert result.exit_code == 0
    assert result.stderr.startswith("warning: pixapi.toml:9: ")


def test_every_problem_is_told(check: Check) -> None:
    result = check('[server]\nport = "x"\nhots = 1\n')
    assert result.exit_code == 1
    assert result.stderr == (
        'error: pixapi.toml:2: key `server.port` is "x"; expected a whole number\n'
        "error: pixapi.toml:3: key `server.hots` is not known; did you mean `host`?\n"
    )


def test_problems_of_plugins_are_told(check: Check) -> None:
    result = check('[providers.a]\nuse = "nobody"\n[providers.echo]\nuse = "echo"\nnonsense = 1\n')
    assert result.exit_code == 1
    assert "error: pixapi.toml:2: no plugin `nobody` is installed" in result.stderr
    assert "error: pixapi.toml:5: key `providers.echo.nonsense` is not known" in result.stderr


def test_a_secret_that_is_not_there(check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    text = '[providers.o]\nuse = "openai"\napi_key = { env = "NO_SUCH_KEY" }\n' + MODEL.format(provider="o")
    result = check(text, "--json")
    assert result.exit_code == 1
    (problem,) = json.loads(result.stdout)["problems"]
    assert problem.startswith("pixapi.toml:3: key `providers.o.api_key` has no value: ")
    assert "NO_SUCH_KEY is not set" in problem


def test_a_provider_that_does_not_offer_what_the_model_is_for(check: Check) -> None:
    """Each call would be refused, however sound the tables are."""
    text = '[providers.voice]\nuse = "elevenlabs"\napi_key = "k"\n' + MODEL.format(provider="voice")
    result = check(text + 'operation = "images"\n')
    assert result.exit_code == 1
    assert result.stderr == (
        "error: pixapi.toml:7: the model `m` is for images, which its provider `voice` does not offer; "
        "it offers speech, transcriptions\n"
    )


def test_a_route_that_is_left_out_while_another_one_serves(check: Check) -> None:
    text = ECHO + '[providers.voice]\nuse = "elevenlabs"\napi_key = "k"\n'
    other = 'routes = [ { provider = "voice", model = "x" }, {'
    result = check(text.replace("routes = [ {", 'operation = "images"\n' + other))
    assert result.exit_code == 0
    assert result.stderr.startswith(
        "warning: pixapi.toml:7: the model `m` is for images, which its provider `voice`"
    )


@pytest.mark.parametrize("address", ["api.example.com/v1", "https//api.example.com", "ftp://api.example.com"])
def test_an_address_that_is_none(check: Check, address: str) -> None:
    text = f'[providers.o]\nuse = "openai"\napi_key = "k"\nbase_url = "{address}"\n'
    result = check(text + MODEL.format(provider="o"))
    assert result.exit_code == 1
    assert result.stderr == (
        "error: pixapi.toml:4: key `providers.o.base_url` is no address; "
        "expected one such as https://api.example.com/v1\n"
    )


@pytest.mark.parametrize("url", ["mysql://root:hidden@db/pixapi", "data/pixapi.db", "sqlite:data/pixapi.db"])
def test_a_database_that_is_not_served(check: Check, url: str) -> None:
    result = check(f'{ECHO}[database]\nurl = "{url}"\n')
    assert result.exit_code == 1
    assert "error: pixapi.toml:9: key `database.url`: expected sqlite:///FILE or postgresql" in result.stderr
    assert "hidden" not in result.stderr


def test_json(check: Check) -> None:
    report = json.loads(check(ECHO, "--json").stdout)
    assert report["problems"] == []
    assert report["counts"] == {"providers": 1, "models": 1, "groups": 0, "guards": 0}


class Vendor(BaseHTTPRequestHandler):
    """A vendor that knows one key."""

    def do_GET(self) -> None:
        key = self.headers["authorization"].removeprefix("Bearer ")
        status = {"right": 200, "odd-key": 400}.get(key, 401)
        said = {"data": []} if status == 200 else {"error": {"message": f"no such thing as {key}"}}
        body = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """Say nothing."""


@pytest.fixture
def vendor_url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Vendor)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    server.shutdown()
    thread.join(10)
    server.server_close()


def at(url: str, key: str) -> str:
    table = f'[providers.v]\nuse = "openai_compatible"\nbase_url = "{url}"\napi_key = "{key}"\n'
    return table + MODEL.format(provider="v")


def test_live_asks_the_provider(check: Check, vendor_url: str) -> None:
    result = check(at(vendor_url, "right"), "--live")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "provider `v` answers and takes the credential" in result.stdout


def test_live_tells_a_refused_credential(check: Check, vendor_url: str) -> None:
    result = check(at(vendor_url, "wrong-key"), "--live")
    assert result.exit_code == 1
    assert "error: provider `v`: " in result.stderr
    assert "wrong-key" not in result.output


def test_live_shows_no_key_that_the_provider_quotes(check: Check, vendor_url: str) -> None:
    result = check(at(vendor_url, "odd-key"), "--live")
    assert "error: provider `v`: no such thing as [redacted]" in result.stderr


def test_live_asks_with_each_key(check: Check, vendor_url: str) -> None:
    text = at(vendor_url, "right").replace('api_key = "right"', 'keys = ["right", "wrong-key"]')
    result = check(text, "--live")
    assert result.exit_code == 1
    assert "provider `v`, key 1 answers and takes the credential" in result.stdout
    assert "error: provider `v`, key 2: " in result.stderr
    assert "wrong-key" not in result.output


def test_live_tells_a_server_that_is_not_there(check: Check) -> None:
    result = check(at("http://127.0.0.1:9/v1", "right"), "--live")
    assert result.exit_code == 1
    assert "error: provider `v`: " in result.stderr


def test_live_without_anything_to_ask(check: Check) -> None:
    result = check(ECHO, "--live")
    assert result.exit_code == 0
    assert "provider `echo` " in result.stdout


WEBHOOK = '[guards.house]\nuse = "webhook"\nurl = "https://guard.example.com"\nsecret = {secret}\n'


@pytest.mark.parametrize(
    "secret", ["topsecret", "whsec_c2hvcnQ=", "whsec_=topsecret=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", ""]
)
def test_a_signing_secret_that_is_none(check: Check, secret: str) -> None:
    result = check(ECHO + WEBHOOK.format(secret=f'"{secret}"'))
    assert result.exit_code == 1
    assert result.stderr.startswith("error: pixapi.toml:11: key `guards.house.secret`: ")
    assert "expected whsec_ and the base64 of 24 random bytes or more" in result.stderr
    assert not secret or secret.removeprefix("whsec_") not in result.output


def test_a_signing_secret_that_is_one(check: Check) -> None:
    result = check(ECHO + WEBHOOK.format(secret=f'"whsec_{"QUJD" * 8}"'))
    assert (result.exit_code, result.stderr) == (0, "")


def test_a_signing_secret_is_looked_at_where_it_lies(check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    text = ECHO + WEBHOOK.format(secret='{ env = "GUARD_SECRET" }')
    monkeypatch.setenv("GUARD_SECRET", "topsecret")
    assert "pixapi.toml:11: key `guards.house.secret`: the secret of a webhook" in check(text).stderr
    monkeypatch.delenv("GUARD_SECRET")
    assert "key `guards.house.secret` has no value: the environment variable" in check(text).stderr
    Path("broken").write_bytes(b"\xff\xfe")
    result = check(ECHO + WEBHOOK.format(secret='{ file = "broken" }'))
    assert "key `guards.house.secret` has no value: the secret file broken holds no text" in result.stderr


ARMOUR = "PRIVATE KEY"
NO_PEM = f"-----BEGIN {ARMOUR}-----\ntopsecret\n-----END {ARMOUR}-----\n"
GOOGLE = (
    '[providers.google]\nuse = "vertex"\nproject = "p"\ncredentials = { file = "key.json" }\n'
    + MODEL.format(provider="google")
)


@pytest.mark.parametrize(
    ("account", "said"),
    [
        ("topsecret", "expected the JSON text with client_email and private_key"),
        ('["topsecret"]', "expected the JSON text with client_email and private_key"),
        ('{"client_email": "topsecret"}', "missing required field `private_key`"),
        ('{"private_key": "topsecret"}', "missing required field `client_email`"),
        ('{"client_email": "a@example.com", "private_key": "topsecret"}', "is no RSA key in PEM form"),
        (
            json.dumps({"client_email": "a@example.com", "private_key": NO_PEM}),
            "is no RSA key in PEM form",
        ),
    ],
)
def test_a_service_account_that_is_none(check: Check, account: str, said: str) -> None:
    pytest.importorskip("cryptography", reason="NOT TESTED: no cryptography")
    Path("key.json").write_text(account)
    result = check(GOOGLE)
    assert result.exit_code == 1
    assert result.stderr.startswith("error: pixapi.toml:4: key `providers.google.credentials`: ")
    assert said in result.stderr
    assert "topsecret" not in result.output


def test_a_service_account_that_is_one(check: Check) -> None:
    rsa = pytest.importorskip(
        "cryptography.hazmat.primitives.asymmetric.rsa", reason="NOT TESTED: no cryptography"
    )
    from cryptography.hazmat.primitives import serialization as form

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption()).decode()
    Path("key.json").write_text(json.dumps({"client_email": "a@example.com", "private_key": pem}))
    result = check(GOOGLE)
    assert (result.exit_code, result.stderr) == (0, "")


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("web_serch", "did you mean `web_search`?"),
        ("websearch", "did you mean `web_search`?"),
        ("google_search", "did you mean `googleSearch`?"),
        ("googlesearch", "did you mean `googleSearch`?"),
        ("web_search_20250305", "expected a tool's name without its version; did you mean `web_search`?"),
        ("web_search_preview_2025_03_11", "without its version; did you mean `web_search`?"),
    ],
)
def test_a_hosted_tool_that_is_misspelt(check: Check, word: str, said: str) -> None:
    result = check(f'{ECHO}hosted_tools = [\n  "mcp",\n  "{word}",\n]\n')
    assert result.exit_code == 1
    assert result.stderr.startswith("error: pixapi.toml:")
    assert f"key `models[0].hosted_tools[1]` is '{word}'" in result.stderr
    assert said in result.stderr


def test_a_hosted_tool_that_nobody_knows_may_be_a_vendors_newest(check: Check) -> None:
    result = check(ECHO + 'hosted_tools = ["x_search", "dream_reader"]\n')
    assert result.exit_code == 0
    (line,) = result.stderr.splitlines()
    assert line.startswith("warning: pixapi.toml:8: key `models[0].hosted_tools[1]` is 'dream_reader', which")
    assert "known: advisor, browser_search, " in line
