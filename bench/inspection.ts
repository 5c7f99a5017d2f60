import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Inspection } from "../src/agent/inspection.ts";
import { Secret } from "../src/core/credential.ts";
import type { Effect } from "../src/core/effect.ts";
import type { Vault } from "../src/egress/vault.ts";
import { type Measured, median, rounded } from "./report.ts";

const CHARS = 1e6;
const CREDENTIALS = 20;
const RUN: Effect = { kind: "run", command: "npm run build", timeoutMs: 1000, background: false, profile: "net" };

/**
 * Measures what 1 MB of a command's output takes to be redacted, sanitised and searched for injections, as a session does it:
 * searched is what of it the model can be shown.
 */
export async function measureInspection(root: string, rounds: number): Promise<Measured[]> {
  const texts = { logs: logs(), code: code(join(root, "src")) };
  const times: Record<string, number[]> = { logs: [], code: [], first: [] };
  for (let round = 0; round <= rounds; round += 1)
    for (const [name, text] of Object.entries(texts)) {
      const inspection = opened();
      // Of the first one alone the model is loaded and nothing is compiled yet.
      const startedAt = performance.now();
      await inspection.outcome(RUN, { ok: true, text }, "call_1");
      times[round === 0 ? "first" : name]?.push(performance.now() - startedAt);
    }
  const [ofLogs, ofCode] = [times.logs ?? [], times.code ?? []].map((all) => median(all));
  const note = `source code ${rounded(ofCode ?? 0)} ms; the first of all ${rounded(times.first?.[0] ?? 0)} ms; ${CREDENTIALS} credentials`;
  return [{ key: "inspect_mb_ms", value: ofLogs ?? 0, note }];
}

function opened(): Inspection {
  const inspection = new Inspection();
  const credentials = Array.from({ length: CREDENTIALS }, (_, number) => {
    const value = `ghp_${createHash("sha256").update(String(number)).digest("hex").slice(0, 36)}`;
    return { id: String(number), source: `token ${number}`, placeholder: "", value: new Secret(value), rules: [] };
  });
  const nothing = { variables: {}, files: [], notes: [], remote: null };
  const vault: Vault = { ...nothing, credentials: () => credentials, keep: () => null, fill: () => null };
  inspection.know(vault);
  inspection.begin({ record: () => {}, enter: () => {}, tell: () => {} });
  // The session's first text makes the tables of the search.
  inspection.redact("");
  return inspection;
}

function logs(): string {
  const lines: string[] = [];
  for (let [at, chars] = [0, 0]; chars < CHARS; at += 1) {
    const digest = createHash("sha256").update(String(at)).digest("hex").slice(0, 12);
    const line = `2026-03-0${1 + (at % 9)}T10:${10 + (at % 50)}:07.${100 + (at % 900)}Z [worker-${at % 8}] compiled packages/${digest}/src/index.ts in ${at % 400} ms\n`;
    lines.push(line);
    chars += line.length;
  }
  return lines.join("").slice(0, CHARS);
}

function code(folder: string): string {
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts"));
  const text = files
    .sort()
    .map((name) => readFileSync(join(folder, name), "utf8"))
    .join("\n");
  return text.repeat(Math.ceil(CHARS / text.length)).slice(0, CHARS);
}
