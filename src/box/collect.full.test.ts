import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { test } from "node:test";
import { makePlace, sessionThat } from "./land.fixture.ts";

test("a checkout whose links cannot all be looked at is told, and leaves no copies behind", async () => {
  const place = makePlace(
    `echo links >.gitignore; echo a >a.ts; mkdir links; perl -e 'symlink "x", "links/$_" for 1 .. 50_001'`,
  );
  const session = await sessionThat(place, "echo b >>a.ts");
  await assert.rejects(session.collect(), /more than 50000 symbolic links/);
  assert.deepEqual(
    readdirSync(session.path).filter((name) => name.startsWith("stage-")),
    [],
  );
});
