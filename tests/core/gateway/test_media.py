"""Images, sounds, judgements and searches over a whole gateway: what comes back, and what it costs."""

from __future__ import annotations

import base64
import io
import json
import urllib.error
import urllib.request
import wave

import pytest

from pixapi.interfaces import Upload
from pixapi.testing.gateway import RunningGateway
from pixapi.wire.json import raw
from pixapi.wire.multipart import write_form


def model(name, price, more=""):
    return f'[[models]]\nid = "{name}"\nroutes = [ {{ provider = "echo", model = "echo" }} ]\nprice = {{ {price} }}\n{more}\n'


TOML = '[providers.echo]\nuse = "echo"\n' + "".join(
    [
        model("tokens", 'input = "1.00", output = "10.00"', "default_output = 1000"),
        model("image", 'input = "0.04", per = "image"'),
        model("megapixel", 'input = "0.10", per = "megapixel"'),
        model("character", 'input = "0.000015", per = "character"'),
        model("second", 'input = "0.0001", per = "second"'),
        model("search", 'input = "0.002", per = "search"'),
        model("request", 'request = "0.01"'),
        model("chats", 'input = "1.00"', 'operation = "chat"'),
    ]
)
TOML += "[limits]\ntokens_per_minute = 20000\n"
FILE = Upload("file", "speech.mp3", "audio/mpeg", b"\xff\xfb" * 8000)
PICTURE = Upload("image", "cat.png", "image/png", b"\x89PNG")


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    with RunningGateway(tmp_path_factory.mktemp("media"), TOML, server="max_body_bytes = 1000000") as running:
        running.owner = running.account(credits="100")
        running.start()
        yield running
        assert running.json("credits", "balance", "ada@example.com")["held"] == "0"
        assert running.cli("ledger", "verify").returncode == 0


def post(gateway, path, fields, *uploads, key=None):
    """Bytes in, bytes out: (status, body, headers)."""
    if uploads or path in ("/v1/images/edits", "/v1/audio/transcriptions"):
        kind, body = write_form({name: raw(value) for name, value in fields.items()}, uploads, "seed")
    else:
        kind, body = "application/json", json.dumps(fields).encode()
    headers = {"content-type": kind, "authorization": f"Bearer {key or gateway.owner}"}
    request = urllib.request.Request(gateway.url + path, data=body, headers=headers, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=60) as reply:
            return reply.status, reply.read(), {k.lower(): v for k, v in reply.headers.items()}
    except urllib.error.HTTPError as error:
        return error.code, error.read(), {k.lower(): v for k, v in error.headers.items()}


def charge(gateway, headers):
    return gateway.request("GET", "/v1/charges/" + headers["x-pixapi-charge"], key=gateway.owner)[1]


@pytest.mark.parametrize(
    ("path", "fields", "uploads", "cost", "quantity", "units"),
    [
        ("/v1/images/generations", {"model": "image", "prompt": "a cat", "n": 2}, (), "8", "image", 2),
        ("/v1/images/generations", {"model": "megapixel", "prompt": "x", "size": "1000x500"}, (), "5", "megapixel", "0.5"),
        ("/v1/images/edits", {"model": "image", "prompt": "a hat", "n": 3}, (PICTURE,), "12", "image", 3),
        ("/v1/audio/speech", {"model": "character", "input": "héllo", "voice": "x"}, (), "0.0075", "character", 5),
        ("/v1/audio/transcriptions", {"model": "second"}, (FILE,), "0.01", "second", "1.000"),
        ("/v1/audio/transcriptions", {"model": "second", "response_format": "vtt"}, (FILE,), "0.01", "second", "1.000"),
        ("/v1/moderations", {"model": "request", "input": "hi"}, (), "1", "request", 1),
        ("/v1/rerank", {"model": "search", "query": "q", "documents": ["a"] * 101}, (), "0.4", "search", 2),
        ("/v1/rerank", {"model": "tokens", "query": "q", "documents": ["a b", "c"]}, (), "0.0005", "input", 5),
    ],
)  # fmt: skip
def test_what_is_delivered_is_charged(gateway, path, fields, uploads, cost, quantity, units) -> None:
    status, body, headers = post(gateway, path, fields, *uploads)
    assert status == 200, body
    assert headers["x-pixapi-cost"] == cost
    found = charge(gateway, headers)
    assert (found["status"], found["amount"], found["written_off"]) == ("settled", cost, "0")
    assert float(found["held"]) >= float(cost)
    paid = [(line["quantity"], line["units"]) for line in found["lines"] if line["amount"] != "0"]
    assert paid == [(quantity, units)]


@pytest.mark.parametrize(
    ("path", "fields", "uploads"),
    [
        ("/v1/audio/speech", {"input": "hello"}, ()),
        ("/v1/moderations", {"input": "hello"}, ()),
    ],
)
def test_what_has_no_price_costs_nothing(gateway, path, fields, uploads) -> None:
    status, body, headers = post(gateway, path, {"model": "tokens", **fields}, *uploads)
    assert status == 200, body
    assert headers["x-pixapi-cost"] == "0"


@pytest.mark.parametrize(
    ("path", "fields", "uploads"),
    [
        ("/v1/images/generations", {"prompt": "a cat"}, ()),
        ("/v1/images/edits", {"prompt": "a hat"}, (PICTURE,)),
    ],
)
def test_images_are_not_free_where_the_price_is_by_tokens_and_nobody_tells_them(
    gateway, path, fields, uploads
) -> None:
    costs = []
    for count in (1, 2):
        status, body, headers = post(gateway, path, {"model": "tokens", "n": count, **fields}, *uploads)
        assert status == 200, body
        found = charge(gateway, headers)
        assert found["usage_source"] == "estimated"
        assert 0 < float(found["amount"]) <= float(found["held"])
        costs.append(float(found["amount"]))
    assert costs[1] > 1.5 * costs[0]


def test_an_image_is_an_image(gateway) -> None:
    _, body, _ = post(gateway, "/v1/images/generations", {"model": "image", "prompt": "a cat"})
    reply = json.loads(body)
    assert base64.b64decode(reply["data"][0]["b64_json"]).startswith(b"\x89PNG\r\n")
    assert reply["created"] > 1_700_000_000


def test_speech_is_sound_and_nothing_else(gateway) -> None:
    _, body, headers = post(gateway, "/v1/audio/speech", {"model": "character", "input": "hello"})
    assert headers["content-type"] == "audio/wav"
    assert int(headers["content-length"]) == len(body)
    with wave.open(io.BytesIO(body)) as sound:
        assert sound.getnframes() / sound.getframerate() == 0.25


@pytest.mark.parametrize(
    ("form", "kind"),
    [
        ("json", "application/json"),
        ("text", "text/plain"),
        ("srt", "application/x-subrip"),
        ("vtt", "text/vtt"),
    ],
)
def test_a_file_reaches_the_models_server_whole(gateway, form, kind) -> None:
    fields = {"model": "second", "response_format": form, "timestamp_granularities[]": ["word"]}
    _, body, headers = post(gateway, "/v1/audio/transcriptions", fields, FILE)
    assert b"speech.mp3 has 16000 bytes" in body
    assert headers["content-type"].split(";")[0] == kind


def test_seconds_that_nobody_told_are_estimated(gateway) -> None:
    _, _, untold = post(gateway, "/v1/audio/transcriptions", {"model": "second"}, FILE)
    _, _, told = post(
        gateway, "/v1/audio/transcriptions", {"model": "second", "response_format": "srt"}, FILE
    )
    assert charge(gateway, untold)["usage_source"] == "estimated"
    assert charge(gateway, told)["usage_source"] == "reported"


def test_judgements_and_ranks_are_under_the_callers_names(gateway) -> None:
    _, body, _ = post(gateway, "/v1/moderations", {"model": "request", "input": ["kind", "violence"]})
    judged = json.loads(body)
    assert judged["model"] == "request"
    assert judged["id"] != "modr-echo"
    assert [result["flagged"] for result in judged["results"]] == [False, True]
    asked = {"model": "search", "query": "red car", "documents": ["blue sky", "red car"], "top_n": 1, "return_documents": True}  # fmt: skip
    ranked = json.loads(post(gateway, "/v1/rerank", asked)[1])
    assert ranked["model"] == "search"
    assert ranked["results"] == [{"index": 1, "relevance_score": 1.0, "document": {"text": "red car"}}]


@pytest.mark.parametrize(
    ("path", "fields", "status", "param"),
    [
        ("/v1/images/generations", {"prompt": "x"}, 400, "model"),
        ("/v1/images/generations", {"model": "image"}, 400, "prompt"),
        ("/v1/images/generations", {"model": "image", "prompt": "x", "stream": True}, 400, "stream"),
        ("/v1/images/generations", {"model": "chats", "prompt": "x"}, 403, "model"),
        ("/v1/images/generations", {"model": "none", "prompt": "x"}, 404, "model"),
        ("/v1/audio/transcriptions", {"model": "second"}, 400, "file"),
        ("/v1/rerank", {"model": "search", "query": "x"}, 400, "documents"),
    ],
)
def test_a_refusal_says_what_is_wrong(gateway, path, fields, status, param) -> None:
    got, body, _ = post(gateway, path, fields)
    assert (got, json.loads(body)["error"]["param"]) == (status, param)


def test_a_bound_from_afar_shuts_no_call_out_by_the_limit_on_tokens(gateway) -> None:
    large = Upload("file", "long.mp3", "audio/mpeg", b"\xff" * 900_000)
    status, body, _ = post(gateway, "/v1/audio/transcriptions", {"model": "tokens"}, large)
    assert status == 200, body


def test_forms_are_for_files_and_bounded(gateway) -> None:
    status, reply, _ = gateway.request(
        "POST", "/v1/audio/transcriptions", {"model": "second"}, key=gateway.owner
    )
    assert (status, "multipart/form-data" in reply["error"]["message"]) == (415, True)
    large = Upload("file", "a.mp3", "audio/mpeg", bytes(1_000_001))
    assert post(gateway, "/v1/audio/transcriptions", {"model": "second"}, large)[0] == 413


def test_a_call_that_fails_costs_nothing(gateway) -> None:
    fields = {"model": "image", "prompt": "x", "echo": {"error_status": 503}}
    status, _, headers = post(gateway, "/v1/images/generations", fields)
    assert status in (502, 503)
    assert charge(gateway, headers)["status"] == "voided"


def test_who_cannot_pay_for_all_of_it_gets_none(gateway) -> None:
    gateway.cli("users", "create", "poor@example.com")
    gateway.cli("credits", "grant", "poor@example.com", "7")
    key = gateway.key("poor@example.com")
    fields = {"model": "image", "prompt": "x", "n": 2}
    status, body, _ = post(gateway, "/v1/images/generations", fields, key=key)
    assert (status, json.loads(body)["error"].get("needed")) == (402, "8")
    assert post(gateway, "/v1/images/generations", {**fields, "n": 1}, key=key)[0] == 200
    assert gateway.json("credits", "balance", "poor@example.com")["balance"] == "3"


def test_a_quote_tells_the_most_beforehand(gateway) -> None:
    asked = {"model": "image", "prompt": "x", "n": 2}
    _, quote, _ = gateway.request("POST", "/v1/quote?operation=images", asked, key=gateway.owner)
    assert (quote["max_cost"], quote["units_max"]["images"]) == ("8", 2)
    status, body, _ = post(gateway, "/v1/quote?operation=transcriptions", {"model": "second"}, FILE)
    assert (status, json.loads(body)["units_max"]) == (200, {"seconds": "22"})
    assert gateway.request("POST", "/v1/quote?operation=dreams", asked, key=gateway.owner)[0] == 400
