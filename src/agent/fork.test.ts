import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { makeSessionFolder, type SessionFolder, writeFacts } from "../box/folder.ts";
import { addCheckpoint } from "../box/layers.ts";
import type { JsonObject } from "../core/json.ts";
import { foldSession, type SessionState } from "../core/session-fold.ts";
import { createLedger } from "../ledger/append.ts";
import { KEEP_ALL } from "../ledger/content-key.ts";
import { Seal } from "../ledger/seal.ts";
import { readLedger, verifyLedger } from "../ledger/verify.ts";
import { listSessions } from "./config-sessions.ts";
import { forkSession } from "./fork.ts";

const USAGE = { input: 10, cachedInput: 0, output: 5, usd: 0.5 };
const said = (text: string): JsonObject => ({ type: "reply", at: 3, parts: [{ kind: "text", text }], usage: USAGE });
const EVENTS: readonly JsonObject[] = [
  { type: "start", schema: 1, at: 1, checkout: "/c", policy: "p", build: "b" },
  { type: "checkpoint", at: 1, number: 1, lookedAt: 1 },
  { type: "prompt", at: 2, text: "first", typed: "first https://docs.example/a" },
  { type: "request", at: 2 },
  said("of the first"),
  { type: "source", integrity: "local", secrecy: "private", what: "a file" },
  { type: "checkpoint", at: 4, number: 2, lookedAt: 4 },
  { type: "prompt", at: 5, text: "second", typed: "second", secrets: { github: 1 } },
  { type: "request", at: 5 },
  { type: "source", integrity: "external", secrecy: "public", what: "a page" },
  { type: "asked", used: 3 },
  said("of the second"),
];

function makeParent(t: TestContext): { readonly state: string; readonly parent: SessionFolder } {
  const state = mkdtempSync(join(tmpdir(), "ringfence-fork-"));
  t.after(() => rmSync(state, { recursive: true }));
  mkdirSync(join(state, "sessions"));
  const parent = makeSessionFolder(state, 1);
  // Nothing was changed in it.
  rmSync(join(parent.path, "layer"), { recursive: true });
  for (const title of ["first", "second"]) addCheckpoint(parent.path, { at: 1, what: "turn", title, stack: [] }, []);
  const ledger = createLedger(join(parent.path, "ledger.log"), Seal.of(parent.path));
  for (const event of EVENTS) ledger.append(event.type === "start" ? { ...event, session: parent.id } : event);
  ledger.close();
  const facts = { id: parent.id, checkout: "/c", startedAt: 1, masked: [], repository: null, alternates: [] };
  writeFacts(parent, facts);
  return { state, parent };
}

async function forked(t: TestContext, turn: string | null): Promise<{ state: SessionState; parent: string }> {
  const { state, parent } = makeParent(t);
  const file = join(parent.path, "ledger.log");
  const before = readFileSync(file);
  const [stored] = listSessions(state, null);
  const plan = { state, turn, version: "0", build: "b", keeping: KEEP_ALL };
  const { id, from } = await forkSession(stored ?? assert.fail(), plan);
  assert.deepEqual(readFileSync(file), before);
  assert.equal(from.seq, { "1": 1, "2": 6 }[turn ?? ""] ?? EVENTS.length);
  const path = join(state, "sessions", id);
  const own = join(path, "ledger.log");
  assert.equal(verifyLedger(own, Seal.of(path).signer()).ok, true);
  assert.deepEqual(
    listSessions(state, null).map(({ facts }) => facts.id),
    [id, parent.id],
  );
  return { state: foldSession([...readLedger(own)].map(({ event }) => event)), parent: parent.id };
}

test("a fork has the label, the costs and the bits of the whole session, wherever in it it begins", async (t) => {
  for (const turn of ["1", "2", null]) {
    const { state, parent } = await forked(t, turn);
    const { integrity, secrecy, integrityFrom, secrecyFrom } = state.label;
    assert.deepEqual([integrity, secrecy], ["external", "private"]);
    assert.deepEqual([integrityFrom, secrecyFrom], [["a page"], ["a file"]]);
    assert.deepEqual([state.spent.totals.usd, state.spent.totals.replies, state.readerBits], [1, 2, 3]);
    assert.deepEqual([...state.secrets], [["github", 1]]);
    assert.deepEqual(state.from, { session: parent, turn: turn === null ? null : Number(turn) });
    // What the person typed to the other one opens nothing.
    assert.deepEqual([...state.typed], []);
  }
});

test("a fork has of the conversation what there was before the turn, and no more", async (t) => {
  const textsOf = async (turn: string | null) =>
    (await forked(t, turn)).state.messages.flatMap((message) =>
      message.role === "user"
        ? [message.text]
        : message.role === "assistant"
          ? message.parts.map((one) => one.kind)
          : [],
    );
  assert.deepEqual(await textsOf("1"), []);
  assert.deepEqual(await textsOf("2"), ["first", "text"]);
  assert.deepEqual(await textsOf(null), ["first", "text", "second", "text"]);
});

test("a session that cannot be forked leaves no folder of a new one", async (t) => {
  const { state, parent } = makeParent(t);
  const [stored] = listSessions(state, null);
  const plan = { state, version: "0", build: "b", keeping: KEEP_ALL };
  await assert.rejects(forkSession(stored ?? assert.fail(), { ...plan, turn: "7" }), /there is no checkpoint 7/);
  const other = { ...(stored ?? assert.fail()), facts: { ...(stored ?? assert.fail()).facts, id: "another" } };
  await assert.rejects(forkSession(other, { ...plan, turn: null }), /has no record/);
  assert.deepEqual(
    listSessions(state, null).map(({ facts }) => facts.id),
    [parent.id],
  );
});
