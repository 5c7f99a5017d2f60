import assert from "node:assert/strict";
import { test } from "node:test";
import { call, makePlace, ordinary, readPlayed, ringfence, runArguments, script } from "./program.ts";

const PLANT =
  "echo one >a; echo 'a diff=x' >.gitattributes; git init -q -b main .; git add -A; git commit -qm a; git config diff.x.textconv 'touch harm && cat'";

test("a session binds each command to what it is seen to need, and records that with the decision", async (t) => {
  const place = makePlace(t, PLANT, { user: ordinary() });
  const commands = ["cat a", "echo two >>a; ls", "git diff", "ls; cat a", "git diff", "ls; node -e 0"];
  const model = script(place, [...commands.map((command) => call("run", { command })), { text: "ok" }]);
  const { results } = readPlayed(await ringfence(place, runArguments(model)));
  assert.deepEqual([results[0]?.text, results[1]?.text, results[3]?.text], ["one", "a", "a\none\ntwo"]);
  assert.match(results[2]?.text ?? "", /Read-only file system[\s\S]*given again as it is, it is not bound so\)$/);
  assert.equal(results[5]?.text, "a\nharm");
  const { stdout } = await ringfence(place, ["log", "show"]);
  assert.deepEqual(
    [...stdout.matchAll(/"kind":"run"[^}]*"profile":"([a-z-]+)"/g)].map(([, profile]) => profile).slice(-6),
    ["read-only", "build", "read-only", "read-only", "net", "net"],
  );
});
