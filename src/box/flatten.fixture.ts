import assert from "node:assert/strict";
import { sweep } from "./base.ts";
import { readFacts } from "./folder.ts";
import { type Kept, keepIgnored } from "./keep.ts";
import { programs, type Session } from "./land.fixture.ts";
import { LIMITS_DEFAULT } from "./limits.ts";

/** A checkout that ignores what is installed, built and logged. */
export const RULES = "printf 'node_modules/\\ndist/\\n*.log\\n' >.gitignore; echo a >a.ts; mkdir src; echo s >src/s.ts";

/** Ends a session as a run does, and keeps what git ignores. */
export async function end(session: Session): Promise<Kept> {
  const { path, box } = session;
  let kept = null as Kept | null;
  await box.retire(async () => {
    kept = await keepIgnored({
      ...{ sessionPath: path, facts: readFacts(path), base: box.base, programs },
      limits: LIMITS_DEFAULT,
    });
  });
  await session.close();
  const done = kept ?? assert.fail("nothing was looked at");
  await sweep(done.workspace, programs);
  return done;
}
