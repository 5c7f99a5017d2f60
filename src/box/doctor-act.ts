import type { Outcome } from "../core/outcome.ts";
import { quote } from "./commands.ts";
import type { Place } from "./doctor-place.ts";

export type Group =
  | "files"
  | "home"
  | "links"
  | "processes"
  | "sockets"
  | "namespaces"
  | "kernel"
  | "signals"
  | "limits"
  | "git"
  | "environment"
  | "masks"
  | "terminal";

/** One forbidden act, tried by ordinary commands in the box. */
export interface Act {
  readonly id: string;
  readonly group: Group;
  /** What is tried, in plain words. */
  readonly what: string;
  /** Programs without which the act cannot be tried; an act that was not tried does not hold. */
  readonly needs: readonly string[];
  readonly timeoutMs: number;
  /** What the host does to its own throw-away folder just before; null when nothing. */
  readonly prepare: ((place: Place) => void) | null;
  /** Commands, each in a sandbox of its own, in this order; the last one prints the verdict. */
  readonly steps: (place: Place) => readonly string[];
  /** Looks from outside at what was reached; null when it was nothing. */
  readonly harm: ((place: Place) => string | null) | null;
  /** Reads the verdict out of what the last command gave. */
  readonly judge: (outcome: Outcome) => Verdict;
}

export interface Verdict {
  readonly held: boolean;
  readonly detail: string;
}

const DETAIL_CHARS_MAX = 160;

/** Completes an act: what is not said is nothing, and the verdict is the one that the last command prints. */
export function act(said: Pick<Act, "id" | "group" | "what" | "steps"> & Partial<Act>): Act {
  return { needs: [], timeoutMs: ACT_MS, prepare: null, harm: null, judge: readVerdict, ...said };
}

/** Longest that one command of an act may take. */
export const ACT_MS = 20_000;

/** Tries an act with what runs its commands; a look from outside outweighs what the act says of itself. */
export async function tryAct(
  act: Act,
  place: Place,
  run: (command: string, timeoutMs: number) => Promise<Outcome>,
): Promise<Verdict> {
  act.prepare?.(place);
  const steps = act.steps(place);
  let verdict: Verdict = { held: false, detail: "not tried: it has no steps" };
  for (const [index, step] of steps.entries()) {
    const isLast = index === steps.length - 1;
    // Each begins in the checkout, wherever the one before went.
    const outcome = await run(`cd ${quote(place.checkout)}\n${step}`, isLast ? ACT_MS : act.timeoutMs);
    if (isLast) verdict = act.judge(outcome);
  }
  const harm = act.harm?.(place) ?? null;
  return harm === null ? verdict : { held: false, detail: harm };
}

/** Reads the last verdict that a command printed; a command that printed none holds nothing. */
export function readVerdict(outcome: Outcome): Verdict {
  const lines = outcome.text.split("\n").reverse();
  for (const line of lines) {
    const found = line.match(/^(HELD|REACHED|NOT TRIED) ?(.*)$/);
    if (!found) continue;
    const [, word, detail = ""] = found;
    const plain = detail.replace(/bash: line \d+: /, "");
    const told = word === "NOT TRIED" ? `not tried: ${plain}` : plain;
    return { held: word === "HELD", detail: told.slice(0, DETAIL_CHARS_MAX) };
  }
  return { held: false, detail: `no verdict: ${outcome.text.replaceAll("\n", " ").slice(0, DETAIL_CHARS_MAX)}` };
}

/** Writes shell text that tries a command and says whether it was refused. */
export function attempt(command: string, reached: string): string {
  return (
    `out=$( (${command}) 2>&1 ); case $? in 0) echo ${quote(`REACHED ${reached}`)};; ` +
    `126|127) echo "NOT TRIED \${out##*$'\\n'}";; *) echo "HELD refused\${out:+: \${out##*$'\\n'}}";; esac`
  );
}

/** Writes shell text that does something and leaves the verdict to the look from outside. */
export function leaveToHost(command: string, held: string): string {
  return `(${command}) >/dev/null 2>&1; echo ${quote(`HELD ${held}`)}`;
}

/**
 * Writes shell text that runs Perl with words for the verdict.
 *
 * `refused(what, ok)` holds only for an error that says "not allowed": any other one means that the kernel has looked
 * at the call, which is what is to be kept from happening.
 */
export function perl(code: string): string {
  return `perl -e ${quote(PERL_WORDS + code)}`;
}

const PERL_WORDS = `use Errno; use Socket; use Fcntl;
sub held { print "HELD $_[0]\\n"; exit }
sub reached { print "REACHED $_[0]\\n"; exit }
sub refused {
  my ($what, $ok) = @_;
  reached("$what was let through") if $ok;
  held("$what: $!") if $!{EPERM} || $!{EACCES} || $!{ENOSYS};
  reached("$what was let through and failed only later: $!");
}
sub call { my $what = shift; $! = 0; refused($what, syscall(shift, @_) != -1) }
`;
