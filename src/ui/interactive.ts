import { createInterface } from "node:readline";
import { readConfig, UsageError } from "../agent/config.ts";
import type { Session } from "../agent/session.ts";
import { settle } from "../agent/settle.ts";
import { takeTurn } from "../agent/turn.ts";
import { prepareWorkplace, type Start } from "../agent/workplace.ts";
import type { Approval } from "../core/approval.ts";
import { EXIT_CODES, type SessionEvent } from "../core/event.ts";
import { diffLive, discardLive, landApproved, landLive, showHeld } from "./changes.ts";
import { describeCall, waitingFiles, writeLeftover } from "./report.ts";
import { rewindTyped } from "./rewind.ts";
import { openSession } from "./run.ts";
import { dim, oneLine, row, type Terminal, writeSafe } from "./terminal.ts";
import { undoLive } from "./undo.ts";
import { welcome } from "./welcome.ts";

const HELP =
  "Type a task. Esc stops the turn. /diff shows what changed, /land lands it, /approve FILE lands a held file, /undo takes the newest landing back, /rewind goes back to an earlier turn, /discard throws it away, /exit ends.\n";
const NO_LIMITS = { turnsMax: null, minutesMax: null, usdMax: null };

/** The interactive session: a prompt, a streamed answer, and a diff that waits for one key. */
export async function interactive(
  options: { readonly model: string | null },
  start: Start,
  terminal: Terminal,
): Promise<number> {
  const { model } = await readConfig(start.environment);
  if (options.model === null && model === null) return welcome(start, terminal);
  const workplace = await prepareWorkplace(start);
  const session = await openSession(workplace, { model: options.model, limits: NO_LIMITS }, (event) =>
    show(event, terminal),
  );
  writeSafe(
    terminal.stdout,
    `ringfence ${start.version} · ${session.model.name} · ${workplace.checkout.path}\n${HELP}`,
  );
  try {
    return await converse(session, terminal);
  } finally {
    await session.close();
  }
}

async function converse(session: Session, terminal: Terminal): Promise<number> {
  const { stdin, stdout } = terminal;
  const lines = createInterface({ input: stdin, output: stdout, prompt: "> ", historySize: 200 });
  let turn: AbortController | null = null;
  let shown: readonly Approval[] = [];
  let isOpen = true;
  lines.on("close", () => {
    isOpen = false;
  });
  // Esc and Ctrl-C stop the turn; at the prompt Ctrl-C ends the program.
  stdin.on("keypress", (_text: string, key: { readonly name?: string } | undefined) => {
    if (key?.name === "escape") turn?.abort();
  });
  lines.on("SIGINT", () => (turn ? turn.abort() : lines.close()));
  lines.prompt();
  for await (const line of lines) {
    const text = line.trim();
    if (text === "/exit" || text === "/quit") break;
    if (shown.length > 0 || text.startsWith("/")) shown = await command(text, shown, session, terminal);
    else if (text !== "") {
      turn = new AbortController();
      await answer(session, text, turn.signal, terminal);
      turn = null;
    }
    // The input can end in the middle of a turn; what was typed before is still done.
    if (isOpen) lines.prompt();
  }
  lines.close();
  session.finish({ reason: "done", message: "the person ended the session" });
  const leftover = await settle(session, "patch");
  writeLeftover(terminal.stderr, { leftover, session: session.id });
  return EXIT_CODES.done;
}

async function answer(session: Session, text: string, signal: AbortSignal, terminal: Terminal): Promise<void> {
  const end = await takeTurn(session, text, signal);
  if (end.reason !== "done") writeSafe(terminal.stderr, `\n${end.message}\n`);
  terminal.stdout.write("\n");
  const leftover = await settle(session, "patch");
  const waits = leftover.held.length;
  if (waits > 0) terminal.stderr.write(`${dim(terminal.stderr, `${waitingFiles(waits)}: /diff, /land or /discard`)}\n`);
}

// A wrong word is told and loses nothing. What it returns was shown and waits for an answer.
async function command(
  text: string,
  shown: readonly Approval[],
  session: Session,
  terminal: Terminal,
): Promise<readonly Approval[]> {
  try {
    const [name, ...paths] = text.slice(1).split(/\s+/);
    if (shown.length > 0 && text === "yes") await landApproved(session, shown, terminal);
    else if (shown.length > 0) writeSafe(terminal.stdout, "not landed\n");
    else if (name === "approve") return await ask(paths, session, terminal);
    else await act(name, paths, session, terminal);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    writeSafe(terminal.stderr, `${error.message}\n`);
  }
  return [];
}

async function act(
  name: string | undefined,
  paths: readonly string[],
  session: Session,
  terminal: Terminal,
): Promise<void> {
  if (name === "diff") await diffLive(session, terminal);
  else if (name === "land") await landLive(session, paths, terminal);
  else if (name === "undo") await undoLive(session, terminal);
  else if (name === "rewind") await rewindTyped(paths, session, terminal);
  else if (name === "discard" && paths.length > 0)
    writeSafe(terminal.stderr, "/discard throws all changes away and takes no path; nothing was thrown away\n");
  else if (name === "discard") await discardLive(session, terminal);
  else writeSafe(terminal.stdout, HELP);
}

// A key pressed ahead of the question cannot answer it: only the whole word, on the line after what was shown.
async function ask(paths: readonly string[], session: Session, terminal: Terminal): Promise<readonly Approval[]> {
  if (paths.length === 0) {
    writeSafe(terminal.stdout, "name the held files: /approve FILE…\n");
    return [];
  }
  const approvals = await showHeld(session, paths, terminal);
  const question =
    approvals.length > 0 ? 'land exactly this? "yes" lands it, anything else does not\n' : "no held file\n";
  writeSafe(terminal.stdout, question);
  return approvals;
}

function show(event: SessionEvent, { stdout, stderr }: Terminal): void {
  if (event.type === "text") writeSafe(stdout, event.text);
  else if (event.type === "call") {
    stderr.write(dim(stderr, `\n· ${event.call.name} `));
    writeSafe(stderr, `${describeCall(event.call)}\n`);
  } else if (event.type === "result" && !event.ok) writeSafe(stderr, `  ${oneLine(event.text.slice(-300), 160)}\n`);
  else if (event.type === "notice") writeSafe(stderr, row(`note: ${event.text}`));
  else if (event.type === "retry")
    writeSafe(stderr, `\n${event.reason}; next try in ${Math.round(event.waitMs / 1000)} s\n`);
}
