// Gemini's API through the SDK `@google/genai`.
import { ApiError, GoogleGenAI } from "@google/genai";
import { assert, collected, isObject, KEY, LONG, PICTURE, PLACE, QUESTION, refused, run, sameNames, SCHEMA, TOOLS, URL_ } from "./running.mjs";

const made = (apiKey) => new GoogleGenAI({ apiKey, httpOptions: { baseUrl: URL_, timeout: 60_000 } });
const client = made(KEY);
const declared = Object.entries(TOOLS).map(([name, description]) => ({ name, description, parametersJsonSchema: PLACE }));
const tools = { tools: [{ functionDeclarations: declared }] };
const asked = (model, config = {}, contents = QUESTION) => ({ model, contents, config: { maxOutputTokens: 200, ...config } });
const ask = (...more) => client.models.generateContent(asked(...more));
const stream = (...more) => collected(client.models.generateContentStream(asked(...more)));
const partsOf = (chunks) => chunks.flatMap((c) => c.candidates?.[0]?.content?.parts ?? []);
const answered = (first) => [
  { role: "user", parts: [{ text: QUESTION }] },
  first.candidates[0].content,
  {
    role: "user",
    parts: first.functionCalls.map(({ id, name }) => ({ functionResponse: { id, name, response: { result: "sunny" } } })),
  },
];

await run({
  async plain(model) {
    const reply = await ask(model);
    assert.ok(reply.text && reply.usageMetadata.totalTokenCount > 0);
    assert.equal(reply.modelVersion, model);
  },
  async streamed(model) {
    const chunks = await stream(model);
    assert.ok(chunks.map((c) => c.text ?? "").join(""));
    assert.ok(["STOP", "MAX_TOKENS"].includes(chunks.at(-1).candidates[0].finishReason));
    assert.ok(chunks.at(-1).usageMetadata.totalTokenCount > 0);
  },
  async tools(model) {
    const first = await ask(model, tools);
    const [call] = first.functionCalls;
    isObject(call.args);
    assert.ok((await ask(model, tools, answered(first))).text);
    const [again] = partsOf(await stream(model, tools)).filter((part) => part.functionCall);
    sameNames(again.functionCall.args, call.args);
  },
  async parallel_tools([plain, inStream]) {
    if (inStream) assert.ok(partsOf(await stream(inStream, tools)).filter((part) => part.functionCall).length >= 2);
    if (!plain) return;
    const first = await ask(plain, tools);
    assert.ok(first.functionCalls.length >= 2);
    assert.ok((await ask(plain, tools, answered(first))).text);
  },
  async image(model) {
    const picture = { inlineData: { data: PICTURE, mimeType: "image/png" } };
    assert.ok((await ask(model, {}, [{ role: "user", parts: [picture, { text: "What is this?" }] }])).text);
  },
  async structured(model) {
    isObject(JSON.parse((await ask(model, { responseMimeType: "application/json", responseJsonSchema: SCHEMA })).text));
  },
  async reasoning([plain, inStream]) {
    const thinking = { thinkingConfig: { includeThoughts: true }, maxOutputTokens: 2000 };
    const answers = [partsOf(await stream(inStream, thinking))];
    if (plain) answers.push(partsOf([await ask(plain, thinking)]));
    for (const parts of answers) {
      assert.ok(parts.filter((part) => part.thought).map((part) => part.text).join(""));
      assert.ok(parts.some((part) => !part.thought && (part.text || part.functionCall)));
    }
  },
  async stop_reasons([ends, capped]) {
    if (ends) assert.equal((await ask(ends)).candidates[0].finishReason, "STOP");
    if (capped) assert.equal((await ask(capped, { maxOutputTokens: 3 })).candidates[0].finishReason, "MAX_TOKENS");
  },
  async error_before(model) {
    const error = await refused(ApiError, () => stream(model, {}, LONG));
    assert.ok([400, 503].includes(error.status) && error.message);
    assert.equal((await refused(ApiError, () => made("nope").models.generateContent(asked(model)))).status, 401);
    assert.equal((await refused(ApiError, () => ask("nope"))).status, 404);
  },
  async error_within(model) {
    let said = "";
    await refused(ApiError, async () => {
      for await (const chunk of await client.models.generateContentStream(asked(model))) said += chunk.text ?? "";
    });
    assert.ok(said);
  },
  async count_tokens(model) {
    assert.ok((await client.models.countTokens({ model, contents: QUESTION })).totalTokens > 0);
  },
  async list_models(model) {
    const listed = await collected(client.models.list({ config: { pageSize: 5 } }));
    assert.ok(listed.some((m) => m.name === "models/" + model));
    assert.equal((await client.models.get({ model })).name, "models/" + model);
  },
});
