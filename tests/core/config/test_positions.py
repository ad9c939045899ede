"""Places of keys, by table and against tomllib on generated documents."""

from __future__ import annotations

import datetime
import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixapi.config.positions import KeyPath, scan

DOCUMENT = '''# a comment with = and [brackets]
[server]
host = "a#b=[c]" # another = one
port=1
a.b."c d" = [ 1, # hi
  {x=1, y="}"},
  [2,3] ]
'lit.eral' = 'no \\ escape'

[[models]]
id = """x
"y" and \\""""
routes = [ { provider = "one", model = "g" },
  { provider="two" } ]
[models.price]
input = 1
[[models]]
"i\\u0064" = \'\'\'it's
over\'\'\'
[[models.routes]]
p = 1979-05-27 07:32:00
[[models.routes]]
p = -1_000.5e3
[models.routes.deep]
q = true
[empty]
'''

PLACES: list[tuple[KeyPath, int]] = [
    (("server",), 2),
    (("server", "host"), 3),
    (("server", "port"), 4),
    (("server", "a"), 5),
    (("server", "a", "b", "c d"), 5),
    (("server", "a", "b", "c d", 0), 5),
    (("server", "a", "b", "c d", 1, "y"), 6),
    (("server", "a", "b", "c d", 2, 1), 7),
    (("server", "lit.eral"), 8),
    (("models",), 10),
    (("models", 0), 10),
    (("models", 0, "id"), 11),
    (("models", 0, "routes"), 13),
    (("models", 0, "routes", 0, "model"), 13),
    (("models", 0, "routes", 1, "provider"), 14),
    (("models", 0, "price"), 15),
    (("models", 0, "price", "input"), 16),
    (("models", 1), 17),
    (("models", 1, "id"), 18),
    (("models", 1, "routes", 0), 20),
    (("models", 1, "routes", 0, "p"), 21),
    (("models", 1, "routes", 1, "p"), 23),
    (("models", 1, "routes", 1, "deep", "q"), 25),
    (("empty",), 26),
]


@pytest.mark.parametrize(("path", "line"), PLACES, ids=lambda value: str(value))
def test_the_line_of_a_key(path: KeyPath, line: int) -> None:
    assert scan(DOCUMENT)[path] == line


def test_windows_line_ends_count_once() -> None:
    assert scan("a = 1\r\n\r\n[b]\r\nc = 2")[("b", "c")] == 4


def paths_of(value: Any, path: KeyPath = ()) -> set[KeyPath]:
    found = {path} if path else set()
    if isinstance(value, dict):
        for key, item in value.items():
            found |= paths_of(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            found |= paths_of(item, (*path, index))
    return found


def test_every_path_of_the_document_is_found() -> None:
    assert set(scan(DOCUMENT)) == paths_of(tomllib.loads(DOCUMENT))


TEXTS = st.text(st.characters(blacklist_categories=["Cs", "Cc"]), max_size=8)
KEYS = st.one_of(st.sampled_from(["a", "b", "id", "x-y", "1"]), TEXTS)
SCALARS = st.one_of(
    st.integers(-(2**40), 2**40),
    st.booleans(),
    TEXTS,
    st.dates().map(lambda d: datetime.date(2000, d.month, 1)),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)


def basic(text: str, *, many_lines: bool = False) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"""{escaped}\n"""' if many_lines else f'"{escaped}"'


def inline(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return basic(value, many_lines=len(value) > 5)
    if isinstance(value, list):
        return "[ # why\n" + ",\n".join(inline(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{basic(key)} = {inline(item)}" for key, item in value.items()) + "}"
    return str(value)


@given(
    top=st.dictionaries(KEYS, VALUES, max_size=4),
    tables=st.dictionaries(TEXTS.map("t".__add__), st.dictionaries(KEYS, VALUES, max_size=3), max_size=2),
    arrays=st.dictionaries(
        TEXTS.map("[".__add__),
        st.lists(st.dictionaries(KEYS, VALUES, max_size=2), min_size=1, max_size=3),
        max_size=2,
    ),
)
def test_generated_documents_have_the_paths_that_tomllib_finds(
    top: dict[str, Any], tables: dict[str, Any], arrays: dict[str, list[Any]]
) -> None:
    lines = [f"{basic(key)}={inline(value)}  # '" for key, value in top.items()]
    for name, table in tables.items():
        lines += [f"[ {basic(name)} . sub ]", *(f"{basic(k)} = {inline(v)}" for k, v in table.items())]
    for name, items in arrays.items():
        for item in items:
            lines += [f"[[{basic(name)}]]", *(f"{basic(k)} = {inline(v)}" for k, v in item.items())]
    text = "\n".join(lines)
    try:
        parsed = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return  # one of the names is there twice
    found = scan(text)
    assert set(found) == paths_of(parsed)
    assert all(1 <= line <= text.count("\n") + 1 for line in found.values())
