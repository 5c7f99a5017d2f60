import { hash as hashOnce } from "node:crypto";
import { canonical, type JsonObject } from "../core/json.ts";
import { objectOf, type Told, textOf, typeOf } from "./export-read.ts";
import { LedgerFailure } from "./failure.ts";

export const PAYLOAD_TYPE = "application/vnd.in-toto+json";

/**
 * States how the commits of a session that landed came about: by which prompts, model, policy and program, from which commits
 * on. An in-toto statement with the predicate of SLSA's provenance. Throws LedgerFailure where no commit landed.
 */
export function toStatement(told: Told): string {
  const landed = told.events.filter(({ event }) => typeOf(event) === "landed-commits" && event.refused === null);
  if (landed.length === 0)
    throw new LedgerFailure(`no commit of session ${told.session} landed, so there is nothing to state about`);
  const moves = told.events
    .map(({ event }) => objectOf(event, "effect"))
    .filter((effect) => textOf(effect, "kind") === "land-commits");
  const from = new Set(moves.map((move) => textOf(move, "oldId")).filter((id) => id !== ""));
  const prompts = told.events.filter(({ event }) => typeOf(event) === "prompt");
  const heads = told.events.filter(({ event }) => typeOf(event) === "head");
  return canonical({
    _type: "https://in-toto.io/Statement/v1",
    subject: landed.map(({ event }) => ({
      name: textOf(event, "branch"),
      digest: { gitCommit: textOf(event, "commit") },
    })),
    predicateType: "https://slsa.dev/provenance/v1",
    predicate: {
      buildDefinition: {
        buildType: "urn:ringfence:session:1",
        externalParameters: {
          model: told.model,
          prompts: prompts.map(({ event }) => ({ sha256: hashOnce("sha256", textOf(event, "text"), "hex") })),
        },
        internalParameters: { policy: { sha256: told.policy }, sources: sourcesOf(told) },
        resolvedDependencies: [...from].map((id) => ({ uri: "urn:ringfence:base-commit", digest: { gitCommit: id } })),
      },
      runDetails: {
        builder: { id: "urn:ringfence:program", version: { ringfence: told.version } },
        metadata: {
          invocationId: told.session,
          startedOn: new Date(told.startedAt).toISOString(),
          finishedOn: new Date(told.endedAt).toISOString(),
        },
        byproducts: heads.slice(-1).map(({ event }) => ({
          name: "head of the ledger",
          content: Buffer.from(textOf(event, "note")).toString("base64"),
        })),
      },
    },
  } satisfies JsonObject);
}

/** The bytes that are signed of a payload in an envelope (DSSE, version 1). */
export function preAuthEncoding(type: string, payload: string): Uint8Array {
  const [typeBytes, bytes] = [Buffer.byteLength(type), Buffer.byteLength(payload)];
  return Buffer.from(`DSSEv1 ${typeBytes} ${type} ${bytes} ${payload}`);
}

// What entered the session and raised its label, as its record names it.
function sourcesOf({ events }: Told): string[] {
  return events.flatMap(({ event }) => (typeOf(event) === "source" ? [textOf(event, "what")] : []));
}
