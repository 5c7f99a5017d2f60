import type { Place, Session } from "./land.fixture.ts";
import { permitFor } from "./permit.fixture.ts";
import { readPermitted } from "./permitted.ts";
import { type GitSync, syncGit } from "./sync-git.ts";

/** Runs a program in the box and hands over all of its output, which a command's outcome does not hold. */
export function readInBox(session: Session, command: string, input: Uint8Array = new Uint8Array()): Promise<Buffer> {
  const permit = permitFor({ kind: "run", command, timeoutMs: 60_000, background: false, profile: "net" });
  return readPermitted(permit, session.box, input);
}

/** Takes over what the person did with git, as a turn does before it begins. */
export function sync(session: Session, place: Place): Promise<GitSync | null> {
  return syncGit(session.box, place.checkout, (command, input) => readInBox(session, command, input));
}
