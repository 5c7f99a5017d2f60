import { createInterface, type Interface } from "node:readline";
import { readConfig, UsageError } from "../agent/config.ts";
import type { Session } from "../agent/session.ts";
import { settle } from "../agent/settle.ts";
import { takeTurn } from "../agent/turn.ts";
import type { Start } from "../agent/workplace.ts";
import type { Amounts } from "../core/budget.ts";
import { EXIT_CODES, type SessionEvent } from "../core/event.ts";
import { explain } from "../core/session-label.ts";
import { visible } from "../core/text.ts";
import { Asking } from "./asking.ts";
import { splitHunks } from "./hunks.ts";
import { KillKeys } from "./kill-keys.ts";
import { warnOfLabel } from "./label.ts";
import { diffLive, discardLive, landApproved, landLive, landOffer, listTurn, showHeld, type Waiting } from "./live.ts";
import { type Entered, markPastes, Pasting } from "./pasting.ts";
import type { Standing } from "./paths.ts";
import { previewTyped, showPort } from "./preview.ts";
import { ask, type Question, type Reply, replyOf } from "./question.ts";
import {
  agentText,
  deniedText,
  describeCall,
  failedText,
  waitingCommits,
  waitingFiles,
  writeLeftover,
} from "./report.ts";
import { rewindTyped } from "./rewind.ts";
import { openSession, placeFor } from "./run.ts";
import { dim, row, type Terminal, writeSafe } from "./terminal.ts";
import { undoLive } from "./undo.ts";
import { welcome } from "./welcome.ts";

const FIRST =
  "Type a task. Esc stops the turn, Ctrl-C twice kills all that runs. After it, y lands the source that was listed and n leaves it.";

const HELP = `${FIRST}
/diff [PATH]          what changed
/land [PATH [1,3]]    land the source, or this PATH, or the hunks 1 and 3 of it
/approve FILE…        show held files and ask whether to land them
/undo                 give back what the newest landing replaced
/rewind [N]           go back to before turn N; without N, list the turns
/discard              throw all changes away
/preview [PORT]       show that port of the box to your browser; PORT off ends it
/label                what the session has seen, by which it is judged what may leave the box
/exit                 end
`;

/** The interactive session: a prompt, a streamed answer, and a diff that waits for one key. */
export async function interactive(
  options: { readonly model: string | null; readonly ceilings: Partial<Amounts>; readonly resume: string | null },
  start: Start,
  terminal: Terminal,
): Promise<number> {
  const { model } = await readConfig(start.environment);
  if (options.model === null && model === null) return welcome(start, terminal);
  const workplace = await placeFor(start, options);
  let lines: Interface | null = null;
  const asking = new Asking(terminal, () => lines);
  const session = await openSession(
    workplace,
    { model: options.model, limits: { turnsMax: null, ceilings: options.ceilings }, branch: null, ask: asking.ask },
    (event) => asking.draw(() => show(event, terminal)),
  );
  writeSafe(
    terminal.stdout,
    `ringfence ${start.version} · ${session.model.name} · ${workplace.checkout.path}\n${FIRST} /help lists the commands.\n`,
  );
  try {
    lines = createInterface({ input: terminal.stdin, output: terminal.stdout, prompt: "> ", historySize: 200 });
    markPastes(terminal, true);
    return await converse({ session, standing: workplace.checkout, terminal, lines, asking });
  } finally {
    markPastes(terminal, false);
    // Also after a failure: an open terminal keeps the program.
    lines?.close();
    await session.close();
  }
}

const NOTHING: Entered = { text: "", typed: "" };
/** One line; what was pasted has more. */
const COMMAND = /^\/.*$/;

async function converse(going: Going & { readonly lines: Interface }): Promise<number> {
  const { session, terminal, lines, asking } = going;
  const { stdin, stderr } = terminal;
  let turn: AbortController | null = null;
  let isOpen = true;
  lines.on("close", () => {
    isOpen = false;
    asking.close();
  });
  // A line waits here while a turn is under way; when it was typed tells what it can be an answer to.
  const typed: { readonly at: number; readonly isTaken: boolean; readonly entered: Entered }[] = [];
  const pasting = new Pasting();
  lines.on("line", (line) => {
    const at = performance.now();
    const entered = pasting.line(line);
    const isTaken = entered === null || asking.take(entered.text.trim(), at);
    typed.push({ at, isTaken, entered: entered ?? NOTHING });
  });
  // Before the line that a key ends is taken for an answer.
  stdin.prependListener("keypress", (text: string | undefined, key?: { readonly name?: string }) => {
    pasting.key(text ?? "", key?.name, lines.line);
    asking.press();
  });
  const kill = new KillKeys(session, () => {
    lines.close();
    stdin.destroy();
  });
  // Esc and Ctrl-C stop the turn; at the prompt Ctrl-C ends the program. A second one at once kills.
  stdin.on("keypress", (_text: string, key: { readonly name?: string } | undefined) => {
    if (key?.name === "escape") turn?.abort();
  });
  lines.on("SIGINT", () => {
    if (kill.press()) return;
    if (turn) turn.abort();
    else lines.close();
  });
  let question = ask(lines, {});
  let waiting: Waiting | null = null;
  lines.prompt();
  for await (const line of lines) {
    const { at = 0, isTaken = false, entered = { text: line, typed: line } } = typed.shift() ?? {};
    if (isTaken) continue;
    const text = entered.text.trim();
    if (text === "/exit" || text === "/quit") break;
    const reply = replyOf(question, text, at);
    if (reply === "ahead") {
      writeSafe(stderr, `"${text}" was typed before this could be read, so it answers nothing; type it again\n`);
      question = { ...question, hasDraft: false };
    } else if (reply !== "none" || COMMAND.test(text))
      question = ask(lines, await command(reply, text, question, going));
    else if (text !== "") {
      turn = new AbortController();
      waiting = await answer(going, { text, typed: entered.typed.trim() }, turn.signal, waiting);
      question = ask(lines, { offer: waiting?.offer ?? null });
      turn = null;
    }
    if (session.isKilled) break;
    // The input can end in the middle of a turn; what was typed before is still done.
    if (isOpen) lines.prompt();
  }
  lines.close();
  const killed = session.isKilled ? session.monitor.ended() : null;
  session.finish(killed ?? { reason: "done", message: "the person ended the session" });
  kill.close();
  if (killed !== null) {
    writeSafe(stderr, row(killed.message));
    return kill.signalNumber > 0 ? 128 + kill.signalNumber : EXIT_CODES.killed;
  }
  const leftover = await settle(session, "patch");
  writeLeftover(stderr, { leftover, session: session.id });
  return EXIT_CODES.done;
}

async function answer(
  { session, terminal, asking }: Going,
  { text, typed }: Entered,
  signal: AbortSignal,
  before: Waiting | null,
): Promise<Waiting | null> {
  const { stdout, stderr } = terminal;
  asking.begin();
  // Before anything else is listed that one key answers.
  const end = await takeTurn(session, text, signal, typed).finally(() => asking.end());
  // What it changed waits in its layer; nothing can look into the box any more.
  if (session.isKilled) return null;
  if (end.reason !== "done") writeSafe(stderr, `\n${end.message}\n`);
  stdout.write("\n");
  const seen: Waiting[] = [];
  const settling = settle(session, "patch", async (_changed, collected, found) => {
    seen.push(await listTurn(collected, found, before, terminal));
  });
  const leftover = await settling.catch(unlessKilled(session));
  if (leftover === null) return null;
  const waiting = seen[0] ?? null;
  const what = leftover.held.some(({ class: cls }) => cls !== "source") ? "what is source" : "this";
  const isSource = leftover.held.length > 0 && leftover.held.every(({ class: cls }) => cls === "source");
  const next = !waiting?.offer
    ? isSource
      ? "/diff shows it, take over by hand what is right, or /discard"
      : "/diff, /approve FILE or /discard"
    : `y lands ${what}, /diff shows it, /land PATH a part, /discard`;
  const files = leftover.held.length > 0 ? [waitingFiles(leftover.held.length)] : [];
  const commits = leftover.commits.length > 0 ? [waitingCommits(leftover.commits.length)] : [];
  const waits = [...files, ...commits];
  const news = waiting !== null && waiting.digest === before?.digest ? "as listed before, " : "";
  if (waits.length > 0) stderr.write(`${dim(stderr, `${news}${waits.join(", ")}: ${next}`)}\n`);
  return waiting;
}

// What was being done in the box when it was killed fails in whatever way.
function unlessKilled(session: Session): (error: unknown) => null {
  return (error) => {
    if (session.isKilled) return null;
    throw error;
  };
}

/** A session that goes on, and where and before whom. */
interface Going {
  readonly session: Session;
  readonly standing: Standing;
  readonly terminal: Terminal;
  readonly asking: Asking;
}

type Shown = Partial<Pick<Question, "approvals" | "offer" | "preview">>;

// A wrong word is told and loses nothing. What it returns was shown and waits for an answer.
async function command(reply: Reply, text: string, question: Question, going: Going): Promise<Shown> {
  const { session, terminal } = going;
  try {
    const [name = "", ...words] = wordsOf(text.slice(1));
    if (reply === "approve") await landApproved(session, question.approvals, terminal);
    else if (reply === "land") return { offer: await landOffer(session, question.offer, terminal) };
    else if (reply === "preview" && question.preview !== null)
      return { preview: await showPort(session, question.preview, terminal.stdout) };
    else if (reply === "decline")
      writeSafe(terminal.stdout, question.preview === null ? "not landed\n" : "not shown\n");
    else return await act(name, words, going);
  } catch (error) {
    if (!(error instanceof UsageError)) return unlessKilled(session)(error) ?? {};
    writeSafe(terminal.stderr, `${error.message}\n`);
  }
  return {};
}

async function act(name: string, words: readonly string[], going: Going): Promise<Shown> {
  const { session, standing, terminal } = going;
  const option = words.find((word) => word.startsWith("--"));
  if (option !== undefined) throw new UsageError(`/${name} takes no ${option}; /help shows what it takes`);
  if (name === "approve") return showApproval(words, going);
  if (name === "diff") {
    const offer = await diffLive(session, words, standing, terminal);
    if (offer !== null) terminal.stdout.write(`${dim(terminal.stdout, "y lands the source of this")}\n`);
    return { offer };
  }
  if (name === "land") await landLive(session, { ...splitHunks(words), standing }, terminal);
  else if (name === "undo" && words.length > 0)
    writeSafe(terminal.stderr, "/undo takes a whole landing back and takes no path; nothing was undone\n");
  else if (name === "undo") await undoLive(session, terminal);
  else if (name === "preview") return { preview: await previewTyped(words, session, terminal) };
  else if (name === "label") writeSafe(terminal.stdout, labelText(session));
  else if (name === "rewind") await rewindTyped(words, session, terminal);
  else if (name === "discard" && words.length > 0)
    writeSafe(terminal.stderr, "/discard throws all changes away and takes no path; nothing was thrown away\n");
  else if (name === "discard") await discardLive(session, terminal);
  else {
    if (name !== "help") writeSafe(terminal.stderr, `/${name} is not a command; these are:\n`);
    writeSafe(terminal.stdout, HELP);
  }
  return {};
}

function labelText({ label: { current } }: Session): string {
  const why = explain(current);
  return row(
    `${current.integrity} and ${current.secrecy}${why === "" ? ": nothing was typed, read or heard yet" : `: ${why}`}`,
  );
}

async function showApproval(words: readonly string[], { session, standing, terminal }: Going): Promise<Shown> {
  if (words.length === 0) {
    writeSafe(terminal.stdout, "name the held files: /approve FILE…\n");
    return {};
  }
  const approvals = await showHeld(session, words, standing, terminal);
  if (approvals.length > 0) warnOfLabel(session.label.current, terminal);
  const question =
    approvals.length > 0 ? 'land exactly this? "yes" lands it, anything else does not\n' : "no held file\n";
  writeSafe(terminal.stdout, question);
  return { approvals };
}

// A name that holds a space stands between quotes.
function wordsOf(text: string): string[] {
  return [...text.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain = ""]) => quoted ?? plain);
}

function show(event: SessionEvent, { stdout, stderr }: Terminal): void {
  if (event.agent !== undefined) stderr.write(dim(stderr, visible(agentText(event))));
  else if (event.type === "text") writeSafe(stdout, event.text);
  else if (event.type === "call") {
    stderr.write(dim(stderr, `\n· ${event.call.name} `));
    writeSafe(stderr, `${describeCall(event.call)}\n`);
  } else if (event.type === "result" && !event.ok) writeSafe(stderr, failedText(event));
  else if (event.type === "denied") stderr.write(dim(stderr, visible(deniedText(event))));
  else if (event.type === "notice") writeSafe(stderr, row(`note: ${event.text}`));
  else if (event.type === "retry")
    writeSafe(stderr, `\n${event.reason}; next try in ${Math.round(event.waitMs / 1000)} s\n`);
}
