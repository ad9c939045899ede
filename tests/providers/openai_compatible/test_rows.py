"""The table of vendors, and what can be set by hand."""

import json
from typing import get_args

import pytest
from pydantic import ValidationError

from pixapi.interfaces import Call, Secret
from pixapi.wire.json import decode_fields
from pixapi_providers.openai_compatible import Config, Vendor, build, pixapi_register_providers
from pixapi_providers.openai_compatible.rows import rows


def test_every_vendor_has_a_row_and_every_row_a_name():
    assert set(get_args(Vendor)) == set(rows())


@pytest.mark.parametrize("vendor", sorted(rows()))
def test_a_row_makes_a_working_provider(vendor):
    base_url = None if rows()[vendor].base_url else "http://127.0.0.1:1/v1"
    provider = build(Config(vendor=vendor, base_url=base_url, api_key=Secret("k")))
    body = decode_fields(b'{"messages":[{"role":"user","content":"x"}],"max_completion_tokens":9}')
    call = Call("r", "chat", "openai", "alias", "up-m", body, "id", 1, stream=True, output_cap=4)
    request = provider.request(call)
    assert request.url.startswith(("https://", "http://127.0.0.1"))
    assert request.url.endswith("/chat/completions")
    assert b'tokens":4' in request.body
    assert b'"up-m"' in request.body


def test_an_address_of_ones_own_goes_before_the_rows():
    provider = build(Config(vendor="groq", base_url="https://eu.example.com/v1/"))
    assert provider.probe().url == "https://eu.example.com/v1/models"


@pytest.mark.parametrize("name", ["x team", "", "x:", "ü"])
def test_a_header_has_a_name_that_http_allows(name):
    with pytest.raises(ValidationError, match="no name of a header"):
        Config(base_url="http://127.0.0.1:1/v1", headers={name: "a"})


def test_voyage_is_asked_in_its_own_words():
    provider = build(Config(vendor="voyage", api_key=Secret("k")))
    body = decode_fields(b'{"input":"x","dimensions":256,"encoding_format":"float","input_type":"query"}')
    request = provider.request(Call("r", "embeddings", "openai", "alias", "voyage-4", body, "id", 1))
    assert request.url == "https://api.voyageai.com/v1/embeddings"
    said = {"input": "x", "output_dimension": 256, "input_type": "query", "model": "voyage-4"}
    assert json.loads(request.body) == said


@pytest.mark.parametrize(
    ("settings", "dialects"),
    [
        ({}, {"openai"}),
        ({"responses": True}, {"openai", "responses"}),
        ({"api": "responses"}, {"responses"}),
    ],
)
def test_a_server_may_offer_responses_too_or_alone(settings, dialects):
    provider = build(Config(base_url="http://127.0.0.1:1/v1", **settings))
    assert provider.dialects == dialects
    body = decode_fields(b'{"input":"hi","messages":[{"role":"user","content":"hi"}]}')
    for dialect in dialects:
        request = provider.request(Call("r", "chat", dialect, "alias", "up-m", body, "id", 1))
        path = {"openai": "/v1/chat/completions", "responses": "/v1/responses"}[dialect]
        assert request.url == f"http://127.0.0.1:1{path}"


def test_settings_go_before_the_row():
    plain = Config(vendor="mistral").quirks()
    assert not plain.stream_usage
    mine = Config(
        vendor="mistral", stream_usage=True, rename={"a": "b"}, drop=["c"], reasoning_field="thoughts",
        echo_reasoning=True, repair_tools=False,
    ).quirks()  # fmt: skip
    assert mine.stream_usage
    assert mine.rename == (("a", "b"),)
    assert mine.drop == frozenset({"c"})
    assert mine.reasoning_field == "thoughts"
    assert mine.content_parts, "what was not set stays the row's"


@pytest.mark.parametrize(
    "settings",
    [{}, {"vendor": "vllm"}, {"base_url": "localhost:80"}, {"base_url": "ftp://x"}, {"vendor": "acme"}, {"vendro": "groq"}],
)  # fmt: skip
def test_wrong_settings_are_refused(settings):
    with pytest.raises(ValidationError):
        Config(**settings)


def test_it_is_registered():
    (kind,) = pixapi_register_providers()
    assert (kind.name, kind.config, kind.evidence) == ("openai_compatible", Config, "live")


def test_what_a_row_drops_is_named():
    provider = build(Config(vendor="mistral", api_key=Secret("k")))
    body = decode_fields(
        b'{"messages":[{"role":"user","content":"x"}],"user":"u","store":false,"seed":7,'
        b'"stream_options":{"include_usage":true}}'
    )
    request = provider.request(Call("r", "chat", "openai", "alias", "up-m", body, "id", 1, stream=True))
    assert request.dropped == ("user",)
    assert json.loads(request.body)["random_seed"] == 7
