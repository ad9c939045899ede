"""Every dialect over every upstream in every scenario, with the official SDKs: see sdks/matrix.toml."""

import json
import subprocess
import tomllib
from pathlib import Path

import pytest

SDKS = Path(__file__).parent / "sdks"
MATRIX = tomllib.loads((SDKS / "matrix.toml").read_text())
ECHOES = ("echo-reasoning", "echo-refused", "echo-broken")
KINDS = ("plain", "tools", "parallel", "image", "structured", "reasoning", "capped", "refused", "broken")
KINDS_OF = {
    "streamed": "plain", "parallel_tools": "parallel", "error_before": "refused", "error_within": "broken",
    "count_tokens": "plain", "list_models": "plain",
}  # fmt: skip
"""What the replies of a scenario are called, where that differs from its own name."""
PAIRS = {
    "parallel_tools": {
        "openai": ["openai-parallel", None], "responses": ["responses-parallel", None],
        "anthropic": ["anthropic-parallel", None], "gemini": [None, "gemini-parallel"],
    },
    "reasoning": {"echo": ["echo-reasoning"] * 2, "gemini": [None, "gemini-reasoning"]},
    "stop_reasons": {
        "echo": ["echo", "echo"], "llama_cpp": [None, "llama_cpp"], "openai": ["openai-plain", "openai-capped"],
        "responses": ["responses-plain", None],
        "anthropic": ["anthropic-plain", None], "gemini": ["gemini-plain", None],
    },
}  # fmt: skip
"""Scenarios with two models: for the whole answer and the stream, and for one that ends and one that is cut off. None:
the upstream has no such answer; matrix.toml says so in its `half`.
"""


LIVE = ("echo", "llama_cpp")
"""The upstreams that need no recordings."""


def reason(dialect, upstream, scenario):
    """Why a cell is left out; None if it is not."""
    cell = {"dialects": dialect, "upstreams": upstream, "scenarios": scenario}
    found = [
        row["reason"]
        for row in MATRIX["left_out"]
        if all(cell[axis] in row.get(axis, [cell[axis]]) for axis in cell)
    ]
    assert len(found) < 2, f"several reasons for {cell}"
    return found[0] if found else None


def model_of(upstream, scenario):
    """The model, or the two models, that a scenario calls."""
    kind = KINDS_OF.get(scenario, scenario)
    alias = f"{upstream}-{kind}"
    if upstream in LIVE:
        alias = alias if alias in ECHOES else upstream
    return PAIRS[scenario].get(upstream, [alias, alias]) if scenario in PAIRS else alias


def wanted(dialect, lacks, upstreams):
    """The cells of a dialect that must pass, but for what the SDK ``lacks`` a call for."""
    return {
        upstream: {
            s: model_of(upstream, s)
            for s in MATRIX["scenarios"]
            if s not in lacks and reason(dialect, upstream, s) is None
        }
        for upstream in upstreams
    }


@pytest.fixture(scope="module")
def gateway(model_server, in_front_of_all):
    models = [
        (f"{api}-{kind}", api, kind)
        for api in ("openai", "responses", "anthropic", "gemini")
        for kind in KINDS
    ]
    models += [(name, name, "echo") for name in ECHOES]
    models.append(("llama_cpp", "llama_cpp", "tiny"))
    with in_front_of_all(models, llama_cpp=model_server) as running:
        yield running


def versions():
    """Old majors, and other languages than this one, are left to the longer runs."""
    for sdk in MATRIX["sdks"]:
        for number, version in enumerate(sdk["versions"]):
            marks = [pytest.mark.long] if number or sdk["language"] != "Python" else []
            name = f"{sdk['language']}-{sdk['dialect']}-{sdk['package']}-{version}"
            yield pytest.param(sdk, version, marks=marks, id=name)


@pytest.mark.timeout(420)
@pytest.mark.parametrize(("sdk", "version"), list(versions()))
def test_every_cell_passes_or_says_why_it_is_left_out(
    sdk, version, sdk_environment, node_environment, gateway, replay_server
):
    make = {"Python": sdk_environment, "Node": node_environment}[sdk["language"]]
    upstreams = MATRIX["upstreams"] if replay_server else LIVE
    cells = wanted(sdk["dialect"], sdk.get("lacks", []), upstreams)
    command = [
        *make(sdk["package"], version, SDKS / sdk["program"], *sdk.get("besides", [])),
        gateway.url,
        gateway.owner,
        version,
        sdk["dialect"],
    ]
    done = subprocess.run(
        command, input=json.dumps(cells), text=True, capture_output=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout)
    assert found["version"] == version
    print(table(sdk["dialect"], found["cells"]))
    wrong = [
        f"{u} {s}: {said}" for u, row in found["cells"].items() for s, said in row.items() if said != "ok"
    ]
    assert not wrong, (
        f"{len(wrong)} cells of {sdk['dialect']} over {sdk['package']} {version}:\n" + "\n".join(wrong)
    )
    assert {u: set(row) for u, row in found["cells"].items()} == {u: set(row) for u, row in cells.items()}
    if not replay_server:
        pytest.skip(f"{', '.join(LIVE)} passed; NOT TESTED: recorded upstreams, for there are no recordings")


def table(dialect, cells):
    """A line for each scenario: what came of it over each upstream."""
    lines = [f"{dialect:16}" + "".join(f"{upstream:>11}" for upstream in cells)]
    for scenario in MATRIX["scenarios"]:
        said = [row.get(scenario, "-") for row in cells.values()]
        lines.append(
            f"{scenario:16}" + "".join(f"{'FAILED' if s not in ('ok', '-') else s:>11}" for s in said)
        )
    return "\n".join(lines)


def test_every_dialect_is_spoken_by_an_sdk_of_each_language():
    for language in {sdk["language"] for sdk in MATRIX["sdks"]}:
        spoken = {sdk["dialect"] for sdk in MATRIX["sdks"] if sdk["language"] == language}
        assert spoken == set(MATRIX["dialects"]), language


def test_every_reason_leaves_something_out_that_exists():
    axes = {
        "dialects": MATRIX["dialects"],
        "upstreams": MATRIX["upstreams"],
        "scenarios": MATRIX["scenarios"],
    }
    for row in MATRIX["left_out"]:
        for axis, known in axes.items():
            assert set(row.get(axis, known)) <= set(known), row
    cells = [(d, u, s) for d in MATRIX["dialects"] for u in MATRIX["upstreams"] for s in MATRIX["scenarios"]]
    assert sum(reason(*cell) is None for cell in cells) > len(cells) * 0.7
    halves = {
        (upstream, scenario)
        for scenario, row in PAIRS.items()
        for upstream, models in row.items()
        if None in models
    }
    assert halves == {(row["upstream"], row["scenario"]) for row in MATRIX["half"]}


def test_the_books_balance(gateway):
    assert gateway.cli("ledger", "verify").returncode == 0
    assert gateway.json("credits", "balance", "ada@example.com")["held"] == "0"
