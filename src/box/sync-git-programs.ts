import { quote } from "./commands.ts";

/** Files whose presence says that git is in the middle of something; the others beside them only accompany it. */
export const UNDER_WAY = [
  "MERGE_HEAD",
  "CHERRY_PICK_HEAD",
  "REVERT_HEAD",
  "rebase-merge",
  "rebase-apply",
  "sequencer",
] as const;

const COMPANIONS = ["MERGE_MSG", "MERGE_MODE", "MERGE_RR", "SQUASH_MSG", "AUTO_MERGE", "REBASE_HEAD"];

// Neither hooks nor what a folder is told to be have a say in where these look.
const start = (checkout: string) =>
  `cd -- ${quote(checkout)} || exit; export GIT_DIR="$PWD/.git" GIT_WORK_TREE="$PWD" GIT_OPTIONAL_LOCKS=0 LC_ALL=C
g() { command git -c core.hooksPath=/dev/null -c core.logAllRefUpdates=true "$@"; }
`;

// The line of the index comes last, since all of it can be wrong without any of it being told.
const LOOK = `printf 'h %s\\n' "$(head -c 4096 .git/HEAD)"
g for-each-ref --format='r %(objectname) %(refname) %(symref)' || exit
! g rev-parse -q --verify refs/stash >/dev/null || g log -g --format='s %H %gs' refs/stash --
for f in ${UNDER_WAY.join(" ")}; do [ ! -e ".git/$f" ] || printf 'o %s\\n' "$f"; done
printf 'i %s\\n' "$(cksum <.git/index)"; printf 'p %s\\n' "$(cksum <.git/ringfence-index)"
`;

/** The program that tells what the box's repository has, and, of each pair on its input, whether the first is an ancestor of the second. */
export function lookProgram(checkout: string): string {
  return `${start(checkout)}exec 2>/dev/null
${LOOK}while read -r a b; do ! g merge-base --is-ancestor "$a" "$b" || printf 'a %s %s\\n' "$a" "$b"; done; echo .`;
}

export interface Changes {
  readonly checkout: string;
  readonly head: string | null;
  /** Oldest first; null leaves the stash as it is. */
  readonly stash: readonly { readonly id: string; readonly message: string }[] | null;
  readonly endsOperation: boolean;
  /** Builds the index anew from HEAD. */
  readonly rebuildsIndex: boolean;
  /** What the person's commits lead from and to; null when they made none. */
  readonly moved: readonly [string, string] | null;
}

/**
 * The program that makes the changes; its input has refs to delete, a NUL, and refs to set, as `git update-ref` reads them.
 * It prints what the person's commits changed, as `git diff-tree` does.
 */
export function changeProgram({ checkout, head, stash, endsOperation, rebuildsIndex, moved }: Changes): string {
  const lines = [
    start(checkout),
    // All at once, or one by one where something stands in the way of that.
    `refs() { [ -z "$1" ] || g update-ref --no-deref -m ringfence --stdin <<<"$1" || while IFS= read -r l; do g update-ref --no-deref -m ringfence --stdin <<<"$l"; done <<<"$1"; }
exec 3>&1 >/dev/null 2>&1; IFS= read -r -d '' gone; set=$(cat); refs "$gone"; refs "$set"`,
  ];
  if (head !== null)
    lines.push(
      head.startsWith("ref: ")
        ? `g symbolic-ref -m ringfence HEAD ${quote(head.slice(5))}`
        : `g update-ref --no-deref -m ringfence HEAD ${quote(head)}`,
    );
  if (endsOperation)
    lines.push(
      `for o in rebase cherry-pick revert merge am; do g $o --quit; done; rm -rf -- ${[...UNDER_WAY, ...COMPANIONS].map((name) => `.git/${name}`).join(" ")}`,
    );
  // A log without its ref, which git would go on with, is not cleared by git.
  if (stash !== null)
    lines.push(
      "g stash clear; rm -f .git/logs/refs/stash",
      ...stash.map(({ id, message }) => `g stash store -q -m ${quote(message)} ${quote(id)}`),
    );
  // Begun from the person's own, which knows their files: git looks into none of those again.
  if (rebuildsIndex)
    lines.push(`n=.git/index.ringfence; rm -f $n; cp -p .git/ringfence-index $n; tree=HEAD; g rev-parse -q --verify HEAD || tree=--empty
GIT_INDEX_FILE=$n g read-tree --reset $tree || { rm -f $n; GIT_INDEX_FILE=$n g read-tree $tree; }; [ ! -e $n ] || mv -f $n .git/index`);
  if (moved !== null) lines.push(`g diff-tree -r -z --raw --no-renames --no-abbrev ${moved.join(" ")} >&3`);
  return lines.join("\n");
}

/** The program that tells of each path on its input, ended by NUL, what stands there and what the index has. */
export function filesProgram(checkout: string): string {
  return `${start(checkout)}mapfile -d '' -t paths; list=$(mktemp)
for p in "\${paths[@]}"; do if [ -L "$p" ]; then echo l; elif [ -f "$p" ] && [ -r "$p" ]; then printf '%s\\n' "$p" >>"$list"; echo f; elif [ -e "$p" ]; then echo o; else echo n; fi; done
g hash-object --stdin-paths <"$list" 2>/dev/null; rm -f "$list"; echo .
printf '%s\\0' "\${paths[@]}" | GIT_LITERAL_PATHSPECS=1 xargs -0r git ls-files -s -z --`;
}

/** The program that gives files what the index has, or takes them away: its input has the ones, an empty string, and the others. */
export function settleProgram(checkout: string): string {
  return `${start(checkout)}exec >/dev/null 2>&1; mapfile -d '' -t paths; i=0
for p in "\${paths[@]}"; do [ -n "$p" ] || break; i=$((i + 1)); done
[ $i = 0 ] || printf '%s\\0' "\${paths[@]:0:i}" | g checkout-index -f -z --stdin
for p in "\${paths[@]:i+1}"; do rm -f -- "./$p"; done`;
}
