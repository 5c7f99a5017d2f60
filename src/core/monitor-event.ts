import { field, type JsonObject, recordOf } from "./json.ts";

/** What the monitor makes of one event of a ledger; the events that tell it nothing are none. */
export type Seen = SeenAct | SeenRequest | SeenOutcome | SeenReply | SeenOther;

/** A call that the gate decided about: what it names, and all that it brings along. */
export interface SeenAct {
  readonly kind: "act";
  readonly seq: number;
  readonly call: string;
  /** Kind of its effect. */
  readonly what: string;
  readonly isAllowed: boolean;
  /** Absolute where the log names the checkout; "" where the effect has none. */
  readonly path: string;
  /** Its command, content, address or question, cut to what is looked at. */
  readonly text: string;
  /** Whether the command was seen to write nothing. */
  readonly isReadOnly: boolean;
  /** Equal for equal calls. */
  readonly key: number;
  readonly checkout: string;
}

export interface SeenRequest {
  readonly kind: "request";
  readonly seq: number;
  readonly verdict: string;
  readonly isPush: boolean;
  readonly host: string;
  readonly port: number;
  readonly method: string;
  readonly path: string;
  readonly origin: string;
  readonly isListed: boolean;
  readonly isApproved: boolean;
  /** Whether text of a stranger had entered when it was decided. */
  readonly isExternal: boolean;
}

export interface SeenOutcome {
  readonly kind: "outcome";
  readonly seq: number;
  readonly call: string;
  readonly isRefused: boolean;
  readonly text: string;
  readonly checkout: string;
  /** Equal for equal outcomes. */
  readonly key: number;
}

export interface SeenReply {
  readonly kind: "reply";
  readonly seq: number;
  readonly text: string;
  /** Tokens that were not in the vendor's cache; null where nothing was counted. */
  readonly tokens: number | null;
}

export type SeenOther =
  | { readonly kind: "external"; readonly seq: number; readonly isInjection: boolean }
  /** The person is being asked about what a decision left to them. */
  | { readonly kind: "waiting"; readonly seq: number; readonly decision: number }
  | { readonly kind: "answer"; readonly seq: number; readonly decision: number; readonly isYes: boolean }
  | {
      readonly kind: "sent";
      readonly seq: number;
      readonly decision: number;
      readonly error: string;
      readonly received: number;
    }
  | { readonly kind: "refused"; readonly seq: number; readonly reason: string }
  /** What stands in the box for a credential was in what would land. */
  | { readonly kind: "planted"; readonly seq: number; readonly paths: readonly string[] };

/** What has to be known of earlier events to read the next one. */
export interface Reading {
  readonly checkout: string;
  /** Arguments of calls that their own decision is too short for, newest last. */
  readonly long: readonly (readonly [call: string, input: string])[];
}

export const UNREAD: Reading = { checkout: "", long: [] };

/** Of a long text its beginning and its end are looked at. */
const TEXT_CHARS_MAX = 8000;
const KEY_CHARS_MAX = 500;
/** Texts of an effect above this length stand in its record by digest (`permit.ts`). */
const RECORDED_CHARS_MAX = 1900;
const LONG_MAX = 8;

/** Reads one event; `seen` is null for one that tells nothing. */
export function read(
  before: Reading,
  seq: number,
  event: JsonObject,
): { readonly reading: Reading; readonly seen: Seen | null } {
  switch (field(event, "type")) {
    case "start":
      return { reading: { ...before, checkout: textOf(event, "checkout") }, seen: null };
    case "reply":
      return replyOf(before, seq, event);
    case "decision":
      return { reading: before, seen: decisionOf(before, seq, event) };
    case "outcome":
      return { reading: before, seen: outcomeOf(before, seq, event) };
    case "source": {
      const isExternal = textOf(event, "integrity") === "external";
      return { reading: before, seen: isExternal ? { kind: "external", seq, isInjection: false } : null };
    }
    case "finding":
      return { reading: before, seen: { kind: "external", seq, isInjection: true } };
    case "waiting":
      return { reading: before, seen: { kind: "waiting", seq, decision: countOf(event, "decision") } };
    case "answer": {
      const isYes = !["no", "none"].includes(textOf(event, "answer"));
      return { reading: before, seen: { kind: "answer", seq, decision: countOf(event, "decision"), isYes } };
    }
    case "sent": {
      const [decision, received] = [countOf(event, "decision"), countOf(event, "receivedBytes")];
      return { reading: before, seen: { kind: "sent", seq, decision, error: textOf(event, "error"), received } };
    }
    case "refused":
      return { reading: before, seen: { kind: "refused", seq, reason: textOf(event, "reason") } };
    case "waits": {
      const paths = listOf(event, "placeholders").flatMap((path) => (typeof path === "string" ? [path] : []));
      return { reading: before, seen: paths.length > 0 ? { kind: "planted", seq, paths } : null };
    }
    default:
      return { reading: before, seen: null };
  }
}

function replyOf(before: Reading, seq: number, event: JsonObject): ReturnType<typeof read> {
  let [text, long] = ["", before.long];
  for (const part of listOf(event, "parts")) {
    const { kind, id, input, text: said } = recordOf(part);
    if (kind === "text" && typeof said === "string") text += cut(said);
    if (kind !== "call" || typeof id !== "string" || typeof input !== "string") continue;
    if (input.length > RECORDED_CHARS_MAX) long = [...long, [id, cut(input)] as const].slice(-LONG_MAX);
  }
  const usage = recordOf(field(event, "usage"));
  const [input, cached, output] = [usage.input, usage.cachedInput, usage.output].map((count) =>
    Number(count ?? Number.NaN),
  );
  const tokens = (input ?? Number.NaN) - (cached ?? 0) + (output ?? 0);
  const seen: SeenReply = { kind: "reply", seq, text: cut(text), tokens: Number.isFinite(tokens) ? tokens : null };
  return { reading: long === before.long ? before : { ...before, long }, seen };
}

function decisionOf({ checkout, long }: Reading, seq: number, event: JsonObject): Seen | null {
  const effect = recordOf(field(event, "effect"));
  const what = String(effect.kind);
  if (what === "request" || what === "push") return requestOf(seq, event, effect);
  const call = field(event, "call");
  // What the program does on its own account, or for the person, is no act of the model's.
  if (typeof call !== "string") return null;
  const whole = long.find(([id]) => id === call)?.[1] ?? "";
  const given = (value: unknown) => (typeof value === "string" ? value : value === undefined ? "" : whole);
  const named = given(effect.path);
  const path = named === "" || checkout === "" ? named : resolved(checkout, named);
  const text = cut(
    [effect.command, effect.content, effect.newString, effect.url, effect.about, effect.pattern]
      .map(given)
      .join("\n")
      .trim(),
  );
  const isReadOnly = effect.profile === "read-only" || !["run", "write", "edit"].includes(what);
  const key = keyOf(
    `${what} ${path} ${text} ${String(effect.offset ?? "")} ${String(effect.id ?? "")} ${String(effect.oldString ?? "").slice(0, 100)}`,
  );
  return {
    kind: "act",
    seq,
    call,
    what,
    isAllowed: field(event, "verdict") === "allow",
    path,
    text,
    isReadOnly,
    key,
    checkout,
  };
}

function requestOf(seq: number, event: JsonObject, effect: Readonly<Record<string, unknown>>): SeenRequest {
  return {
    kind: "request",
    seq,
    verdict: textOf(event, "verdict"),
    isPush: effect.kind === "push",
    host: String(effect.host),
    port: Number(effect.port),
    method: String(effect.method),
    path: cut(typeof effect.path === "string" ? effect.path : ""),
    origin: effect.kind === "push" ? "push" : String(effect.origin),
    isListed: effect.kind === "push" || effect.listed === "allow",
    isApproved: effect.approvedBy === "person",
    isExternal: textOf(recordOf(field(event, "label")) as JsonObject, "integrity") === "external",
  };
}

function outcomeOf({ checkout }: Reading, seq: number, event: JsonObject): SeenOutcome | null {
  const call = field(event, "call");
  if (typeof call !== "string") return null;
  const text = textOf(event, "text");
  const code = textOf(event, "code");
  const isRefused = code === "refused" || code === "denied";
  return { kind: "outcome", seq, call, isRefused, text: cut(text), checkout, key: keyOf(`${code} ${text}`) };
}

/** Makes a number of a text, equal for equal ones; of a long one by its ends and its length. */
export function keyOf(text: string): number {
  let [a, b] = [0x811c9dc5, text.length];
  const step = (from: number, to: number) => {
    for (let at = from; at < to; at += 1) {
      const code = text.charCodeAt(at);
      a = Math.imul(a ^ code, 0x01000193);
      b = Math.imul(b ^ code, 0x5bd1e995) ^ (b >>> 13);
    }
  };
  step(0, Math.min(text.length, KEY_CHARS_MAX));
  step(Math.max(KEY_CHARS_MAX, text.length - KEY_CHARS_MAX), text.length);
  return (a >>> 0) * 2 ** 21 + ((b >>> 0) & 0x1fffff);
}

/** Resolves a path against a folder by its text alone. */
export function resolved(folder: string, path: string): string {
  const names: string[] = [];
  for (const name of (path.startsWith("/") ? path : `${folder}/${path}`).split("/")) {
    if (name === "..") names.pop();
    else if (name !== "" && name !== ".") names.push(name);
  }
  return `/${names.join("/")}`;
}

function cut(text: string): string {
  if (text.length <= TEXT_CHARS_MAX) return text;
  return `${text.slice(0, TEXT_CHARS_MAX / 2)}\n${text.slice(-TEXT_CHARS_MAX / 2)}`;
}

function textOf(event: JsonObject, key: string): string {
  const value = field(event, key);
  return typeof value === "string" ? value : "";
}

function countOf(event: JsonObject, key: string): number {
  const value = field(event, key);
  return typeof value === "number" ? value : -1;
}

function listOf(event: JsonObject, key: string): readonly unknown[] {
  const value = field(event, key);
  return Array.isArray(value) ? value : [];
}
