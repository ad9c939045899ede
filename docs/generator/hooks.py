"""docs/reference/hooks.md, from the hook specifications and the interfaces."""

from __future__ import annotations

import ast
import inspect
from types import ModuleType
from typing import Any

from generator.markdown import code, docstring, document, prose, table
from pixapi import adapters, hookspecs, interfaces, testing

_INTRO = """
What a plugin may rely on. A plugin is a module (or an object) with hooks; it states the version of the interface that
it was written for, and marks its hooks:

```python
from pixapi import hookimpl
from pixapi.interfaces import ProviderType

PIXAPI_INTERFACE = {version}


@hookimpl
def pixapi_register_providers() -> list[ProviderType]:
    return []
```

It is found by an entry point of the group `pixapi.plugins`, or as one file that the configuration names
(`use = "./acme.py"`). A plugin may import `pixapi` (`hookimpl`, `__version__`), `pixapi.interfaces`, `pixapi.adapters`,
`pixapi.wire`, `pixapi.errors`, `pixapi.money` and `pixapi.clock`; its tests also `pixapi.testing`. Nothing else is
promised to it. [First plugin](../tutorial/first-plugin.md) builds one step by step.

Most plugins need the interfaces, the adapters and the errors, and these pages tell of all three. The others are for
what comes seldom: `pixapi.wire` has the protocols of the vendors that are shipped, for a plugin that derives from one
of them or shares a framing with it (`wire.sse`, `wire.eventstream`, `wire.sigv4`, `wire.multipart`), each module
documented where it stands; `pixapi.money` has `parse_credits`, `format_credits` and `round_up`, for credits as text and
back; `pixapi.clock` has `Clock`, which tests set (`ManualClock`) and plugins read (`SystemClock`), for one that has
to know what time it is.
"""
_LINE = 110
_GROUPS = {
    "Declaring a plugin": (
        "INTERFACE_VERSION", "PluginConfig", "Secret", "ProviderType", "GuardType", "PriceSourceType",
        "LocalPath", "Evidence",
    ),
    "Providers": (
        "Provider", "Serves", "Fetches", "Credentials", "Credential", "Call", "Operation", "Dialect", "Result", "Usage",
    ),
    "Streams": (
        "Decoder", "Event", "Passage", "TextDelta", "RefusalDelta", "ReasoningDelta", "ToolCallDelta", "Finished",
        "UsageReport", "Failed", "Ended",
    ),
    "HTTP": ("HttpRequest", "HttpReply", "Exchange", "Outbound"),
    "Guards": ("Guard", "Allow", "Deny", "Rewrite", "GuardPort", "Judgement"),
    "Price sources": ("PriceSource", "PricedModel", "PRICE_KEYS"),
}  # fmt: skip


def page() -> str:
    hooks = [_hook(name, function) for name, function in functions(hookspecs).items()]
    listed = {name for names in _GROUPS.values() for name in names}
    groups = _GROUPS | {"Conversations": tuple(name for name in interfaces.__all__ if name not in listed)}
    sections = [
        f"## {title}\n\n" + "\n\n".join(_thing(name, getattr(interfaces, name), 3) for name in names)
        for title, names in groups.items()
    ]
    bases = "\n\n".join(_thing(name, getattr(adapters, name), 3) for name in adapters.__all__)
    tests = "\n\n".join(_thing(name, getattr(testing, name), 3) for name in testing.__all__)
    return document(
        "Hooks and interfaces",
        _INTRO.format(version=interfaces.INTERFACE_VERSION),
        "## Hooks\n\n" + "\n\n".join(hooks),
        *sections,
        f"## Base classes and functions: `pixapi.adapters`\n\n{docstring(adapters)}\n\n{bases}",
        f"## Tests: `pixapi.testing`\n\n{docstring(testing)}\n\n{tests}",
    )


def functions(module: ModuleType) -> dict[str, Any]:
    """The hooks of the specification, by name."""
    return {
        name: thing for name, thing in vars(module).items() if name.startswith("pixapi_") and callable(thing)
    }


def _hook(name: str, function: Any) -> str:
    return f"### `{name}`\n\n```python\ndef {name}{_signature(function)}: ...\n```\n\n{docstring(function)}"


def _signature(function: Any) -> str:
    return str(inspect.signature(function)).replace("'", "")


def _definition(name: str, function: Any) -> str:
    """A function's head in lines of the length that the formatter allows."""
    whole = f"def {name}{_signature(function)}: ..."
    if len(whole) <= _LINE:
        return whole
    signature = inspect.signature(function)
    parts = [str(parameter).replace("'", "") for parameter in signature.parameters.values()]
    kinds = [parameter.kind for parameter in signature.parameters.values()]
    if inspect.Parameter.KEYWORD_ONLY in kinds and inspect.Parameter.VAR_POSITIONAL not in kinds:
        parts.insert(kinds.index(inspect.Parameter.KEYWORD_ONLY), "*")
    returns = str(signature.return_annotation).replace("'", "")
    inner = ", ".join(parts)
    inner = inner if len(inner) + 4 <= _LINE else ",\n    ".join(parts) + ","
    return f"def {name}(\n    {inner}\n) -> {returns}: ..."


def _thing(name: str, thing: Any, level: int) -> str:
    heading = f"{'#' * level} `{name}`"
    if inspect.isfunction(thing):
        return f"{heading}\n\n```python\n{_definition(name, thing)}\n```\n\n{docstring(thing)}"
    if not inspect.isclass(thing) or thing.__module__ == "builtins":
        plain = thing.__name__ if inspect.isclass(thing) else repr(thing)
        text = f"`{plain}`" if isinstance(thing, int | type) else f"`{_union(thing)}`"
        return f"{heading}\n\n{text}\n\n{_constant_doc(name)}".rstrip()
    parts = [heading, _class_doc(thing), _fields(thing), *_methods(thing)]
    return "\n\n".join(part for part in parts if part)


def _union(thing: Any) -> str:
    if isinstance(thing, tuple):
        return ", ".join(thing)
    members = [getattr(m, "__name__", repr(m)) for m in thing.__args__]
    return " | ".join(members)


def _class_doc(thing: type) -> str:
    """The class's own docstring: neither its base's nor the one that a dataclass makes of its fields."""
    text = inspect.cleandoc(vars(thing).get("__doc__") or "")
    return "" if text.startswith(f"{thing.__name__}(") else prose(text)


def _constant_doc(name: str) -> str:
    """The string under a constant's assignment, wherever in the interfaces or the adapters it is."""
    for module in [*vars(interfaces).values(), *vars(adapters).values()]:
        if isinstance(module, ModuleType):
            found = _documented(ast.parse(inspect.getsource(module)).body)
            if found.get(name):
                return found[name]
    return ""


def _documented(body: list[ast.stmt]) -> dict[str, str]:
    """Names assigned in ``body``, with the string that follows each, or an empty one."""
    found: dict[str, str] = {}
    last = None
    for node in body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            last = node.target.id
            found[last] = ""
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            last = node.targets[0].id
            found[last] = ""
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and last is not None:
            found[last] = prose(inspect.cleandoc(str(node.value.value)))
            last = None
        else:
            last = None
    return found


def _fields(thing: type) -> str:
    tree = ast.parse(inspect.getsource(thing)).body[0]
    assert isinstance(tree, ast.ClassDef)
    docs = _documented(tree.body)
    rows = [
        (
            code(node.target.id),
            code(ast.unparse(node.annotation)),
            _default(node),
            docs.get(node.target.id, ""),
        )
        for node in tree.body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id[0] != "_"
    ]
    return table(["field", "type", "default", "meaning"], rows)


def _default(node: ast.AnnAssign) -> str:
    if node.value is None:
        return ""
    text = ast.unparse(node.value)
    if text.startswith("field("):
        return "`{}`"
    return code(text)


def _methods(thing: type) -> list[str]:
    return [
        f"**`{'async ' if inspect.iscoroutinefunction(member) else ''}{name}{_signature(member)}`**"
        f"{' (required)' if getattr(member, '__isabstractmethod__', False) else ''}\n\n{docstring(member)}"
        for name, member in vars(thing).items()
        if inspect.isfunction(member) and name[0] != "_" and member.__doc__
    ]
