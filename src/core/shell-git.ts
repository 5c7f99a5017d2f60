type Word = string | null;

const READERS = new Set(
  (
    "status log diff show blame annotate rev-parse ls-files ls-tree cat-file rev-list shortlog describe grep name-rev merge-base " +
    "for-each-ref show-ref show-branch diff-tree diff-index diff-files whatchanged count-objects check-ignore check-attr " +
    "var version help cherry range-diff"
  ).split(" "),
);
/** Subcommands that only list with these words, or with none. */
const LISTERS: Readonly<Record<string, RegExp>> = Object.assign(Object.create(null), {
  branch: /^(?:-[arvl]+|--(?:all|remotes|list|show-current|verbose|merged|no-merged|contains|sort=.*|format=.*))$/,
  tag: /^(?:-l|-n\d*|--(?:list|merged|contains|sort=.*|format=.*))$/,
  remote: /^(?:-v|--verbose|get-url|origin|upstream)$/,
  stash: /^(?:list|show|-p|--stat|stash@\{\d+\})$/,
  worktree: /^(?:list|--porcelain)$/,
  config: /^(?:get|list|--(?:get|get-all|get-regexp|list|local|global|system|show-origin|name-only|includes)|-l|-z)$/,
});

/** Says what a git command does: what only reads is known, and everything else may run hooks, filters or a transport. */
export function gitAct(args: readonly Word[]): "reads" | "unknown" {
  let at = 0;
  for (; args[at]?.startsWith("-"); at += 1) {
    const option = args[at] ?? "";
    if (option === "-C") at += 1;
    else if (option === "--version") return "reads";
    else if (!/^--(?:no-pager|literal-pathspecs|no-optional-locks|no-replace-objects)$/.test(option)) return "unknown";
  }
  const [subcommand, ...rest] = args.slice(at);
  if (subcommand === undefined || subcommand === null) return "unknown";
  // Writes a file, opens a pager's or a diff's program, or starts an editor.
  if (rest.some((word) => word !== null && /^(?:--output|--ext-diff|-O|--open-files|--exec|--upload)/.test(word)))
    return "unknown";
  if (READERS.has(subcommand)) return "reads";
  const words = LISTERS[subcommand];
  if (words === undefined) return "unknown";
  if (subcommand === "config") return words.test(rest[0] ?? "") ? "reads" : "unknown";
  if (subcommand === "stash" && rest.length === 0) return "unknown";
  return rest.every((word) => word !== null && words.test(word)) ? "reads" : "unknown";
}
