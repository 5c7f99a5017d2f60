import type { JsonObject } from "../core/json.ts";
import { visibleJson } from "../core/text.ts";
import { toHtml } from "./export-html.ts";
import { PAYLOAD_TYPE, preAuthEncoding, toStatement } from "./export-intoto.ts";
import { toOcsf } from "./export-ocsf.ts";
import { toOtlp } from "./export-otel.ts";
import { tell } from "./export-read.ts";
import type { Seal } from "./seal.ts";
import type { RecordedEvent } from "./verify.ts";

export const EXPORT_FORMATS = ["html", "jsonl", "otlp", "ocsf", "in-toto"] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

/** Writes the record of a session in a form of others; `proof` says in words who signed it. */
export function exportLedger(
  format: ExportFormat,
  events: Iterable<RecordedEvent>,
  { seal, proof }: { readonly seal: Seal; readonly proof: string },
): string {
  const told = tell([...events]);
  switch (format) {
    case "html":
      return toHtml(told, proof);
    case "jsonl":
      return lines(told.events.map(({ seq, event }) => ({ seq, ...event })));
    case "otlp":
      return lines([toOtlp(told)]);
    case "ocsf":
      return lines(toOcsf(told));
    case "in-toto": {
      const payload = toStatement(told);
      const signature = seal.signBytes(preAuthEncoding(PAYLOAD_TYPE, payload));
      return lines([
        { payloadType: PAYLOAD_TYPE, payload: Buffer.from(payload).toString("base64"), signatures: [signature] },
      ]);
    }
  }
}

function lines(objects: readonly JsonObject[]): string {
  // A terminal may be where it goes.
  return objects.map((object) => `${visibleJson(JSON.stringify(object))}\n`).join("");
}
