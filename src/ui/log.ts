import { dirname } from "node:path";
import { UsageError } from "../agent/config.ts";
import type { ledgerOf } from "../agent/config-sessions.ts";
import { counted, visibleJson } from "../core/text.ts";
import { type ContentVerdict, verifyContent } from "../ledger/content-verify.ts";
import { EXPORT_FORMATS, exportLedger } from "../ledger/export.ts";
import { Tampered } from "../ledger/failure.ts";
import { type HeadKey, parseVerifier, verifierOf } from "../ledger/head.ts";
import { checkProof, proveEvent, readProof } from "../ledger/prove.ts";
import { Seal } from "../ledger/seal.ts";
import { readLedger, readRaw, type Signer, type Verdict, verifyLedger } from "../ledger/verify.ts";
import { eventText } from "./log-text.ts";
import { row, type Terminal, writeSafe } from "./terminal.ts";

const EVENTS_SHOWN_MAX = 10;

type LedgerFile = ReturnType<typeof ledgerOf>;

export type LogAction =
  | { readonly kind: "show"; readonly isJson: boolean }
  | { readonly kind: "monitor" }
  | { readonly kind: "verify"; readonly key: string | null; readonly anchor: string | null }
  | { readonly kind: "prove"; readonly seq: number }
  | { readonly kind: "export"; readonly format: string }
  /** Needs no session: the proof and the key say all. */
  | { readonly kind: "check"; readonly proof: string; readonly key: string | null };

/** `ringfence log show|monitor|verify|prove|check`: the record of a session, a line an event, and what proves that it is the record. */
export async function logCommand(
  action: LogAction,
  fileOf: () => LedgerFile,
  state: string,
  terminal: Terminal,
): Promise<number> {
  switch (action.kind) {
    case "show":
      // A person reads it on a terminal, and a program elsewhere.
      if (terminal.stdout.isTTY && !action.isJson) {
        for (const { seq, event } of readRaw(fileOf())) writeSafe(terminal.stdout, row(eventText(seq, event)));
        return 0;
      }
      for (const { seq, event } of readRaw(fileOf()))
        terminal.stdout.write(`${visibleJson(JSON.stringify({ seq, ...event }))}\n`);
      return 0;
    case "monitor":
      return (await import("./log-monitor.ts")).showAlarms(readLedger(fileOf()), terminal);
    case "verify":
      return verify(fileOf(), action, terminal);
    case "prove": {
      const file = fileOf();
      terminal.stdout.write(`${visibleJson(JSON.stringify(proveEvent(file, action.seq, Seal.keyOf(state))))}\n`);
      return 0;
    }
    case "export":
      terminal.stdout.write(exported(fileOf(), action.format));
      return 0;
    case "check":
      return check(action.proof, action.key === null ? Seal.keyOf(state) : keyOf(action.key), terminal);
  }
}

async function verify(
  file: LedgerFile,
  { key, anchor }: LogAction & { readonly kind: "verify" },
  { stdout }: Terminal,
): Promise<number> {
  const seal = Seal.of(dirname(file));
  const own = seal.signer();
  const signer = key === null ? own : { ...own, key: keyOf(key) };
  const verdict = verifyLedger(file, signer);
  if (!verdict.ok) {
    stdout.write(`${file}: damaged at event ${verdict.seq}: ${verdict.reason}\n`);
    return 1;
  }
  stdout.write(`${file}: ${counted(verdict.events, "event")}, chain whole, last hash ${verdict.lastHash}\n`);
  stdout.write(`${signedWords(verdict, signer.key && verifierOf(signer.key), anchor !== null)}\n`);
  const anchored = anchor === null ? null : await compareWith(anchor, file, signer);
  if (anchored !== null) stdout.write(row(anchored.text));
  const texts = verifyContent(file);
  stdout.write(contentWords(texts));
  return texts.missing.length + texts.damaged.length > 0 || anchored?.ok === false ? 1 : 0;
}

async function compareWith(word: string, file: LedgerFile, signer: Signer): Promise<{ ok: boolean; text: string }> {
  const [{ anchorTyped, placeWords }, { readAnchor }, { compareAnchored }] = await Promise.all([
    import("../agent/config-anchor.ts"),
    import("../agent/anchor.ts"),
    import("../ledger/anchored.ts"),
  ]);
  const place = anchorTyped(word);
  const named = placeWords(place);
  const verdict = compareAnchored(file, await readAnchor(place), signer);
  if (!verdict.ok)
    return { ok: false, text: `tampered with from event ${verdict.seq} on: ${named}: ${verdict.reason}` };
  const { heads, size, events } = verdict;
  const since = events > size ? `; ${counted(events - size, "event")} came after` : "";
  return {
    ok: true,
    text: `Anchored up to event ${size - 1}${since}: ${counted(heads, "head")} in ${named}, each of this log`,
  };
}

function contentWords({ whole, unkept, purged, missing, damaged }: ContentVerdict): string {
  const lines = [
    whole > 0 && `${counted(whole, "text")} read, each as its hash says`,
    unkept > 0 && `${counted(unkept, "text")} recorded by hash and length alone`,
    purged > 0 && `${counted(purged, "text")} purged: the key is destroyed, as the log says`,
    missing.length > 0 && `texts are missing that nobody purged: ${eventsOf(missing)}`,
    damaged.length > 0 && `texts are not those that were recorded: ${eventsOf(damaged)}`,
  ];
  return lines.flatMap((line) => (line === false ? [] : [`${line}\n`])).join("");
}

function eventsOf(seqs: readonly number[]): string {
  const more = seqs.length > EVENTS_SHOWN_MAX ? ` and ${seqs.length - EVENTS_SHOWN_MAX} more` : "";
  return `events ${seqs.slice(0, EVENTS_SHOWN_MAX).join(", ")}${more}`;
}

function exported(file: LedgerFile, name: string): string {
  const format = EXPORT_FORMATS.find((known) => known === name);
  if (!format) throw new UsageError(`--format is one of ${EXPORT_FORMATS.join(", ")}, not "${name}"`);
  const seal = Seal.of(dirname(file));
  const verdict = verifyLedger(file, seal.signer());
  if (!verdict.ok) throw new Tampered(file, verdict.seq, verdict.reason);
  const proof = signedWords(verdict, seal.publicKey && verifierOf(seal.publicKey));
  return exportLedger(format, readLedger(file), { seal, proof });
}

function signedWords(
  { events, signed }: Verdict & { readonly ok: true },
  verifier: string | null,
  isCompared = false,
): string {
  if (signed === 0 || verifier === null)
    return "None of it is signed, so it proves nothing against a program of the same user.";
  const rest = events - signed - 1;
  const since = rest > 0 ? `; ${counted(rest, "event")} came after` : "";
  const by = `Signed up to event ${signed - 1}${since}, by ${verifier}`;
  if (isCompared) return by;
  return `${by}\nWhoever runs programs as you can sign anew: only a head or a proof that somebody else keeps shows that (--anchor).`;
}

function check(file: string, key: HeadKey, { stdout }: Terminal): number {
  const checked = checkProof(readProof(file), key);
  if (!checked.ok) {
    stdout.write(row(`${file}: proves nothing: ${checked.reason}`));
    return 1;
  }
  const { session, seq, size, event } = checked;
  stdout.write(row(`${file}: event ${seq} of ${size} signed ones of session ${session}`));
  stdout.write(`${visibleJson(JSON.stringify(event))}\n`);
  return 0;
}

function keyOf(text: string): HeadKey {
  const key = parseVerifier(text);
  if (key === null) throw new UsageError(`--key is a line like ringfence+HASH+KEY, as ringfence log verify prints it`);
  return key;
}
