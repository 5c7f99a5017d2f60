import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { ringfence, sh } from "./program.ts";
import { open } from "./screen.ts";
import { INSTRUCTIONS, listed, makeRepository, sha256, states } from "./trusting.ts";

/** Longer than it takes until a line counts as an answer to what stands on the screen. */
const READ_MS = 400;

test("at a terminal each file is shown and asked about, and only a yes that came after approves", async (t) => {
  const place = makeRepository(t);
  const no = open(t, place, ["trust", "AGENTS.md"]);
  await no.see("anything else does not");
  no.type("yes\r");
  assert.equal(await no.status, 22, "it was begun before this could be read");
  const screen = open(t, place, ["trust", ".mcp.json", "AGENTS.md"]);
  for (const path of [".mcp.json", "AGENTS.md"]) {
    await screen.see(`${path} (`);
    await screen.see("anything else does not");
    await sleep(READ_MS);
    screen.type("yes\r");
    await screen.see(`approved      ${path}`);
  }
  assert.equal(await screen.status, 0);
  const found = states(await listed(place));
  assert.deepEqual(
    [found[".mcp.json"], found["AGENTS.md"], found[".vscode/tasks.json"]],
    ["approved", "approved", "not approved"],
  );
});

test("what was approved counts for one checkout and one remote: who names the remote of an approved one inherits nothing", async (t) => {
  const place = makeRepository(t);
  const head = sh(place, "git rev-parse HEAD").trim();
  for (const words of [["commit", head], ["public"], [`AGENTS.md=${sha256(INSTRUCTIONS)}`]])
    assert.equal((await ringfence(place, ["trust", ...words])).status, 0);
  sh(place, "cp -a . ../other");
  const other = { ...place, checkout: join(place.root, "other") };
  const [there, here] = [await listed(other), await listed(place)];
  assert.deepEqual([here.openness, here.commit.approved, states(here)["AGENTS.md"]], ["public", true, "approved"]);
  assert.deepEqual(
    [there.openness, there.commit.approved, states(there)["AGENTS.md"]],
    ["private", false, "not approved"],
  );
  sh(place, "git remote set-url origin https://example.com/mallory/thing.git");
  const moved = await listed(place);
  assert.deepEqual(
    [moved.openness, moved.commit.approved, states(moved)["AGENTS.md"]],
    ["private", false, "not approved"],
  );
  assert.equal(moved.void, "https://example.com/ada/thing.git");
});
