import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";

/** Runs the check over a src/ of the given files and returns its lines. */
function check(files: Readonly<Record<string, string>>): string[] {
  const folder = mkdtempSync(join(tmpdir(), "ringfence-imports-"));
  try {
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(join(folder, "src", dirname(name)), { recursive: true });
      writeFileSync(join(folder, "src", name), text);
    }
    const run = spawnSync(process.execPath, [join(import.meta.dirname, "imports.mjs"), folder], { encoding: "utf8" });
    const lines = run.stdout.split("\n").filter((line) => line !== "");
    assert.deepEqual({ status: run.status, stderr: run.stderr }, { status: lines.length > 0 ? 1 : 0, stderr: "" });
    return lines;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** One violation each: file, text, and the part of the message that names it. */
const REFUSED: readonly (readonly [string, string, string])[] = [
  ["core/a.ts", 'import { x } from "../box/x.ts";', "core imports box"],
  ["core/a.ts", 'import type { X } from "../agent/x.ts";', "core imports agent"],
  ["core/a.test.ts", 'import { x } from "../ledger/x.ts";', "core imports ledger"],
  ["ledger/a.ts", 'import {\n  // why\n  x,\n  y,\n} from "../box/x.ts";', "its neighbour"],
  ["box/a.ts", 'export { x } from "../egress/x.ts";', "its neighbour"],
  ["box/a.ts", 'export * from "../model/x.ts";', "its neighbour"],
  ["agent/a.ts", 'const ui = await import("../ui/tui.ts");', "agent imports ui"],
  ["agent/a.ts", "const ui = await import(`../ui/tui.ts`);", "agent imports ui"],
  ["agent/a.ts", 'type Ui = import("../ui/tui.ts").Ui;', "agent imports ui"],
  ["ui/a.ts", 'import "../main.ts";', "ui imports root"],
  ["box/a.ts", 'const at = new URL("../ui/x.worker.ts", import.meta.url);', "box imports ui"],
  ["agent/a.ts", 'const text = `${await import("../ui/x.ts")}`;', "agent imports ui"],
  ["agent/a.ts", "const name = id; await import(name);", "no literal"],
  ["core/a.ts", 'import { join } from "node:path";', "core imports node:path"],
  ["core/a.ts", 'import { z } from "yaml";', "only zod/mini"],
  ["model/a.ts", 'import { z } from "zod";', "zod/mini"],
  ["agent/a.ts", 'import { createAnthropic } from "@ai-sdk/anthropic";', "vendors stay"],
  ["agent/a.ts", 'import { readFile } from "node:fs/promises";', "node:fs/promises"],
  ["ui/a.ts", 'import fs from "node:fs";', "node:fs"],
  ["model/a.ts", 'import { readFileSync } from "node:fs";', "node:fs"],
  ["box/a.ts", 'import { readFileSync } from "fs";', "write node:fs"],
  ["box/view.ts", 'import { connect } from "node:net";', "node:net"],
  ["agent/a.ts", 'import { request } from "node:https";', "node:https"],
  ["box/oneshot.ts", 'import { connect } from "node:tls";', "node:tls"],
  ["agent/a.ts", 'import { spawn } from "node:child_process";', "node:child_process"],
  ["ui/a.ts", 'import vm from "node:vm";', "node:vm"],
  ["agent/session.ts", 'import { setFlagsFromString } from "node:v8";', "node:v8"],
  ["agent/a.ts", 'const reply = await fetch("https://example.org");', "opens a connection"],
  ["agent/a.ts", "const get = globalThis.fetch;", "opens a connection"],
  ["agent/a.ts", 'const fs = process.getBuiltinModule("fs");', "past this check"],
  ["core/a.ts", "export const now = Date.now();", "reads the clock"],
  ["core/a.ts", "export const now = new Date();", "reads the clock"],
  ["core/a.ts", "export const now = Date();", "reads the clock"],
  ["core/a.ts", "export const now = `${Date.now()}`;", "reads the clock"],
  ["core/a.ts", "export const now = performance.now();", "reads the clock"],
  ["core/a.ts", "export const id = Math.random();", "is random"],
  ["core/a.ts", "setTimeout(act, 1);", "waits"],
  ["core/a.ts", "export const home = process.env.HOME;", "touches the process"],
  ["agent/turn.ts", 'import { mint as make } from "../core/permit.ts";', "takes mint"],
  ["box/a.ts", 'import * as permit from "../core/permit.ts";', "takes *"],
  ["ui/a.ts", 'export * from "../core/permit.ts";', "takes *"],
  ["agent/gate.ts", 'import { spend } from "../core/permit.ts";', "takes spend"],
  ["ledger/file.ts", "const receipt = issueReceipt(1, hash);", "issues a receipt"],
  ["agent/turn.ts", "const permit = mint(effect, decision, receipt);", "mints a permit"],
  ["agent/turn.ts", "const effect = spend(permit);", "spends a permit"],
  ["agent/a.ts", "export default function run() {}", "default export"],
  ["agent/a.ts", "const run = 1;\nexport { run as default };", "default export"],
  ["agent/index.ts", "export const a = 1;", "no index files"],
  ["utils/a.ts", "export const a = 1;", "no such room"],
  ["cli.ts", "export const a = 1;", "no such room"],
  ["agent/a.ts", 'import { x } from "../../test/x.ts";', "outside src"],
  ["agent/a.ts", 'import { x } from "./x.fixture.ts";', "for tests"],
];

/** One run of the check for as many cases as there are files of different names, since a process for each would take long. */
function checkAll(cases: typeof REFUSED): Map<(typeof REFUSED)[number], string[]> {
  const found = new Map<(typeof REFUSED)[number], string[]>();
  for (let left = [...cases]; left.length > 0; ) {
    const files = new Map(left.map((one) => [one[0], one] as const));
    const lines = check(Object.fromEntries([...files.values()].map(([file, text]) => [file, text])));
    for (const one of files.values())
      found.set(
        one,
        lines.filter((line) => line.startsWith(`src/${one[0]}:`)),
      );
    assert.equal(
      [...files.values()].reduce((sum, one) => sum + (found.get(one)?.length ?? 0), 0),
      lines.length,
    );
    left = left.filter((one) => !found.has(one));
  }
  return found;
}

const found = checkAll(REFUSED);
for (const [one, lines] of found) {
  const [file, text, expected] = one;
  test(`refuses in ${file}: ${text.replaceAll("\n", " ")}`, () => {
    assert.ok(
      lines.some((line) => line.includes(expected)),
      lines.join("\n"),
    );
  });
}

test("lets each room do what is its own", () => {
  const lines = check({
    "core/permit.ts": "export function issueReceipt() {}\nexport function mint() {}\nexport function spend() {}",
    "core/label.ts":
      'import { z } from "zod/mini";\nexport const at = new Date(0);\nexport const process = { now: 1 };',
    "ledger/append.ts":
      'import { open } from "node:fs/promises";\nimport { issueReceipt } from "../core/permit.ts";\nissueReceipt();',
    "agent/gate.ts": 'import { mint } from "../core/permit.ts";\nimport { run } from "../box/run.ts";\nmint(run);',
    "agent/config.ts": 'import { readFileSync } from "node:fs";',
    "box/run.ts": 'import { spawn } from "node:child_process";\nimport { spend } from "../core/permit.ts";\nspend();',
    "box/oneshot-pipes.ts": 'import { Socket } from "node:net";',
    "egress/proxy.ts": 'import { connect } from "node:net";',
    "model/open.ts": 'const vendor = await import("@ai-sdk/anthropic");\nconst reply = await fetch(url);',
    "model/scripted.ts": 'import { readFileSync } from "node:fs";',
    "model/open.test.ts": 'import { createServer } from "node:http";\nimport { writeFileSync } from "node:fs";',
    "agent/turn.ts": "const reply = await model.fetch(request);\nbudget.spend(1);",
    "ui/cli.ts":
      'import { createInterface } from "node:readline";\nexport const open = async () => await import("./tui.ts");',
    "main.ts": 'import { cli } from "./ui/cli.ts";\nimport { run } from "./box/run.ts";',
  });
  assert.deepEqual(lines, []);
});

test("reads code, not comments, strings, templates or regular expressions", () => {
  const lines = check({
    "core/a.ts": [
      '// import { x } from "../box/x.ts"; Date.now()',
      "/* process.env\n   Math.random() */",
      "export const text = 'Date.now() import \"../box/x.ts\"';",
      "export const long = `setTimeout( ${text.replace(/[`'\"/]/g, '')} fetch(\"x\") `;",
      "export const half = text.length / 2 + (1) / 2; export const mark = '/ Date.now() /';",
      "export const quote = /['\"`]/; export const url = 'https://example.org'; // process.exit()",
    ].join("\n"),
  });
  assert.deepEqual(lines, []);
});

test("names the line of a violation", () => {
  const lines = check({ "core/a.ts": 'export const a = 1;\n\nimport {\n  x,\n} from "../box/x.ts";' });
  assert.deepEqual(lines, ["src/core/a.ts:3: core imports box (../box/x.ts), which is above it"]);
});
