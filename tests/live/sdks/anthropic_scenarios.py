"""Messages through the SDK `anthropic`."""

import json
import sys

import anthropic
from running import LONG, PICTURE, PLACE, QUESTION, SCHEMA, TOOLS, refused, run

client = anthropic.Anthropic(base_url=sys.argv[1], api_key=sys.argv[2], max_retries=0, timeout=60)
HI = [{"role": "user", "content": QUESTION}]
FUNCTIONS = [{"name": name, "description": what, "input_schema": PLACE} for name, what in TOOLS.items()]
THINKING = {"max_tokens": 2000, "thinking": {"type": "enabled", "budget_tokens": 1024}}


def asked(model, messages=HI, **more):
    return {"model": model, "messages": messages, "max_tokens": 200} | more


def ask(model, messages=HI, **more):
    return client.messages.create(**asked(model, messages, **more))


def text_of(message):
    return "".join(block.text for block in message.content if block.type == "text")


def calls_of(message):
    return [block for block in message.content if block.type == "tool_use"]


def plain(model):
    reply = ask(model)
    assert text_of(reply)
    assert reply.model == model
    assert reply.usage.input_tokens > 0
    assert reply.usage.output_tokens > 0


def streamed(model):
    with client.messages.stream(**asked(model)) as stream:
        text = "".join(stream.text_stream)
        reply = stream.get_final_message()
    assert text
    assert text == text_of(reply)
    assert reply.model == model
    assert reply.stop_reason in ("end_turn", "max_tokens")
    assert reply.usage.output_tokens > 0
    assert [e.type for e in ask(model, stream=True) if e.type != "ping"][-1] == "message_stop"


def tools(model):
    first = ask(model, tools=FUNCTIONS)
    assert first.stop_reason == "tool_use"
    (call,) = calls_of(first)
    assert isinstance(call.input, dict)
    result = {"type": "tool_result", "tool_use_id": call.id, "content": "sunny, 21 degrees"}
    turns = [*HI, {"role": "assistant", "content": first.content}, {"role": "user", "content": [result]}]
    second = ask(model, turns, tools=FUNCTIONS)
    assert text_of(second)
    assert second.stop_reason == "end_turn"
    with client.messages.stream(**asked(model, tools=FUNCTIONS)) as stream:
        (again,) = calls_of(stream.get_final_message())
    assert (again.name, again.input.keys()) == (call.name, call.input.keys())


SEVERAL = {"type": "auto", "disable_parallel_tool_use": False}


def parallel_tools(models):
    whole, in_stream = models
    if in_stream is not None:
        with client.messages.stream(**asked(in_stream, tools=FUNCTIONS, tool_choice=SEVERAL)) as stream:
            calls = calls_of(stream.get_final_message())
        assert len({call.id for call in calls}) == len(calls) >= 2
    if whole is not None:
        _several(whole)


def _several(model):
    first = ask(model, tools=FUNCTIONS, tool_choice=SEVERAL)
    calls = calls_of(first)
    assert len({call.id for call in calls}) == len(calls) >= 2
    results = [{"type": "tool_result", "tool_use_id": call.id, "content": "noon"} for call in calls]
    turns = [*HI, {"role": "assistant", "content": first.content}, {"role": "user", "content": results}]
    assert text_of(ask(model, turns, tools=FUNCTIONS))


def image(model):
    source = {"type": "base64", "media_type": "image/png", "data": PICTURE}
    parts = [{"type": "image", "source": source}, {"type": "text", "text": "What is this?"}]
    assert text_of(ask(model, [{"role": "user", "content": parts}]))


def structured(model):
    form = {"format": {"type": "json_schema", "schema": SCHEMA}}
    assert isinstance(json.loads(text_of(ask(model, output_config=form))), dict)


def reasoning(models):
    whole, in_stream = models
    if whole is not None:
        first, second = ask(whole, **THINKING).content
        assert first.thinking
        assert second.text
    with client.messages.stream(**asked(in_stream, **THINKING)) as stream:
        deltas = [e.delta.type for e in stream if e.type == "content_block_delta"]
        first, *rest = stream.get_final_message().content
    assert "thinking_delta" in deltas
    assert first.thinking
    assert rest[-1].type in ("text", "tool_use")


def stop_reasons(models):
    ends, capped = models
    assert ends is None or ask(ends).stop_reason == "end_turn"
    assert capped is None or ask(capped, max_tokens=3).stop_reason == "max_tokens"


def error_before(model):
    error = refused(
        anthropic.APIStatusError, lambda: ask(model, [{"role": "user", "content": LONG}], stream=True)
    )
    assert error.status_code in (400, 503, 529)
    assert error.body["error"]["message"]
    stranger = anthropic.Anthropic(base_url=sys.argv[1], api_key="nope", max_retries=0)
    refused(anthropic.AuthenticationError, lambda: stranger.messages.create(**asked(model)))
    assert refused(anthropic.NotFoundError, lambda: ask("nope")).body["error"]["type"] == "not_found_error"


def error_within(model):
    texts = []

    def read():
        with client.messages.stream(**asked(model)) as stream:
            texts.extend(stream.text_stream)

    assert refused(anthropic.APIError, read).message
    assert any(texts)


def count_tokens(model):
    assert client.messages.count_tokens(model=model, messages=HI).input_tokens > 0


def list_models(model):
    assert model in [m.id for m in client.models.list(limit=5)]
    assert client.models.retrieve(model).id == model


if __name__ == "__main__":
    run(anthropic.__version__, [
        plain, streamed, tools, parallel_tools, image, structured, reasoning, stop_reasons, error_before,
        error_within, count_tokens, list_models,
    ])  # fmt: skip
