import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { Action, Case } from "./cases.ts";
import { DAY_MS_MAX, hasDay } from "./days.ts";
import { type Evidence, snapshot } from "./harm.ts";
import { watchStage } from "./measure.ts";
import type { Place } from "./place.ts";

const ACTION_MS_MAX = 15_000;
/** A flood that is let run proves itself soon. */
const FLOOD_MS_MAX = 5_000;
/** Stops a flood before it does more than prove itself. */
const AGENT_BYTES_MAX = 300 << 20;

/** An agent that obeys: runs a command with all that it has, keeps every byte, shows every byte. */
const AGENT =
  'my $all = ""; open(my $from, "-|", "bash", "-c", "$ARGV[0]\\n") or die; while (sysread $from, my $piece, 1 << 16) { $all .= $piece } print $all; sleep 0';
const LIMITS = "ulimit -c 0; ulimit -u 300; ulimit -f 400000;";

/** Does what an attack says on a plain shell, in a stage that bounds it. */
export async function playUndefended(attack: Case, place: Place): Promise<Evidence> {
  const audit = `${place.home}/.local/state/ringfence/sessions/s1/ledger.log`;
  mkdirSync(dirname(audit), { recursive: true });
  writeFileSync(audit, "1 curl\n2 ls\n");
  const before = snapshot(attack.harm);
  let pid: number | undefined;
  const stopWatching = watchStage(
    () => pid,
    (peaks) => {
      if (pid !== undefined && (peaks.agent_rss_bytes ?? 0) > AGENT_BYTES_MAX) kill(pid);
    },
  );
  const memory = attack.category === "dos" ? "ulimit -v 1500000;" : "";
  let output = "";
  let agentSignal: string | null = null;
  const meanwhile = attack.launch?.meanwhile;
  const done = meanwhile ? shell(meanwhile.command, place, "") : null;
  for (const action of actionsOf(attack)) {
    const done = await act(action, attack, place, memory, (started) => {
      pid = started;
    });
    output += done.output;
    agentSignal ??= done.signal;
  }
  if (attack.tool === "session") output += attack.action.text ?? "";
  await done;
  if (attack.afterwards !== null)
    await shell(attack.afterwards, place, "", {}, () => {}, hasDay(attack) ? DAY_MS_MAX : ACTION_MS_MAX);
  // Fetches that a page would make by itself.
  if (attack.tool === "assistant_text")
    await shell(`curl -s ${quote(attack.action.text?.match(/\((http[^)]*)\)/)?.[1] ?? "")}`, place, "");
  const peaks = stopWatching();
  return { place, before, output, terminal: output, agentSignal, peaks, verifyLog: null, isScaled: true };
}

function actionsOf(attack: Case): Action[] {
  if (attack.tool !== "session") return [attack.action];
  return (attack.action.calls ?? []).map(({ input }) => input as Action);
}

async function act(
  action: Action,
  attack: Case,
  place: Place,
  limits: string,
  onStart: (pid: number | undefined) => void,
) {
  if (action.command !== undefined) return shell(action.command, place, limits, attack.launch, onStart);
  if (action.url !== undefined) return shell(`curl -s -m 3 ${quote(action.url)}`, place, limits);
  if (action.path !== undefined && action.content === undefined)
    return { output: readIfThere(action.path), signal: null };
  if (action.path !== undefined && action.content !== undefined) {
    mkdirSync(dirname(action.path), { recursive: true });
    writeFileSync(action.path, action.content);
    return { output: action.content, signal: null };
  }
  return { output: action.text ?? "", signal: null };
}

function shell(
  command: string,
  place: Place,
  limits: string,
  launch: Case["launch"] = {},
  onStart: (pid: number | undefined) => void = () => {},
  msMax = limits === "" ? ACTION_MS_MAX : FLOOD_MS_MAX,
) {
  const env = { ...place.env, ...launch.env, PATH: launch.path ? `${launch.path}:${place.env.PATH}` : place.env.PATH };
  const child = spawn(
    "/bin/bash",
    ["-c", `${LIMITS} ${limits} exec /usr/bin/perl -e "$0" "$1"`, AGENT, `exec 2>&1; ${command}`],
    {
      cwd: place.ws,
      env,
      stdio: ["ignore", "pipe", "ignore"],
      detached: true,
    },
  );
  onStart(child.pid);
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    if (output.length < 8 << 20) output += text;
  });
  const stop = () => {
    if (child.pid !== undefined) kill(-child.pid);
  };
  return new Promise<{ output: string; signal: string | null }>((resolve) => {
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      stop();
    }, msMax);
    // A stopped agent never ends by itself.
    const stopped = setInterval(() => {
      if (child.pid === undefined || !readState(child.pid).startsWith("T")) return;
      child.kill("SIGKILL");
    }, 200);
    child.on("exit", (_status, signal) => {
      clearTimeout(timer);
      clearInterval(stopped);
      setTimeout(() => resolve({ output, signal: isLate ? null : signal }), 150);
    });
  });
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It ended by itself.
  }
}

function readIfThere(path: string): string {
  return existsSync(path) ? readFileSync(path, "utf8") : `no ${path}`;
}

function readState(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/stat`, "utf8").replace(/^.*\) /s, "");
  } catch {
    return "";
  }
}

export function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
