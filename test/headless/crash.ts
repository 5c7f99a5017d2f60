import { spawn } from "node:child_process";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { compileCache } from "../../src/box/compile-cache.fixture.ts";
import type { JsonObject } from "../../src/core/json.ts";
import { foldSession } from "../../src/core/session-fold.ts";
import { readLedger } from "../../src/ledger/verify.ts";
import { call, type Place, PROGRAM, run, script, sessionFolder, type Turn, until, who } from "./program.ts";

/** What a kill leaves of the event that it comes at: all of it, its first half, or nothing. */
export type Kill = "after" | "torn" | "before";

export const HOOK = fileURLToPath(new URL("kill-at.mjs", import.meta.url));
/** Longer than it takes until a line counts as an answer. */
const READ_MS = 400;
const LONG_MS_MAX = 120_000;

export const MAKE = "echo a >a.txt; echo gone >gone.txt";
const CALLS = {
  first:
    "echo box >>a.txt; mkdir d; echo new >d/b.txt; rm gone.txt; git add -A; git commit -qm one; echo more >>a.txt; echo all: >Makefile",
  second: "echo two >c.txt; git add -A; git commit -qm two; echo x >>d/b.txt",
};
const TURNS: readonly Turn[] = [
  run(CALLS.first),
  {
    calls: [
      { tool: "fetch", input: { url: "https://example.com/?q=1" } },
      { tool: "read", input: { path: "a.txt" } },
      { tool: "nonsense", input: {} },
    ],
    usage: { input: 100, output: 10, usd: 0.5 },
  },
  run("sleep 300", { background: true }),
  { text: "First is done." },
  // What the person does while a background command lives is written into the layer, a moment later.
  call("kill", { id: "bg1" }),
  call("edit", { path: "a.txt", old_string: "more", new_string: "most" }),
  run(CALLS.second),
  { text: "Second is done." },
];
/** What the person types, each line at the prompt of its own. */
const TYPED = ["first", "/land", "/approve Makefile", "yes", "second", "/land", "/undo", "/rewind 2", "/exit"];

/** Plays the session in the real program, which is killed at one event of its record unless that is null; `look` is called at each prompt. */
export async function playSession(
  place: Place,
  kill: { readonly at: number; readonly how: Kill } | null,
  look: () => void = () => {},
): Promise<NodeJS.Signals | null> {
  const hook = kill === null ? [] : ["--import", `file://${HOOK}?at=${kill.at}&how=${kill.how}`];
  const child = spawn(process.execPath, [...hook, PROGRAM, "--model", script(place, TURNS)], {
    ...who(place.user),
    cwd: place.checkout,
    env: { ...place.env, ...compileCache(place.user) },
    stdio: ["pipe", "pipe", "ignore"],
    timeout: LONG_MS_MAX,
  });
  let [text, isOver] = ["", false];
  child.stdout.setEncoding("utf8").on("data", (piece: string) => {
    text += piece;
  });
  // It may be killed while it is typed to.
  child.stdin.on("error", () => {});
  const ended = new Promise<NodeJS.Signals | null>((resolve) =>
    child.on("close", (_status, signal) => {
      isOver = true;
      resolve(signal);
    }),
  );
  for (const [index, line] of TYPED.entries()) {
    await until(`there is prompt ${index}`, () => isOver || text.split("\n> ").length > index + 1);
    if (isOver) break;
    look();
    if (line === "yes") await sleep(READ_MS);
    child.stdin.write(`${line}\n`);
  }
  return ended;
}

export function eventsOf(place: Place): JsonObject[] {
  return [...readLedger(join(sessionFolder(place), "ledger.log"))].map(({ event }) => event);
}

/** What is the same in each play of the session, in order: heads, times and names of objects differ. */
export function alike(events: readonly JsonObject[], place: Place): string[] {
  return events.filter(({ type }) => type !== "head").map((event) => plain(event, place));
}

/** The events up to the one that is not a head and the last of so many. */
export function beginningOf(events: readonly JsonObject[], many: number): readonly JsonObject[] {
  let left = many;
  const end = events.findIndex(({ type }) => type !== "head" && left-- === 0);
  return end < 0 ? events : events.slice(0, end);
}

/** What a session is by a record, as far as it is the same in each play. */
export function stateOf(events: readonly JsonObject[], place: Place): string {
  const { messages, label, spent, marks, lost, ...state } = foldSession(events);
  const kept = { name: state.name, end: state.end, isPrompted: state.isPrompted, readerBits: state.readerBits };
  const known = [[...marks.keys()], [...state.typed], state.news, state.background];
  return plain([messages, label, { ...spent, wallMs: 0 }, lost, kept, known], place);
}

function plain(value: unknown, place: Place): string {
  const text = JSON.stringify(value, (key, inner) => (TIMES.has(key) ? 0 : inner));
  return text
    .replaceAll(place.root, "ROOT")
    .replace(/\b\d{8}-\d{6}-[0-9a-f]{8}\b/g, "SESSION")
    .replace(/\b[0-9a-f]{7,64}\b/g, "ID");
}

const TIMES = new Set(["at", "ms", "lookedAt"]);
