"""Hooks that would never be called, or return what they should not, are refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pixapi.errors import PluginError
from pixapi.pluginhost.host import PluginHost

Host = Callable[..., PluginHost]

TEXT = '[guards.g]\nuse = "./mine.py"'


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (
            "@hookimpl\ndef pixapi_register_gaurds(): return []",
            "has a hook `pixapi_register_gaurds`, which Pixapi does not know; did you mean `pixapi_register_guards`?",
        ),
        (
            "def pixapi_register_gaurds(): return []",
            "has a hook `pixapi_register_gaurds`, which Pixapi does not know; did you mean `pixapi_register_guards`?",
        ),
        (
            "@hookimpl\ndef pixapi_on_fire(): return []",
            "does not know; the hooks are `pixapi_register_providers`, `pixapi_register_guards`",
        ),
        ("@hookimpl\ndef pixie_register_guards(): return []", "has a hook `pixie_register_guards`"),
        (
            "@hookimpl(specname='pixapi_register_gourds')\ndef guards(): return []",
            "has a hook `pixapi_register_gourds`",
        ),
        (
            "def pixapi_register_guards(): return []",
            "the hook `pixapi_register_guards` of the plugin ./mine.py is not marked and would never be called",
        ),
        ("@hookimpl\ndef pixapi_register_guards(more): return []", "has a wrong hook: "),
        ("@hookimpl\ndef pixapi_register_guards(): return []", "offers nothing"),
        ("@hookimpl\ndef pixapi_register_guards(): return None", "offers nothing"),
        (
            "@hookimpl\ndef pixapi_register_guards(): return ['gate']",
            "`pixapi_register_guards` of the plugin ./mine.py returned a str; expected GuardType",
        ),
        (
            "@hookimpl\ndef pixapi_register_guards(): return [GuardType('g', '', dict, dict)]",
            "the settings of `g` in the plugin ./mine.py are no subclass of PluginConfig",
        ),
        (
            "@hookimpl\ndef pixapi_register_guards(): return 1 / 0",
            "raised ZeroDivisionError: division by zero",
        ),
    ],
)
def test_a_wrong_hook(host: Host, source: str, expected: str) -> None:
    head = "from pixapi import hookimpl\nfrom pixapi.interfaces import GuardType\nPIXAPI_INTERFACE = 1\n"
    with pytest.raises(PluginError) as caught:
        host(TEXT, **{"mine.py": head + source})
    assert expected in caught.value.message


def test_a_hook_may_have_another_name(host: Host, guard_source: Callable[[str], str]) -> None:
    source = guard_source("a").replace(
        "@hookimpl\ndef pixapi_register_guards()",
        "@hookimpl(specname='pixapi_register_guards')\ndef guards()",
    )
    assert host(TEXT, **{"mine.py": source}).guards[0].type.name == "a"


def test_names_that_only_look_like_hooks_are_let_be(host: Host, guard_source: Callable[[str], str]) -> None:
    source = "import pixapi as pixapi_module\npixapi_number = 5\n" + guard_source("a")
    assert len(host(TEXT, **{"mine.py": source}).guards) == 1
