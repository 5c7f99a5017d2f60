import { canonical, type Json, type JsonObject } from "../core/json.ts";
import { HOST_READS } from "./replay-effect.ts";

/** A question that a decision put to the person: about what, and at which label. */
interface Asked {
  readonly what: string;
  readonly label: Json;
  readonly isPackage: boolean;
}

/** A yes that a later decision may lean on, once. */
interface Yes {
  readonly what: string;
  readonly label: Json;
  /** The decision whose answer covers it; null where it was asked about itself. */
  readonly covering: number | null;
}

/** What a yes for a while holds for. */
const MINUTES_MS = 10 * 60_000;

/** What the person said in a recorded session. A decision that claims their yes is held against it. */
export class RecordedAnswers {
  readonly #said = new Map<number, string>();
  readonly #asked = new Map<number, Asked>();
  readonly #lasting = new Map<string, { readonly label: Json; readonly until: number }>();
  #yeses: readonly Yes[] = [];
  /** Labels at which they let the name of a package go to its registry. */
  readonly #packages = new Set<string>();

  /** Whether they said yes to what a decision asked. */
  isYes(decision: number): boolean {
    return YESES.has(this.#said.get(decision) ?? "");
  }

  /** Notes a question about a request or a push. */
  ask(seq: number, effect: JsonObject, label: Json): void {
    this.#asked.set(seq, { what: bare(effect), label, isPackage: effect.origin === "package" });
  }

  /** Takes an answer; says what is wrong with it, null for nothing. */
  answer({ decision, answer, hash = null, with: covering = null, at }: JsonObject): string | null {
    const seq = Number(decision);
    this.#said.set(seq, String(answer));
    const asked = this.#asked.get(seq);
    if (asked === undefined || !YESES.has(String(answer))) return null;
    const { what, label, isPackage } = asked;
    if (typeof covering === "number") {
      if (!this.isYes(covering)) return "an answer is said to cover it that was no yes";
    } else if (answer === GIVEN_BEFORE && !this.#isLasting(hash, label, Number(at)))
      return "an answer is said to have been given before, and none was that lasts";
    if (answer === "session") this.#last(hash, label, Infinity);
    if (answer === "minutes") this.#last(hash, label, Number(at) + MINUTES_MS);
    if (isPackage) this.#packages.add(canonical(label));
    this.#yeses = [...this.#yeses, { what, label, covering: typeof covering === "number" ? covering : null }];
    return null;
  }

  /** Says of a request or push that claims the person's yes why it has none, null where it has; each yes is used once. */
  use(effect: JsonObject): string | null {
    const shown = effect.shown as JsonObject | null | undefined;
    const label = (effect.kind === "push" ? effect.shownAt : shown?.label) ?? null;
    if (isHostRead(effect) && this.#packages.has(canonical(label))) return null;
    const covering = shown?.answeredWith ?? null;
    const what = bare(effect);
    const at = this.#yeses.findIndex(
      (yes) => yes.what === what && canonical(yes.label) === canonical(label) && yes.covering === covering,
    );
    if (at === -1) return "it claims a yes of the person's, and none stands before it";
    this.#yeses = this.#yeses.toSpliced(at, 1);
    return null;
  }

  #isLasting(hash: Json, label: Json, at: number): boolean {
    const given = typeof hash === "string" ? this.#lasting.get(hash) : undefined;
    return given !== undefined && canonical(given.label) === canonical(label) && at <= given.until;
  }

  #last(hash: Json, label: Json, until: number): void {
    if (typeof hash === "string") this.#lasting.set(hash, { label, until });
  }
}

const GIVEN_BEFORE = "given before";
const YESES: ReadonlySet<string> = new Set(["yes", "session", "minutes", GIVEN_BEFORE]);

// What the host asks a registry about a name that may go there: for no command, and with nothing that one composed.
function isHostRead({ kind, rule, origin, command, method, hasBody }: JsonObject): boolean {
  const isPlain = kind === "request" && command === null && method === "GET" && hasBody === false;
  return isPlain && rule === HOST_READS && origin === "package";
}

// All of it but the person's yes.
function bare(effect: JsonObject): string {
  const { approvedBy: _, shown: __, shownAt: ___, ...rest } = effect;
  return canonical(rest);
}
