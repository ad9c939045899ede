// Messages through the SDK `@anthropic-ai/sdk`.
import Anthropic from "@anthropic-ai/sdk";
import { assert, collected, isObject, KEY, LONG, PICTURE, PLACE, QUESTION, refused, run, sameNames, SCHEMA, TOOLS, URL_ } from "./running.mjs";

const made = (apiKey) => new Anthropic({ baseURL: URL_, apiKey, maxRetries: 0, timeout: 60_000 });
const client = made(KEY);
const HI = [{ role: "user", content: QUESTION }];
const THINKING = { max_tokens: 2000, thinking: { type: "enabled", budget_tokens: 1024 } };
const SEVERAL = { type: "auto", disable_parallel_tool_use: false };
const tools = Object.entries(TOOLS).map(([name, description]) => ({ name, description, input_schema: PLACE }));
const asked = (model, more = {}) => ({ model, messages: HI, max_tokens: 200, ...more });
const ask = (model, more) => client.messages.create(asked(model, more));
const whole = (model, more) => client.messages.stream(asked(model, more)).finalMessage();
const textOf = (message) => message.content.map((block) => block.text ?? "").join("");
const callsOf = (message) => message.content.filter((block) => block.type === "tool_use");
const ids = (calls) => new Set(calls.map((call) => call.id)).size;
const answered = (message) => [
  ...HI,
  { role: "assistant", content: message.content },
  { role: "user", content: callsOf(message).map((c) => ({ type: "tool_result", tool_use_id: c.id, content: "noon" })) },
];

await run({
  async plain(model) {
    const reply = await ask(model);
    assert.ok(textOf(reply) && reply.usage.input_tokens > 0 && reply.usage.output_tokens > 0);
    assert.equal(reply.model, model);
  },
  async streamed(model) {
    const reply = await whole(model);
    assert.ok(textOf(reply) && reply.usage.output_tokens > 0);
    assert.equal((await collected(ask(model, { stream: true }))).at(-1).type, "message_stop");
  },
  async tools(model) {
    const first = await ask(model, { tools });
    assert.equal(first.stop_reason, "tool_use");
    const [call] = callsOf(first);
    isObject(call.input);
    const second = await ask(model, { messages: answered(first), tools });
    assert.ok(textOf(second));
    assert.equal(second.stop_reason, "end_turn");
    sameNames(callsOf(await whole(model, { tools }))[0].input, call.input);
  },
  async parallel_tools([plain, inStream]) {
    for (const [model, get] of [[inStream, whole], [plain, ask]]) {
      if (!model) continue;
      const first = await get(model, { tools, tool_choice: SEVERAL });
      const calls = callsOf(first);
      assert.ok(calls.length >= 2 && ids(calls) === calls.length);
      if (get === ask) assert.ok(textOf(await ask(model, { messages: answered(first), tools })));
    }
  },
  async image(model) {
    const source = { type: "base64", media_type: "image/png", data: PICTURE };
    const content = [{ type: "image", source }, { type: "text", text: "What is this?" }];
    assert.ok(textOf(await ask(model, { messages: [{ role: "user", content }] })));
  },
  async structured(model) {
    const output_config = { format: { type: "json_schema", schema: SCHEMA } };
    isObject(JSON.parse(textOf(await ask(model, { output_config }))));
  },
  async reasoning([plain, inStream]) {
    if (plain) assert.ok((await ask(plain, THINKING)).content[0].thinking);
    assert.ok((await whole(inStream, THINKING)).content[0].thinking);
  },
  async stop_reasons([ends, capped]) {
    if (ends) assert.equal((await ask(ends)).stop_reason, "end_turn");
    if (capped) assert.equal((await ask(capped, { max_tokens: 3 })).stop_reason, "max_tokens");
  },
  async error_before(model) {
    const messages = [{ role: "user", content: LONG }];
    const error = await refused(Anthropic.APIError, () => ask(model, { messages, stream: true }));
    assert.ok([400, 503, 529].includes(error.status) && error.error.error.message);
    await refused(Anthropic.AuthenticationError, () => made("nope").messages.create(asked(model)));
    await refused(Anthropic.NotFoundError, () => ask("nope"));
  },
  async error_within(model) {
    let said = "";
    await refused(Anthropic.APIError, async () => {
      for await (const event of await ask(model, { stream: true })) said += event.delta?.text ?? "";
    });
    assert.ok(said);
  },
  async count_tokens(model) {
    assert.ok((await client.messages.countTokens({ model, messages: HI })).input_tokens > 0);
  },
  async list_models(model) {
    assert.ok((await collected(client.models.list({ limit: 5 }))).some((m) => m.id === model));
    assert.equal((await client.models.retrieve(model)).id, model);
  },
});
