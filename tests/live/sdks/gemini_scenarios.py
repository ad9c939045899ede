"""Gemini's API through the SDK `google-genai`."""

import base64
import json
import sys

from google import genai
from google.genai import errors, types
from running import LONG, PICTURE, PLACE, QUESTION, SCHEMA, TOOLS, refused, run

client = genai.Client(
    api_key=sys.argv[2], http_options=types.HttpOptions(base_url=sys.argv[1], timeout=60_000)
)
FUNCTIONS = [
    types.FunctionDeclaration(name=name, description=what, parameters_json_schema=PLACE)
    for name, what in TOOLS.items()
]


def with_tools():
    manual = types.AutomaticFunctionCallingConfig(disable=True)
    return {"tools": [types.Tool(function_declarations=FUNCTIONS)], "automatic_function_calling": manual}


def asked(model, contents=QUESTION, **config):
    return {
        "model": model, "contents": contents,
        "config": types.GenerateContentConfig(**({"max_output_tokens": 200} | config)),
    }  # fmt: skip


def ask(model, contents=QUESTION, **config):
    return client.models.generate_content(**asked(model, contents, **config))


def stream(model, contents=QUESTION, **config):
    return client.models.generate_content_stream(**asked(model, contents, **config))


def parts_of(chunks):
    found = [c.candidates[0].content for c in chunks if c.candidates]
    return [part for content in found if content for part in content.parts or []]


def plain(model):
    reply = ask(model)
    assert reply.text
    usage = reply.usage_metadata
    assert usage.prompt_token_count > 0
    assert usage.total_token_count == (
        usage.prompt_token_count + (usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0)
    )
    assert reply.model_version == model


def streamed(model):
    chunks = list(stream(model))
    assert "".join(chunk.text or "" for chunk in chunks)
    assert chunks[-1].candidates[0].finish_reason in ("STOP", "MAX_TOKENS")
    assert chunks[-1].usage_metadata.total_token_count > 0
    assert {chunk.model_version for chunk in chunks} == {model}


def tools(model):
    first = ask(model, **with_tools())
    (call,) = first.function_calls
    assert isinstance(call.args, dict)
    second = ask(model, _answered(first), **with_tools())
    assert second.text
    assert second.candidates[0].finish_reason == "STOP"
    (again,) = [part.function_call for part in parts_of(stream(model, **with_tools())) if part.function_call]
    assert (again.name, again.args.keys()) == (call.name, call.args.keys())


def _answered(first):
    """The conversation with a result for every call; the model's turn goes back as it came."""
    results = [
        types.Part(
            function_response=types.FunctionResponse(id=c.id, name=c.name, response={"result": "sunny"})
        )
        for c in first.function_calls
    ]
    question = types.Content(role="user", parts=[types.Part(text=QUESTION)])
    return [question, first.candidates[0].content, types.Content(role="user", parts=results)]


def parallel_tools(models):
    whole, in_stream = models
    if in_stream is not None:
        parts = parts_of(stream(in_stream, **with_tools()))
        assert sum(part.function_call is not None for part in parts) >= 2
    if whole is not None:
        first = ask(whole, **with_tools())
        assert len(first.function_calls) >= 2
        assert ask(whole, _answered(first), **with_tools()).text


def image(model):
    picture = types.Part.from_bytes(data=base64.b64decode(PICTURE), mime_type="image/png")
    assert ask(model, [picture, "What is this?"]).text


def structured(model):
    reply = ask(model, response_mime_type="application/json", response_json_schema=SCHEMA)
    assert isinstance(json.loads(reply.text), dict)


def reasoning(models):
    whole, in_stream = models
    thinking = {"thinking_config": types.ThinkingConfig(include_thoughts=True), "max_output_tokens": 2000}
    answers = [parts_of(stream(in_stream, **thinking))]
    if whole is not None:
        answers.append(parts_of([ask(whole, **thinking)]))
    for parts in answers:
        assert "".join(part.text or "" for part in parts if part.thought)
        assert any(part.text or part.function_call for part in parts if not part.thought)


def stop_reasons(models):
    ends, capped = models
    assert ends is None or ask(ends).candidates[0].finish_reason == "STOP"
    assert capped is None or ask(capped, max_output_tokens=3).candidates[0].finish_reason == "MAX_TOKENS"


def error_before(model):
    error = refused(errors.APIError, lambda: list(stream(model, LONG)))
    assert error.code in (400, 503)
    assert error.message
    stranger = genai.Client(api_key="nope", http_options=types.HttpOptions(base_url=sys.argv[1]))
    key = refused(errors.ClientError, lambda: stranger.models.generate_content(model=model, contents="hi"))
    assert key.code == 401
    unknown = refused(errors.ClientError, lambda: ask("nope"))
    assert (unknown.code, unknown.status) == (404, "NOT_FOUND")


def error_within(model):
    texts = []

    def read():
        texts.extend(chunk.text for chunk in stream(model))

    assert refused(errors.APIError, read).message
    assert any(texts)


def count_tokens(model):
    assert client.models.count_tokens(model=model, contents=QUESTION).total_tokens > 0


def list_models(model):
    names = [m.name for m in client.models.list(config={"page_size": 5})]
    assert "models/" + model in names
    assert client.models.get(model=model).name == "models/" + model


if __name__ == "__main__":
    run(genai.__version__, [
        plain, streamed, tools, parallel_tools, image, structured, reasoning, stop_reasons, error_before,
        error_within, count_tokens, list_models,
    ])  # fmt: skip
