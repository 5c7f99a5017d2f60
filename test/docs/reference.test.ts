import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { parse } from "yaml";
import { parseConfig } from "../../src/agent/config.ts";
import { TOOL_SPECS } from "../../src/agent/tools.ts";
import { codes, documents, fences, ROOT, readDocument, table } from "./document.ts";
import { makeThrowaway } from "./throwaway.ts";

type Line = Readonly<Record<string, unknown>>;

test("the scripted example plays through the program, and every field it prints is described", (t) => {
  const place = makeThrowaway({ "README.md": "x\n" });
  t.after(() => place.remove());
  const [example = ""] = fences(readDocument("docs/scripted-model.md"), "json");
  const script = join(place.root, "play.json");
  writeFileSync(script, example);
  const done = place.ringfence("run", "x", "--model", `scripted:${script}`, "--output-format", "stream-json");
  assert.equal(done.status, 0, done.stderr);
  const lines = done.stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Line);
  assert.deepEqual(
    lines.map(({ type }) => type),
    ["system", "assistant", "user", "user", "assistant", "user", "assistant", "result"],
  );
  const result = lines.at(-1) ?? {};
  const { session_id, duration_ms, patch, held, tools, ...fixed } = result;
  assert.deepEqual(
    (held as Line[]).map(({ path, class: cls }) => [path, cls]),
    [["src/new.js", "source"]],
  );
  const counts = (tools as Line[]).map(({ tool, calls, output_bytes: bytes }) => [tool, calls, Number(bytes) > 0]);
  assert.deepEqual(
    counts.sort(),
    ["read", "run", "write"].map((tool) => [tool, 1, true]),
  );
  assert.ok(existsSync(String(patch)));
  assert.deepEqual(fixed, {
    type: "result",
    subtype: "success",
    is_error: false,
    reason: "done",
    result: "Done.",
    num_turns: 3,
    total_cost_usd: 0,
    usage: { input_tokens: 9, cache_read_input_tokens: 0, output_tokens: 4 },
    agents: [],
    hosts: [],
    landed: [],
    commits: [],
    branch: null,
    exit_code: 0,
  });
  const formats = readDocument("docs/output-formats.md");
  const described = table(formats, "field", "type", "meaning").map(([field = ""]) => codes(field)[0]);
  assert.deepEqual(described, Object.keys(result));
  for (const line of lines.slice(0, -1)) {
    const name = String(line.type);
    const row = table(formats, "event", "further fields").find(
      ([event = ""]) => codes(event)[0] === name && (name !== "system" || codes(event)[1] === line.subtype),
    );
    const named = ["type", "subtype", "session_id", ...codes(row?.[1] ?? "")];
    for (const field of Object.keys(line)) assert.ok(named.includes(field), `${name}: ${field} is not described`);
  }
  const diff = JSON.parse(place.ringfence("diff", "--json").stdout) as { changes: Line[] };
  const [, section = ""] = formats.split("## `ringfence diff --json`");
  for (const field of [...Object.keys(diff), ...Object.keys(diff.changes[0] ?? {})])
    assert.ok(codes(section).includes(field), `diff --json: ${field} is not described`);
  const [session] = JSON.parse(place.ringfence("sessions", "--json").stdout) as Line[];
  const [, about = ""] = formats.split("## `ringfence sessions --json`");
  for (const field of Object.keys(session ?? {}))
    assert.ok(codes(about).includes(field), `sessions --json: ${field} is not described`);
});

test("the table of tools is what models are told", () => {
  const stated = table(readDocument("docs/scripted-model.md"), "tool").map(([tool = "", fields = ""]) => [
    codes(tool)[0],
    codes(fields),
  ]);
  const told = TOOL_SPECS.map(({ name, schema }) => {
    const { properties, required } = schema as unknown as { properties: object; required: readonly string[] };
    return [name, Object.keys(properties).map((field) => (required.includes(field) ? field : `${field}?`))];
  });
  assert.deepEqual(stated, told);
});

test("the example configuration is valid and shows every key that is described", () => {
  const text = readDocument("docs/configuration.md");
  const [example = ""] = fences(text, "yaml");
  const config = parseConfig(parse(example));
  assert.deepEqual(config.limits, { memoryMb: 4096, diskMb: 4096, processes: 1024 });
  assert.deepEqual(config.gc, parseConfig({}).gc);
  const shown = [...example.matchAll(/^ *(\w+):/gm)].map(([, key]) => key);
  const described = table(text, "key", "meaning").map(([key = ""]) => codes(key)[0]?.split(".").at(-1));
  for (const key of described) assert.ok(shown.includes(key), `${key} is not in the example`);
});

test("every link of a document leads to a file and a heading", () => {
  for (const path of documents()) {
    const text = readDocument(path).replace(/^```[\s\S]*?^```$/gm, "");
    for (const [, target = ""] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^https?:/.test(target)) continue;
      const [file = "", anchor] = target.split("#");
      const found = file === "" ? path : join(dirname(path), file);
      assert.ok(existsSync(join(ROOT, found)), `${path}: ${target}`);
      if (anchor !== undefined) assert.ok(anchors(found).includes(anchor), `${path}: no heading for ${target}`);
    }
  }
});

test("the command of the architecture page counts the trusted part", () => {
  const [command = ""] = fences(readDocument("docs/ARCHITECTURE.md"), "sh");
  const lines = Number(execFileSync("/bin/sh", ["-c", command], { cwd: ROOT, encoding: "utf8" }));
  assert.ok(lines > 1000 && lines < 40_000, String(lines));
});

test("every room of src is on the architecture page, and every promise on the security page", () => {
  const rooms = table(readDocument("docs/ARCHITECTURE.md"), "folder").flatMap(([folder = ""]) => codes(folder));
  for (const room of rooms) assert.ok(existsSync(join(ROOT, room)), room);
  const promises = table(readDocument("SECURITY.md"), "", "promise").map(([number, , state = ""]) => [
    number,
    /^(?:kept|partly|not yet)\b/.test(state),
  ]);
  assert.deepEqual(
    promises,
    Array.from({ length: 11 }, (_, index) => [`P${index + 1}`, true]),
  );
});

function anchors(path: string): string[] {
  return [...readDocument(path).matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replace(/[^\w\s-]/g, "")
      .replaceAll(" ", "-"),
  );
}
