"""What a consumer does with the official SDK: `openai_scenarios.py URL KEY`. Prints one JSON object of findings.

It runs in an environment that has nothing but the SDK, once with its newest major version and once with an old one.
"""

import json
import sys

import openai

client = openai.OpenAI(base_url=sys.argv[1] + "/v1", api_key=sys.argv[2], max_retries=0, timeout=60)
MESSAGES = [{"role": "user", "content": "Say héllo to the 世界 🙂 in one line"}]


def usage_of(usage):
    return None if usage is None else [usage.prompt_tokens, usage.completion_tokens]


def plain():
    raw = client.chat.completions.with_raw_response.create(model="tiny", messages=MESSAGES, max_tokens=16)
    reply = raw.parse()
    return {
        "charge": raw.headers["x-pixapi-charge"], "cost": raw.headers["x-pixapi-cost"], "model": reply.model,
        "usage": usage_of(reply.usage), "content": isinstance(reply.choices[0].message.content, str),
        "finish": reply.choices[0].finish_reason,
    }  # fmt: skip


def streamed(include_usage):
    options = {"stream_options": {"include_usage": True}} if include_usage else {}
    raw = client.chat.completions.with_raw_response.create(
        model="tiny", messages=MESSAGES, max_tokens=16, stream=True, **options
    )
    chunks = list(raw.parse())
    return {
        "charge": raw.headers["x-pixapi-charge"], "models": sorted({c.model for c in chunks}), "ids": len({c.id for c in chunks}),
        "usage": usage_of(chunks[-1].usage), "reports": sum(c.usage is not None for c in chunks),
        "bare": sum(not c.choices for c in chunks), "finish": [c.choices[0].finish_reason for c in chunks if c.choices][-1],
    }  # fmt: skip


def embeddings():
    reply = client.embeddings.create(model="echo", input=["a", "b"])
    floats = client.embeddings.create(model="echo", input=["a", "b"], encoding_format="float")
    near = all(
        abs(x - y) < 1e-5 for a, b in zip(reply.data, floats.data) for x, y in zip(a.embedding, b.embedding)
    )
    return {"vectors": len(reply.data), "size": len(reply.data[0].embedding), "base64_is_float": near}


def refusals():
    found = {}
    for name, change in (("model", {"model": "nope"}), ("stream", {"messages": []})):
        try:
            client.chat.completions.create(**({"model": "tiny", "messages": MESSAGES} | change))
        except openai.APIStatusError as error:
            found[name] = [type(error).__name__, bool(error.body and error.body["message"])]
    try:
        openai.OpenAI(base_url=sys.argv[1] + "/v1", api_key="nope", max_retries=0).models.list()
    except openai.AuthenticationError as error:
        found["key"] = [type(error).__name__, bool(error.body and error.body["message"])]
    return found


print(json.dumps({
    "version": openai.__version__, "plain": plain(), "streamed": streamed(False), "streamed_usage": streamed(True),
    "embeddings": embeddings(), "models": sorted(m.id for m in client.models.list()), "refusals": refusals(),
}))  # fmt: skip
