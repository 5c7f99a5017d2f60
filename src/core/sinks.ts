import type { Label } from "./label.ts";

export type Verdict = "allow" | "ask" | "deny";

interface Row {
  /** In the order of the columns: repo and user text only; external text seen; external text and private data. */
  readonly verdicts: readonly [Verdict, Verdict, Verdict];
  /** Why it asks or is denied, in the same order; the last one counts for all after it. */
  readonly why: readonly [string, ...string[]];
  /** The nearest way that is allowed; told to the model with a question or a denial. */
  readonly nearest: string;
}

const FREE: Pick<Row, "verdicts" | "why" | "nearest"> = {
  verdicts: ["allow", "allow", "allow"],
  why: ["it is free"],
  nearest: "it is free",
};
const SEEN = "external text was seen: a person looks at what is sent";
const KNOWN_WAYS =
  "packages of the checkout's lock file, a fetch from the tracked remote and an address that the person types go through";

/** Every sink, and what it takes to reach it, by what the session has seen. Nothing but sinks looks at a label. */
export const SINKS = {
  "locked-package": FREE,
  fetch: FREE,
  /** What the person shows the box of their own machine. */
  service: FREE,
  "new-package": {
    verdicts: ["allow", "allow", "ask"],
    why: ["external text and private data were within reach: a person looks at the package"],
    nearest: "packages of the checkout's lock file come without a question",
  },
  "typed-get": FREE,
  "composed-get": {
    verdicts: ["allow", "allow", "ask"],
    why: ["external text and private data were within reach: a person looks at the address"],
    nearest: KNOWN_WAYS,
  },
  /** A request with a body, or a tunnel, to where a rule of the person's lets it. */
  send: { verdicts: ["allow", "ask", "ask"], why: [SEEN], nearest: KNOWN_WAYS },
  unlisted: {
    verdicts: ["ask", "ask", "deny"],
    why: ["not listed", "not listed", "not listed, and external text and private data were within reach"],
    nearest: KNOWN_WAYS,
  },
  "land-source": {
    verdicts: ["allow", "ask", "ask"],
    why: ["external text was seen: a person lands this diff"],
    nearest: "the change stays in the layer, and the person is shown it at the end of the turn",
  },
  "land-held": {
    verdicts: ["ask", "ask", "ask"],
    why: ["a file that would run later lands only when a person has approved exactly it"],
    nearest: "the change stays in the layer, and the person is shown it at the end of the turn",
  },
  preview: {
    verdicts: ["allow", "allow", "ask"],
    why: ["external text and private data were within reach: a page can carry something out"],
    nearest: "a command of the box can ask the port itself, on its loopback",
  },
  /** To the tracked branch, which a rule of the person's names. */
  push: {
    verdicts: ["allow", "ask", "ask"],
    why: ["external text was seen: a person looks at what is pushed"],
    nearest: "commit; the person lands and pushes",
  },
  /** To the tracked branch, without a rule. */
  "unruled-push": {
    verdicts: ["ask", "ask", "ask"],
    why: ["no rule names the branch"],
    nearest: "commit; the person lands and pushes",
  },
  /** A push by force or to another remote, and anything that publishes: there is no way to it yet, whoever is asked. */
  publish: {
    verdicts: ["deny", "deny", "deny"],
    why: ["what is published cannot be taken back, so nothing of the box is"],
    nearest: "commit; the person lands and publishes",
  },
  /** One more path, socket or device in the box. */
  widen: {
    verdicts: ["ask", "deny", "deny"],
    why: ["the person widens the box", "external text was seen: the box stays as it is"],
    nearest: "work with what the box shows, and tell the person what it lacks",
  },
  /** Policy, grants, hooks, trust and the record. */
  authority: {
    verdicts: ["deny", "deny", "deny"],
    why: ["no act of the agent changes policy, grants, hooks, trust or the record"],
    nearest: "tell the person what you would have changed",
  },
} as const satisfies Record<string, Row>;

export type Sink = keyof typeof SINKS;

/** What a sink says at a label. A name that is no sink is denied. */
export function atSink(
  sink: Sink,
  label: Label,
): { readonly verdict: Verdict; readonly why: string; readonly nearest: string } {
  if (!Object.hasOwn(SINKS, sink)) return { verdict: "deny", why: "no rule names this", nearest: KNOWN_WAYS };
  const row: Row = SINKS[sink];
  const column = columnOf(label);
  return { verdict: row.verdicts[column], why: row.why[column] ?? row.why.at(-1) ?? "", nearest: row.nearest };
}

/**
 * The column of the table that a label falls in. What is not known to be trusted, or open, counts as neither.
 *
 * Local text is the person's own checkout beyond what they approved: with their private data it is still the second.
 */
export function columnOf({ integrity, secrecy }: Label): 0 | 1 | 2 {
  if (integrity === "system" || integrity === "user" || integrity === "repo") return 0;
  if (secrecy === "public") return 1;
  return integrity === "local" && secrecy === "private" ? 1 : 2;
}
