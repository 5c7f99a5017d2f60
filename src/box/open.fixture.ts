import { readdirSync, readFileSync } from "node:fs";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import type { Effect } from "../core/effect.ts";
import type { Outcome } from "../core/outcome.ts";
import { Box } from "./box.ts";
import type { Performance } from "./finish.ts";
import { makeSessionFolder, type SessionFolder } from "./folder.ts";
import { readIdentity } from "./identity.ts";
import { makePlace, type Place, VIEW } from "./land.fixture.ts";
import { LIMITS_DEFAULT, type Limits } from "./limits.ts";
import { permitFor } from "./permit.fixture.ts";

const NEVER = new AbortController().signal;
const RIPGREP = fileURLToPath(
  new URL(`../../node_modules/@vscode/ripgrep-linux-${process.arch}/bin/rg`, import.meta.url),
);
const POLL_MS = 10;
const WAIT_MS_MAX = 20_000;

/** A box on a checkout of its own; closed with the test. */
export interface OpenBox {
  readonly box: Box;
  readonly place: Place;
  perform(effect: Effect, performance?: Partial<Performance>): Promise<Outcome>;
  /** Runs a command in the foreground. */
  run(
    command: string,
    more?: { readonly timeoutMs?: number; readonly background?: boolean; readonly signal?: AbortSignal },
  ): Promise<Outcome>;
  /** Runs a command that succeeds, and returns what it printed. */
  text(command: string): Promise<string>;
}

/** Opens a box on a checkout that a shell program made and committed. */
export async function openBox(
  t: Pick<TestContext, "after">,
  make = "",
  options: {
    readonly limits?: Partial<Limits>;
    readonly environment?: Readonly<Record<string, string | undefined>>;
    readonly place?: Place;
    readonly below?: string;
    readonly alternates?: readonly string[];
    /** The folder of an earlier box, and since when its session goes on. */
    readonly again?: { readonly folder: SessionFolder; readonly startedAt: number };
  } = {},
): Promise<OpenBox> {
  const place = options.place ?? makePlace(make);
  const startedAt = options.again?.startedAt ?? Date.now();
  const environment = options.environment ?? process.env;
  const box = await Box.open({
    folder: options.again?.folder ?? makeSessionFolder(place.state, startedAt),
    isAgain: options.again !== undefined,
    checkout: place.checkout,
    below: options.below ?? "",
    alternates: options.alternates ?? [],
    state: place.state,
    identity: await readIdentity(environment),
    environment,
    tools: { rg: RIPGREP },
    limits: { ...LIMITS_DEFAULT, ...options.limits },
    startedAt,
    view: VIEW,
  });
  t.after(() => box.close());
  const perform = (effect: Effect, performance: Partial<Performance> = {}) =>
    box.perform(permitFor(effect), { signal: NEVER, ...performance });
  const run: OpenBox["run"] = (command, { timeoutMs = 30_000, background = false, signal = NEVER } = {}) =>
    perform({ kind: "run", command, timeoutMs, background, profile: "net" }, { signal });
  const text = async (command: string) => {
    const outcome = await run(command);
    if (!outcome.ok) throw new Error(`in the box: ${command}: ${outcome.text}`);
    return outcome.text;
  };
  return { box, place, perform, run, text };
}

export function readEffect(path: string, offset = 1, limit = 2000): Effect {
  return { kind: "read", path, offset, limit };
}

/** Waits until something is so. */
export async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (let tried = 0; !(await isSo()); tried += 1) {
    if (tried > WAIT_MS_MAX / POLL_MS) throw new Error(`waited in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** Lists the processes of the whole machine whose command line holds a text. */
export function processesWith(text: string): number[] {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids.filter((pid) => commandLine(pid).includes(text)).map(Number);
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
  } catch {
    // It ended meanwhile.
    return "";
  }
}
