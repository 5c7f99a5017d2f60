import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Approval } from "../core/approval.ts";
import { Box } from "./box.ts";
import { type Collected, collectChanges } from "./collect.ts";
import { compileCache } from "./compile-cache.fixture.ts";
import { releaseStage } from "./discard.ts";
import { makeSessionFolder, readFacts } from "./folder.ts";
import { readIdentity } from "./identity.ts";
import { type LandResult, landChanges } from "./land.ts";
import { endPending, listLandings } from "./landing.ts";
import { permitFor } from "./permit.fixture.ts";
import { findPrograms } from "./programs.ts";
import { type Recovered, recoverLanding, type UndoResult, undoLanding } from "./undo.ts";

export const programs = findPrograms();
/** The view that the boxes of a test have: `copy-view.test.ts` runs others once more with a copy. */
export const VIEW = process.env.RINGFENCE_TEST_VIEW === "copy" ? "copy" : "auto";
const places: string[] = [];

// A layer has folders that are closed to everybody.
process.on("exit", () =>
  spawnSync("/bin/bash", ["--norc", "-c", 'chmod -R u+rwx "$@"; rm -rf "$@"', "bash", ...places]),
);

/** A checkout with a git repository, and a state folder beside it, both thrown away. */
export interface Place {
  readonly checkout: string;
  readonly state: string;
}

/** Makes a checkout by a shell program, commits what it made, and waits until the clock of files has moved on. */
export function makePlace(make: string): Place {
  const root = mkdtempSync("/tmp/ringfence-land-");
  places.push(root);
  const place = { checkout: join(root, "checkout"), state: join(root, "state") };
  for (const folder of [place.checkout, place.state]) mkdirSync(folder, { mode: 0o755 });
  sh(
    place,
    `git init -q -b master . && git config user.name t && git config user.email t@t\n${make}\ngit add -A && git commit -qm first --allow-empty; sleep 0.02`,
  );
  return place;
}

/** Runs a shell program in the checkout, outside the box: the person at work. */
export function sh(place: Place, program: string): string {
  return execFileSync("/bin/bash", ["--norc", "-euc", program], {
    cwd: place.checkout,
    encoding: "latin1",
    stdio: ["ignore", "pipe", "pipe"],
  });
}

/** A session of which one can run commands and collect and land what they did. */
export interface Session {
  readonly path: string;
  readonly run: (command: string) => Promise<string>;
  readonly box: Box;
  /** Ends the box; the layer stays. */
  readonly close: () => Promise<void>;
  readonly collect: () => Promise<Collected>;
  readonly land: (
    collected: Collected,
    which?: readonly string[] | null,
    approvals?: readonly Approval[],
  ) => Promise<LandResult>;
  /** Undoes the newest landing that is not undone. */
  readonly undo: () => Promise<UndoResult>;
  readonly recover: () => Promise<Recovered | null>;
}

export async function startSession(
  place: Place,
  options: { readonly alternates?: readonly string[]; readonly view?: "auto" | "copy" } = {},
): Promise<Session> {
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
    view: VIEW,
    ...options,
  });
  const { path } = box.folder;
  let isOpen = true;
  return {
    path,
    box,
    run: async (command) => {
      const effect = { kind: "run", command, timeoutMs: 30_000, background: false, profile: "net" } as const;
      const permit = permitFor(effect);
      const outcome = await box.perform(permit, { signal: new AbortController().signal });
      if (!outcome.ok) throw new Error(`in the box: ${command}: ${outcome.text}`);
      return outcome.text;
    },
    close: () => {
      isOpen = false;
      return box.close();
    },
    collect: async () => {
      const goesOn = isOpen;
      if (goesOn) await box.freeze();
      try {
        return await collectChanges({ sessionPath: path, facts: readFacts(path), programs });
      } finally {
        if (goesOn) await box.thaw();
      }
    },
    land: async (collected, which = null, approvals = []) => {
      const result = await landChanges({ facts: readFacts(path), collected, which, approvals, programs });
      endPending(path);
      return result;
    },
    undo: async () => {
      const landing = listLandings(path).findLast(({ isUndone }) => !isUndone);
      if (!landing) throw new Error("nothing to undo");
      const result = await undoLanding({ sessionPath: path, facts: readFacts(path), landing, programs });
      endPending(path);
      return result;
    },
    recover: async () => {
      const recovered = await recoverLanding({ sessionPath: path, facts: readFacts(path), programs });
      endPending(path);
      return recovered;
    },
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

/** Collects, lands all that may, and removes the stage. */
export async function landAll(session: Session): Promise<LandResult> {
  const collected = await session.collect();
  const result = await session.land(collected);
  await releaseStage(collected, programs);
  return result;
}

export function pathsOf(list: readonly { readonly path: string }[]): string[] {
  return list.map(({ path }) => path).sort();
}

export function read(place: Place, path: string): string {
  return readFileSync(join(place.checkout, path), "utf8");
}

/** Runs a test file once more, as the ordinary user that the set-up made. */
export function asOrdinaryUser(file: string): void {
  const { RINGFENCE_USER: user = "ringfence-test" } = process.env;
  const child = spawnSync("setpriv", ["--reuid", user, "--regid", user, "--clear-groups", process.execPath, file], {
    cwd: "/tmp",
    env: {
      ...{ PATH: "/usr/bin:/bin", HOME: `/home/${user}`, USER: user },
      ...compileCache({ uid: idOf("-u", user), gid: idOf("-g", user) }),
      ...(VIEW === "copy" ? { RINGFENCE_TEST_VIEW: VIEW } : {}),
    },
    encoding: "utf8",
    timeout: 300_000,
  });
  assert.equal(child.status, 0, child.stdout.slice(-8000) + child.stderr);
}

function idOf(which: "-u" | "-g", user: string): number {
  return Number(execFileSync("id", [which, user], { encoding: "utf8" }));
}

/** Lists a tree with everything that landing may change: type, mode, content, link target. */
export const TREE = `find . -path ./.git -prune -o -printf '%y %m %P -> %l\\n' | LC_ALL=C sort; find . -path ./.git -prune -o -type f -print0 | LC_ALL=C sort -z | xargs -0r sha256sum -z | tr '\\0' '\\n'`;

export function tree(folder: string): string {
  return execFileSync("/bin/bash", ["--norc", "-euc", TREE], { cwd: folder, encoding: "latin1" });
}

/** What `tree` tells, and when each file and link was changed last. */
export function treeWithTimes(folder: string): string {
  const times = "find . -path ./.git -prune -o ! -type d -printf '%T@ %P\\n' | LC_ALL=C sort";
  return tree(folder) + execFileSync("/bin/bash", ["--norc", "-c", times], { cwd: folder, encoding: "latin1" });
}

/** A checkout with something of every kind. */
export const PROJECT = `
mkdir -p src/deep/er d gone/a/b; for n in a b c keep; do echo $n >src/$n.ts; done
echo 1 >d/1; echo 2 >d/2; echo 3 >gone/a/b/3; echo 4 >gone/4; echo deep >src/deep/er/x
printf 'a\\0b' >blob; : >was-empty; echo tool >tool; chmod 755 tool; ln -s a.ts src/link; ln -s b.ts src/link2
echo f >file-to-dir; mkdir dir-to-file; echo i >dir-to-file/i; echo l >file-to-link; ln -s blob link-to-file; echo 6 >mode-600; chmod 600 mode-600`;

/** Changes of every kind that are source; they do the same in the box and outside it. */
export const WORK = `umask 022
echo more >>src/a.ts; rm src/b.ts; mv src/c.ts src/renamed.ts; rm -rf d; mkdir d; echo new >d/2; echo fresh >d/3; rm -rf gone
rm -r src/deep; printf '\\0\\1\\377' >blob; echo full >was-empty; : >empty; chmod 644 tool; ln -sfn keep.ts src/link; rm src/link2
ln -s ../src/keep.ts d/up; rm file-to-dir; mkdir -p file-to-dir/in; echo x >file-to-dir/in/x; rm -r dir-to-file; echo y >dir-to-file
ln -sfn blob file-to-link; rm link-to-file; echo z >link-to-file; echo 66 >mode-600; mkdir -p n/e/w; echo w >n/e/w/f
echo s >$'new\\nline'; echo s >'quo"te'\\'; echo s >$'not\\xffutf8'; echo s >' -rf '; echo s >$'tab\\t'; echo s >'back\\slash'; touch src/keep.ts`;
