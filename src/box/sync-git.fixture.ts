import type { Place, Session } from "./land.fixture.ts";
import { permitFor } from "./permit.fixture.ts";
import { readPermitted } from "./permitted.ts";
import { type GitSync, syncGit } from "./sync-git.ts";

/** Takes over what the person did with git, as a turn does before it begins. */
export function sync(session: Session, place: Place): Promise<GitSync | null> {
  return syncGit(session.box, place.checkout, (command, input) =>
    readPermitted(permitFor({ kind: "run", command, timeoutMs: 30_000, background: false }), session.box, input),
  );
}
