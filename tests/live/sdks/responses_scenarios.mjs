// Responses through the SDK `openai`.
import OpenAI from "openai";
import { assert, collected, isObject, KEY, LONG, PICTURE, PLACE, QUESTION, refused, run, sameNames, SCHEMA, TOOLS, URL_ } from "./running.mjs";

const made = (apiKey) => new OpenAI({ baseURL: URL_ + "/v1", apiKey, maxRetries: 0, timeout: 60_000 });
const client = made(KEY);
const HI = [{ role: "user", content: QUESTION }];
const tools = Object.entries(TOOLS).map(([name, description]) => ({
  type: "function", name, description, parameters: PLACE, strict: false,
}));
const ask = (model, more = {}) =>
  client.responses.create({ model, input: HI, store: false, max_output_tokens: 200, ...more });
const callsOf = (response) => response.output.filter((item) => item.type === "function_call");
const ids = (calls) => new Set(calls.map((call) => call.call_id)).size;
const last = async (model, more) => (await collected(ask(model, { ...more, stream: true }))).at(-1).response;
const resultOf = (call) => ({ type: "function_call_output", call_id: call.call_id, output: "sunny, 21 degrees" });
const thoughts = (response) =>
  response.output.filter((item) => item.type === "reasoning")
    .flatMap((item) => [...item.summary, ...(item.content ?? [])]).map((part) => part.text).join("");

await run({
  async plain(model) {
    const reply = await ask(model, { input: QUESTION });
    assert.ok(reply.output_text);
    assert.equal(reply.model, model);
    assert.equal(reply.usage.total_tokens, reply.usage.input_tokens + reply.usage.output_tokens);
  },
  async streamed(model) {
    const events = await collected(ask(model, { stream: true }));
    const deltas = events.filter((e) => e.type === "response.output_text.delta").map((e) => e.delta).join("");
    assert.equal(events[0].type, "response.created");
    const texts = events.at(-1).response.output.flatMap((item) => item.content ?? []).map((part) => part.text ?? "");
    assert.ok(deltas);
    assert.ok(texts.join("").endsWith(deltas));
  },
  async tools(model) {
    const first = await ask(model, { tools });
    const [call] = callsOf(first);
    isObject(JSON.parse(call.arguments));
    const second = await ask(model, { input: [...HI, ...first.output, resultOf(call)], tools });
    assert.ok(second.output_text);
    const [again] = callsOf(await last(model, { tools }));
    sameNames(JSON.parse(again.arguments), JSON.parse(call.arguments));
  },
  async parallel_tools([plain, inStream]) {
    const asked = { tools, parallel_tool_calls: true };
    if (inStream) {
      const calls = callsOf(await last(inStream, asked));
      assert.ok(calls.length >= 2 && ids(calls) === calls.length);
    }
    if (!plain) return;
    const first = await ask(plain, asked);
    const calls = callsOf(first);
    assert.ok(calls.length >= 2 && ids(calls) === calls.length);
    assert.ok((await ask(plain, { input: [...HI, ...first.output, ...calls.map(resultOf)], tools })).output_text);
  },
  async image(model) {
    const picture = { type: "input_image", detail: "auto", image_url: "data:image/png;base64," + PICTURE };
    const content = [{ type: "input_text", text: "What is this?" }, picture];
    assert.ok((await ask(model, { input: [{ role: "user", content }] })).output_text);
  },
  async structured(model) {
    const text = { format: { type: "json_schema", name: "place", strict: true, schema: SCHEMA } };
    isObject(JSON.parse((await ask(model, { text })).output_text));
  },
  async reasoning([plain, inStream]) {
    const asked = { reasoning: { effort: "low", summary: "auto" }, max_output_tokens: 2000 };
    if (plain) assert.ok(thoughts(await ask(plain, asked)));
    assert.ok(thoughts(await last(inStream, asked)));
  },
  async stop_reasons([ends, capped]) {
    if (ends) assert.equal((await ask(ends)).status, "completed");
    if (!capped) return;
    const reply = await ask(capped, { max_output_tokens: 3 });
    assert.equal(reply.incomplete_details.reason, "max_output_tokens");
  },
  async error_before(model) {
    const error = await refused(OpenAI.APIError, () => ask(model, { input: LONG, stream: true }));
    assert.ok([400, 503].includes(error.status) && error.error.message);
    await refused(OpenAI.AuthenticationError, () => made("nope").responses.create({ model, input: HI }));
    assert.equal((await refused(OpenAI.NotFoundError, () => ask("nope"))).code, "model_not_found");
  },
  async error_within(model) {
    const events = [];
    let raised = false;
    try {
      for await (const event of await ask(model, { stream: true })) events.push(event);
    } catch (error) {
      raised = error instanceof OpenAI.APIError;
    }
    assert.ok(raised || ["error", "response.failed"].includes(events.at(-1).type));
    assert.ok(events.some((e) => e.type === "response.output_text.delta"));
  },
  async list_models(model) {
    assert.ok((await collected(client.models.list())).some((m) => m.id === model));
    assert.equal((await client.models.retrieve(model)).id, model);
  },
});
