import { latin1, OBJECT_ID, takePacket, writePackets } from "./git-packet.ts";

/** The one command of a push: a branch of the remote, where it is and where it shall be. */
export interface PushCommand {
  /** `refs/heads/NAME`. */
  readonly ref: string;
  /** `NO_OBJECT` for a branch that is new. */
  readonly oldId: string;
  readonly newId: string;
}

/** What git's receive-pack is asked. */
export type PushCall =
  /** Whether it would be let in at all: a flush and nothing else. */
  | { readonly kind: "probe" }
  | { readonly kind: "push"; readonly command: PushCommand; readonly features: readonly string[] };

export type ReadPush =
  | { readonly ok: true; readonly call: PushCall /** Where the pack begins. */; readonly end: number }
  | { readonly ok: false; readonly reason: string };

/** As git writes that there is nothing. */
export const NO_OBJECT = "0".repeat(40);
/** The command and its features must be over by then. */
export const PUSH_HEAD_BYTES_MAX = 8192;

const BRANCH_CHARS_MAX = 200;
const REASON_CHARS_MAX = 500;
const FEATURES = ["report-status", "report-status-v2", "side-band-64k", "quiet"];
/** Said by git and left out: of free choice, or without a meaning for one command. */
const LEFT_OUT = /^(?:(?:agent|session-id)=.*|atomic|object-format=sha1|)$/;

/** Reads how a call of git-receive-pack begins; null while its command is not whole. */
export function readPush(bytes: Uint8Array): ReadPush | null {
  const refuse = (reason: string): ReadPush => ({ ok: false, reason });
  const first = takePacket(bytes, 0);
  const isLong = bytes.length >= PUSH_HEAD_BYTES_MAX;
  if (first === "broken" || (first === "short" && isLong)) return refuse("that is no push as git sends one");
  if (first === "short") return null;
  if (first.packet === "flush") return { ok: true, call: { kind: "probe" }, end: first.end };
  if (first.packet === "delimiter") return refuse("that is no push as git sends one");
  const read = readCommand(latin1(first.packet));
  if (!read.ok) return read;
  const second = takePacket(bytes, first.end);
  if (second === "short") return isLong ? refuse("more than one branch or tag at once is not pushed") : null;
  if (second === "broken") return refuse("that is no push as git sends one");
  if (second.packet !== "flush") return refuse("more than one branch or tag at once is not pushed");
  return { ...read, end: second.end };
}

/** Writes the call anew; the pack follows. */
export function writePush(call: PushCall): string {
  if (call.kind === "probe") return writePackets(["flush"]);
  const { ref, oldId, newId } = call.command;
  const features = FEATURES.filter((name) => call.features.includes(name));
  const line = `${oldId} ${newId} ${ref}\0 ${[...features, "object-format=sha1"].join(" ")}`;
  return `${lengthOf(line)}${line}${writePackets(["flush"])}`;
}

/** Writes the answer by which git tells its user why a push was refused; null where it asked for none. */
export function writeRefusal(call: PushCall & { readonly kind: "push" }, reason: string): string | null {
  const { features, command } = call;
  if (!features.some((name) => /^report-status/.test(name))) return null;
  const line = reason.replace(/[^\x20-\x7e]/g, "?").slice(0, REASON_CHARS_MAX);
  const report = writePackets(["unpack ok", `ng ${command.ref} ${line}`, "flush"]);
  if (!features.includes("side-band-64k")) return report;
  const band = `\x01${report}`;
  return `${lengthOf(band)}${band}${writePackets(["flush"])}`;
}

/** Whether git takes a text for the full name of a branch. */
export function isBranchRef(ref: string): boolean {
  const name = /^refs\/heads\/([\x21-\x7e]+)$/.exec(ref)?.[1] ?? "";
  if (name === "" || name.length > BRANCH_CHARS_MAX || /^-|[~^:?*[\\]|\.\.|@\{|\/\/|[/.]$/.test(name)) return false;
  return !name.split("/").some((part) => /^\.|\.lock$/.test(part) || ["", "HEAD", "@"].includes(part));
}

function lengthOf(line: string): string {
  return (line.length + 4).toString(16).padStart(4, "0");
}

type Read = { readonly ok: true; readonly call: PushCall } | { readonly ok: false; readonly reason: string };

function readCommand(text: string): Read {
  const refuse = (reason: string): Read => ({ ok: false, reason });
  const end = text.indexOf("\0");
  const [oldId = "", newId = "", ref = "", ...more] = text.slice(0, Math.max(0, end)).split(" ");
  const said = text
    .slice(end + 1)
    .replace(/\n$/, "")
    .split(" ");
  if (/^(?:shallow|push-cert)[ \0]/.test(text))
    return refuse("a push from a shallow history, or a signed one, is not sent");
  if (end < 0 || more.length > 0 || !OBJECT_ID.test(oldId) || !OBJECT_ID.test(newId))
    return refuse("that is no push as git sends one");
  if (newId === NO_OBJECT) return refuse("nothing is deleted on the remote");
  if (!isBranchRef(ref)) return refuse("only a branch is pushed, no tag and no other ref");
  const features = said.filter((name) => !LEFT_OUT.test(name));
  const unknown = features.find((name) => !FEATURES.includes(name));
  if (unknown !== undefined)
    return refuse(
      unknown === "push-options" ? "no options go with a push" : "it asks for what a push here cannot have",
    );
  return { ok: true, call: { kind: "push", command: { ref, oldId, newId }, features } };
}
