"""Files of `models.d` as a command writes them."""

from __future__ import annotations

import tomllib
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixapi.catalog.model_file import Written, read_models, replace_file, write_models
from pixapi.errors import InternalError

TEXT = """\
# made by a command
# in two lines

# from x (acme) on 2026-01-02
[[models]]
id = "a"
routes = [ { provider = "p", model = "m", weight = 3 } ]
price = { input = "0.3" }
cost = { input = "0.25" }
default_output = 4096

[[models]]
id = "b"
routes = [ { provider = "p", model = "n" } ]
price = {}
"""


def test_what_was_read_is_written_again() -> None:
    models = read_models(TEXT)
    assert [(model.id, model.comments) for model in models] == [
        ("a", ("from x (acme) on 2026-01-02",)),
        ("b", ()),
    ]
    assert write_models(models, ["made by a command", "in two lines"]) == TEXT


def test_the_order_of_models_and_of_the_first_keys_is_fixed() -> None:
    tables: list[dict[str, Any]] = [
        {"cost": {}, "price": {}, "routes": [], "id": "b", "drain_s": 1.5},
        {"id": "a"},
    ]
    text = write_models([Written(table) for table in tables], ["x"])
    assert text == write_models([Written(table) for table in reversed(tables)], ["x"])
    assert [line.partition(" ")[0] for line in text.splitlines() if " = " in line] == [
        "id",
        "id",
        "routes",
        "price",
        "cost",
        "drain_s",
    ]


values = st.recursive(
    st.booleans() | st.integers(-(2**62), 2**62) | st.text() | st.floats(allow_nan=False) | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(st.dictionaries(st.text(), values, max_size=4), max_size=3))
def test_any_table_of_toml_comes_back(tables: list[dict[str, Any]]) -> None:
    models = [Written({**table, "id": str(number)}) for number, table in enumerate(tables)]
    text = write_models(models, ["x"])
    assert [dict(model.table) for model in read_models(text)] == [dict(model.table) for model in models]
    assert tomllib.loads(text).keys() <= {"models"}


def test_what_toml_cannot_say_is_refused() -> None:
    with pytest.raises(InternalError, match="NoneType"):
        write_models([Written({"id": "a", "price": None})], [])
    assert "since = 2026-01-02" in write_models([Written({"id": "a", "since": date(2026, 1, 2)})], [])


def test_a_file_is_replaced_at_one_stroke(tmp_path: Path) -> None:
    file = tmp_path / "models.d" / "x.toml"
    replace_file(file, "one")
    replace_file(file, "two")
    assert (file.read_text(), [path.name for path in file.parent.iterdir()]) == ("two", ["x.toml"])
    replace_file(file, None)
    replace_file(file, None)
    assert not file.exists()
