import assert from "node:assert/strict";
import { test } from "node:test";
import { migrated, SCHEMA, schemaOf } from "./schema.ts";

/** As logs without a schema named the policy of no rules. */
const NONE = "9224cb9c5c4b3542d8c5e95a629fb84248af29010d1d20735b84f68f51784763";

test("a log's first event names its schema, and one that names none is of the first", () => {
  assert.equal(schemaOf({ type: "start", schema: SCHEMA }), SCHEMA);
  assert.equal(schemaOf({ type: "start" }), 0);
  assert.equal(schemaOf({ type: "end", schema: 7 }), 0);
});

test("what no program could have written as a schema is none", () => {
  for (const schema of ["1", -1, 0.5, null, [], 2 ** 60]) assert.equal(schemaOf({ type: "start", schema }), null);
});

test("an event of the newest schema stays as it is", () => {
  const event = { type: "start", schema: SCHEMA, policy: NONE };
  assert.equal(migrated(event, SCHEMA), event);
});

test("of a log without a schema, a policy of no rules is known whole, and another by its digest alone", () => {
  assert.deepEqual(migrated({ type: "start", session: "s", policy: NONE }, 0), {
    type: "start",
    session: "s",
    policy: NONE,
    schema: 0,
    build: "unknown",
    rules: [],
  });
  assert.deepEqual(migrated({ type: "policy", policy: NONE }, 0), { type: "policy", policy: NONE, rules: [] });
  assert.deepEqual(migrated({ type: "policy", policy: "f00" }, 0), { type: "policy", policy: "f00" });
  const prompt = { type: "prompt", text: "t" };
  assert.equal(migrated(prompt, 0), prompt);
});
