"""What plugins may use is pinned, and says what it does."""

from __future__ import annotations

import ast
import importlib
import inspect
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import pixapi
from pixapi import interfaces

Parse = Callable[[Path], ast.Module]

PINNED = """
INTERFACE_VERSION PRICE_KEYS Allow Body Call ChatReply ChatRequest CountsTokens Credential Credentials Decoder Deny Dialect Ended
Event Evidence Exchange Failed Fetches File FinishReason Finished Framing Guard GuardPort GuardType HttpReply HttpRequest Image Judgement
LocalPath Message Operation Outbound Part Passage PluginConfig PricedModel PriceSource PriceSourceType Provider ProviderType Reasoning ReasoningDelta
RefusalDelta ResponseFormat Result Rewrite Secret SecretForm Serves Text TextDelta TextOrSecret Tool ToolCall ToolCallDelta
ToolChoice ToolResult Upload Usage UsageReport
"""
METHOD = ast.FunctionDef | ast.AsyncFunctionDef
Definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
ROOMS = ("interfaces", "adapters", "wire")


def test_the_plugin_facing_names_are_pinned() -> None:
    """A name that goes or changes its meaning is a new `INTERFACE_VERSION`; a new one is added here too."""
    assert sorted(interfaces.__all__) == sorted(PINNED.split())
    assert interfaces.INTERFACE_VERSION == 1
    assert [name for name in interfaces.__all__ if not hasattr(interfaces, name)] == []


def test_the_top_of_the_package_has_two_names() -> None:
    assert sorted(pixapi.__all__) == ["__version__", "hookimpl"]


def modules_of(root: Path, room: str) -> list[Path]:
    return sorted((root / "core/pixapi" / room).rglob("*.py"))


def public_definitions(module: ast.Module) -> Iterator[tuple[str, Definition]]:
    for node in module.body:
        if isinstance(node, Definition) and not node.name.startswith("_"):
            yield node.name, node


@pytest.mark.parametrize("room", ROOMS)
def test_every_module_and_definition_has_a_docstring(root: Path, syntax: Parse, room: str) -> None:
    """From the syntax: a dataclass's made-up docstring does not count."""
    found = []
    for path in modules_of(root, room):
        module = syntax(path)
        if module.body and not ast.get_docstring(module):
            found.append(f"{path.relative_to(root)}")
        for name, node in public_definitions(module):
            if not ast.get_docstring(node):
                found.append(f"{path.relative_to(root)}:{node.lineno} {name}")
    assert found == []


@pytest.mark.parametrize("room", ROOMS)
def test_every_public_method_has_a_docstring(root: Path, syntax: Parse, room: str) -> None:
    """One that overrides may leave it to the method that it overrides."""
    found = []
    for path in modules_of(root, room):
        parts = path.relative_to(root / "core").with_suffix("").parts
        module = importlib.import_module(".".join(part for part in parts if part != "__init__"))
        for name, node in public_definitions(syntax(path)):
            methods = [member for member in getattr(node, "body", []) if isinstance(member, METHOD)]
            for method in methods if isinstance(node, ast.ClassDef) else []:
                is_public = not method.name.startswith("_")
                if is_public and not inspect.getdoc(getattr(getattr(module, name), method.name)):
                    found.append(f"{path.relative_to(root)}:{method.lineno} {name}.{method.name}")
    assert found == []


def test_contracts_are_small(root: Path, syntax: Parse) -> None:
    """At most seven methods each; optional powers are contracts of their own."""
    found = []
    for path in modules_of(root, "interfaces"):
        for name, node in public_definitions(syntax(path)):
            if isinstance(node, ast.ClassDef) and {"ABC", "Protocol"} & {ast.unparse(b) for b in node.bases}:
                methods = [m.name for m in node.body if isinstance(m, METHOD)]
                if len(methods) > 7:
                    found.append(f"{name}: {methods}")
    assert found == []


def test_every_hook_is_typed_and_says_when_it_is_called(root: Path, syntax: Parse) -> None:
    hooks = dict(public_definitions(syntax(root / "core/pixapi/hookspecs.py")))
    assert hooks
    for name, node in hooks.items():
        assert name.startswith("pixapi_"), name
        assert isinstance(node, ast.FunctionDef), f"{name} is not synchronous"
        assert node.returns is not None, name
        assert all(argument.annotation for argument in node.args.args), name
        assert "called" in (ast.get_docstring(node) or "").lower(), name
