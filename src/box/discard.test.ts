import assert from "node:assert/strict";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { discardSession } from "./discard.ts";
import { makePlace, PROJECT, programs, sessionThat, tree, WORK } from "./land.fixture.ts";

test("discarding removes all of a layer and nothing else", async () => {
  const place = makePlace(PROJECT);
  const before = tree(place.checkout);
  const deep = `perl -e 'chdir "deep"; for (1 .. 1500) { mkdir "abcdefghij" and chdir "abcdefghij" or die "$!" }'`;
  const session = await sessionThat(
    place,
    `${WORK}\nmkdir -p shut/in; echo x >shut/in/x; ln -s ${place.checkout} shut/out; chmod 000 shut/in; chmod 000 shut; chmod -R a-w src; mkdir deep; ${deep}`,
  );
  writeFileSync(join(session.path, "ledger.log"), "kept");
  const collected = await session.collect();
  assert.ok(collected.changes.some(({ change, cls }) => cls === "outside" && change.path.startsWith("deep/")));
  assert.ok(collected.changes.some(({ change }) => change.path === "shut/in/x"));
  await discardSession(session.path, programs);
  assert.deepEqual(readdirSync(session.path).sort(), ["ledger.log", "session.json"]);
  assert.equal(tree(place.checkout), before);
});
