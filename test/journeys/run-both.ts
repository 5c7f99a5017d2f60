import { spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  accessSync,
  chmodSync,
  chownSync,
  constants,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { compileCache } from "../../src/box/compile-cache.fixture.ts";
import { bound, visible } from "../../src/core/text.ts";
import { plain } from "../../src/core/text-plain.ts";
import { alarmsIn, warningsIn } from "../monitor/alarms.ts";
import { replayAll } from "../replayed.ts";
import { JOURNEY_MS_MAX, type Journey, STEP_MS_MAX, TREE_STEP } from "./journey.ts";

/** Who runs a journey. */
export interface User {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

export interface StepResult {
  readonly status: number | string;
  readonly text: string;
}

export interface BoxedRun {
  readonly steps: readonly StepResult[];
  /** Calls that were refused because nobody was there to ask. */
  readonly questions: number;
  /** Kinds of the alarms that the monitor raised. */
  readonly alarms: readonly string[];
  /** What inspection warned of. */
  readonly warnings: readonly string[];
}

/** A throw-away folder with one checkout path that both runs use, one after the other. */
export interface Place {
  readonly path: string;
  readonly user: User;
  /** Logs whose decisions were made again and came out the same. */
  readonly replayed: Set<string>;
}

const packageRoot = fileURLToPath(new URL("../..", import.meta.url));
const GITCONFIG =
  "[user]\n\tname = Ada Example\n\temail = ada@example.com\n[init]\n\tdefaultBranch = main\n[advice]\n\tdetachedHead = false\n";
const TEXT_CHARS_MAX = 30_000;
const PATH = pathOf(process.env.PATH ?? "");

/** Lists the programs of a journey that this machine lacks. */
export function missingPrograms(journey: Journey): string[] {
  return journey.needs.filter((program) => !PATH.split(":").some((folder) => isExecutable(join(folder, program))));
}

/** Makes a place; journeys of one user share it, one after the other. */
export function makePlace(user: User): Place {
  const path = mkdtempSync("/var/tmp/ringfence-journey-");
  for (const name of ["", "first", "out", "state"]) {
    mkdirSync(join(path, name), { recursive: true, mode: 0o755 });
    chmodSync(join(path, name), 0o755);
    chownSync(join(path, name), user.uid, user.gid);
  }
  writeFileSync(
    join(path, "passwd"),
    `root:x:0:0:root:/root:/bin/bash\n${user.name}:x:1000:1000::${path}/home:/bin/bash\n`,
  );
  return { path, user, replayed: new Set() };
}

/** Makes the checkout and the home that both runs of a journey start from. */
export function setUp(place: Place, journey: Journey): void {
  const { path, user } = place;
  const script = `set -e; umask 022; chmod -R u+rwX first; rm -rf first; mkdir -p first/home first/repo; printf '%s' "$GITCONFIG" >first/home/.gitconfig
    cd first/repo; git init -q; git config gc.auto 0; ${journey.setup ?? ":"}\ncd "${path}/first/repo"; git add -A; git commit -q --allow-empty -m start`;
  const env = {
    ...environment(place),
    HOME: join(path, "first/home"),
    MODULES: join(packageRoot, "node_modules"),
    GITCONFIG,
  };
  const run = spawnSync("/bin/bash", ["--norc", "--noprofile", "-c", script], {
    ...identity(user),
    env,
    cwd: path,
    encoding: "utf8",
    timeout: JOURNEY_MS_MAX,
  });
  if (run.status !== 0)
    throw new Error(`the set-up of "${journey.name}" failed: ${run.stdout}${run.stderr}${run.error?.message ?? ""}`);
}

export function removePlace({ path }: Place): void {
  // Journeys may leave folders that not even their owner can list.
  spawnSync("/bin/bash", ["-c", 'chmod -R u+rwX -- "$1" 2>/dev/null; rm -rf -- "$1"', "bash", path]);
  rmSync(path, { recursive: true, force: true });
}

/** Runs the steps outside the box, in namespaces of their own so that nothing is left over and no port is taken. */
export async function runPlain(place: Place, journey: Journey): Promise<readonly StepResult[]> {
  freshCheckout(place);
  const { path, user } = place;
  const steps = [...journey.steps, TREE_STEP];
  steps.forEach((step, index) => {
    const command = typeof step === "string" ? step : endAll(step.pattern);
    const start = `cd -- "$(cat ${path}/out/cwd)" 2>/dev/null; trap 'printf %s "$PWD" >${path}/out/cwd' EXIT`;
    writeFileSync(join(path, "out", `${index}.sh`), `${start}\nset --\n${command}`);
  });
  writeFileSync(join(path, "out/cwd"), `${path}/repo`);
  chownSync(join(path, "out/cwd"), user.uid, user.gid);
  // A real pipe, as a program's output mostly is; `cat` lives on for what a step leaves running. What the step's shell wrote
  // is before the mark, which the runner writes into the same pipe.
  const mark = randomBytes(16).toString("hex");
  const inner = `cd ${path}/repo; for ((i = 0; i < ${steps.length}; i++)); do out=${path}/out/$i
    mkfifo $out.pipe; cat $out.pipe >$out.all & exec 9>$out.pipe; : | timeout --foreground -k 1 ${STEP_MS_MAX / 1000} setsid -w bash --norc --noprofile -c "exec 2>&1; $(cat $out.sh)" >$out.pipe 9>&-
    echo "\${PIPESTATUS[1]}" >$out.status; printf ${mark} >&9; exec 9>&-; until grep -qa ${mark} $out.all; do sleep 0.01; done; cp $out.all $out.done
  done`;
  const outer = `perl -e 'socket(my $s, 2, 2, 0); my $r = pack "a16 s x22", "lo", 0x41; ioctl($s, 0x8914, $r) or die "lo"' &&
    mount -t tmpfs -o mode=1777 tmpfs /tmp && mount -t tmpfs -o mode=1777 tmpfs /dev/shm && mount --bind ${path}/passwd /etc/passwd &&
    exec unshare -U --map-user=1000 --map-group=1000 bash --norc --noprofile -c "$1"`;
  const child = spawn(
    "/usr/bin/unshare",
    ["-Urmnpf", "--mount-proc", "--kill-child", "/bin/bash", "-c", outer, "bash", inner],
    {
      ...identity(user),
      env: { ...environment(place), CHECKOUT: join(path, "repo") },
      cwd: path,
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    },
  );
  const { code, stderr } = await ended(child);
  if (code !== 0) throw new Error(`the plain run ended with status ${code}: ${stderr}`);
  return steps.map((_step, index) => {
    const [text = ""] = new TextDecoder().decode(readFileSync(join(path, "out", `${index}.done`))).split(mark);
    return {
      status: Number(readFileSync(join(path, "out", `${index}.status`), "utf8")),
      text: normalise(bound(plain(text).replace(/\n+$/, ""), TEXT_CHARS_MAX).text),
    };
  });
}

/** The command that kills what a call left running, and waits until it is gone, as the box does. */
function endAll(pattern: string): string {
  return `pids=$(pgrep -f '${pattern}') || exit; kill -KILL $pids; for p in $pids; do while [ -e /proc/$p ]; do sleep 0.02; done; done`;
}

/** Runs the steps as the calls of a scripted session, through the program itself. */
export async function runBoxed(place: Place, journey: Journey): Promise<BoxedRun> {
  freshCheckout(place);
  const { path, user } = place;
  const steps = [...journey.steps, `CHECKOUT=${path}/repo\n${TREE_STEP}`];
  const turns = steps.map((step) =>
    typeof step === "string"
      ? { calls: [{ tool: "run", input: { command: step, timeout_ms: STEP_MS_MAX } }] }
      : { calls: [{ tool: "kill", input: { id: step.kill } }] },
  );
  const script = join(path, "script.json");
  writeFileSync(script, JSON.stringify({ turns: [...turns, { text: "done" }] }));
  const args = [
    join(packageRoot, "bin/ringfence.js"),
    "run",
    "go",
    "--model",
    `scripted:${script}`,
    "--output-format",
    "stream-json",
  ];
  const env = { ...environment(place), ...compileCache(user), XDG_STATE_HOME: join(path, "state") };
  const child = spawn(process.execPath, args, {
    ...identity(user),
    env,
    cwd: join(path, "repo"),
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  const { stdout, stderr } = await ended(child);
  const { logs } = await replayAll(join(path, "state/ringfence"), { done: place.replayed });
  if (logs !== 1) throw new Error(`the boxed run left ${logs} logs to replay`);
  const state = join(path, "state/ringfence");
  return { ...readStream(stdout, stderr), alarms: alarmsIn(state), warnings: warningsIn(state) };
}

function readStream(stdout: string, stderr: string): Omit<BoxedRun, "alarms" | "warnings"> {
  const events = stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  const result = events.find((event) => event.type === "result");
  if (!result || !["done", "approval-needed"].includes(String(result.reason)))
    throw new Error(`the boxed run failed: ${stdout.slice(-2000)}${stderr}`);
  const contents = events
    .filter((event) => event.type === "user")
    .flatMap((event) => (event.message as { content: readonly { content: string; is_error: boolean }[] }).content);
  return {
    steps: contents.map(toStepResult),
    questions: contents.filter(({ content }) => content.startsWith("refused:")).length,
  };
}

// The notes that the program adds for the model are no part of what the command printed.
function toStepResult({ content, is_error: isError }: { content: string; is_error: boolean }): StepResult {
  const said = content.replace(/\n\(127\.0\.0\.1:\d+ is the box's own; [^\n]*\)$/, "");
  const end = /\n?exit status (\d+)(?: \([^\n]*\))?$/.exec(said);
  const text = (end ? said.slice(0, end.index) : said)
    .replace(/\n?\(still running in the background as bg\d+\)$/, "")
    .replace(/\n\(cut; the output of \d+ bytes is in [^\n]*\)$/, "")
    .replace(/^\(no output\)$/, "")
    .replace(/^bg\d+ killed$/, "");
  const status = !isError ? 0 : end ? Number(end[1]) : "stopped by the box";
  return { status, text: normalise(text) };
}

// Where bash counts the lines of a command from depends on what stands before it, and a pid on what ran before.
function normalise(text: string): string {
  return visible(text)
    .replace(/\n+$/, "")
    .replace(/bash: line \d+:( +\d+)?/g, "bash: line N:");
}

function freshCheckout({ path, user }: Place): void {
  const script =
    'cd "$1"; [ ! -e repo ] || chmod -R u+rwX repo home; rm -rf repo home out/*; cp -a first/repo first/home .';
  const run = spawnSync("/bin/bash", ["-c", script, "bash", path], { ...identity(user), encoding: "utf8" });
  if (run.status !== 0) throw new Error(`the checkout could not be made: ${run.stderr}`);
}

function environment({ path, user }: Place): Record<string, string> {
  return {
    PATH,
    HOME: join(path, "home"),
    USER: user.name,
    LOGNAME: user.name,
    SHELL: "/bin/bash",
    LANG: "C.UTF-8",
    TERM: "dumb",
  };
}

function identity({ uid, gid }: User): { uid?: number; gid?: number } {
  return process.getuid?.() === uid ? {} : { uid, gid };
}

async function ended(
  child: ReturnType<typeof spawn>,
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const texts = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name]?.setEncoding("utf8").on("data", (text: string) => {
      texts[name] += text;
    });
  }
  // A group of its own, so that what hangs is ended with all that it started.
  const timer = setTimeout(() => child.pid !== undefined && process.kill(-child.pid, "SIGKILL"), JOURNEY_MS_MAX);
  const code = await new Promise<number | null>((resolve, reject) => child.on("close", resolve).on("error", reject));
  clearTimeout(timer);
  return { code, ...texts };
}

/** The PATH of both runs: system folders only, since another user's home cannot be entered. */
function pathOf(path: string): string {
  const system = path
    .split(":")
    .filter((folder) => /^\/(usr|bin|sbin|opt)(\/|$)/.test(folder) && !folder.includes("node_modules"));
  return [...new Set([...system, "/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin"])].join(":");
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
