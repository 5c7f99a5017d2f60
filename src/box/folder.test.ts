import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { makeSessionFolder, removeUnused } from "./folder.ts";

test("the folder of a session that wrote nothing is removed whole, one whose layer holds anything is kept", (t) => {
  const state = mkdtempSync("/tmp/ringfence-folder-");
  t.after(() => rmSync(state, { recursive: true, force: true }));
  const { path } = makeSessionFolder(state, 0);
  // As the kernel leaves it behind, and as a mask that was written before the view could not be mounted.
  mkdirSync(join(path, "layer/work", "work"));
  chmodSync(join(path, "layer/work", "work"), 0);
  writeFileSync(join(path, "mask/.env"), "");
  writeFileSync(join(path, "layer/upper/a.txt"), "changed\n");
  assert.deepEqual([removeUnused(path), existsSync(join(path, "layer/upper/a.txt"))], [false, true]);
  rmSync(join(path, "layer/upper/a.txt"));
  assert.deepEqual([removeUnused(path), existsSync(path)], [true, false]);
});
