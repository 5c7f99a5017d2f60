import { readFacts, writeFacts } from "../box/folder.ts";
import { bound } from "../core/text.ts";
import { unused } from "../ledger/purge.ts";
import { UsageError } from "./config.ts";
import { isCalled, listSessions, type StoredSession } from "./config-sessions.ts";
import { withRecord } from "./record.ts";

const NAME_CHARS_MAX = 64;
/** Letters and digits of any script, with their marks, and what stands between them in a word. Nothing that cannot be seen. */
const NAME = /^[\p{L}\p{N}][\p{L}\p{M}\p{N}._ -]*$/u;
/** What the program calls sessions itself, and what stands for the newest. */
const TAKEN = /^(?:\d{8}-\d{6}-[0-9a-f]{8}|last)$/i;

/** Gives a session that is over a name, by which every command then finds it, or takes it away with "". Throws UsageError. */
export async function nameSession(state: string, session: StoredSession, given: string): Promise<string> {
  const name = given.normalize("NFC").trim().replace(/ +/g, " ");
  const why = name === "" ? null : refusalOf(name);
  if (why !== null) throw new UsageError(`"${bound(name, NAME_CHARS_MAX).text}" is no name for a session: ${why}`);
  const other = name === "" ? undefined : listSessions(state, null).find(isCalled(name));
  if (other && other.facts.id !== session.facts.id)
    throw new UsageError(`session ${other.facts.id} has the name "${name}" already`);
  await unused(`${session.path}/ledger.log`, () =>
    withRecord(session, async ({ ledger }) => {
      ledger.append({ type: "named", at: Date.now(), title: name });
      ledger.seal();
      writeName(session.path, name);
    }),
  );
  return name;
}

/** Forgets what a session is called, with all else that was written in it. */
export function forgetName(path: string): void {
  if (readFacts(path).name !== undefined) writeName(path, "");
}

function writeName(path: string, name: string): void {
  const { name: _, ...facts } = readFacts(path);
  writeFacts({ path }, name === "" ? facts : { ...facts, name });
}

function refusalOf(name: string): string | null {
  if (name.length > NAME_CHARS_MAX) return `it has more than ${NAME_CHARS_MAX} characters`;
  if (!NAME.test(name))
    return "it takes letters, digits, spaces, dots, dashes and underscores, and begins with a letter or a digit";
  return TAKEN.test(name) ? "it could be taken for another session" : null;
}
