import assert from "node:assert/strict";
import { test } from "node:test";
import { tokensIn } from "./token-reply.ts";

test("an answer with tokens is known by the names of OAuth, as JSON and as a form, and nothing else is", () => {
  const answer = {
    access_token: "a",
    token_type: "Bearer",
    expires_in: 3600,
    refresh_token: "r",
    id_token: "i",
    scope: "s",
  };
  assert.deepEqual(tokensIn(JSON.stringify(answer)), { access: "a", others: ["r", "i"] });
  assert.deepEqual(tokensIn("access_token=a&token_type=bearer\n"), { access: "a", others: [] });
  for (const other of [
    { access_token: "a" },
    { access_token: 1, token_type: "x" },
    { choices: [answer] },
    [answer],
    {},
  ])
    assert.equal(tokensIn(JSON.stringify(other)), null);
  assert.equal(tokensIn("access_token"), null);
  assert.equal(tokensIn(""), null);
});
