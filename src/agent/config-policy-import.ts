import { readFileSync } from "node:fs";
import { parseJson } from "../core/json.ts";
import { UsageError } from "./config.ts";
import { findCheckout } from "./config-checkout.ts";
import { findNamed } from "./config-policy.ts";
import type { Imported } from "./policy-import.ts";
import type { Start } from "./workplace.ts";

/** Agents whose rules can be made a policy of. */
export const IMPORTED = ["claude", "codex", "gemini"] as const;
export type ImportedAgent = (typeof IMPORTED)[number];

const CHARS_MAX = 64 * 1024;

/** Reads another agent's rules from a file outside the checkout. */
export function readRules(file: string, { folder }: Start): string {
  return readFileSync(findNamed(file, folder, findCheckout(folder).path), "utf8");
}

/** Makes a policy of another agent's rules: as YAML, and what could not be carried over. */
export async function importRules(
  agent: ImportedAgent,
  text: string,
): Promise<{ readonly yaml: string; readonly left: readonly string[] }> {
  if (text.length > CHARS_MAX) throw new UsageError(`the rules are longer than ${CHARS_MAX} characters`);
  const { rules, left } = await read(agent, text).catch((error: unknown) => {
    throw new UsageError(
      `the rules of ${agent} cannot be read: ${error instanceof Error ? error.message : String(error)}`,
    );
  });
  const { stringify } = (await import("yaml")).default;
  return { yaml: stringify({ rules }, { lineWidth: 120 }), left };
}

async function read(agent: ImportedAgent, text: string): Promise<Imported> {
  switch (agent) {
    case "claude": {
      const settings = parseJson(text);
      if (settings === null) throw new Error("they are no JSON");
      return (await import("./policy-import-claude.ts")).importClaude(settings);
    }
    case "codex": {
      const config = await parsedToml(text);
      if (config !== null) return (await import("./policy-import-codex-config.ts")).importCodexConfig(config);
      return (await import("./policy-import-codex.ts")).importCodex(text);
    }
    case "gemini": {
      const { parse } = await import("smol-toml");
      return (await import("./policy-import-gemini.ts")).importGemini(parse(text));
    }
  }
}

// Of its two files one is TOML, which no call of the other is.
async function parsedToml(text: string): Promise<unknown> {
  const { parse } = await import("smol-toml");
  try {
    return parse(text);
  } catch (error) {
    if (/^\s*(?:#.*\n\s*)*(?:\[|[\w.-]+\s*=)/.test(text)) throw error;
    return null;
  }
}
