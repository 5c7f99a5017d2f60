import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { readDetectModel } from "../../src/agent/config-inspect.ts";
import { SECRET_RULES } from "../../src/core/redact-rules.ts";
import { codes, fences, ROOT, readDocument } from "./document.ts";
import { makeThrowaway } from "./throwaway.ts";

const PAGE = readDocument("docs/INSPECTION.md");

test("the hook of the page stops a commit that adds a secret, and lets another pass", (t) => {
  const place = makeThrowaway({ "a.txt": "one\n" });
  t.after(() => place.remove());
  const bin = join(place.root, "bin");
  mkdirSync(bin);
  const program = `#!/bin/sh\nexec '${process.execPath}' '${join(ROOT, "bin/ringfence.js")}' "$@"\n`;
  writeFileSync(join(bin, "ringfence"), program, { mode: 0o755 });
  const recipe = fences(PAGE, "sh").find((block) => block.includes("pre-commit")) ?? "no recipe";
  const commit = (text: string) => {
    const env = { PATH: `${bin}:${process.env.PATH}`, HOME: place.root, LANG: "C.UTF-8" };
    const script = `${recipe}\nprintf '%s\\n' '${text}' >a.txt && git add a.txt && git -c user.name=A -c user.email=a@localhost commit -qm x`;
    return spawnSync("/bin/sh", ["-c", script], { cwd: place.checkout, env, encoding: "utf8", timeout: 60_000 });
  };
  const stopped = commit(`token gh${"p_"}${"a1B2c3D4e5F6".repeat(3)}`);
  assert.equal(stopped.status, 1);
  assert.match(stopped.stderr, /^a\.txt:1:7: warning: a secret \(github-token\) \[secret\]$/m);
  assert.equal(commit("two").status, 0);
});

test("the channels of the page are those that the weights know, and its number of formats is about right", () => {
  const [, section = ""] = PAGE.split("`channel` is what kind of text it is.");
  const named = codes(section.split("the score is set")[0] ?? "");
  assert.deepEqual(named.sort(), Object.keys(readDetectModel().offsets).sort());
  assert.ok(Math.abs(SECRET_RULES.length - 40) <= 3);
});
