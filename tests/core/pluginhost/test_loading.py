"""Finding and importing plugins: by entry point, by file, and every refusal."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pixapi.errors import PluginError
from pixapi.pluginhost.host import PluginHost
from pixapi.pluginhost.loading import Use

Host = Callable[..., PluginHost]
Install = Callable[..., None]
Source = Callable[[str], str]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("acme", Use("acme", None, is_file=False)),
        ("acme:gate", Use("acme", "gate", is_file=False)),
        ("./acme.py", Use("./acme.py", None, is_file=True)),
        ("sub/acme.py:gate", Use("sub/acme.py", "gate", is_file=True)),
    ],
)
def test_what_use_says(text: str, expected: Use) -> None:
    assert Use.parse(text) == expected


def test_an_entry_point(host: Host, install: Install, guard_source: Source) -> None:
    install("pixapi-acme", {"acme": "acme_module"}, acme_module=guard_source("acme"))
    (guard,) = host('[guards.front]\nuse = "acme"\nmost = 7').guards
    assert (guard.name, guard.type.name, guard.config.model_dump()["most"]) == ("front", "acme", 7)


def test_a_file(host: Host, guard_source: Source) -> None:
    (guard,) = host('[guards.g]\nuse = "./mine.py"', **{"mine.py": guard_source("anything")}).guards
    assert guard.type.name == "anything"
    assert not Path("__pycache__").exists()


def test_a_changed_file_is_read_again(host: Host, guard_source: Source) -> None:
    text = '[guards.g]\nuse = "./mine.py"'
    for kind in ("first", "other", "third"):
        assert host(text, **{"mine.py": guard_source(kind)}).guards[0].type.name == kind


def test_a_file_that_breaks_leaves_the_module_that_was_there(host: Host, guard_source: Source) -> None:
    text = '[guards.g]\nuse = "./mine.py"'
    config = type(host(text, **{"mine.py": guard_source("a")}).guards[0].config)
    with pytest.raises(PluginError):
        host(text, **{"mine.py": "1 / 0"})
    assert sys.modules[config.__module__].Config is config


def test_two_tables_share_one_import_of_a_file(host: Host, guard_source: Source) -> None:
    source = guard_source("a") + "\nopen('imports', 'a').write('x')\n"
    made = host('[guards.a]\nuse = "./mine.py"\n[guards.b]\nuse = "mine.py"', **{"mine.py": source})
    assert (len(made.guards), Path("imports").read_text()) == (2, "x")


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import nowhere_at_all", "ModuleNotFoundError: No module named 'nowhere_at_all' (mine.py:1)"),
        ("\n1 / 0", "ZeroDivisionError: division by zero (mine.py:2)"),
        ("def broken(:", "SyntaxError: invalid syntax (mine.py:1)"),
        ("x = 1", "its module should have the line `PIXAPI_INTERFACE = 1`"),
        (
            "PIXAPI_INTERFACE = 2",
            "written for interface version 2, and this Pixapi has 1; install a newer Pixapi",
        ),
        (
            "PIXAPI_INTERFACE = 0",
            "interface version 0, and this Pixapi has 1; install a newer version of the plugin",
        ),
        ("PIXAPI_INTERFACE = 'one'", "interface version 'one'"),
        ("PIXAPI_INTERFACE = 1", "offers nothing; expected a hook `pixapi_register_providers` or"),
    ],
)
def test_a_file_that_is_refused(host: Host, source: str, expected: str) -> None:
    with pytest.raises(PluginError) as caught:
        host('[guards.g]\nuse = "./mine.py"', **{"mine.py": source})
    assert caught.value.message.startswith("pixapi.toml:2: the plugin ./mine.py ")
    assert expected in caught.value.message


def test_no_such_file(host: Host) -> None:
    with pytest.raises(PluginError, match="there is no file"):
        host('[guards.g]\nuse = "./mine.py"')


def test_no_such_entry_point(host: Host, install: Install, guard_source: Source) -> None:
    install("pixapi-acme", {"acme": "acme_module"}, acme_module=guard_source("acme"))
    with pytest.raises(PluginError) as caught:
        host('[guards.g]\nuse = "amce"')
    assert caught.value.message == "pixapi.toml:2: no plugin `amce` is installed; did you mean `acme`?"


def test_two_distributions_with_one_name(host: Host, install: Install, guard_source: Source) -> None:
    install("pixapi-acme", {"acme": "acme_module"}, acme_module=guard_source("acme"))
    install("acme-for-pixapi", {"acme": "other_module"}, other_module=guard_source("acme"))
    with pytest.raises(PluginError) as caught:
        host('[guards.g]\nuse = "acme"')
    assert caught.value.message == (
        "pixapi.toml:2: the plugin `acme` is offered by acme-for-pixapi and pixapi-acme; "
        "uninstall all of them but one"
    )


@pytest.mark.parametrize(
    ("requires", "expected"),
    [
        (('Missing_Vendor_SDK>=2; extra == "vendor"',), "try `pip install 'pixapi-acme[vendor]'`"),
        ((), "try `pip install 'missing_vendor_sdk'`"),
    ],
)
def test_a_missing_package(host: Host, install: Install, requires: tuple[str, ...], expected: str) -> None:
    install("pixapi-acme", {"acme": "acme_module"}, requires, acme_module="import missing_vendor_sdk.client")
    with pytest.raises(PluginError) as caught:
        host('[guards.g]\nuse = "acme"')
    assert "the plugin `acme` (distribution pixapi-acme) cannot be imported" in caught.value.message
    assert (
        f"it needs the package missing_vendor_sdk, which is not installed; {expected}" in caught.value.message
    )


def test_an_entry_point_that_leads_nowhere(host: Host, install: Install) -> None:
    install("pixapi-acme", {"acme": "not_there"})
    with pytest.raises(
        PluginError, match="its module not_there does not exist; install pixapi-acme again"
    ) as caught:
        host('[guards.g]\nuse = "acme"')
    assert "or restart the gateway" in caught.value.message  # which reads no new paths of `pip install -e`


def test_a_plugin_that_is_not_used_is_not_imported(tmp_path: Path) -> None:
    """In a process of its own: `echo` is configured, so nothing else of the installed plugins is loaded."""
    (tmp_path / "pixapi.toml").write_text('[providers.echo]\nuse = "echo"\n')
    script = (
        "import sys, pathlib\n"
        "from pixapi.config.load import load_settings\n"
        "from pixapi.pluginhost.host import PluginHost\n"
        "from pixapi.pluginhost.loading import installed\n"
        "host = PluginHost.load(load_settings(pathlib.Path(sys.argv[1]), {}))\n"
        "assert list(host.providers) == ['echo']\n"
        "values = {point.name: point.module for point in installed()}\n"
        "print(len(values), *(name for name, module in values.items() if module in sys.modules))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "pixapi.toml")],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    count, *imported = done.stdout.split()
    assert int(count) >= 4
    assert imported == ["echo"]
