import { createHash } from "node:crypto";
import { closeSync, constants, fstatSync, lstatSync, openSync, readFileSync, realpathSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import { readPlainYaml } from "../core/plain-yaml.ts";
import type { Tier } from "../core/policy-rules.ts";
import { UsageError } from "./config.ts";
import type { PolicyFile, PolicyPlace } from "./config-policy-parse.ts";

/** The upper bound of the machine's owner: what it does not allow nobody can. */
export const MANAGED_FILE = "/etc/ringfence/policy.yaml";
export const PROJECT_FILE = ".ringfence/policy.yaml";
/** Of a checkout's own file a stranger says how deep it is, and depth takes time. */
const BYTES_MAX = 64 * 1024;
/** Each is looked for in the whole document, which of thousands takes many seconds. */
const ALIASES_MAX = 100;

/** A policy file that was read, and what its rules are. */
export interface LoadedFile extends PolicyFile {
  readonly tier: Tier;
  readonly path: string;
  readonly sha256: string;
}

/**
 * Reads a file of the person's own, or of the machine's; null where there is none. One that holds as the machine's must
 * be root's alone; a `draft` is only looked at.
 */
export function readPolicyText(tier: Tier, path: string, as: "holds" | "draft" = "holds"): string | null {
  return tier === "managed" && as === "holds" ? readManaged(path) : readOwn(path);
}

/** Reads a policy file's text; throws a UsageError that names the file, the line and what is wrong. */
export async function parseText(tier: Tier, path: string, text: string): Promise<LoadedFile> {
  const name = `${tier} ${basename(path)}`;
  if (text.length > BYTES_MAX) throw new UsageError(`${path} is larger than ${BYTES_MAX} bytes`);
  const { parsePolicy } = await import("./config-policy-parse.ts");
  try {
    const { value, lineOf } = readPlain(text) ?? (await readYaml(text));
    const parsed = parsePolicy(value, { tier, name, lineOf });
    return { ...parsed, tier, path, sha256: createHash("sha256").update(text).digest("hex") };
  } catch (error) {
    throw new UsageError(`${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

interface ReadText extends Pick<PolicyPlace, "lineOf"> {
  readonly value: unknown;
}

// To load the library alone takes longer than a policy may cost a start.
function readPlain(text: string): ReadText | null {
  const read = readPlainYaml(text);
  if (read === null) return null;
  const { value, lines } = read;
  const lineOf: PolicyPlace["lineOf"] = (index, name) => {
    const list = value[name];
    return (Array.isArray(list) && lines.get(list)?.[index]) || 1;
  };
  return { value, lineOf };
}

async function readYaml(text: string): Promise<ReadText> {
  // Of a CommonJS module only this is there when it is bundled.
  const { LineCounter, parseDocument, isNode, isSeq, visit } = (await import("yaml")).default;
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  // What YAML only warns of, a tag that it does not know, is no part of a policy either.
  const [problem] = [...document.errors, ...document.warnings];
  if (problem) throw problem;
  let aliases = 0;
  visit(document, { Alias: () => (++aliases > ALIASES_MAX ? visit.BREAK : undefined) });
  if (aliases > ALIASES_MAX) throw new Error(`it has more than ${ALIASES_MAX} aliases: write them out`);
  const lineOf: PolicyPlace["lineOf"] = (index, name) => {
    const list = document.get(name);
    const item = isSeq(list) ? list.items[index] : null;
    return isNode(item) ? lines.linePos(item.range?.[0] ?? 0).line : 1;
  };
  return { value: document.toJS({ maxAliasCount: 10 }), lineOf };
}

/** Finds where a file lies that the person named; one in the checkout is refused, since the host opens nothing there. */
export function findNamed(file: string, folder: string, checkout: string): string {
  const path = resolve(folder, file);
  const isInside = (place: string) => place === checkout || place.startsWith(`${checkout}/`);
  const refusal = new UsageError(
    `${file} lies in the checkout, whose files grant nothing: keep it outside, or name it ${PROJECT_FILE} there`,
  );
  if (isInside(path)) throw refusal;
  let real: string;
  try {
    real = realpathSync(path);
  } catch (error) {
    throw new UsageError(`the policy ${file} cannot be read (${codeOf(error)})`);
  }
  if (isInside(real)) throw refusal;
  return real;
}

function readOwn(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (codeOf(error) === "ENOENT") return null;
    throw new UsageError(`${path} cannot be read (${codeOf(error)}): make it a file that you may read, or remove it`);
  }
}

// Whoever could write it, or the way to it, could raise the bound: then nothing runs at all.
function readManaged(path: string): string | null {
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    const stat = lookAt(folder);
    if (stat === "absent") {
      if (folder === "/") return null;
      continue;
    }
    if (!stat.isDirectory() || !isRoots(stat)) throw unsafe(folder);
    if (folder === "/") break;
  }
  let open: number;
  try {
    open = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return null;
    throw unsafe(path, codeOf(error));
  }
  try {
    const stat = fstatSync(open);
    if (!stat.isFile() || !isRoots(stat)) throw unsafe(path);
    return readFileSync(open, "utf8");
  } finally {
    closeSync(open);
  }
}

function lookAt(path: string) {
  try {
    return lstatSync(path);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return "absent";
    throw unsafe(path, codeOf(error));
  }
}

function isRoots({ uid, mode }: { readonly uid: number; readonly mode: number }): boolean {
  return uid === 0 && (mode & 0o022) === 0;
}

function unsafe(path: string, why?: string): UsageError {
  return new UsageError(
    why === undefined
      ? `the managed policy counts only while root alone can write it, and ${path} is not so: as root, chown root:root ${path} && chmod go-w ${path}, or remove it`
      : `the managed policy ${path} cannot be read (${why}): as root, chmod a+rX ${path}, or remove it`,
  );
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : String(error);
}
