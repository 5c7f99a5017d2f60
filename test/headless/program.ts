import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { chownSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { compileCache } from "../../src/box/compile-cache.fixture.ts";
import { drawn } from "../../src/box/drawn.fixture.ts";
import { canonical, type JsonObject } from "../../src/core/json.ts";
import { readLedger } from "../../src/ledger/verify.ts";
import { replayAll } from "../replayed.ts";

/** Who owns a place and runs the program there. */
export interface User {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/** A checkout with a home beside it, thrown away with the test. */
export interface Place {
  readonly root: string;
  readonly checkout: string;
  readonly home: string;
  readonly user: User;
  readonly env: Readonly<Record<string, string>>;
}

export interface Turn {
  readonly text?: string;
  readonly calls?: readonly { readonly tool: string; readonly input?: unknown }[];
  readonly usage?: { readonly input?: number; readonly output?: number; readonly usd?: number };
}

export interface Ended {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** What the program said in stream-json. */
export interface Played extends Ended {
  readonly events: readonly Event[];
  readonly results: readonly ToolText[];
  readonly result: Event;
}

export type Event = Readonly<Record<string, unknown>>;
export interface ToolText {
  readonly ok: boolean;
  readonly text: string;
}

export const PROGRAM = fileURLToPath(new URL("../../bin/ringfence.js", import.meta.url));
const POLL_MS = 20;
const WAIT_MS_MAX = 20_000;
const PROGRAM_MS_MAX = 60_000;
const OUTPUT_CHARS_MAX = 64 << 20;
const PATH = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin";

/** The user that runs the tests. */
export function self(): User {
  const {
    username: name,
    uid,
    gid,
  } = { username: process.env.USER ?? "root", uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  return { name, uid, gid };
}

/** The ordinary user that the set-up made; whoever runs the tests where that is somebody ordinary already. */
export function ordinary(): User {
  if (process.getuid?.() !== 0) return self();
  const line = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .map((fields) => fields.split(":"))
    .find(([name]) => name === "ringfence-test");
  if (!line) throw new Error("there is no user ringfence-test: run npm test, which makes one");
  return { name: "ringfence-test", uid: Number(line[2]), gid: Number(line[3]) };
}

/**
 * The users as whom a test runs that is the same for each: whoever runs the tests, and somebody ordinary.
 *
 * The full run takes both, and a quick one draws one of them, which the title of the test tells.
 */
export function users(): readonly (readonly [who: string, user: User])[] {
  const both = [["whoever runs the tests", self()] as const, ["an ordinary user", ordinary()] as const];
  return drawn(both, 1);
}

/** Makes a place by a shell program that runs in the checkout, which is a git repository unless `git` is false. */
export function makePlace(
  t: TestContext,
  make = "",
  options: {
    readonly git?: boolean;
    readonly user?: User;
    readonly isReplayed?: boolean;
    readonly mayBeTorn?: boolean;
  } = {},
): Place {
  const user = options.user ?? self();
  const root = mkdtempSync("/tmp/ringfence-headless-");
  // A log that a test did not damage itself tells how each of its decisions came about.
  const { isReplayed = true, mayBeTorn = false } = options;
  if (isReplayed) t.after(() => replayAll(join(root, "home/.local/state/ringfence"), { mayBeTorn }));
  // A layer has folders that are closed to everybody.
  t.after(() => spawnSync("/bin/bash", ["--norc", "-c", 'chmod -R u+rwx -- "$0"; rm -rf -- "$0"', root]));
  const place = { root, checkout: join(root, "repo"), home: join(root, "home"), user };
  for (const folder of [root, place.checkout, place.home]) {
    mkdirSync(folder, { recursive: true, mode: 0o755 });
    chownSync(folder, user.uid, user.gid);
  }
  spawnSync("chmod", ["755", root]);
  const env = {
    PATH,
    HOME: place.home,
    USER: user.name,
    LOGNAME: user.name,
    LANG: "C.UTF-8",
    TERM: "xterm",
    XDG_CACHE_HOME: join(root, "cache"),
  };
  const before = "printf '[user]\\n\\tname = Ada Example\\n\\temail = ada@example.test\\n' >$HOME/.gitconfig\n";
  const commit =
    options.git === false ? "" : "\ngit init -q -b main . && git add -A && git commit -qm start --allow-empty";
  const done = spawnSync("/bin/bash", ["--norc", "-euc", `${before}${make}${commit}`], {
    ...who(user),
    cwd: place.checkout,
    env,
    encoding: "utf8",
  });
  if (done.status !== 0) throw new Error(`the place could not be made: ${done.stderr}`);
  return { ...place, env };
}

/** Writes the script of a model and names it as the program wants it. */
export function script(place: Place, turns: readonly Turn[]): string {
  const file = join(place.root, "script.json");
  writeFileSync(file, JSON.stringify({ turns }));
  return `scripted:${file}`;
}

/** A `run` call of a script. */
export function run(command: string, more: Event = {}): Turn {
  return call("run", { command, ...more });
}

export function call(tool: string, input: unknown): Turn {
  return { calls: [{ tool, input }] };
}

export interface Launch {
  readonly env?: Readonly<Record<string, string>>;
  readonly user?: User;
  readonly cwd?: string;
  readonly stdin?: "ignore" | "pipe";
  /** Longest that it may take; a minute unless given. */
  readonly msMax?: number;
}

/** Starts the program as a person would. */
export function start(
  place: Place,
  args: readonly string[],
  launch: Launch = {},
): { readonly child: ChildProcess; readonly ended: Promise<Ended>; readonly seen: () => string } {
  const child = spawn(process.execPath, [PROGRAM, ...args], {
    ...who(launch.user ?? place.user),
    cwd: launch.cwd ?? place.checkout,
    env: { ...place.env, ...compileCache(launch.user ?? place.user), ...launch.env },
    stdio: [launch.stdin ?? "ignore", "pipe", "pipe"],
    detached: true,
  });
  const texts = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name]?.setEncoding("utf8").on("data", (text: string) => {
      if (texts[name].length < OUTPUT_CHARS_MAX) texts[name] += text;
    });
  }
  // A group of its own, so that what hangs is ended with all that it started.
  const timer = setTimeout(
    () => child.pid !== undefined && process.kill(-child.pid, "SIGKILL"),
    launch.msMax ?? PROGRAM_MS_MAX,
  );
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on("error", reject).on("close", (status, signal) => {
      clearTimeout(timer);
      resolve({ status, signal, ...texts });
    });
  });
  return { child, ended, seen: () => texts.stdout };
}

export function ringfence(place: Place, args: readonly string[], launch: Launch = {}): Promise<Ended> {
  return start(place, args, launch).ended;
}

/** Plays turns through the program in stream-json and reads what it said. */
export async function play(
  place: Place,
  turns: readonly Turn[],
  args: readonly string[] = [],
  launch: Launch = {},
): Promise<Played> {
  return readPlayed(await ringfence(place, runArguments(script(place, turns), args), launch));
}

export function runArguments(model: string, args: readonly string[] = []): string[] {
  return ["run", "a task", "--model", model, "--output-format", "stream-json", ...args];
}

/** Reads stream-json: every line is an object, and the one result comes last. */
export function readPlayed(ended: Ended): Played {
  const events = ended.stdout
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Event);
  const results = events.filter(({ type }) => type === "result");
  const [result] = results;
  if (!result || results.length !== 1 || events.at(-1) !== result || !ended.stdout.endsWith("\n")) {
    throw new Error(`not one result at the end, but ${results.length}: ${ended.stdout.slice(-2000)}${ended.stderr}`);
  }
  const contents = events
    .filter(({ type }) => type === "user")
    .flatMap(({ message }) => (message as { content: readonly { content: string; is_error: boolean }[] }).content);
  return {
    ...ended,
    events,
    result,
    results: contents.map(({ content, is_error: isError }) => ({ ok: !isError, text: content })),
  };
}

/** The folder of the only session of a place. */
export function sessionFolder({ home }: Place): string {
  const sessions = join(home, ".local/state/ringfence/sessions");
  const [id = "", ...more] = readdirSync(sessions);
  if (id === "" || more.length > 0) throw new Error(`not one session but ${[id, ...more].join(" ")}`);
  return join(sessions, id);
}

/** What the newest session of a place recorded. */
export function newestEvents({ home }: Place): readonly JsonObject[] {
  const sessions = join(home, ".local/state/ringfence/sessions");
  const ledgers = readdirSync(sessions).map((id) => join(sessions, id, "ledger.log"));
  const ended = (file: string) => statSync(file).mtimeMs;
  const [newest = ""] = ledgers.sort((a, b) => ended(b) - ended(a));
  return [...readLedger(newest)].map(({ event }) => event);
}

/** All that the only session of a place recorded, its texts as well. */
export function recordedText(place: Place): string {
  return [...readLedger(join(sessionFolder(place), "ledger.log"))].map(({ event }) => canonical(event)).join("\n");
}

let marks = 0;

/** A number of seconds that no other process on this machine sleeps for. */
export function mark(): string {
  marks += 1;
  return `9${process.pid}${marks}.25`;
}

/** Lists the processes of the whole machine whose command line holds a text. */
export function processesWith(text: string): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => commandLine(pid).includes(text))
    .map(Number);
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
  } catch {
    // It ended meanwhile.
    return "";
  }
}

/** Waits until something is so. */
export async function until(what: string, isSo: () => boolean): Promise<void> {
  const tries = WAIT_MS_MAX / POLL_MS;
  for (let tried = 0; !isSo(); tried += 1) {
    if (tried >= tries) throw new Error(`waited in vain until ${what}`);
    await sleep(POLL_MS);
  }
}

/** Writes the person's configuration. */
export function configure(place: Place, text: string): void {
  mkdirSync(join(place.home, ".config/ringfence"), { recursive: true });
  writeFileSync(join(place.home, ".config/ringfence/config.yaml"), text);
}

/** Runs a shell program in the checkout, outside the box: the person at work. */
export function sh(place: Place, program: string): string {
  const done = spawnSync("/bin/bash", ["--norc", "-euc", program], {
    ...who(place.user),
    cwd: place.checkout,
    env: { ...place.env, ...compileCache(place.user) },
    encoding: "latin1",
  });
  if (done.status !== 0) throw new Error(`${program}: ${done.stderr}`);
  return done.stdout;
}

/** How a child process is started as a user. */
export function who({ uid, gid }: User): { uid?: number; gid?: number } {
  return process.getuid?.() === uid ? {} : { uid, gid };
}
