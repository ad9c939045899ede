// Every dialect through the SDK `ai` and its providers: `node ai_scenarios.mjs URL KEY VERSION DIALECT`.
import { createAnthropic } from "@ai-sdk/anthropic";
import { createGoogleGenerativeAI } from "@ai-sdk/google";
import { createOpenAI } from "@ai-sdk/openai";
import { APICallError, generateText, jsonSchema, Output, stepCountIs, streamText, tool } from "ai";
import { assert, isObject, KEY, LONG, PICTURE, PLACE, QUESTION, refused, run, sameNames, SCHEMA, TOOLS, URL_ } from "./running.mjs";

globalThis.AI_SDK_LOG_WARNINGS = false; // they would go to stdout
const DIALECT = process.argv[5];
const PROVIDERS = {
  openai: (apiKey) => createOpenAI({ baseURL: URL_ + "/v1", apiKey }).chat,
  responses: (apiKey) => createOpenAI({ baseURL: URL_ + "/v1", apiKey }).responses,
  anthropic: (apiKey) => createAnthropic({ baseURL: URL_ + "/v1", apiKey }),
  gemini: (apiKey) => createGoogleGenerativeAI({ baseURL: URL_ + "/v1beta", apiKey }),
};
const modelOf = PROVIDERS[DIALECT](KEY);
const providerOptions = {
  openai: { store: false, parallelToolCalls: true, forceReasoning: true, reasoningSummary: "auto", strictJsonSchema: true },
  anthropic: { disableParallelToolUse: false, structuredOutputMode: "outputFormat" },
};
const thinking = {
  openai: { ...providerOptions.openai, reasoningEffort: "low" },
  anthropic: { thinking: { type: "enabled", budgetTokens: 1024 } },
  google: { thinkingConfig: { includeThoughts: true } },
};
const tools = Object.fromEntries(
  Object.entries(TOOLS).map(([name, description]) => [
    name,
    tool({ description, inputSchema: jsonSchema(PLACE), execute: async () => "sunny, 21 degrees" }),
  ]),
);
const asked = (model, more = {}) => ({
  model: modelOf(model), maxOutputTokens: 200, maxRetries: 0, providerOptions,
  ...(more.messages ? {} : { prompt: QUESTION }), ...more,
});
const ask = (model, more) => generateText(asked(model, more));
/** A whole stream, with what was thrown within it. */
async function stream(model, more) {
  const errors = [];
  const result = streamText({ ...asked(model, more), onError: ({ error }) => errors.push(error) });
  const parts = [];
  for await (const part of result.fullStream) parts.push(part);
  return { parts, errors, of: (type) => parts.filter((part) => part.type === type) };
}

await run({
  async plain(model) {
    const reply = await ask(model);
    assert.ok(reply.text && reply.usage.inputTokens > 0 && reply.usage.outputTokens > 0);
    assert.equal(reply.response.modelId, model);
  },
  async streamed(model) {
    const found = await stream(model);
    assert.deepEqual(found.errors, []);
    assert.ok(found.of("text-delta").map((part) => part.text).join(""));
    assert.ok(found.of("finish")[0].totalUsage.outputTokens > 0);
  },
  async tools(model) {
    const reply = await ask(model, { tools, stopWhen: stepCountIs(2) });
    assert.equal(reply.steps.length, 2);
    assert.equal(reply.steps[0].finishReason, "tool-calls");
    isObject(reply.steps[0].toolCalls[0].input);
    assert.ok(reply.text);
    const [call] = (await stream(model, { tools })).of("tool-call");
    sameNames(call.input, reply.steps[0].toolCalls[0].input);
  },
  async parallel_tools([plain, inStream]) {
    if (inStream) assert.ok((await stream(inStream, { tools })).of("tool-call").length >= 2);
    if (!plain) return;
    const reply = await ask(plain, { tools });
    assert.ok(new Set(reply.toolCalls.map((call) => call.toolCallId)).size >= 2);
    const messages = [{ role: "user", content: QUESTION }, ...reply.response.messages];
    const results = reply.toolCalls.map(({ toolCallId, toolName }) => ({
      type: "tool-result", toolCallId, toolName, output: { type: "text", value: "noon" },
    }));
    const answered = messages.filter((message) => message.role !== "tool");
    assert.ok((await ask(plain, { messages: [...answered, { role: "tool", content: results }], tools })).text);
  },
  async image(model) {
    const content = [{ type: "text", text: "What is this?" }, { type: "image", image: PICTURE, mediaType: "image/png" }];
    assert.ok((await ask(model, { messages: [{ role: "user", content }] })).text);
  },
  async structured(model) {
    isObject((await ask(model, { output: Output.object({ schema: jsonSchema(SCHEMA) }) })).output);
  },
  async reasoning([plain, inStream]) {
    const more = { providerOptions: thinking, maxOutputTokens: 2000 };
    if (plain) assert.ok((await ask(plain, more)).reasoningText);
    assert.ok((await stream(inStream, more)).of("reasoning-delta").map((part) => part.text).join(""));
  },
  async stop_reasons([ends, capped]) {
    if (ends) assert.equal((await ask(ends)).finishReason, "stop");
    if (capped) assert.equal((await ask(capped, { maxOutputTokens: 3 })).finishReason, "length");
  },
  async error_before(model) {
    const error = await refused(APICallError, () => ask(model, { prompt: LONG }));
    assert.ok([400, 503, 529].includes(error.statusCode) && error.message);
    const stranger = PROVIDERS[DIALECT]("nope")(model);
    const key = await refused(APICallError, () => generateText({ model: stranger, prompt: "hi", maxRetries: 0 }));
    assert.equal(key.statusCode, 401);
    assert.equal((await refused(APICallError, () => ask("nope"))).statusCode, 404);
  },
  async error_within(model) {
    const found = await stream(model);
    assert.ok(found.of("text-delta").length);
    assert.ok(found.errors.length);
  },
});
