import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { searchProgram } from "../box/commands.ts";
import { COMMAND_BYTES_MAX } from "../box/oneshot.ts";
import type { Effect } from "../core/effect.ts";
import { openModel } from "../model/open.ts";
import { vllm } from "../model/protocols.fixture.ts";
import { collect, serve, sse } from "../model/wire.fixture.ts";
import { systemPrompt } from "./prompt.ts";
import { parseCall, TOOL_NAMES, TOOL_SPECS } from "./tools.ts";

const REQUEST_BYTES_MAX = 6000;

function effectOf(name: string, input: unknown): Effect {
  const parsed = parseCall(name, JSON.stringify(input));
  if (!parsed.ok) throw new Error(parsed.message);
  return parsed.effect;
}

function refusalOf(name: string, input: unknown): string {
  const parsed = parseCall(name, typeof input === "string" ? input : JSON.stringify(input));
  if (parsed.ok) throw new Error(`${name} took ${JSON.stringify(parsed.effect)}`);
  return parsed.message;
}

test("the tools are those that models already know, and a reader to ask", () => {
  assert.deepEqual(TOOL_NAMES, [
    "read",
    "write",
    "edit",
    "search",
    "list",
    "run",
    "fetch",
    "ask",
    "delegate",
    "output",
    "kill",
  ]);
});

const MEANT: readonly (readonly [name: string, input: unknown, effect: Effect])[] = [
  ["read", { path: "a" }, { kind: "read", path: "a", offset: 1, limit: 2000 }],
  ["read", { path: "a", offset: 5, limit: 7 }, { kind: "read", path: "a", offset: 5, limit: 7 }],
  ["write", { path: "a", content: "x\0y" }, { kind: "write", path: "a", content: "x\0y" }],
  ["write", { path: "a", content: "" }, { kind: "write", path: "a", content: "" }],
  [
    "edit",
    { path: "a", old_string: "b", new_string: "" },
    { kind: "edit", path: "a", oldString: "b", newString: "", replaceAll: false },
  ],
  [
    "edit",
    { path: "a", old_string: "b", new_string: "c", replace_all: true },
    { kind: "edit", path: "a", oldString: "b", newString: "c", replaceAll: true },
  ],
  ["search", { pattern: "x" }, { kind: "search", pattern: "x", path: "", glob: null }],
  ["search", { pattern: "x", path: "src", glob: "*.ts" }, { kind: "search", pattern: "x", path: "src", glob: "*.ts" }],
  ["list", {}, { kind: "list", path: "", glob: null }],
  ["list", { path: "src", glob: "**" }, { kind: "list", path: "src", glob: "**" }],
  ["run", { command: "ls" }, { kind: "run", command: "ls", timeoutMs: 120_000, background: false, profile: "net" }],
  [
    "run",
    { command: "ls", timeout_ms: 3_600_000, background: true },
    { kind: "run", command: "ls", timeoutMs: 3_600_000, background: true, profile: "net" },
  ],
  [
    "ask",
    { about: "https://a.example/", question: "b?", answer: "c|d" },
    { kind: "ask", about: "https://a.example/", question: "b?", answer: "c|d" },
  ],
  ["output", { id: "bg1" }, { kind: "output", id: "bg1" }],
  ["kill", { id: "bg1" }, { kind: "kill", id: "bg1" }],
];
for (const [name, input, effect] of MEANT) {
  test(`${name} ${JSON.stringify(input)} means one effect`, () => {
    assert.deepEqual(effectOf(name, input), effect);
  });
}

for (const { name, schema } of TOOL_SPECS) {
  const { properties, required } = schema as unknown as {
    properties: Record<string, { type: "string" | "integer" | "boolean"; description: string }>;
    required: string[];
  };
  const sample = { string: "x", integer: 3, boolean: true };
  const full = Object.fromEntries(Object.entries(properties).map(([key, { type }]) => [key, sample[type]]));

  test(`${name}: what the schema asks for is taken, alone and with all that it offers`, () => {
    const least = Object.fromEntries(required.map((key) => [key, full[key]]));
    assert.deepEqual([effectOf(name, least).kind, effectOf(name, full).kind], [name, name]);
  });

  test(`${name}: a missing argument is named, and the message says what to send`, () => {
    for (const key of required) {
      const { [key]: _left, ...rest } = full;
      const message = refusalOf(name, rest);
      assert.ok(message.startsWith(`${name}: "${key}" is missing; send ${name} {`), message);
    }
  });

  test(`${name}: an argument of another type is refused and named`, () => {
    const wrong = {
      string: [3, true, null, {}, ["x"]],
      integer: ["3", 1.5, -1, 0, 1e300, null, [3]],
      boolean: ["true", 1, null],
    };
    for (const [key, { type }] of Object.entries(properties)) {
      for (const value of wrong[type]) {
        const message = refusalOf(name, { ...full, [key]: value });
        assert.ok(message.startsWith(`${name}: "${key}" must be `), message);
      }
    }
  });

  test(`${name}: an unknown argument is refused, also one that every object has`, () => {
    assert.match(refusalOf(name, { ...full, extra: 1 }), /unknown argument "extra"; send/);
    const input = JSON.stringify(full).slice(0, -1);
    for (const key of ["__proto__", "constructor", "toString", "hasOwnProperty"]) {
      const message = refusalOf(name, `${input}${input === "{" ? "" : ","}"${key}":"x"}`);
      assert.ok(message.includes(`unknown argument "${key}"`), message);
    }
    assert.equal(schema.additionalProperties, false);
  });

  test(`${name}: arguments that are no JSON object are refused, and the message says what to send`, () => {
    for (const input of [
      "",
      "null",
      "[]",
      '"x"',
      "3",
      "{",
      '{"path": "a"',
      "{'path':'a'}",
      "path=a",
      '{"path":"a"}}',
      "\u0000",
    ]) {
      assert.match(refusalOf(name, input), /are not a JSON object; send /);
    }
  });

  test(`${name}: deep nesting is refused before it is parsed`, () => {
    for (const open of ["[", '{"a":']) assert.match(refusalOf(name, open.repeat(500_000)), /nested too deeply/);
  });

  test(`${name}: 10 MB of arguments are refused before they are parsed, and little of them is kept`, () => {
    const parsed = parseCall(name, JSON.stringify({ ...full, content: "x".repeat(10 << 20) }));
    assert.ok(!parsed.ok);
    assert.match(parsed.message, /the arguments have \d+ characters, \d+ are allowed/);
    assert.ok(JSON.stringify(parsed).length < 3000);
  });

  test(`${name}: a NUL is refused where it would cut a name or a command`, () => {
    for (const key of Object.keys(properties)) {
      if (properties[key]?.type !== "string" || key === "content" || key.endsWith("_string")) continue;
      assert.equal(refusalOf(name, { ...full, [key]: "a\0b" }), `${name}: "${key}" holds a NUL character`);
    }
  });
}

test("a path, glob, pattern or id too long for a command is refused, and the longest of all together fit one", () => {
  const longest = { path: "'".repeat(4096), glob: "'".repeat(1000), pattern: "\u20ac".repeat(8000) };
  const effect = effectOf("search", longest);
  assert.ok(effect.kind === "search" && Buffer.byteLength(searchProgram(effect)) <= COMMAND_BYTES_MAX);
  for (const [key, value] of Object.entries(longest)) {
    assert.match(
      refusalOf("search", { ...longest, [key]: `${value}x` }),
      / must be a string of at most \d+ characters$/,
    );
  }
});

test("an unknown tool is refused, also one that every object has, and the message lists those that exist", () => {
  for (const name of [
    "bash",
    "",
    "__proto__",
    "constructor",
    "toString",
    "hasOwnProperty",
    "valueOf",
    "Read",
    "read ",
  ]) {
    assert.equal(refusalOf(name, {}), `no tool "${name}"; there are ${TOOL_NAMES.join(", ")}`);
  }
  assert.ok(refusalOf("x".repeat(1 << 20), {}).length < 300);
});

test("whatever a model writes as arguments, parsing answers and never throws", () => {
  const anything = fc.oneof(fc.string({ unit: "binary" }), fc.json(), fc.json({ maxDepth: 12 }));
  fc.assert(
    fc.property(fc.oneof(fc.constantFrom(...TOOL_NAMES), fc.string()), anything, (name, input) => {
      const parsed = parseCall(name, input);
      return parsed.ok ? parsed.effect.kind === name : parsed.message !== "";
    }),
    { numRuns: 2000 },
  );
});

test("brackets inside strings do not count as nesting", () => {
  const content = '[[[[[[[[[[[[\\"{{{{{{{{{{"';
  assert.deepEqual(effectOf("write", { path: "a", content }), { kind: "write", path: "a", content });
});

test("system prompt, tool schemas and a first message are one request of at most 6,000 bytes", async (t) => {
  const server = await serve(t, sse(...vllm.events({ text: "ok" })));
  const model = await openModel("openai-compatible/some-model-with-a-long-name", {
    env: { OPENAI_COMPATIBLE_BASE_URL: server.url },
    providers: {},
  });
  const checkout = "/home/somebody/projects/some-repository-with-a-long-name";
  await collect(model, {
    system: systemPrompt({ checkout, below: "é".repeat(190), date: "2026-01-01", branch: null }),
    tools: TOOL_SPECS,
    messages: [
      { role: "user", text: "One test of this project fails. Find the bug, fix it, run the tests, and commit." },
    ],
    outputTokensMax: 16_384,
    cacheKey: "20260101-000000-00000000",
  });
  const body = server.seen[0]?.body ?? "";
  assert.ok(body.includes(checkout) && body.includes("replace_all"));
  assert.ok(Buffer.byteLength(body) <= REQUEST_BYTES_MAX, `${Buffer.byteLength(body)} bytes`);
});
