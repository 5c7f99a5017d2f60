import { type Place, play, sh, type Turn } from "./program.ts";

/** Files of a checkout in which branches are made. */
export const MAKE = "umask 022; mkdir d; for n in a b c; do echo $n >$n.ts; done; echo d >d/d.ts; echo out >.gitignore";

/** All that the person has: files, index, HEAD and configuration, but for the branches and their objects. */
export const checkoutOf = (place: Place) =>
  sh(
    place,
    "find . -path ./.git/objects -prune -o -path ./.git/refs -prune -o ! -path ./.git -printf '%y %m %T@ %p %l\\n' | sort; find . -path ./.git/objects -prune -o -path ./.git/refs -prune -o -type f -print0 | sort -z | xargs -0 sha256sum",
  );

/** Names and kinds of what differs between two commits. */
export const filesOf = (place: Place, range: string) => sh(place, `git diff --name-status ${range}`);

/** The last words of a model. */
export const DONE = { text: "ok" };

/** What a run with a branch ended with. */
export interface Branch {
  readonly asked: string;
  readonly name: string | null;
  readonly commits: readonly { readonly subject: string; readonly state: string; readonly why: string | null }[];
  readonly note: string | null;
  readonly changed_meanwhile: readonly string[];
}

/** Plays a run on a branch, and reads what became of it. */
export async function onBranch(place: Place, name: string, turns: readonly Turn[]) {
  const played = await play(place, turns, ["--branch", name]);
  return { ...played, branch: played.result.branch as Branch };
}
