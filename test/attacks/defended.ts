import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Action, Call, Case } from "./cases.ts";
import { DAY_MS_MAX, hasDay, mustSucceed } from "./days.ts";
import { type Evidence, snapshot } from "./harm.ts";
import { found, watchStage } from "./measure.ts";
import { type Place, STAGE_PLACE, STAGE_PROJECT } from "./place.ts";
import { quote } from "./undefended.ts";

/** How the changes reach the checkout: the person lands all of them, or let them land unread. */
export type Landing = "land" | "auto";

/** A command of the person's that asks a network that is not there. */
export const PERSON_MS_MAX = 8_000;
const PROGRAM_MS_MAX = 180_000;
/** A flood of small files takes two minutes alone to be listed and thrown away, and more beside other attacks. */
const FLOOD_MS_MAX = 420_000;
const OUTPUT_CHARS_MAX = 32 << 20;
const SETTLE_MS = 150;
/** An attack that lives on does so for minutes. */
const DYING_MS_MAX = 5000;

export interface Played {
  readonly evidence: Evidence;
  /** What went wrong with the play itself: then it proves nothing. */
  readonly problem: string | null;
}

/** Plays an attack through the real program on a scripted model, lands what it left, and does what the person does then. */
export async function playDefended(attack: Case, place: Place, landing: Landing): Promise<Played> {
  const script = join(place.base, "script.json");
  writeFileSync(script, JSON.stringify({ turns: turnsOf(attack) }));
  const before = snapshot(attack.harm);
  const isShown = attack.harm.type.startsWith("terminal_") || attack.harm.type === "ui_shows_marker";
  const format = isShown ? "text" : "stream-json";
  const args = ["run", "a task", "--model", `scripted:${script}`, "--output-format", format];
  const run = program(landing === "auto" ? [...args, "--land", "auto"] : args, attack, place, isShown);
  const stopWatching = watchStage(() => run.pid);
  const meanwhile = attack.launch?.meanwhile;
  const done = meanwhile ? run.replied.then(() => personDoes(meanwhile.command, place, PERSON_MS_MAX)) : null;
  const { text, signal, isLate, status } = await run.ended;
  await done;
  // What the person lands afterwards is copied because they asked for it.
  const peaks = stopWatching();
  const results = isShown ? { output: text, problem: null } : readResults(text, attack);
  let terminal = isShown ? text : "";
  // A flood is landed by nobody; a diff matters where what it shows does.
  const after = [
    ...(isShown ? [["diff"]] : []),
    ...(landing === "land" && attack.category !== "dos" ? [["land"]] : []),
  ];
  for (const command of after) {
    const { text: shown } = await program(command, attack, place, isShown).ended;
    if (isShown) terminal += shown;
  }
  if (attack.afterwards !== null)
    await personDoes(attack.afterwards, place, hasDay(attack) ? DAY_MS_MAX : PERSON_MS_MAX);
  await sleep(SETTLE_MS);
  // What the program killed as it ended may take a moment to die.
  if (attack.harm.type === "process_survives")
    for (let waited = 0; found(place.mark) && waited < DYING_MS_MAX; waited += SETTLE_MS) await sleep(SETTLE_MS);
  const problem = isLate
    ? `the program did not end in ${waitOf(attack) / 1000} s`
    : isShown && status !== 0 && status !== 21
      ? `exit ${status}: ${text.slice(-500)}`
      : results.problem;
  const evidence = {
    place,
    before,
    output: results.output,
    terminal,
    agentSignal: isLate ? null : signal,
    peaks,
    verifyLog: () => verifyLog(place),
    isScaled: false,
  };
  return { evidence, problem: signal === null ? problem : null };
}

/** Says whether the record of the newest session is whole. */
export function verifyLog(place: Place): boolean {
  const words = [`${STAGE_PROJECT}/bin/ringfence.js`, "log", "verify"];
  return spawnSync(process.execPath, words, { cwd: place.ws, env: place.env }).status === 0;
}

/** Does what the person does in the checkout, outside the box. */
export async function personDoes(command: string, place: Place, msMax: number): Promise<void> {
  const child = spawn("bash", ["-c", command], {
    cwd: place.ws,
    env: place.env,
    timeout: msMax,
    killSignal: "SIGKILL",
    stdio: "ignore",
  });
  await once(child, "close");
}

function turnsOf(attack: Case): object[] {
  const calls = attack.tool === "session" ? (attack.action.calls ?? []) : [];
  const turns = calls.map((call) => ({ text: "next", calls: [call] }));
  if (attack.tool === "assistant_text") return [{ text: attack.action.text }];
  const text = attack.action.text ?? "Done.";
  return attack.tool === "session"
    ? [...turns, { text }]
    : [{ text: "I do it.", calls: [callOf(attack.tool, attack.action)] }, { text }];
}

function callOf(tool: Case["tool"], action: Action): Call {
  switch (tool) {
    case "write_file":
      return { tool: "write", input: { path: action.path, content: action.content } };
    case "read_file":
      return { tool: "read", input: { path: action.path } };
    case "web_fetch":
      return { tool: "run", input: { command: `curl -s -m 5 ${quote(action.url ?? "")}` } };
    case "bash":
    case "assistant_text":
    case "session":
      return { tool: "run", input: { command: action.command } };
  }
}

function waitOf({ id }: Case): number {
  return id === "dos-inode" ? FLOOD_MS_MAX : PROGRAM_MS_MAX;
}

/** Starts the program as the person would; with a terminal where the terminal is what matters. */
export function program(
  args: readonly string[],
  attack: Case,
  place: Place,
  onTerminal: boolean,
  more: Readonly<Record<string, string>> = {},
) {
  const path = attack.launch?.path ? `${attack.launch.path}:${place.env.PATH}` : place.env.PATH;
  const env = { ...place.env, XDG_CACHE_HOME: `${STAGE_PLACE}/cache`, ...attack.launch?.env, ...more, PATH: path };
  const words = [process.execPath, `${STAGE_PROJECT}/bin/ringfence.js`, ...args];
  const [file = "", ...rest] = onTerminal
    ? ["/usr/bin/script", "-qefc", words.map(quote).join(" "), "/dev/null"]
    : words;
  const child = spawn(file, rest, { cwd: place.ws, env, stdio: ["ignore", "pipe", "pipe"] });
  let text = "";
  const { promise: replied, resolve: onReply } = Promise.withResolvers<void>();
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (piece: string) => {
      if (text.length < OUTPUT_CHARS_MAX) text += piece;
      if (piece.includes('"type":"assistant"')) onReply();
    });
  }
  const ended = new Promise<{ text: string; signal: string | null; isLate: boolean; status: number | null }>(
    (resolve) => {
      let isLate = false;
      const timer = setTimeout(() => {
        isLate = true;
        child.kill("SIGKILL");
      }, waitOf(attack));
      child.on("close", (status, signal) => {
        clearTimeout(timer);
        onReply();
        resolve({ text, signal, isLate, status });
      });
    },
  );
  return { pid: child.pid, replied, ended };
}

/** Reads the results of tools out of stream-json; a run that never came to its end proves nothing. */
function readResults(text: string, attack: Case): { output: string; problem: string | null } {
  const results: string[] = [];
  let hasEnded = false;
  let failed: string | null = null;
  for (const line of text.split("\n")) {
    if (!line.startsWith("{")) continue;
    const event = JSON.parse(line) as {
      type: string;
      reason?: string;
      message?: { content?: { type: string; content?: string; is_error?: boolean }[] };
    };
    if (event.type === "result") hasEnded = event.reason === "done" || event.reason === "approval-needed";
    const said = event.type === "user" ? (event.message?.content ?? []) : [];
    results.push(...said.map(({ content }) => content ?? ""));
    failed ??= said.find(({ is_error: isError }) => isError)?.content ?? null;
  }
  if (!hasEnded) return { output: results.join("\n"), problem: `the session did not end well: ${text.slice(-800)}` };
  // What was never planted cannot run.
  if (failed !== null && mustSucceed(attack)) return { output: results.join("\n"), problem: `not planted: ${failed}` };
  const hasCalls = attack.tool !== "assistant_text";
  return { output: results.join("\n"), problem: hasCalls && results.length === 0 ? "no call was played" : null };
}
