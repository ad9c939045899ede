"""Callers who say one thing to the gateway and another to the server behind it."""

import pytest

from pixapi.testing.scripted import http, whole

FORBIDDEN = "attack at dawn"


def as_go_reads(body):
    """A server in Go: names of fields count whatever their case, the last one wins (encoding/json, "Unmarshal")."""
    return {name.casefold(): value for name, value in body.items()}


def as_llama_cpp_reads(body):
    """``n_predict`` counts before ``max_tokens`` (llama.cpp, server, "POST /v1/chat/completions")."""
    return {**body, "max_tokens": body.get("n_predict", body.get("max_tokens"))}


def server(reads):
    def script(_, body):
        asked = reads(body)
        made = asked.get("max_tokens", 10) * asked.get("n", 1)
        return [http(whole(usage={"prompt_tokens": 5, "completion_tokens": made, "total_tokens": made + 5}))]

    return script


SCRIPTS = {
    "go": server(as_go_reads),
    "llama": server(as_llama_cpp_reads),
    "film": [http(whole(usage={"prompt_tokens": 500_000, "completion_tokens": 1, "total_tokens": 500_001}))],
    "guarded": [http(whole())],
}
TOML = f"""
[limits]
tokens_per_minute = 100000000
[guards.words]
use = "wordlist"
words = ["{FORBIDDEN}"]
"""
HELLO = [{"role": "user", "content": "hello"}]


@pytest.mark.parametrize(
    ("model", "more", "allowed"),
    [
        ("llama", {"max_tokens": 20, "n_predict": 50_000}, 20),
        ("llama", {"n_predict": 30}, 30),
        ("llama", {"max_tokens": 20, "n_predict": -1}, 20),
        ("llama", {"max_tokens": 20}, 20),
    ],
)
def test_no_other_name_of_the_cap_buys_more_output_than_is_paid_for(world, model, more, allowed):
    status, said, headers = world.chat(model, **more)
    assert status == 200, said
    assert world.charge(headers)["usage"]["output"] == allowed
    assert world.charge(headers)["usage_source"] == "reported", "nothing is given away"


@pytest.mark.parametrize(
    "more",
    [{"MAX_TOKENS": 50_000}, {"N": 100}, {"Model": "film"}, {"max_toKens": 50_000}, {"meſſages": HELLO},
     {"Stream": True}, {"Tools": []}],
)  # fmt: skip
def test_a_field_that_differs_from_a_known_one_by_case_alone_is_refused(world, more):
    before = len(world.upstream.seen["go"])
    status, said, _ = world.chat("go", max_tokens=20, **more)
    assert (status, said["error"]["param"]) == (400, next(iter(more)))
    assert len(world.upstream.seen["go"]) == before


def test_any_other_unknown_field_goes_on_as_it_came(world):
    assert world.chat("go", max_tokens=20, topK=3, X=1)[0] == 200
    body = world.upstream.seen["go"][-1][1]
    assert (body["topK"], body["X"]) == (3, 1)


@pytest.mark.parametrize(
    "url",
    ["https://media.example/film.mp4", "\n https://media.example/film.mp4", "ht\ntps://media.example/film.mp4",
     "gs://media/film.mp4", "s3://media/film.mp4"],
)  # fmt: skip
def test_an_address_is_one_however_it_is_written(world, url):
    """Servers parse addresses as browsers do, without blanks before them and without line ends within."""
    parts = [{"type": "video_url", "video_url": {"url": url}}]
    _, _, headers = world.gateway.request(
        "POST", "/v1/chat/completions",
        {"model": "film", "max_tokens": 9, "messages": [{"role": "user", "content": parts}]}, key=world.key,
    )  # fmt: skip
    charge = world.charge(headers)
    assert (charge["usage"]["input"], charge["written_off"]) == (500_000, "0")


def test_a_number_that_cannot_be_read_hides_nothing_from_guards(world):
    body = b'{"model":"guarded","messages":[{"role":"user","content":"%s"},{"role":"user","content":"?","x":1e999}]}'
    status, said, _ = world.gateway.request(
        "POST", "/v1/chat/completions", body % FORBIDDEN.encode(), key=world.key
    )
    assert (status, said["error"]["param"]) == (400, "messages")
    assert not world.upstream.seen["guarded"]


def test_a_boundary_beyond_all_bounds_is_the_callers_fault(world):
    headers = {"content-type": "multipart/form-data; boundary=" + "a" * 300}
    status, said, _ = world.gateway.request(
        "POST", "/v1/audio/transcriptions", b"--a", key=world.key, headers=headers
    )
    assert (status, said["error"]["type"]) == (400, "invalid_request_error")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/messages", {"max_tokens": 20, "messages": HELLO, "n": 100}),
        ("/v1/messages", {"max_tokens": 20, "messages": HELLO, "N": 100}),
        ("/v1/messages", {"max_tokens": 20, "messages": HELLO, "web_search_options": {}}),
        ("/v1/messages", {"max_tokens": 20, "messages": HELLO, "n_predict": 50_000}),
        ("/v1/responses", {"max_output_tokens": 20, "input": "hello", "n": 100}),
        ("/v1/responses", {"max_output_tokens": 20, "input": "hello", "enable_search": True}),
        ("/v1/responses", {"max_output_tokens": 20, "input": "hello",
                           "messages": [{"role": "user", "content": [{"type": "file", "file": {"file_id": "f"}}]}]}),
    ],
)  # fmt: skip
def test_no_field_of_the_servers_dialect_comes_along_with_a_call_of_another(world, path, body):
    before = len(world.upstream.seen["go"])
    status, _, _ = world.gateway.request("POST", path, {"model": "go", **body}, key=world.key)
    assert (status, len(world.upstream.seen["go"])) == (400, before)
