"""JSON that is read leniently: a surprise within a reply is no error."""

from __future__ import annotations

import msgspec
import pytest

from pixapi.wire.json import lenient, lenient_fields, lenient_objects

NO_UTF8 = b'{"a":"\xea"}'
DEEP = b"[" * 100_000


@pytest.mark.parametrize("text", [NO_UTF8, b'{"a":', b'{"\xea":1}', b'{"a":' + DEEP])
def test_an_object_that_cannot_be_read_is_empty_or_keeps_what_it_holds(text: bytes) -> None:
    assert set(lenient_fields(text)) <= {"a"}
    assert lenient(msgspec.Raw(text)) is None


@pytest.mark.parametrize("text", [b"[" + NO_UTF8 + b",", b'[{"\xea":1}]', DEEP])
def test_a_list_that_cannot_be_read_is_empty(text: bytes) -> None:
    assert lenient_objects(msgspec.Raw(text)) == []


@pytest.mark.parametrize("text", [b"null", b"5", b'"x"', b"[]"])
def test_what_is_no_object_has_no_fields(text: bytes) -> None:
    assert lenient_fields(text) == {}
    assert lenient_fields(None) == {}
