"""Responses through the SDK `openai`."""

import json
import sys

import openai
from running import LONG, PICTURE, PLACE, QUESTION, SCHEMA, TOOLS, refused, run

client = openai.OpenAI(base_url=sys.argv[1] + "/v1", api_key=sys.argv[2], max_retries=0, timeout=60)
HI = [{"role": "user", "content": QUESTION}]
FUNCTIONS = [
    {"type": "function", "name": name, "description": what, "parameters": PLACE, "strict": False}
    for name, what in TOOLS.items()
]


def ask(model, items=HI, **more):
    return client.responses.create(
        **({"model": model, "input": items, "store": False, "max_output_tokens": 200} | more)
    )


def calls_of(response):
    return [item for item in response.output if item.type == "function_call"]


def last(events):
    assert events[0].type == "response.created"
    numbers = [e.sequence_number for e in events if getattr(e, "sequence_number", None) is not None]
    assert numbers == sorted(set(numbers))  # old recordings have none, and some were shortened
    return events[-1].response


def plain(model):
    reply = ask(model, QUESTION)
    assert reply.output_text
    assert reply.model == model
    assert reply.usage.total_tokens == reply.usage.input_tokens + reply.usage.output_tokens > 0


def streamed(model):
    events = list(ask(model, stream=True))
    text = "".join(e.delta for e in events if e.type == "response.output_text.delta")
    reply = last(events)
    assert text
    assert text == reply.output_text
    assert reply.usage.total_tokens > 0


def tools(model):
    first = ask(model, tools=FUNCTIONS)
    (call,) = calls_of(first)
    assert isinstance(json.loads(call.arguments), dict)
    result = {"type": "function_call_output", "call_id": call.call_id, "output": "sunny, 21 degrees"}
    second = ask(model, [*HI, *first.output, result], tools=FUNCTIONS)
    assert second.output_text
    assert second.status == "completed"
    (again,) = calls_of(last(list(ask(model, tools=FUNCTIONS, stream=True))))
    assert again.name == call.name
    assert json.loads(again.arguments).keys() == json.loads(call.arguments).keys()


def parallel_tools(models):
    whole, in_stream = models
    if in_stream is not None:
        calls = calls_of(last(list(ask(in_stream, tools=FUNCTIONS, parallel_tool_calls=True, stream=True))))
        assert len({call.call_id for call in calls}) == len(calls) >= 2
    if whole is not None:
        _several(whole)


def _several(model):
    first = ask(model, tools=FUNCTIONS, parallel_tool_calls=True)
    calls = calls_of(first)
    assert len({call.call_id for call in calls}) == len(calls) >= 2
    results = [{"type": "function_call_output", "call_id": call.call_id, "output": "noon"} for call in calls]
    assert ask(model, [*HI, *first.output, *results], tools=FUNCTIONS).output_text


def image(model):
    picture = {"type": "input_image", "detail": "auto", "image_url": "data:image/png;base64," + PICTURE}
    question = {"role": "user", "content": [{"type": "input_text", "text": "What is this?"}, picture]}
    assert ask(model, [question]).output_text


def structured(model):
    form = {"format": {"type": "json_schema", "name": "place", "strict": True, "schema": SCHEMA}}
    assert isinstance(json.loads(ask(model, text=form).output_text), dict)


def reasoning(models):
    whole, in_stream = models
    asked = {"reasoning": {"effort": "low", "summary": "auto"}, "max_output_tokens": 2000}
    if whole is not None:
        reply = ask(whole, **asked)
        assert reply.output_text
        assert _thoughts(reply)
    events = list(ask(in_stream, stream=True, **asked))
    assert any("reasoning" in e.type and e.type.endswith(".delta") for e in events)
    assert _thoughts(last(events))
    assert len(events[-1].response.output) >= 2


def _thoughts(reply):
    items = [item for item in reply.output if item.type == "reasoning"]
    return "".join(part.text for item in items for part in [*item.summary, *(item.content or [])])


def stop_reasons(models):
    ends, capped = models
    assert ends is None or ask(ends).status == "completed"
    if capped is not None:
        reply = ask(capped, max_output_tokens=3)
        assert (reply.status, reply.incomplete_details.reason) == ("incomplete", "max_output_tokens")


def error_before(model):
    error = refused(openai.APIStatusError, lambda: ask(model, LONG, stream=True))
    assert error.status_code in (400, 503)
    assert error.body["message"]
    stranger = openai.OpenAI(base_url=sys.argv[1] + "/v1", api_key="nope", max_retries=0)
    refused(openai.AuthenticationError, lambda: stranger.responses.create(model=model, input=HI))
    assert refused(openai.NotFoundError, lambda: ask("nope")).body["code"] == "model_not_found"


def error_within(model):
    """Depending on its version the SDK raises, or hands the event of the failure on."""
    events = []
    try:
        events.extend(ask(model, stream=True))
    except openai.APIError:
        raised = True
    else:
        raised = events[-1].type in ("error", "response.failed")
    assert raised
    assert any(e.type == "response.output_text.delta" for e in events)


def list_models(model):
    assert model in [m.id for m in client.models.list()]
    assert client.models.retrieve(model).id == model


if __name__ == "__main__":
    run(openai.__version__, [
        plain, streamed, tools, parallel_tools, image, structured, reasoning, stop_reasons, error_before,
        error_within, list_models,
    ])  # fmt: skip
