import { isAbsolute } from "node:path";
import { KEEP_ALL, type Keeping } from "../ledger/content-key.ts";
import { countAt, recordAt, refuseUnknown } from "./config-shape.ts";

/** Where signed heads are taken to, so that somebody else has them as well. */
export type AnchorPlace =
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "git"; readonly repository: string; readonly ref: string }
  | { readonly kind: "url"; readonly url: string };

export type AnchorConfig = AnchorPlace & {
  /** Whether a session ends where its head cannot be taken there. */
  readonly isRequired: boolean;
};

/** What the person says of the logs of their sessions. */
export interface LogConfig {
  readonly keeping: Keeping;
  /** The texts of sessions that were not used for so many days go with `gc`; null keeps them. */
  readonly days: number | null;
  /** What all logs may take before `gc` destroys the texts of the oldest; null sets no limit. */
  readonly bytes: number | null;
  readonly anchor: AnchorConfig | null;
}

export const LOG_DEFAULT: LogConfig = { keeping: KEEP_ALL, days: null, bytes: null, anchor: null };
/** The most that an event holds, in KiB. */
const TEXT_KB_MAX = 16 * 1024;

/** Checks the `log` of a parsed configuration; throws an Error that names the first key that is wrong. */
export function parseLog(value: unknown): LogConfig {
  if (value === null || value === undefined) return LOG_DEFAULT;
  const log = recordAt(value, "log");
  refuseUnknown(log, ["content", "days", "total_mb", "text_kb", "anchor"], "log.");
  const keep = log.content ?? "full";
  if (keep !== "full" && keep !== "none") throw new Error(`"log.content" is full or none`);
  const [textKb, totalMb] = [countAt(log, "text_kb", "log."), countAt(log, "total_mb", "log.")];
  const textBytesMax = textKb === null ? KEEP_ALL.textBytesMax : Math.min(textKb, TEXT_KB_MAX) * 1024;
  return {
    keeping: { keep, textBytesMax },
    days: countAt(log, "days", "log."),
    bytes: totalMb === null ? null : totalMb * 2 ** 20,
    anchor: log.anchor === null || log.anchor === undefined ? null : parseAnchor(log.anchor),
  };
}

function parseAnchor(value: unknown): AnchorConfig {
  const anchor = recordAt(value, "log.anchor");
  refuseUnknown(anchor, ["file", "git", "ref", "url", "required"], "log.anchor.");
  const { required = false } = anchor;
  if (typeof required !== "boolean") throw new Error(`"log.anchor.required" is true or false`);
  const named = ["file", "git", "url"].filter((key) => anchor[key] !== undefined);
  const [kind] = named;
  if (kind === undefined || named.length > 1) throw new Error(`"log.anchor" has one of file, git and url`);
  if ((kind === "git") !== (anchor.ref !== undefined))
    throw new Error(`"log.anchor.ref" goes with git, and git with it`);
  return { ...placeOf(kind, anchor), isRequired: required };
}

/** Reads one place of an anchor; throws an Error where it is none. */
export function placeOf(kind: string, anchor: Record<string, unknown>): AnchorPlace {
  const place = anchor[kind];
  if (typeof place !== "string" || place === "") throw new Error(`"log.anchor.${kind}" must be text`);
  if (kind === "url") {
    const url = URL.canParse(place) ? new URL(place) : null;
    if ((url?.protocol !== "https:" && url?.protocol !== "http:") || url.username !== "" || url.password !== "")
      throw new Error(`"log.anchor.url" is an address that begins with https:// or http:// and has no password`);
    return { kind, url: url.href };
  }
  if (!isAbsolute(place)) throw new Error(`"log.anchor.${kind}" is a path from the root`);
  if (kind === "file") return { kind, path: place };
  const { ref } = anchor;
  if (typeof ref !== "string" || !REF.test(ref) || ref.includes("..") || ref.includes("//"))
    throw new Error(`"log.anchor.ref" is the full name of a ref: refs/heads/ringfence, say`);
  return { kind: "git", repository: place, ref };
}

const REF = /^refs\/[A-Za-z0-9][A-Za-z0-9._/-]*[A-Za-z0-9]$/;
