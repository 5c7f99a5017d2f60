import assert from "node:assert/strict";
import { mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { openModel } from "./open.ts";
import { UnusableModel } from "./port.ts";
import { answered, collect, request, USER } from "./wire.fixture.ts";

async function fileOf(t: TestContext, text: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "scripted-"));
  t.after(() => rm(folder, { recursive: true }));
  const file = join(folder, "script.json");
  await writeFile(file, text);
  return file;
}

const open = (file: string) => openModel(`scripted:${file}`, { env: {}, providers: {} });

test("a script is played turn by turn, and then there is nothing more to say", async (t) => {
  const turns = [
    {
      text: "I look.",
      calls: [
        { tool: "run", input: { command: "ls" } },
        { tool: "run", input: '{"bro' },
      ],
      usage: { input: 9, output: 4 },
    },
    { calls: [{ tool: "finish" }] },
    {},
  ];
  const model = await open(await fileOf(t, JSON.stringify({ turns })));
  const first = await collect(model, request(USER));
  assert.deepEqual(first, [
    { type: "text", text: "I look." },
    {
      type: "done",
      parts: [
        { kind: "text", text: "I look." },
        { kind: "call", id: "call_1", name: "run", input: '{"command":"ls"}' },
        { kind: "call", id: "call_2", name: "run", input: '{"bro' },
      ],
      stop: "calls",
      usage: { input: 9, cachedInput: 0, output: 4, usd: 0 },
    },
  ]);
  const history = answered([USER], first);
  const usage = { input: 0, cachedInput: 0, output: 0, usd: 0 };
  const parts = [{ kind: "call", id: "call_3", name: "finish", input: "{}" }];
  assert.deepEqual(await collect(model, request(...history)), [{ type: "done", parts, stop: "calls", usage }]);
  for (const _ of ["the empty turn", "after the last"]) {
    assert.deepEqual(await collect(model, request(...history)), [{ type: "done", parts: [], stop: "stop", usage }]);
  }
});

test("a malformed script says what is wrong with it", async (t) => {
  const wrongs: readonly [text: string, problem: RegExp][] = [
    ["{", /is not JSON: /],
    ["[]", /has no "turns" list/],
    ['{"turns": {}}', /has no "turns" list/],
    ['{"turns": ["hi"]}', /turns\[0\] is not an object/],
    ['{"turns": [{}, {"text": 1}]}', /turns\[1\]\.text is not a string/],
    ['{"turns": [{"calls": {}}]}', /turns\[0\]\.calls is not a list/],
    ['{"turns": [{"calls": [{}]}]}', /turns\[0\]\.calls\[0\]\.tool is not a string/],
    [
      '{"turns": [{"calls": [{"tool": "run", "input": 1}]}]}',
      /turns\[0\]\.calls\[0\]\.input is not an object or string/,
    ],
    ['{"turns": [{"usage": {"input": -1}}]}', /turns\[0\]\.usage\.input is not a count/],
  ];
  for (const [text, problem] of wrongs)
    await assert.rejects(open(await fileOf(t, text)), { constructor: UnusableModel, message: problem });
});

test("a script that is missing, no file or over 64 MB is refused", async (t) => {
  const file = await fileOf(t, "");
  await assert.rejects(open(`${file}.no`), { message: /cannot be opened \(ENOENT\)/ });
  await assert.rejects(open(join(file, "..")), { message: /is not a file/ });
  await truncate(file, 64 * 1024 * 1024 + 1);
  await assert.rejects(open(file), { message: /is over 67108864 bytes/ });
});

test("an abort ends a scripted reply with its reason", async (t) => {
  const model = await open(await fileOf(t, '{"turns": [{"text": "hi"}]}'));
  await assert.rejects(collect(model, request(), AbortSignal.abort("enough")), (error) => error === "enough");
});
