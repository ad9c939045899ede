"""Chat Completions through the SDK `openai`."""

import json
import sys

import openai
from running import LONG, PICTURE, PLACE, QUESTION, SCHEMA, TOOLS, refused, run

client = openai.OpenAI(base_url=sys.argv[1] + "/v1", api_key=sys.argv[2], max_retries=0, timeout=60)
HI = [{"role": "user", "content": QUESTION}]
FUNCTIONS = [
    {"type": "function", "function": {"name": name, "description": what, "parameters": PLACE}}
    for name, what in TOOLS.items()
]


def ask(model, messages=HI, **more):
    return client.chat.completions.create(
        **({"model": model, "messages": messages, "max_tokens": 200} | more)
    )


def plain(model):
    reply = ask(model)
    assert reply.choices[0].message.content
    assert reply.choices[0].message.role == "assistant"
    assert reply.model == model
    assert reply.usage.total_tokens == reply.usage.prompt_tokens + reply.usage.completion_tokens > 0


def streamed(model):
    chunks = list(ask(model, stream=True, stream_options={"include_usage": True}))
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] in ("stop", "length")
    assert [bool(c.usage) for c in chunks] == [False] * (len(chunks) - 1) + [True]
    assert {c.model for c in chunks} == {model}
    assert all(c.choices and c.usage is None for c in ask(model, stream=True))


def tools(model):
    first = ask(model, tools=FUNCTIONS).choices[0]
    assert first.finish_reason == "tool_calls"
    (call,) = first.message.tool_calls
    assert isinstance(json.loads(call.function.arguments), dict)
    result = {"role": "tool", "tool_call_id": call.id, "content": "sunny, 21 degrees"}
    second = ask(model, [*HI, first.message, result], tools=FUNCTIONS).choices[0]
    assert second.message.content
    assert second.finish_reason == "stop"
    with client.chat.completions.stream(model=model, messages=HI, tools=FUNCTIONS) as stream:
        (again,) = stream.get_final_completion().choices[0].message.tool_calls
    assert again.function.name == call.function.name
    assert json.loads(again.function.arguments).keys() == json.loads(call.function.arguments).keys()


def parallel_tools(models):
    whole, in_stream = models
    if in_stream is not None:
        asked = {"model": in_stream, "messages": HI, "tools": FUNCTIONS, "parallel_tool_calls": True}
        with client.chat.completions.stream(**asked) as stream:
            calls = stream.get_final_completion().choices[0].message.tool_calls
        assert len({call.id for call in calls}) == len(calls) >= 2
    if whole is not None:
        _several(whole)


def _several(model):
    choice = ask(model, tools=FUNCTIONS, parallel_tool_calls=True).choices[0]
    calls = choice.message.tool_calls
    assert len({call.id for call in calls}) == len(calls) >= 2
    assert all(isinstance(json.loads(call.function.arguments), dict) for call in calls)
    results = [{"role": "tool", "tool_call_id": call.id, "content": "noon"} for call in calls]
    assert ask(model, [*HI, choice.message, *results], tools=FUNCTIONS).choices[0].message.content


def image(model):
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + PICTURE}}
    question = {"role": "user", "content": [{"type": "text", "text": "What is this?"}, picture]}
    assert ask(model, [question]).choices[0].message.content


def structured(model):
    form = {"type": "json_schema", "json_schema": {"name": "place", "strict": True, "schema": SCHEMA}}
    assert isinstance(json.loads(ask(model, response_format=form).choices[0].message.content), dict)


def reasoning(models):
    whole, in_stream = models
    asked = {"reasoning_effort": "low", "max_tokens": 2000}
    if whole is not None:
        message = ask(whole, **asked).choices[0].message
        assert message.reasoning_content
        assert message.content
    deltas = [c.choices[0].delta for c in ask(in_stream, stream=True, **asked) if c.choices]
    assert "".join(getattr(d, "reasoning_content", None) or "" for d in deltas)
    assert any(d.content or d.tool_calls for d in deltas)


def stop_reasons(models):
    ends, capped = models
    assert ends is None or ask(ends).choices[0].finish_reason == "stop"
    assert capped is None or ask(capped, max_tokens=3).choices[0].finish_reason == "length"


def error_before(model):
    error = refused(
        openai.APIStatusError, lambda: ask(model, [{"role": "user", "content": LONG}], stream=True)
    )
    assert error.status_code in (400, 503)
    assert error.body["message"]
    stranger = openai.OpenAI(base_url=sys.argv[1] + "/v1", api_key="nope", max_retries=0)
    refused(openai.AuthenticationError, lambda: stranger.chat.completions.create(model=model, messages=HI))
    assert refused(openai.NotFoundError, lambda: ask("nope")).body["code"] == "model_not_found"


def error_within(model):
    texts = []

    def read():
        texts.extend(c.choices[0].delta.content for c in ask(model, stream=True) if c.choices)

    assert refused(openai.APIError, read).message
    assert any(texts)


def list_models(model):
    assert model in [m.id for m in client.models.list()]
    assert client.models.retrieve(model).id == model


if __name__ == "__main__":
    run(openai.__version__, [
        plain, streamed, tools, parallel_tools, image, structured, reasoning, stop_reasons, error_before,
        error_within, list_models,
    ])  # fmt: skip
