import { createHash } from "node:crypto";
import { encodePath } from "../core/changes.ts";
import type { CommitFiles, Standing } from "../core/trust-compare.ts";
import { filesOfCommit, type RawObject, readCommit } from "../core/trust-tree.ts";
import { findAlternates } from "./alternates.ts";
import { gitBinds } from "./commits.ts";
import { findProgram, type Programs } from "./programs.ts";
import { findRepository, look, type Repository } from "./repository.ts";
import { type Bind, runSandbox, scriptBind } from "./sandbox.ts";
import { RecordReader, strings } from "./script.ts";

export interface TrustedPlan {
  readonly checkout: string;
  readonly repository: Repository | null;
  /** Folders of objects that the person listed and the repository borrows from. */
  readonly alternates: readonly string[];
  readonly programs: Programs;
}

export interface VerifiedCommit {
  readonly author: string;
  readonly subject: string;
  readonly files: CommitFiles;
}

type Mode = "list" | "contents" | "head" | "objects" | "history" | "view" | "diff";

const READ_MS_MAX = 60_000;
/** Verification is waited for by a command. */
const VIEW_MS_MAX = 10_000;
const ANSWER_BYTES_MAX = 256 << 20;
/** A larger file that would instruct or configure is none that a person reads. */
const CONTENT_BYTES_MAX = 1 << 20;

/** Finds what of a checkout is read; null where its git folder is none that may be shown. */
export async function planTrusted({
  checkout,
  home,
  state,
  allowed,
  programs,
}: {
  readonly checkout: string;
  readonly home: string;
  readonly state: string;
  /** Folders of objects that the person listed. */
  readonly allowed: readonly string[];
  readonly programs: Programs;
}): Promise<TrustedPlan> {
  const { repository } = await findRepository({ checkout, programs, hidden: [home, state], closed: [state] });
  const git = repository?.common ?? `${checkout}/.git`;
  const { folders } = await findAlternates({ checkout, git, allowed, programs });
  return { checkout, repository, alternates: folders, programs };
}

/** Lists the plain files of the checkout, but for what lies in git folders and folders of dependencies. */
export async function listFiles(plan: TrustedPlan): Promise<string[]> {
  const answer = await ask(plan, "list");
  const paths: string[] = [];
  while (!answer.isAtEnd) {
    const type = answer.text();
    const path = answer.path();
    if (type === "f") paths.push(path);
  }
  return paths;
}

/** Reads plain files of the checkout, no link followed; null for what is none, or too large. */
export async function readContents(
  plan: TrustedPlan,
  paths: readonly string[],
): Promise<ReadonlyMap<string, Buffer | null>> {
  if (paths.length === 0) return new Map();
  const answer = await ask(plan, "contents", [String(CONTENT_BYTES_MAX)], paths);
  const contents = new Map<string, Buffer | null>();
  while (!answer.isAtEnd) {
    const isRead = answer.text() === "F";
    const path = answer.path();
    contents.set(path, isRead ? Buffer.from(answer.text(), "hex") : null);
  }
  return contents;
}

/** Names the commit that is checked out; null where there is none, or no git. */
export async function readHead(plan: TrustedPlan): Promise<string | null> {
  if (!hasGit(plan)) return null;
  const answer = await ask(plan, "head");
  return answer.text() === "C" ? answer.text() : null;
}

/** Reads a commit and proves every folder of it by its id; throws where the repository does not hold it as it is. */
export async function readVerified(plan: TrustedPlan, commit: string): Promise<VerifiedCommit> {
  const answer = await ask(plan, "objects", [commit]);
  const objects: RawObject[] = [];
  while (!answer.isAtEnd) {
    const type = answer.text() === "C" ? "commit" : "tree";
    objects.push({ type, bytes: Buffer.from(answer.text(), "hex") });
  }
  const files = filesOfCommit(commit, objects, objectId);
  const raw = objects.find((object) => object.type === "commit" && objectId(object) === commit);
  const { author, subject } = readCommit(raw?.bytes ?? Buffer.alloc(0));
  return { author, subject, files };
}

/** Lists every path that a commit and those before it ever had. */
export async function readHistory(plan: TrustedPlan, commit: string): Promise<string[]> {
  const answer = await ask(plan, "history", [commit]);
  const paths: string[] = [];
  while (!answer.isAtEnd) if (answer.text() === "P") paths.push(answer.path());
  return paths;
}

/** Reads what lies in the checkout and its git folder now, to be compared with a commit. */
export async function readStanding(plan: TrustedPlan, commit: string): Promise<Standing> {
  const answer = await ask(plan, "view", [commit]);
  const files = new Map<string, string>();
  const links = new Map<string, string>();
  const folders: string[] = [];
  const others: string[] = [];
  for (;;) {
    const type = answer.text();
    if (type === "G") return { files, links, folders, others, isBare: answer.text() === "1" };
    const path = answer.path();
    if (type === "f") files.set(path, answer.text());
    else if (type === "l") links.set(path, blobId(Buffer.from(answer.text(), "hex")));
    else (type === "e" ? folders : others).push(path);
  }
}

/** Writes what a content has changed of another, hunk by hunk. */
export async function diffContents(programs: Programs, before: Uint8Array, after: Uint8Array): Promise<string> {
  const input = [before, after].map((bytes) => Buffer.from(bytes).toString("hex"));
  const answer = await runTrusted(programs, "diff", { binds: [], own: "", args: [], input });
  const text = answer.toString("utf8");
  const start = text.indexOf("@@");
  return start < 0 ? "" : text.slice(start);
}

/** Names a content as git does, from the bytes alone. */
export function blobId(bytes: Uint8Array): string {
  return idOf("blob", bytes);
}

function objectId({ type, bytes }: RawObject): string {
  return idOf(type, bytes);
}

function idOf(type: string, bytes: Uint8Array): string {
  return createHash("sha1").update(`${type} ${bytes.length}\0`).update(bytes).digest("hex");
}

function hasGit({ checkout, repository }: TrustedPlan): boolean {
  // What a link leads to may be another repository of the person's.
  const isOwn = look(`${checkout}/.git`)?.isDirectory() ?? false;
  return (repository !== null || isOwn) && findProgram("git") !== null;
}

async function ask(
  plan: TrustedPlan,
  mode: Exclude<Mode, "diff">,
  args: readonly string[] = [],
  paths: readonly string[] = [],
): Promise<RecordReader> {
  const checkout: Bind = { source: plan.checkout, target: "/checkout", access: "read" };
  const git = mode === "list" || mode === "contents" ? [] : gitBinds(plan, "/base/.git", "read");
  const input = paths.map((path) => Buffer.from(encodePath(path)));
  const own = plan.repository?.own ?? "";
  return new RecordReader(await runTrusted(plan.programs, mode, { binds: [checkout, ...git], own, args, input }));
}

async function runTrusted(
  programs: Programs,
  mode: Mode,
  {
    binds,
    own,
    args,
    input,
  }: {
    readonly binds: readonly Bind[];
    readonly own: string;
    readonly args: readonly string[];
    readonly input: readonly (string | Buffer)[];
  },
): Promise<Buffer> {
  const script = scriptBind("trusted.pl");
  const result = await runSandbox({
    programs,
    binds: [script, ...binds],
    command: [programs.perl, script.target, mode, findProgram("git") ?? "/usr/bin/git", own, ...args],
    input: strings(input),
    timeoutMs: mode === "view" ? VIEW_MS_MAX : READ_MS_MAX,
    stdoutBytesMax: ANSWER_BYTES_MAX,
    capability: null,
  });
  if (result.status !== 0) throw new Error(result.stderr.trim().split("\n").at(-1) || `status ${result.status}`);
  return result.stdout;
}
