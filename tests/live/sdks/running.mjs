// Runs the scenarios of one dialect, as running.py does: `node DIALECT.mjs URL KEY VERSION`, with the cells on stdin.
import assert from "node:assert/strict";
import { text } from "node:stream/consumers";

export { assert };
export const [, , URL_, KEY, VERSION] = process.argv;
export const QUESTION = "Say héllo to the 世界 🙂 in a few words of your own";
export const LONG = "word ".repeat(6000);
export const SCHEMA = {
  type: "object",
  properties: { city: { type: "string" }, degrees: { type: "integer" } },
  required: ["city", "degrees"],
  additionalProperties: false,
};
export const PLACE = { type: "object", properties: { location: { type: "string" } }, required: ["location"] };
export const TOOLS = { weather: "The weather at a place", clock: "The time at a place" };
export const PICTURE =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

export const isObject = (value) => assert.ok(value !== null && typeof value === "object");

/** Two calls of a tool name the same arguments; their values may have been recorded on two days. */
export const sameNames = (one, other) => assert.deepEqual(Object.keys(one), Object.keys(other));

export async function collected(stream) {
  const found = [];
  for await (const piece of await stream) found.push(piece);
  return found;
}

/** The error that a call must throw. */
export async function refused(kind, call) {
  try {
    await call();
  } catch (error) {
    assert.ok(error instanceof kind, `${error?.name} ${error?.message} is no ${kind.name}`);
    return error;
  }
  throw new assert.AssertionError({ message: `nothing was refused; expected ${kind.name}` });
}

export async function run(scenarios) {
  const cells = JSON.parse(await text(process.stdin));
  for (const row of Object.values(cells)) {
    for (const [name, model] of Object.entries(row)) {
      try {
        if (!scenarios[name]) throw new Error("there is no such scenario");
        await scenarios[name](model);
        row[name] = "ok";
      } catch (error) {
        const line = String(error.stack).match(/_scenarios\.mjs:\d+/)?.[0];
        row[name] = `${error.name} at ${line}: ${String(error.message).slice(0, 300)}`;
      }
    }
  }
  console.log(JSON.stringify({ version: VERSION, cells }));
}
