"""`pixapi models sync` through the real command line, its sources on a server of the loopback and in files."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pixapi.catalog.catalog import build_catalog
from pixapi.cli import main
from pixapi.clock import ManualClock
from pixapi.config.load import load_settings
from pixapi.db.engine import Database
from pixapi.db.schema import upgrade
from pixapi.pluginhost.host import PluginHost

Sync = Callable[..., Result]

CONFIG = """\
[providers.acme]
use = "echo"

[providers.other]
use = "echo"

[prices.table]
use = "litellm"
url = "{url}/table.json"

[[models]]
id = "mine"
routes = [ {{ provider = "acme", model = "mine" }} ]
price = {{ input = "9" }}
cost = {{ input = "1" }}
"""


class Source:
    """A price source's server: what it answers may change between two calls."""

    def __init__(self) -> None:
        self.status = 200
        self.table: dict[str, dict[str, Any]] = {}
        source = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = json.dumps(source.table).encode()
                self.send_response(source.status)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def says(self, model: str, per_token: float | None, vendor: str = "acme", **more: Any) -> None:
        """The price of one token of ``model``, or that there is no such model."""
        self.table.pop(model, None)
        if per_token is not None:
            fields = {"input_cost_per_token": per_token, "output_cost_per_token": per_token * 4}
            self.table[model] = {"litellm_provider": vendor, "mode": "chat", **fields, **more}


@pytest.fixture
def source() -> Iterator[Source]:
    made = Source()
    thread = Thread(target=made.server.serve_forever, daemon=True)
    thread.start()
    made.says("large", 2.5e-6)
    made.says("small", 2.5e-7)
    made.says("mine", 2e-6)
    made.says("foreign", 1e-6, vendor="elsewhere")
    yield made
    made.server.shutdown()
    made.server.server_close()
    thread.join(10)


@pytest.fixture
def sync(source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sync:
    """Runs the command beside a configuration whose price source is the server."""
    monkeypatch.chdir(tmp_path)
    Path("pixapi.toml").write_text(CONFIG.format(url=source.url))

    def run(*arguments: str, name: str = "table") -> Result:
        return CliRunner().invoke(main, ["models", "sync", "--from", name, *arguments])

    return run


def prices() -> dict[str, tuple[str, str | None]]:
    """What the configuration sells now: model -> price and cost of input."""
    models = load_settings(Path("pixapi.toml")).settings.models
    return {m.id: (str(m.price.input), None if m.cost is None else str(m.cost.input)) for m in models}


FILE = Path("models.d/table.toml")


def test_a_diff_writes_nothing(sync: Sync) -> None:
    done = sync()
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "what   model  detail",
        "new    large  input 2.5, output 10",
        "new    small  input 0.25, output 1",
        "yours  mine   pixapi.toml:12 is left as it is; the source says cost.input 1 -> 2 (+100.0%), "
        "cost.output 0 -> 8",
        "Models: 2 new, 0 changed. 0 as they were. Nothing was written; --write does.",
    ]
    assert not FILE.exists()


def test_what_is_written_loads_and_is_stable(sync: Sync) -> None:
    done = sync("--write", "--yes", "--margin", "1.2")
    assert done.exit_code == 0, done.output
    assert "Wrote models.d/table.toml; `pixapi reload` takes it up." in done.stdout
    assert prices() == {"mine": ("9", "1"), "large": ("3", "2.5"), "small": ("0.3", "0.25")}
    text = FILE.read_text()
    assert text.startswith("# Written by `pixapi models sync --from table`.")
    assert "# from table (acme) on 20" in text
    again = sync("--write", "--yes")
    assert "0 new, 0 changed. 2 as they were. There is nothing to write." in again.stdout
    assert FILE.read_text() == text


def test_a_change_keeps_the_margin_and_what_was_added_by_hand(sync: Sync, source: Source) -> None:
    sync("--write", "--yes", "--margin", "1.2")
    edited = FILE.read_text().replace('operation = "chat"', 'operation = "chat"\ndefault_output = 99', 1)
    FILE.write_text(edited.replace("[[models]]", "# mind the gap\n[[models]]", 1))
    source.says("large", 2.6e-6)
    done = sync("--write", "--yes")
    assert "large  cost.input 2.5 -> 2.6 (+4.0%)" in done.stdout
    assert prices()["large"] == ("3.12", "2.6")
    assert "default_output = 99" in FILE.read_text()
    assert "# mind the gap" in FILE.read_text()


@pytest.mark.parametrize("per_token", [1e-5, 1e-6, 0])
def test_a_jump_is_refused_by_name(sync: Sync, source: Source, per_token: float) -> None:
    sync("--write", "--yes")
    before = FILE.read_text()
    source.says("large", per_token)
    source.says("small", 2.6e-7)
    done = sync("--write", "--yes")
    assert done.exit_code == 1
    assert (
        "Error: prices change by more than 50%, so nothing was written. large: cost.input 2.5 -> "
        in done.stderr
    )
    assert "small" not in done.stderr
    assert FILE.read_text() == before
    assert sync().exit_code == 1
    assert sync("--write", "--yes", "--allow-jump", "large").exit_code == 0
    assert prices()["small"] == ("0.26", "0.26")


def test_the_limit_of_a_jump_can_be_moved(sync: Sync, source: Source) -> None:
    sync("--write", "--yes")
    source.says("large", 2.6e-6)
    assert sync("--max-jump", "3%").exit_code == 1
    assert sync("--max-jump", "5%").exit_code == 0


def test_the_operators_own_models_are_never_rewritten(sync: Sync, source: Source) -> None:
    Path("models.d").mkdir()
    text = '# by hand\n[[models]]\nid = "large"\nroutes = [{provider = "acme", model = "large"}]\nprice = {input = "7"}\n'
    Path("models.d/aa.toml").write_text(text)
    before = Path("pixapi.toml").read_text()
    done = sync("--write", "--yes")
    assert "yours  large  models.d/aa.toml:3 is left as it is" in done.stdout
    assert (Path("models.d/aa.toml").read_text(), Path("pixapi.toml").read_text()) == (text, before)
    assert prices() == {"mine": ("9", "1"), "large": ("7", None), "small": ("0.25", "0.25")}


def test_a_model_that_is_gone_stays_until_it_is_dropped(sync: Sync, source: Source) -> None:
    sync("--write", "--yes")
    source.says("large", None)
    done = sync("--write", "--yes")
    assert (
        "gone   large  the source no longer has it; it stays on sale; --drop-gone takes it out" in done.stdout
    )
    assert "large" in prices()
    assert sync("--write", "--yes", "--drop-gone").exit_code == 0
    assert "large" not in prices()
    source.says("small", None)
    sync("--write", "--yes", "--drop-gone")
    assert not FILE.exists()


def test_json(sync: Sync, source: Source) -> None:
    sync("--write", "--yes", "--models", "large")
    source.says("large", 1e-5, output_cost_per_token_above_200k_tokens=1e-4)
    done = sync("--json")
    report = json.loads(done.stdout)
    assert (done.exit_code, report["jumps"], report["written"], report["gone"]) == (1, ["large"], None, [])
    assert [item["model"] for item in report["new"]] == ["small"]
    assert report["changed"][0]["differences"][0] == {
        "key": "cost.input", "old": "2.5", "new": "10", "share": "3.0",
    }  # fmt: skip
    assert report["changed"][0]["untold"] == ["another price above 200k tokens"]
    assert report["yours"][0]["place"] == "pixapi.toml:12"
    written = json.loads(sync("--json", "--write", "--yes", "--allow-jump", "large").stdout)["written"]
    assert written == "models.d/table.toml"


def test_writing_asks_first(sync: Sync) -> None:
    done = sync("--write")
    assert (done.exit_code, FILE.exists()) == (1, False)
    assert (
        "Models: 2 new, 0 changed. Write models.d/table.toml? Nobody can be asked here; add --yes"
        in done.stderr
    )
    assert sync("--write", "--json").exit_code == 1


def test_another_provider_and_vendor(sync: Sync) -> None:
    done = sync("--provider", "other", "--vendor", "elsewhere", "--write", "--yes")
    assert done.exit_code == 0, done.output
    (model,) = [m for m in load_settings(Path("pixapi.toml")).settings.models if m.id == "foreign"]
    assert [(route.provider, route.model) for route in model.routes] == [("other", "foreign")]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--provider", "nobody"], "no provider `nobody` is configured; there are acme, other"),
        (["--provider", "other"], "none of the providers (other) is a vendor of that source by name"),
        (["--provider", "acme", "--vendor", "akme"], "knows no vendor `akme`; did you mean `acme`?"),
        (["--vendor", "acme"], "--vendor goes with one provider"),
    ],
)
def test_what_cannot_be_matched_is_said(sync: Sync, arguments: list[str], words: str) -> None:
    done = sync(*arguments)
    assert done.exit_code == 1
    assert words in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["--margin", "0"],
        ["--margin", "x"],
        ["--max-jump", "-1%"],
        ["--max-jump", "far"],
        ["--max-jump", "0.5"],
    ],
)
def test_wrong_usage(sync: Sync, arguments: list[str]) -> None:
    assert sync(*arguments).exit_code == 2


def test_a_source_that_fails(sync: Sync, source: Source) -> None:
    source.status = 503
    done = sync()
    assert (done.exit_code, done.stderr) == (
        1,
        "Error: 127.0.0.1 answered 503 where a list of prices was expected; look at the setting `url`\n",
    )
    source.server.shutdown()
    source.server.server_close()
    assert "cannot be reached" in sync().stderr
    assert "no plugin `no-such` is installed" in sync(name="no-such").stderr


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("list.csv", "vendor,model,input,image\nacme,large,1,\nacme,painter,,0.04\n"),
        (
            "list.toml",
            '[[prices]]\nvendor="acme"\nmodel="large"\ninput="1"\n[[prices]]\nvendor="acme"\nmodel="painter"\nimage="0.04"',
        ),
        (
            "list.json",
            '[{"vendor":"acme","model":"large","input":1},{"vendor":"acme","model":"painter","image":0.04}]',
        ),
    ],
)
def test_a_list_of_ones_own(sync: Sync, name: str, text: str) -> None:
    Path(name).write_text(text)
    done = sync("--write", "--yes", name=name)
    assert done.exit_code == 0, done.output
    settings = load_settings(Path("pixapi.toml")).settings
    assert {m.id: str(m.price.usd("image")) for m in settings.models} == {
        "mine": "0",
        "large": "0",
        "painter": "0.04",
    }
    assert Path("models.d/list.toml").exists()


def test_an_installed_source_needs_no_table(sync: Sync) -> None:
    """`price_file` without a place says what it needs; the others would fetch from their own address."""
    done = sync(name="price_file")
    assert (done.exit_code, "expected either `file` or `url`" in done.stderr) == (1, True)


def test_a_new_price_is_a_new_dated_row_at_the_next_load(sync: Sync, source: Source, tmp_path: Path) -> None:
    database, clock = Database("sqlite:///x.db", base_dir=tmp_path), ManualClock()
    upgrade(database)

    def load() -> dict[str, int]:
        loaded = load_settings(Path("pixapi.toml"))
        providers = {name: [item.provider] for name, item in PluginHost.load(loaded).providers.items()}
        catalog = build_catalog(loaded.settings, providers, database, clock)
        return {entry.settings.id: entry.offer("").price_id for entry in catalog.entries()}

    sync("--write", "--yes")
    first = load()
    assert load() == first
    source.says("large", 2.6e-6)
    sync("--write", "--yes")
    second = load()
    database.close()
    assert second["large"] > first["large"]
    assert second["small"] == first["small"]
