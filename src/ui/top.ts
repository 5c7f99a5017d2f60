import { stateFolder } from "../agent/config.ts";
import { type LiveSession, LiveSessions } from "../agent/live-sessions.ts";
import type { Start } from "../agent/workplace.ts";
import { counted, visible, visibleJson } from "../core/text.ts";
import { ageOf } from "./sessions.ts";
import { bold, oneLine, row, type Terminal } from "./terminal.ts";

const REFRESH_MS = 1000;
const WORDS_CHARS_MAX = 60;
const HOME_AND_CLEAR = "\x1b[H\x1b[J";

/** `ringfence top`: the sessions that run, of every checkout; in a terminal again every second until q. */
export async function topCommand(
  options: { readonly once: boolean; readonly json: boolean },
  start: Start,
  { stdin, stdout }: Terminal,
): Promise<number> {
  const sessions = new LiveSessions(stateFolder(start.environment));
  try {
    if (options.json) stdout.write(`${visibleJson(JSON.stringify(sessions.look().map(toJson)))}\n`);
    else if (options.once || !stdin.isTTY || !stdout.isTTY) stdout.write(draw(sessions.look(), stdout));
    else await goOn(sessions, stdin, stdout);
  } finally {
    sessions.close();
  }
  return 0;
}

async function goOn(sessions: LiveSessions, stdin: NodeJS.ReadStream, stdout: NodeJS.WriteStream): Promise<void> {
  const show = () => stdout.write(`${HOME_AND_CLEAR}${draw(sessions.look(), stdout)}\nq ends\n`);
  const { promise, resolve } = Promise.withResolvers<void>();
  stdin.setRawMode(true);
  stdin.on("data", (keys: Buffer) => /[qQ\x03\x04]/.test(keys.toString("latin1")) && resolve());
  stdin.on("end", resolve);
  stdout.write("\x1b[2J");
  show();
  const timer = setInterval(show, REFRESH_MS);
  try {
    await promise;
  } finally {
    clearInterval(timer);
    stdin.setRawMode(false);
    stdin.pause();
  }
}

function draw(live: readonly LiveSession[], stdout: NodeJS.WriteStream): string {
  if (live.length === 0) return "no session is running\n";
  return `${counted(live.length, "session")}\n${live.map((one) => drawOne(one, stdout)).join("")}`;
}

function drawOne(one: LiveSession, stdout: NodeJS.WriteStream): string {
  const { id, startedAt, usd, label, model, waiting, alarms, alarm, last } = one;
  const age = startedAt === null ? "" : ageOf(Date.now() - startedAt);
  const cost = usd === null ? "cost unknown" : `$${usd.toFixed(2)}`;
  const head = [id, age, cost, `${label.integrity} and ${label.secrecy}`, model ?? "no model", one.checkout];
  const lines = [safe(head.join("  "))];
  if (last !== null) {
    const when = last.at === null ? "" : `  ${secondsOf(Date.now() - last.at)} ago`;
    lines.push(safe(`    ${last.verdict}: ${oneLine(last.what, WORDS_CHARS_MAX)}${when}`));
  }
  if (waiting > 0) lines.push(`    ${bold(stdout, `waits for your answer to ${counted(waiting, "question")}`)}\n`);
  if (alarms > 0) lines.push(safe(`    ${counted(alarms, "alarm")}, the newest: ${alarm ?? "unknown"}`));
  if (one.isKilled) lines.push(safe("    killed, and about to end"));
  if (one.trouble !== null) lines.push(safe(`    ${one.trouble}`));
  return lines.join("");
}

// Names of folders, commands and hosts are a stranger's.
function safe(text: string): string {
  return visible(row(text));
}

function secondsOf(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  return seconds < 60 ? `${seconds} s` : ageOf(ms);
}

function toJson(one: LiveSession): object {
  return {
    id: one.id,
    checkout: one.checkout,
    pid: one.pid,
    started_at: one.startedAt === null ? null : new Date(one.startedAt).toISOString(),
    model: one.model,
    usd: one.usd,
    label: one.label,
    last: one.last,
    waiting: one.waiting,
    alarms: one.alarms,
    newest_alarm: one.alarm,
    trouble: one.trouble,
  };
}
