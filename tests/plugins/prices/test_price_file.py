"""The price source `price_file`."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from pixapi.errors import ConfigError, UpstreamInvalid
from pixapi.interfaces import PricedModel
from pixapi.testing import price_source_contract
from pixapi.testing.contracts.price_source import Answering
from pixapi_plugins.price_file import Config, PriceFile, pixapi_register_price_sources

(KIND,) = pixapi_register_price_sources()

TOML = b"""
[[prices]]
vendor = "acme"
model = "large"
input = "0.25"
output = 2.00
context_tokens = 128000

[[prices]]
vendor = "acme"
model = "painter"
image = "0.04"
"""
JSON = b"""{"prices": [
  {"vendor": "acme", "model": "large", "input": "0.25", "output": 2.00, "context_tokens": 128000},
  {"vendor": "acme", "model": "painter", "image": 0.04}]}"""
CSV = b"vendor,model,input,output,image,context_tokens\r\nacme,large,0.25,2.00,,128000\r\nacme,painter,,,0.04,\r\n"
EXPECTED = [
    PricedModel("acme", "large", {"input": Decimal("0.25"), "output": Decimal(2)}, context_tokens=128000),
    PricedModel("acme", "painter", {"image": Decimal("0.04")}),
]
URL = "https://prices.example.com/list"

test_contract = price_source_contract(KIND, {"url": URL}, [JSON])


def parsed(document: bytes, form: Any = "toml") -> list[PricedModel]:
    return list(PriceFile(Config(url=URL, format=form)).parse(document))


@pytest.mark.parametrize(
    ("document", "form"), [(TOML, "toml"), (JSON, "json"), (CSV, "csv"), (b"\xef\xbb\xbf" + CSV, "csv")]
)
def test_three_forms_say_the_same(document: bytes, form: str) -> None:
    assert parsed(document, form) == EXPECTED


@pytest.mark.parametrize(("name", "document"), [("p.toml", TOML), ("p.JSON", JSON), ("p.csv", CSV)])
def test_a_file_is_read_by_its_ending(tmp_path: Path, name: str, document: bytes) -> None:
    (tmp_path / name).write_bytes(document)
    source = PriceFile(Config(file=tmp_path / name))
    assert list(asyncio.run(source.fetch(Answering(500, b"")))) == EXPECTED


def test_a_file_is_beside_the_configuration(tmp_path: Path) -> None:
    config = Config.model_validate({"file": "prices.toml"}, context={"base_dir": tmp_path})
    assert config.file == tmp_path / "prices.toml"


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.csv cannot be read: No such file"):
        asyncio.run(PriceFile(Config(file=tmp_path / "none.csv")).fetch(Answering(200, CSV)))


def test_an_error_names_the_place(tmp_path: Path) -> None:
    (tmp_path / "p.toml").write_text("x = [")
    with pytest.raises(UpstreamInvalid, match=r"p\.toml cannot be used: it is no TOML"):
        asyncio.run(PriceFile(Config(file=tmp_path / "p.toml")).fetch(Answering(200, b"")))
    with pytest.raises(UpstreamInvalid, match=r"prices\.example\.com answered 404"):
        asyncio.run(PriceFile(Config(url=URL)).fetch(Answering(404, b"")))


ROW = '[[prices]]\nvendor = "v"\nmodel = "m"\n'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (ROW + 'inptu = "1"', "row 1: `inptu` is not known"),
        (ROW + 'per = "image"', "row 1: `per` is not known"),
        (ROW + 'input = "a lot"', "row 1: `input` is no price"),
        (ROW + "input = -1", "row 1: `input` is no price"),
        (ROW + "input = nan", "row 1: `input` is no price"),
        (ROW + "input = true", "row 1: `input` is no price"),
        (ROW + 'context_tokens = "many"', "row 1: `context_tokens` is no number of tokens"),
        (ROW + ROW, "row 2 says v m again, as row 1 does"),
        ('[[prices]]\nmodel = "m"', "row 1 has no `vendor`"),
        ("prices = [1]", "row 1 is no table"),
        ("", "expected the list `prices`"),
        ("prices = 5", "expected the list `prices`"),
    ],
)
def test_what_is_wrong_is_said_with_its_row(text: str, words: str) -> None:
    with pytest.raises(UpstreamInvalid) as caught:
        parsed(text.encode())
    assert words in caught.value.message


def test_a_row_of_csv_that_is_too_long_is_refused() -> None:
    with pytest.raises(UpstreamInvalid, match="row 1"):
        parsed(b"vendor,model,input\nv,m,1,2\n", "csv")


@pytest.mark.parametrize("settings", [{}, {"url": URL, "file": "x.toml"}, {"url": URL, "format": "xml"}])
def test_settings_that_cannot_work_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Config.model_validate(settings)
