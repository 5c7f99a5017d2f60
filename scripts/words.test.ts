import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

function check(files: Readonly<Record<string, string>>): string[] {
  const folder = mkdtempSync(join(tmpdir(), "ringfence-words-"));
  try {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
    const env = { ...process.env, npm_config_registry: "https://packages.example/npm/" };
    const run = spawnSync(process.execPath, [join(import.meta.dirname, "words.mjs"), folder], {
      encoding: "utf8",
      env,
    });
    const lines = run.stdout.split("\n").filter((line) => line !== "");
    assert.deepEqual({ status: run.status, stderr: run.stderr }, { status: lines.length > 0 ? 1 : 0, stderr: "" });
    return lines;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("each forbidden word is found, with its line", () => {
  const lines = check({
    "a.ts": `const a = 1;\n// ${"TO"}DO later`,
    "b.ts": `test.${"skip"}("x", () => {});`,
    "c.ts": `test.${"only"}("x", () => {});`,
    "d.ts": `const x = y ${"as"} any;\nconst z = y ${"as"} any as string;`,
    "e.ts": `// @ts-${"ignore"}`,
    "f.md": "Packages come from https://packages.example/npm/.",
    "g.md": `They come from registry.npm${"js"}.org too.`,
  });
  assert.deepEqual(lines, [
    "a.ts:2: a marker; open an issue",
    "b.ts:1: a test that does not run",
    "c.ts:1: a test that does not run",
    "d.ts:1: a cast to any",
    "d.ts:2: a cast to any",
    "e.ts:1: a silenced type error",
    "f.md:1: the host of a package registry",
    "g.md:1: the host of a package registry",
  ]);
});

test("English and other hosts are left alone", () => {
  const lines = check({
    "a.ts": '// as any other todo list, which is only(a test)\nconst a = "other-packages.example";',
    "b.md": "See https://example.org/packages.example.html and packages.example.com-like names.",
  });
  assert.deepEqual(lines, []);
});
