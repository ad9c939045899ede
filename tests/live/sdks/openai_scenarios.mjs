// Chat Completions through the SDK `openai`.
import OpenAI from "openai";
import { assert, collected, isObject, KEY, LONG, PICTURE, PLACE, QUESTION, refused, run, sameNames, SCHEMA, TOOLS, URL_ } from "./running.mjs";

const made = (apiKey) => new OpenAI({ baseURL: URL_ + "/v1", apiKey, maxRetries: 0, timeout: 60_000 });
const client = made(KEY);
const HI = [{ role: "user", content: QUESTION }];
const tools = Object.entries(TOOLS).map(([name, description]) => ({
  type: "function",
  function: { name, description, parameters: PLACE },
}));
const ask = (model, more = {}) => client.chat.completions.create({ model, messages: HI, max_tokens: 200, ...more });
const choice = async (model, more) => (await ask(model, more)).choices[0];
const whole = (model, more) => client.chat.completions.stream({ model, messages: HI, ...more }).finalChatCompletion();
const ids = (calls) => new Set(calls.map((call) => call.id)).size;

await run({
  async plain(model) {
    const reply = await ask(model);
    assert.ok(reply.choices[0].message.content);
    assert.equal(reply.model, model);
    assert.equal(reply.usage.total_tokens, reply.usage.prompt_tokens + reply.usage.completion_tokens);
  },
  async streamed(model) {
    const chunks = await collected(ask(model, { stream: true, stream_options: { include_usage: true } }));
    assert.ok(chunks.map((c) => c.choices[0]?.delta.content ?? "").join(""));
    assert.ok(chunks.at(-1).usage.total_tokens > 0);
    assert.ok((await collected(ask(model, { stream: true }))).every((c) => c.choices.length && !c.usage));
  },
  async tools(model) {
    const first = await choice(model, { tools });
    assert.equal(first.finish_reason, "tool_calls");
    const [call] = first.message.tool_calls;
    isObject(JSON.parse(call.function.arguments));
    const result = { role: "tool", tool_call_id: call.id, content: "sunny, 21 degrees" };
    const second = await choice(model, { messages: [...HI, first.message, result], tools });
    assert.ok(second.message.content);
    const [again] = (await whole(model, { tools })).choices[0].message.tool_calls;
    sameNames(JSON.parse(again.function.arguments), JSON.parse(call.function.arguments));
  },
  async parallel_tools([plain, inStream]) {
    const asked = { tools, parallel_tool_calls: true };
    if (inStream) {
      const calls = (await whole(inStream, asked)).choices[0].message.tool_calls;
      assert.ok(calls.length >= 2 && ids(calls) === calls.length);
    }
    if (!plain) return;
    const { message } = await choice(plain, asked);
    assert.ok(message.tool_calls.length >= 2 && ids(message.tool_calls) === message.tool_calls.length);
    const results = message.tool_calls.map((call) => ({ role: "tool", tool_call_id: call.id, content: "noon" }));
    assert.ok((await choice(plain, { messages: [...HI, message, ...results], tools })).message.content);
  },
  async image(model) {
    const picture = { type: "image_url", image_url: { url: "data:image/png;base64," + PICTURE } };
    const content = [{ type: "text", text: "What is this?" }, picture];
    assert.ok((await choice(model, { messages: [{ role: "user", content }] })).message.content);
  },
  async structured(model) {
    const response_format = { type: "json_schema", json_schema: { name: "place", strict: true, schema: SCHEMA } };
    isObject(JSON.parse((await choice(model, { response_format })).message.content));
  },
  async reasoning([plain, inStream]) {
    const asked = { reasoning_effort: "low", max_tokens: 2000 };
    if (plain) assert.ok((await choice(plain, asked)).message.reasoning_content);
    const chunks = await collected(ask(inStream, { ...asked, stream: true }));
    assert.ok(chunks.map((c) => c.choices[0]?.delta.reasoning_content ?? "").join(""));
  },
  async stop_reasons([ends, capped]) {
    if (ends) assert.equal((await choice(ends)).finish_reason, "stop");
    if (capped) assert.equal((await choice(capped, { max_tokens: 3 })).finish_reason, "length");
  },
  async error_before(model) {
    const messages = [{ role: "user", content: LONG }];
    const error = await refused(OpenAI.APIError, () => ask(model, { messages, stream: true }));
    assert.ok([400, 503].includes(error.status) && error.error.message);
    await refused(OpenAI.AuthenticationError, () => made("nope").chat.completions.create({ model, messages: HI }));
    assert.equal((await refused(OpenAI.NotFoundError, () => ask("nope"))).code, "model_not_found");
  },
  async error_within(model) {
    let said = "";
    await refused(OpenAI.APIError, async () => {
      for await (const chunk of await ask(model, { stream: true })) said += chunk.choices[0]?.delta.content ?? "";
    });
    assert.ok(said);
  },
  async list_models(model) {
    assert.ok((await collected(client.models.list())).some((m) => m.id === model));
    assert.equal((await client.models.retrieve(model)).id, model);
  },
});
