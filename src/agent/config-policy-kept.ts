import { createHash } from "node:crypto";
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Tier } from "../core/policy-rules.ts";
import { type LoadedFile, parseText } from "./config-policy.ts";

/** Where what files said is kept, so that no start reads their YAML twice; `version` is the program's, which read it. */
export interface KeptPolicies {
  readonly folder: string;
  readonly version: string;
}

/** Reads a policy file's text, or what was kept of that very text. */
export async function parseOnce(kept: KeptPolicies, tier: Tier, path: string, text: string): Promise<LoadedFile> {
  // What the person could write is no upper bound of theirs.
  if (tier === "managed") return parseText(tier, path, text);
  const slot = join(kept.folder, `policy-${digestOf(`${tier} ${path}`).slice(0, 16)}.json`);
  const key = digestOf(JSON.stringify([kept.version, tier, path, text]));
  const known = readKept(slot, key);
  if (known !== null) return known;
  const file = await parseText(tier, path, text);
  writeKept(slot, key, file);
  return file;
}

function readKept(slot: string, key: string): LoadedFile | null {
  try {
    const found = JSON.parse(readFileSync(slot, "utf8")) as { readonly key: string; readonly file: LoadedFile };
    return found.key === key ? found.file : null;
  } catch {
    return null;
  }
}

// One slot a file, whatever it said before, so that what is kept stays small.
function writeKept(slot: string, key: string, file: LoadedFile): void {
  const draft = `${slot}.${process.pid}`;
  try {
    writeFileSync(draft, JSON.stringify({ key, file }), { mode: 0o600 });
    renameSync(draft, slot);
  } catch {
    // It is read anew the next time.
  }
}

function digestOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
