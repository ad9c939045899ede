"""OpenAI itself: what its settings make of a request."""

import json

from pixapi.interfaces import Call, Secret
from pixapi.wire.json import decode_fields
from pixapi_providers.openai import Config, build, pixapi_register_providers


def request(config, body=b'{"messages":[]}', **more):
    call = Call("r", "chat", "openai", "alias", "gpt-x", decode_fields(body), "id", 1, **more)
    return build(config).request(call)


def test_a_request():
    made = request(Config(api_key=Secret("sk-x")), output_cap=5)
    assert made.url == "https://api.openai.com/v1/chat/completions"
    assert ("authorization", "Bearer sk-x") in made.headers
    assert json.loads(made.body) == {"messages": [], "model": "gpt-x", "max_completion_tokens": 5}


def test_the_callers_own_name_for_the_cap_is_kept():
    made = request(Config(api_key=Secret("sk-x")), b'{"messages":[],"max_tokens":9}', output_cap=5)
    assert json.loads(made.body) == {"messages": [], "model": "gpt-x", "max_tokens": 5}


def test_organization_project_and_address():
    config = Config(
        api_key=Secret("k"), base_url="https://eu.api.openai.com/v1", organization="org", project="proj"
    )
    made = request(config)
    assert made.url.startswith("https://eu.api.openai.com/v1/")
    assert ("openai-organization", "org") in made.headers
    assert ("openai-project", "proj") in made.headers
    assert not [
        name for name, _ in request(Config(api_key=Secret("k"))).headers if name.startswith("openai-")
    ]


def test_it_is_registered():
    (kind,) = pixapi_register_providers()
    assert (kind.name, kind.config, kind.evidence) == ("openai", Config, "recorded")
