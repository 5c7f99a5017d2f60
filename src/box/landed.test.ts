import assert from "node:assert/strict";
import { mkdtempSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { readLanded, writeLanded } from "./landed.ts";

test("what was landed is read back, and nothing where nothing was", () => {
  const folder = mkdtempSync(join("/tmp", "ringfence-landed-"));
  assert.deepEqual(readLanded(folder), { contents: new Map(), folders: new Map() });
  const landed = { contents: new Map([["a\udcff", "0f"]]), folders: new Map([["", "123"]]) };
  writeLanded(folder, landed);
  assert.deepEqual(readLanded(folder), landed);
  assert.deepEqual(readdirSync(folder), ["landed.json"]);
});
