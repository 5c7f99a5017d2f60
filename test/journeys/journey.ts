/** One call: a command, or the end of a background command that an earlier call left. */
export type Step = string | { readonly kill: string; readonly pattern: string };

/** An everyday workflow: what somebody types, one call after the other, and what must come out the same in the box. */
export interface Journey {
  readonly name: string;
  /** Programs that must be on the PATH; a name that is missing fails the journey. */
  readonly needs: readonly string[];
  /**
   * Makes the checkout, on the host, before either run. `$MODULES` is this project's own node_modules, to copy from.
   * The folder is an empty git repository; what is in it afterwards is committed.
   */
  readonly setup?: string;
  /**
   * One call each. Whatever differs from run to run (a time, a pid) is cut out by the command itself. A call does not see
   * the processes of another, so what is to be killed is named twice: by the id that the box gives it, and for `pgrep -f`.
   */
  readonly steps: readonly Step[];
}

export const STEP_MS_MAX = 60_000;
export const JOURNEY_MS_MAX = 180_000;

/** Programs that every machine has that the tests run on; journeys that need no more belong to the everyday sample. */
export const COMMON_PROGRAMS: readonly string[] = ["bash", "gcc", "git", "make", "node", "python3"];

/** The last call of every journey: what the checkout holds at the end. What builds stamp with a time is left out. */
export const TREE_STEP = String.raw`cd "$CHECKOUT" && tree() {
  find . \( -name .git -o -name node_modules -o -name __pycache__ -o -name target -o -name .venv -o -name '*.log' -o -name '*.jar' \) -prune \
    -o -printf '%y %m %p %l\0' | sort -z
  find . \( -name .git -o -name node_modules -o -name __pycache__ -o -name target -o -name .venv -o -name '*.log' -o -name '*.jar' \) -prune \
    -o -type f -print0 | sort -z | xargs -0r sha256sum
}
tree | sha256sum; tree | tr '\0' '\n' | head -300`;
