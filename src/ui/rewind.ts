import { stateFolder, UsageError } from "../agent/config.ts";
import { findCheckout } from "../agent/config-checkout.ts";
import { findSession } from "../agent/config-sessions.ts";
import { withRecord } from "../agent/record.ts";
import { findCheckpoint, listCheckpoints, type Rewind, type Rewound, rewindFor, rewindLive } from "../agent/rewind.ts";
import type { Session } from "../agent/session.ts";
import type { Start } from "../agent/workplace.ts";
import type { Checkpoint } from "../box/layers.ts";
import { counted } from "../core/text.ts";
import { anchorLast } from "./anchor.ts";
import { oneLine, type Terminal, writeSafe } from "./terminal.ts";

const TITLE_CHARS_MAX = 60;
const WORDS: Readonly<Record<string, Rewound>> = { "": "both", files: "files", conversation: "conversation" };

/** `ringfence rewind [N]`: takes the files of a session that is over back to a turn, or lists its turns. */
export async function rewindCommand(
  [name]: readonly string[],
  options: { readonly session: string | null },
  start: Start,
  terminal: Terminal,
): Promise<number> {
  const session = findSession(stateFolder(start.environment), findCheckout(start.folder).path, options.session);
  writeSafe(terminal.stderr, `session ${session.facts.id}\n`);
  if (name === undefined) list(session.path, terminal);
  else {
    const to = findCheckpoint(session.path, name, "files");
    const rewind = await withRecord(session, (record) => rewindFor(session, to, record), {
      last: anchorLast(session, start, terminal),
    });
    const again = `ringfence rewind ${rewind.left.number} --session ${session.facts.id}`;
    tell(rewind, "files", { again, undo: `ringfence undo --session ${session.facts.id}` }, terminal);
  }
  return 0;
}

/** `/rewind [N [files|conversation]]` of a session that goes on. */
export async function rewindTyped(
  [name, word = ""]: readonly string[],
  session: Session,
  terminal: Terminal,
): Promise<void> {
  const { path } = session.box.folder;
  if (name === undefined) {
    list(path, terminal);
    terminal.stdout.write(
      "/rewind N takes files and conversation back; /rewind N files or /rewind N conversation one of them\n",
    );
    return;
  }
  const what = WORDS[word];
  if (what === undefined)
    throw new UsageError(`/rewind N takes back both, or one of files and conversation; not "${word}"`);
  const ended = session.box.background.running().length;
  const rewind = await rewindLive(session, findCheckpoint(path, name, what), what);
  tell(rewind, what, { again: `/rewind ${rewind.left.number}${word && ` ${word}`}`, undo: "/undo" }, terminal);
  if (ended > 0 && what !== "conversation")
    writeSafe(terminal.stdout, `${counted(ended, "background command")} ended\n`);
}

function list(sessionPath: string, { stdout }: Terminal): void {
  const checkpoints = listCheckpoints(sessionPath);
  for (const one of checkpoints) writeSafe(stdout, lineOf(one));
  if (checkpoints.length === 0) stdout.write("this session has no turn to go back to\n");
}

function lineOf({ number, at, what, title, stack }: Checkpoint): string {
  const time = new Date(at).toTimeString().slice(0, 8);
  const text = what === "turn" ? `before: ${oneLine(title, TITLE_CHARS_MAX)}` : `what a rewind to ${title} left`;
  return `${String(number).padStart(4)}  ${time}  ${text}${stack === null ? "  (files were not kept)" : ""}\n`;
}

function tell(
  { to, landings }: Rewind,
  what: Rewound,
  words: { readonly again: string; readonly undo: string },
  { stdout }: Terminal,
): void {
  const subject =
    what === "both" ? "files and conversation are" : what === "files" ? "files are" : "the conversation is";
  const where = to.what === "turn" ? `before turn ${to.number}` : `at checkpoint ${to.number}`;
  writeSafe(stdout, `${subject} as ${where}; ${words.again} takes this back\n`);
  if (landings > 0 && what !== "conversation")
    writeSafe(
      stdout,
      `${counted(landings, "landing since then stays", "landings since then stay")} in your checkout; ${words.undo} takes the newest back\n`,
    );
}
