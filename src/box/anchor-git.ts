import { statSync } from "node:fs";
import { join } from "node:path";
import { findProgram, findPrograms } from "./programs.ts";
import { runSandbox, scriptBind } from "./sandbox.ts";

/** A ref of a repository of the person's, whose commits hold signed heads and nothing else. */
export interface HeadRef {
  readonly repository: string;
  readonly ref: string;
}

const MS_MAX = 30_000;
const ANSWER_BYTES_MAX = 64 << 20;
const TRIES_MAX = 3;

/** Makes a commit of a signed head, as its message. Throws an Error that says why it could not. */
export async function commitHead(place: HeadRef, note: string): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      await run("put", place, note);
      return;
    } catch (error) {
      // Another session's commit may have come first.
      if (tries === TRIES_MAX || !(error instanceof Error) || !error.message.endsWith("did not move")) throw error;
    }
  }
}

/** Reads what the commits of such a ref say. */
export function readHeadRef(place: HeadRef): Promise<string> {
  return run("read", place, "");
}

async function run(mode: "put" | "read", { repository, ref }: HeadRef, input: string): Promise<string> {
  const git = findProgram("git");
  if (git === null) throw new Error("there is no git here");
  const programs = findPrograms();
  const script = scriptBind("anchor.pl");
  const access = mode === "put" ? "write" : "read";
  const { status, stdout, stderr } = await runSandbox({
    programs,
    binds: [script, { source: gitFolderOf(repository), target: "/repo", access }],
    command: [programs.perl, script.target, mode, git, ref],
    input: Buffer.from(input),
    timeoutMs: MS_MAX,
    stdoutBytesMax: ANSWER_BYTES_MAX,
    capability: null,
  });
  if (status !== 0) throw new Error(stderr.trim().split("\n").at(-1) || `git ended with ${status}`);
  return stdout.toString("utf8");
}

function gitFolderOf(repository: string): string {
  const folder = [join(repository, ".git"), repository].find((path) => isFolder(join(path, "objects")));
  if (folder === undefined) throw new Error(`${repository} is no git repository: git init --bare makes one`);
  return folder;
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
