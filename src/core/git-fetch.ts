import { lineOf, OBJECT_ID, type Packet, readPackets, writePackets } from "./git-packet.ts";

/** What git's upload-pack is asked, with all that its sender had no choice of left out. */
export type FetchCall =
  /** Whether it would be let in at all: a flush and nothing else. */
  | { readonly kind: "probe" }
  /** Which refs there are, in version 2. */
  | { readonly kind: "refs"; readonly features: readonly string[] }
  | {
      readonly kind: "fetch";
      readonly version: 0 | 2;
      readonly features: readonly string[];
      readonly wants: readonly string[];
      readonly haves: readonly string[];
      /** Where the history of the asker ends. */
      readonly shallow: readonly string[];
      /** How many commits of each history are asked for; null for all. */
      readonly depth: number | null;
      /** Whether the asker has said all; null where it only asks where a shallow history will end, in version 0. */
      readonly end: "done" | "flush" | null;
    };

/** Longest body of a call, unpacked. */
export const FETCH_BYTES_MAX = 4 << 20;
const PACKETS_MAX = 80_000;
const DEPTH_MAX = 1000;
/** What git sends for the whole of a history that is shallow so far. */
const DEPTH_INFINITE = 2 ** 31 - 1;

/** An id of no object. */
const NOWHERE = "f".repeat(40);

const FEATURES_0 =
  "multi_ack_detailed multi_ack no-done side-band-64k side-band thin-pack no-progress include-tag ofs-delta deepen-relative".split(
    " ",
  );
const FEATURES_REFS = ["peel", "symrefs", "unborn"];
const FEATURES_FETCH = ["thin-pack", "no-progress", "include-tag", "ofs-delta", "deepen-relative"];
/** Of free choice, and no server needs them; or said by git for words that are not taken here. */
const LEFT_OUT = /^(?:agent|session-id)=|^deepen-(?:since|not)$/;
const FORMAT = "object-format=sha1";

/** Reads the body of a call of git-upload-pack; null for what git does not send, and for what this does not know. */
export function readFetch(body: Uint8Array, version: 0 | 2): FetchCall | null {
  const packets = body.length > FETCH_BYTES_MAX ? null : readPackets(body, PACKETS_MAX);
  if (packets === null || packets.length === 0) return null;
  if (packets.length === 1 && packets[0] === "flush") return { kind: "probe" };
  return version === 2 ? readVersion2(packets) : readVersion0(packets);
}

/**
 * Writes the call anew. Of the ids only those pass that `isKnown` knows, in their own order, so that neither names nor
 * order carry anything; a commit that the other side is not told of costs it at most a longer answer.
 */
export function writeFetch(call: FetchCall, isKnown: (id: string) => boolean): string {
  if (call.kind === "probe") return writePackets(["flush"]);
  if (call.kind === "refs")
    return writePackets(["command=ls-refs", FORMAT, "delimiter", ...inOrder(FEATURES_REFS, call.features), "flush"]);
  const ids = (word: string, all: readonly string[]) => sorted(all.filter(isKnown)).map((id) => `${word} ${id}`);
  const wants = sorted(call.wants).map((id) => `want ${id}`);
  const depth = call.depth === null ? [] : [`deepen ${call.depth}`];
  const haves = ids("have", call.haves);
  // Without any, a server of version 2 takes it that there are none, and answers with the pack at once.
  if (haves.length === 0 && call.haves.length > 0 && call.version === 2 && call.end === "flush")
    haves.push(`have ${NOWHERE}`);
  if (call.version === 2)
    return writePackets([
      "command=fetch",
      FORMAT,
      "delimiter",
      ...inOrder(FEATURES_FETCH, call.features),
      ...ids("shallow", call.shallow),
      ...depth,
      ...wants,
      ...haves,
      ...(call.end === "done" ? ["done"] : []),
      "flush",
    ]);
  const [first = "", ...rest] = wants;
  const features = inOrder(FEATURES_0, call.features);
  return writePackets([
    [first, ...features].join(" "),
    ...rest,
    ...ids("shallow", call.shallow),
    ...depth,
    "flush",
    ...haves,
    ...(call.end === null ? [] : [call.end]),
  ]);
}

type Draft = { -readonly [K in keyof Fetch]: Fetch[K] extends readonly string[] ? string[] : Fetch[K] };
type Fetch = FetchCall & { readonly kind: "fetch" };

function draft(version: 0 | 2): Draft {
  return {
    kind: "fetch",
    version,
    features: [],
    wants: [],
    haves: [],
    shallow: [],
    depth: null,
    end: version === 2 ? "flush" : null,
  };
}

function readVersion2(packets: readonly Packet[]): FetchCall | null {
  const command = lineOf(packets[0]);
  const middle = packets.indexOf("delimiter");
  if (packets.at(-1) !== "flush" || packets.indexOf("flush") !== packets.length - 1) return null;
  const heads = packets.slice(1, middle < 0 ? -1 : middle).map(lineOf);
  if (!heads.every((line) => line === FORMAT || (line !== null && LEFT_OUT.test(line)))) return null;
  const lines = middle < 0 ? [] : packets.slice(middle + 1, -1).map(lineOf);
  if (command === "command=ls-refs") {
    // All refs come: which of them were asked for would be a text of the asker's own.
    const features = lines.filter((line) => line === null || !/^ref-prefix ./.test(line));
    return features.every((line) => line !== null && FEATURES_REFS.includes(line))
      ? { kind: "refs", features: features as string[] }
      : null;
  }
  const call = draft(2);
  const isRead = lines.every((line) => takeWord(call, line) || takeFeature(call, line, FEATURES_FETCH));
  return command === "command=fetch" && isRead && call.wants.length > 0 ? call : null;
}

function readVersion0(packets: readonly Packet[]): FetchCall | null {
  const call = draft(0);
  const middle = packets.indexOf("flush");
  const [first = "", ...features] =
    lineOf(packets[0])
      ?.replace(/^want /, "want\0")
      .split(" ") ?? [];
  if (middle < 1 || !takeWord(call, first.replace("\0", " ")) || call.wants.length !== 1) return null;
  const known = features.filter((name) => name !== "" && name !== FORMAT && !LEFT_OUT.test(name));
  if (!known.every((name) => takeFeature(call, name, FEATURES_0))) return null;
  if (!packets.slice(1, middle).every((packet) => takeWord(call, lineOf(packet)))) return null;
  if (call.haves.length > 0 || call.end !== null) return null;
  const asked = call.wants.length + call.shallow.length;
  const rest = packets.slice(middle + 1);
  // Without what follows it is an asking for where a shallow history will end.
  const last = rest.at(-1);
  const lines = rest.filter((packet) => packet !== "flush");
  if (rest.length > 0 && last !== "flush" && lineOf(last) !== "done") return null;
  if (!lines.every((packet) => takeWord(call, lineOf(packet)))) return null;
  if (last === "flush") call.end ??= "flush";
  return call.wants.length + call.shallow.length === asked ? call : null;
}

/** Takes a word with its id or number; false where it is none, or one that was said already. */
function takeWord(call: Draft, line: string | null): boolean {
  const [word = "", value = "", ...more] = (line ?? "").split(" ");
  if (call.end === "done" || more.length > 0) return false;
  if (word === "done" && line === "done") {
    call.end = "done";
    return true;
  }
  if (word === "deepen") {
    const depth = /^[1-9]\d{0,9}$/.test(value) ? Number(value) : 0;
    const isFit = call.depth === null && depth > 0 && (depth <= DEPTH_MAX || depth === DEPTH_INFINITE);
    if (isFit) call.depth = depth;
    return isFit;
  }
  const ids = { want: call.wants, have: call.haves, shallow: call.shallow }[word];
  if (ids === undefined || !OBJECT_ID.test(value)) return false;
  ids.push(value);
  return true;
}

function takeFeature(call: Draft, name: string | null, known: readonly string[]): boolean {
  if (name === null || !known.includes(name)) return false;
  call.features.push(name);
  return true;
}

function inOrder(known: readonly string[], named: readonly string[]): string[] {
  return known.filter((name) => named.includes(name));
}

function sorted(ids: readonly string[]): string[] {
  return [...new Set(ids)].sort();
}
