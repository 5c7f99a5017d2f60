import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { UNKNOWN_SOURCE } from "../core/label.ts";
import { issueReceipt, mint } from "../core/permit.ts";
import { decide } from "../core/policy.ts";
import { Box } from "./box.ts";
import { type Collected, collectChanges } from "./collect.ts";
import { makeSessionFolder, readFacts } from "./folder.ts";
import { readIdentity } from "./identity.ts";
import { landChanges, type LandResult } from "./land.ts";
import { findPrograms } from "./programs.ts";

export const programs = findPrograms();

/** A checkout with a git repository, and a state folder beside it, both thrown away. */
export interface Place {
  readonly checkout: string;
  readonly state: string;
}

/** Makes a checkout by a shell program, commits what it made, and waits until the clock of files has moved on. */
export function makePlace(make: string): Place {
  const root = mkdtempSync("/tmp/ringfence-land-");
  const place = { checkout: join(root, "checkout"), state: join(root, "state") };
  for (const folder of [place.checkout, place.state]) mkdirSync(folder, { mode: 0o755 });
  sh(place, `git init -q . && git config user.name t && git config user.email t@t\n${make}\ngit add -A && git commit -qm first --allow-empty; sleep 0.02`);
  return place;
}

/** Runs a shell program in the checkout, outside the box: the person at work. */
export function sh(place: Place, program: string): string {
  return execFileSync("/bin/bash", ["-euc", program], { cwd: place.checkout, encoding: "latin1", stdio: ["ignore", "pipe", "pipe"] });
}

/** A session of which one can run commands and collect and land what they did. */
export interface Session {
  readonly path: string;
  readonly run: (command: string) => Promise<string>;
  readonly box: Box;
  /** Ends the box; the layer stays. */
  readonly close: () => Promise<void>;
  readonly collect: () => Promise<Collected>;
  readonly land: (collected: Collected, which?: readonly string[]) => Promise<LandResult>;
}

export async function startSession(place: Place): Promise<Session> {
  const startedAt = Date.now();
  const ripgrep = `../../node_modules/@vscode/ripgrep-linux-${process.arch}/bin/rg`;
  const box = await Box.open({
    folder: makeSessionFolder(place.state, startedAt),
    checkout: place.checkout,
    state: place.state,
    identity: await readIdentity(process.env),
    environment: process.env,
    tools: { rg: fileURLToPath(new URL(ripgrep, import.meta.url)) },
    startedAt,
  });
  const { path } = box.folder;
  return {
    path,
    box,
    run: async (command) => {
      const effect = { kind: "run", command, timeoutMs: 30_000, background: false } as const;
      const permit = mint(effect, decide(effect, UNKNOWN_SOURCE), issueReceipt(1, "x"));
      const outcome = await box.perform(permit, { signal: new AbortController().signal });
      if (!outcome.ok) throw new Error(`in the box: ${command}: ${outcome.text}`);
      return outcome.text;
    },
    close: () => box.close(),
    collect: () => collectChanges({ sessionPath: path, facts: readFacts(path), programs }),
    land: (collected, which) => landChanges({ facts: readFacts(path), collected, which: which ?? null, programs }),
  };
}

/** Runs commands in a session of its own and ends it. */
export async function sessionThat(place: Place, ...commands: string[]): Promise<Session> {
  const session = await startSession(place);
  try {
    for (const command of commands) await session.run(command);
  } finally {
    await session.close();
  }
  return session;
}

/** Lists a tree with everything that landing may change: type, mode, content, link target. */
export function tree(folder: string): string {
  const list = `find . -path ./.git -prune -o -printf '%y %m %P -> %l\\n' | LC_ALL=C sort; find . -path ./.git -prune -o -type f -print0 | LC_ALL=C sort -z | xargs -0r sha256sum -z | tr '\\0' '\\n'`;
  return execFileSync("/bin/bash", ["-euc", list], { cwd: folder, encoding: "latin1" });
}
