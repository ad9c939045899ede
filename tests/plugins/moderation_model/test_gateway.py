"""The guard `moderation_model` in a gateway, before a moderation model that is a server on a socket."""

from __future__ import annotations

import json

import pytest

from pixapi.testing.gateway import RunningGateway
from pixapi.testing.scripted import (
    HANG,
    LAST_CHUNK,
    STREAM_HEAD,
    ScriptedUpstream,
    chunked,
    delta,
    http,
    sse,
    whole,
)

USAGE = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}


def judging(headers, body):
    results = [
        {
            "flagged": "kill" in text,
            "categories": {"violence": "kill" in text},
            "category_scores": {"violence": 0.5},
        }
        for text in body["input"]
    ]
    return [http({"id": "modr-1", "model": "vendor-judge", "results": results})]


SCRIPTS = {
    "talk": lambda headers, body: (
        [STREAM_HEAD, chunked(sse(delta("hi"), delta(finish="stop"), {**delta(usage=USAGE), "choices": []})
                              + b"data: [DONE]\n\n") + LAST_CHUNK]
        if body.get("stream") else [http(whole())]
    ),
    "judge": judging,
    "silent": [HANG],
    "garbled": [http({"results": [{"flagged": "perhaps"}]})],
}  # fmt: skip
PRICE = 'price = { input = "1.00", output = "10.00" }'
GUARD = '[guards.harm]\nuse = "moderation_model"\nmodel = "{model}"\ntimeout_s = 1\nreason = "that is harmful"\n{more}\n'


def toml(upstream, guards):
    text = f'[providers.up]\nuse = "openai_compatible"\nbase_url = "http://127.0.0.1:{upstream.port}/v1"\napi_key = "sk-operator"\n'
    text += f'[[models]]\nid = "talk"\nroutes = [ {{ provider = "up", model = "talk" }} ]\n{PRICE}\n'
    for name in ("judge", "silent", "garbled"):
        text += (
            f'[[models]]\nid = "{name}"\noperation = "moderations"\n'
            f'routes = [ {{ provider = "up", model = "{name}" }} ]\n'
            'price = { request = "5.00" }\ncost = { request = "0.25" }\n'
        )
    return text + guards


class World:
    def __init__(self, folder, guards):
        self.upstream = ScriptedUpstream(SCRIPTS)
        self.gateway = RunningGateway(folder, toml(self.upstream, guards))
        self.key = self.gateway.account(credits="1000")
        self.gateway.start()

    def chat(self, text, **more):
        return self.gateway.chat(self.key, text, model="talk", **more)

    def metric(self, line):
        return line in self.gateway.request("GET", "/metrics")[1]

    def close(self):
        self.gateway.kill(15)
        self.upstream.close()


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    made = World(tmp_path_factory.mktemp("world"), GUARD.format(model="judge", more=""))
    yield made
    made.close()


def test_a_harmless_call_is_served_and_charged_for_itself_alone(world):
    status, _, headers = world.chat("hello")
    assert (status, headers["x-pixapi-cost"]) == (200, "0.006")


def test_a_flagged_call_costs_nothing_and_never_reaches_its_model(world):
    before = world.gateway.json("credits", "balance", "ada@example.com")
    calls = len(world.upstream.seen["talk"])
    status, body, headers = world.chat("kill them")
    assert (status, body["error"]["code"], body["error"]["message"]) == (
        403,
        "content_refused",
        "that is harmful",
    )
    assert "x-pixapi-cost" not in headers
    assert world.gateway.json("credits", "balance", "ada@example.com") == before
    assert len(world.upstream.seen["talk"]) == calls


@pytest.mark.parametrize(
    ("path", "body", "read"),
    [
        ("/v1/messages", {"model": "talk", "max_tokens": 9, "messages": [{"role": "user", "content": "kill"}]},
         lambda said: (said["type"], said["error"]["message"])),
        ("/v1beta/models/talk:generateContent", {"contents": [{"role": "user", "parts": [{"text": "kill"}]}]},
         lambda said: ("error", said["error"]["message"])),
        ("/v1/responses", {"model": "talk", "input": "kill"}, lambda said: ("error", said["error"]["message"])),
    ],
)  # fmt: skip
def test_a_refusal_speaks_the_callers_dialect(world, path, body, read):
    status, said, _ = world.gateway.request("POST", path, body, key=world.key)
    assert (status, read(said)) == (403, ("error", "that is harmful"))


def test_a_stream_is_refused_before_it_begins(world):
    status, body, headers = world.chat("kill", stream=True)
    assert (status, body["error"]["code"]) == (403, "content_refused")
    assert headers["content-type"] == "application/json"
    assert world.chat("hello", stream=True)[0] == 200


def test_the_models_server_is_sent_the_texts_and_nothing_of_the_caller(world):
    world.gateway.request(
        "POST", "/v1/chat/completions",
        {"model": "talk", "messages": [{"role": "user", "content": "a secret wish"}], "user": "u-7",
         "safety_identifier": "person-9", "metadata": {"a": "b"}},
        key=world.key, headers={"x-caller": "header-of-the-caller"},
    )  # fmt: skip
    headers, body = world.upstream.seen["judge"][-1]
    assert body == {"model": "judge", "input": ["a secret wish"]}
    assert headers["authorization"] == "Bearer sk-operator"
    sent = json.dumps(headers) + json.dumps(body)
    assert not [
        word
        for word in (world.key, "header-of-the-caller", "u-7", "person-9", "acc_", "key_")
        if word in sent
    ]


def test_the_house_pays_and_sees_what(world):
    asked = len(world.upstream.seen["judge"])
    assert world.metric(f'pixapi_guard_questions_total{{model="judge",outcome="answered"}} {asked}.0')
    assert world.metric(f'pixapi_guard_cost_usd_total{{model="judge"}} {asked * 0.25}')
    assert [row["model"] for row in world.gateway.json("usage", "report", "--by", "model")] == ["talk"]


def test_a_call_of_the_moderation_model_itself_is_not_guarded(world):
    asked = len(world.upstream.seen["judge"])
    status, body, headers = world.gateway.request(
        "POST", "/v1/moderations", {"model": "judge", "input": ["kill"]}, key=world.key
    )
    assert (status, body["results"][0]["flagged"]) == (200, True)
    assert headers["x-pixapi-cost"] == "500", "a caller's own question is charged as ever"
    assert len(world.upstream.seen["judge"]) == asked + 1


@pytest.mark.parametrize("model", ["silent", "garbled"])
def test_without_a_judgement_calls_are_refused_unless_configured_otherwise(tmp_path, model):
    world = World(tmp_path, GUARD.format(model=model, more=""))
    try:
        status, body, _ = world.chat("hello")
        assert (status, body["error"]["code"]) == (503, "not_ready")
        assert world.upstream.seen["talk"] == []
        assert world.gateway.json("credits", "balance", "ada@example.com") == {"balance": "1000", "held": "0"}
        assert world.metric(f'pixapi_guard_questions_total{{model="{model}",outcome="failed"}} 1.0')
        world.gateway.config.write_text(world.gateway.config.read_text() + 'on_failure = "allow"\n')
        world.gateway.cli("reload")
        assert world.chat("kill")[0] == 200
    finally:
        world.close()


@pytest.mark.parametrize(
    ("model", "sentence"),
    [("jugde", "which is not among the models"), ("talkative", "which is for chat")],
)
def test_check_refuses_a_guard_whose_model_cannot_judge(tmp_path, model, sentence):
    models = (
        '[providers.echo]\nuse = "echo"\n[[models]]\nid = "talkative"\noperation = "chat"\n'
        'routes = [ { provider = "echo", model = "echo" } ]\nprice = { input = "1" }\n'
    )
    gateway = RunningGateway(tmp_path, models + GUARD.format(model=model, more=""))
    done = gateway.cli("check", check=False)
    assert done.returncode == 1
    assert sentence in done.stderr
    assert "pixapi.toml:" in done.stderr
