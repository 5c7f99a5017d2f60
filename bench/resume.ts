import { spawn } from "node:child_process";
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { openLedger } from "../src/ledger/append.ts";
import { Seal } from "../src/ledger/seal.ts";
import { launch, type Subject } from "./launch.ts";
import { type Measured, median, rounded } from "./report.ts";
import type { ModelServer } from "./server.ts";

const EVENTS = 10_000;
const MODEL = "openai-compatible/bench";
const CALLS_A_TURN = 5;
const RUN_MS_MAX = 60_000;

/** Measures a session of 10,000 events from the start of the program that goes on with it to the prompt that it shows. */
export async function measureResume(ours: Subject, server: ModelServer, times: number): Promise<Measured[]> {
  const sessions = join(ours.environment.HOME ?? "", ".local/state/ringfence/sessions");
  const before = new Set(existsSync(sessions) ? readdirSync(sessions) : []);
  await launch(ours, server, 1);
  const id = readdirSync(sessions).find((name) => !before.has(name)) ?? "";
  const bytes = fill(join(sessions, id));
  const [node = "", entry = ""] = ours.command;
  const subject = (...words: string[]) => ({ ...ours, command: [node, entry, ...words, "--model", MODEL] });
  const [own, fresh]: [number[], number[]] = [[], []];
  for (let time = 0; time < times; time += 1) {
    fresh.push(await firstPrompt(subject(), server));
    own.push(await firstPrompt(subject("resume", id), server));
  }
  const note = `a new session ${rounded(median(fresh))} ms; a log of ${rounded(bytes / 1e6)} MB, ${times} starts`;
  return [{ key: "resume_10k_ms", value: median(own), note }];
}

/** Makes a session's log as long as that of a long one; gives its bytes. */
function fill(path: string): number {
  const file = join(path, "ledger.log");
  const ledger = openLedger(file, Seal.of(path));
  let [events, turn, messages] = [0, 1, 0];
  const add = (event: Parameters<typeof ledger.append>[0]) => {
    ledger.append({ at: Date.now(), ...event });
    events += 1;
  };
  while (events < EVENTS) {
    turn += 1;
    add({ type: "checkpoint", number: turn, layers: null, lookedAt: 1, ms: 3 });
    add({ type: "prompt", text: `the next thing to do is ${turn}`, typed: "the next thing" });
    messages += 1;
    for (let number = 0; number <= CALLS_A_TURN; number += 1) {
      const call = `call_${events}`;
      const text = { kind: "text", text: "I look at what the test says. ".repeat(4) };
      const asked = {
        kind: "call",
        id: call,
        name: "run",
        input: JSON.stringify({ command: `npm test -- src/${call}` }),
      };
      const usage = { input: 100, cachedInput: 50, output: 20, usd: 0 };
      add({ type: "request", model: MODEL, system: "0".repeat(64), messages });
      const isLast = number === CALLS_A_TURN;
      add({ type: "reply", parts: isLast ? [text] : [text, asked], stop: isLast ? "stop" : "calls", usage });
      messages += isLast ? 1 : 2;
      if (isLast) break;
      const effect = { kind: "run", command: "npm test", timeoutMs: 120_000, background: false, profile: "build" };
      add({ type: "decision", call, effect, verdict: "allow", reason: "it stays in the box" });
      add({
        type: "outcome",
        call,
        ok: true,
        code: null,
        text: "a line of what a test says\n".repeat(30),
        image: null,
      });
    }
    ledger.seal();
    events += 1;
  }
  ledger.close();
  return statSync(file).size;
}

/** From the start of the process to its first prompt. */
async function firstPrompt(subject: Subject, server: ModelServer): Promise<number> {
  const startedAt = performance.now();
  const [program = "", ...args] = subject.command;
  const child = spawn(program, args, {
    cwd: subject.folder,
    env: { ...subject.environment, OPENAI_COMPATIBLE_BASE_URL: server.url },
    stdio: ["pipe", "pipe", "ignore"],
    timeout: RUN_MS_MAX,
  });
  let [shown, shownAt] = ["", 0];
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    shown += text;
    if (shownAt > 0 || !shown.endsWith("> ")) return;
    shownAt = performance.now();
    child.stdin.end();
  });
  const status = await new Promise((resolve, reject) => child.on("error", reject).on("close", resolve));
  if (status !== 0 || shownAt === 0) throw new Error(`${args.join(" ")} ended with status ${status}: ${shown}`);
  return shownAt - startedAt;
}
