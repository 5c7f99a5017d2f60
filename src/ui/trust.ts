import { createInterface } from "node:readline";
import { UsageError } from "../agent/config.ts";
import { folderId, keepContent, keptContent, writeTrust } from "../agent/config-trust.ts";
import {
  findTrustPlace,
  noteDiffering,
  readItems,
  readTrustCommit,
  secretsInHistory,
  type TrustCommit,
  type TrustItem,
  type TrustPlace,
} from "../agent/trust.ts";
import type { Start } from "../agent/workplace.ts";
import { diffContents } from "../box/trusted-files.ts";
import { parseApproval } from "../core/approval.ts";
import { counted, visible, visibleJson } from "../core/text.ts";
import { COMMIT_ID, noTrust, type Trust, withCommit, withItem, without } from "../core/trust.ts";
import { ask, replyOf } from "./question.ts";
import { row, type Terminal, writeSafe } from "./terminal.ts";

/** Something was to be approved and nobody was there who could have read it. */
const UNTRUSTED = 22;
const NAMED_MAX = 20;

/** `ringfence trust`: shows what of a repository the person trusts, and takes down what they say of it. */
export async function trustCommand(
  words: readonly string[],
  options: { readonly json: boolean },
  start: Start,
  terminal: Terminal,
): Promise<number> {
  const [act = "", ...names] = words;
  const place = await findTrustPlace(start);
  if (act === "") return showTrust(place, options, terminal);
  if (options.json) throw new UsageError("trust takes --json alone: ringfence trust --json");
  if (act === "commit") return approveCommit(place, names, terminal);
  if (act === "public" || act === "private") return markOpenness(place, act, names, terminal);
  if (act === "revoke") return revoke(place, names, terminal);
  return approveItems(place, words, terminal);
}

async function showTrust(
  place: TrustPlace,
  { json }: { readonly json: boolean },
  { stdout }: Terminal,
): Promise<number> {
  const [commit, items] = [await readTrustCommit(place), await readItems(place)];
  const { trust } = place;
  const isApproved = commit !== null && trust.commits.includes(commit.id);
  if (json) {
    const facts = {
      checkout: place.checkout,
      remote: trust.remote === "" ? null : trust.remote,
      openness: trust.openness,
      commit: commit && { ...commit, approved: isApproved },
      items: items.map(({ path, kind, hash, standing, content }) => ({
        path,
        kind,
        hash,
        state: standing,
        hidden: hiddenIn(content),
      })),
      void: place.void === null ? null : place.void.remote,
    };
    stdout.write(`${visibleJson(JSON.stringify(facts))}\n`);
    return 0;
  }
  const from = trust.remote === "" ? "it is fetched from nowhere" : trust.remote;
  writeSafe(stdout, row(`checkout  ${place.checkout}`) + row(`remote    ${from}`) + commitText(commit, isApproved));
  writeSafe(stdout, opennessText(trust));
  if (place.void !== null)
    writeSafe(
      stdout,
      row(`What you approved while it was fetched from ${place.void.remote || "nowhere"} does not count.`),
    );
  writeSafe(
    stdout,
    items.map(itemText).join("") || "No file of it could instruct or configure an agent, tools or an editor.\n",
  );
  if (items.some(({ standing }) => standing !== "approved"))
    stdout.write("ringfence trust PATH shows one and asks; approve only what you have read.\n");
  return 0;
}

function commitText(commit: TrustCommit | null, isApproved: boolean): string {
  if (commit === null) return "commit    none is checked out\n";
  const name =
    commit.problem === null ? `"${commit.subject}" by ${commit.author}` : `cannot be approved: ${commit.problem}`;
  const state = isApproved ? "approved" : "not approved: ringfence trust commit";
  return row(`commit    ${commit.id} ${name}`) + row(`          ${state}`);
}

function opennessText({ openness }: Trust): string {
  return openness === "public"
    ? "openness  public: you said that anybody may read all that lies here\n"
    : "openness  private\n";
}

function itemText({ path, kind, hash, standing, content }: TrustItem): string {
  const hidden = hiddenIn(content);
  const marks = hidden === 0 ? "" : `, ${counted(hidden, "hidden character")}`;
  const state = hash === null ? "too large  " : standing === "changed" ? "changed    " : standing;
  return row(`${state.padEnd(12)}  ${path} (${kind}${marks})${hash === null ? "" : ` ${hash}`}`);
}

/** Counts what a terminal or an editor would not draw as itself. */
function hiddenIn(content: Buffer | null): number {
  const text = textOf(content);
  const spelled = (shown: string) => shown.match(/<U\+[0-9A-F]{4,6}>|\\x[0-9a-f]{2}/g)?.length ?? 0;
  return spelled(visible(text)) - spelled(text);
}

function textOf(content: Buffer | null): string {
  return new TextDecoder().decode(content ?? Buffer.alloc(0)).replaceAll("\r\n", "\n");
}

async function approveCommit(place: TrustPlace, names: readonly string[], terminal: Terminal): Promise<number> {
  const [named, ...more] = names;
  const { stdout } = terminal;
  if (more.length > 0 || (named !== undefined && !COMMIT_ID.test(named)))
    throw new UsageError("trust commit takes one whole id, of 40 digits, as ringfence trust shows it");
  const commit = await readTrustCommit(place, named);
  if (commit === null) throw new UsageError(`no commit is checked out in ${place.checkout}: nothing is approved`);
  const { id, problem } = commit;
  if (problem !== null)
    throw new UsageError(`the commit ${id} cannot be approved: ${problem}; fetch it anew, or name another`);
  writeSafe(stdout, row(`commit    ${id} "${commit.subject}" by ${commit.author}`));
  writeSafe(stdout, await secretsText(place, id));
  const shown = { path: "the commit", hash: id };
  if (named === undefined && !(await isAnswered(shown, "approve this commit", terminal)))
    return declined(`ringfence trust commit ${id}`, terminal);
  // First, so that no approval stands without it, wherever this ends.
  const differing = await noteDiffering(place, id).catch(() => {
    throw new UsageError("the checkout could not be compared with it, so it is not approved: is all of it readable?");
  });
  writeTrust(place.state, withCommit(place.trust, id));
  stdout.write("approved: while it is checked out, a file that is as in it counts as the repository's\n");
  if (differing.length > 0)
    writeSafe(
      stdout,
      row(`${counted(differing.length, "file")} as they are now may be a stranger's: ${listText(differing)}`),
    );
  return 0;
}

function listText(paths: readonly string[]): string {
  const more = paths.length > NAMED_MAX ? ` and ${paths.length - NAMED_MAX} more` : "";
  return `${paths.slice(0, NAMED_MAX).join(", ")}${more}`;
}

async function secretsText(place: TrustPlace, commit: string): Promise<string> {
  try {
    const secrets = await secretsInHistory(place, commit);
    if (secrets.length === 0) return "";
    return row(
      `its history holds files whose names say that they hold secrets; the box masks files, not history, so change what is still valid: ${listText(secrets)}`,
    );
  } catch (error) {
    return row(`its history was not looked through for secrets: ${error instanceof Error ? error.message : error}`);
  }
}

function markOpenness(
  place: TrustPlace,
  openness: Trust["openness"],
  names: readonly string[],
  { stdout }: Terminal,
): number {
  if (names.length > 0) throw new UsageError(`trust ${openness} takes nothing more`);
  const folder = folderId(place.checkout);
  if (openness === "public" && place.trust.remote === "" && folder === "")
    throw new UsageError(
      "it is fetched from nowhere, and this disk does not tell when a folder was made, so it could not be told from another one at its path: give it a remote first",
    );
  writeTrust(place.state, { ...place.trust, openness, folder });
  writeSafe(stdout, opennessText({ ...place.trust, openness }));
  return 0;
}

function revoke(place: TrustPlace, names: readonly string[], { stdout }: Terminal): number {
  if (names.length === 0) {
    writeTrust(place.state, noTrust(place.checkout, place.trust.remote));
    stdout.write("nothing of this repository is trusted any more\n");
    return 0;
  }
  let { trust } = place;
  for (const name of names) {
    const left = without(trust, name);
    if (left === null)
      throw new UsageError(`"${name}" is not approved; ringfence trust shows what is; nothing was taken back`);
    trust = left;
  }
  writeTrust(place.state, trust);
  writeSafe(stdout, names.map((name) => row(`not approved  ${name}`)).join(""));
  return 0;
}

async function approveItems(place: TrustPlace, words: readonly string[], terminal: Terminal): Promise<number> {
  const items = await readItems(place);
  const wishes = words.map((word) => wishOf(word, items));
  let { trust } = place;
  for (const { item, isNamed } of wishes) {
    const { path, hash, content } = item;
    if (hash === null || content === null)
      throw new UsageError(`${path} is too large, or no plain file: it cannot be approved`);
    if (item.standing === "approved") continue;
    if (!isNamed) writeSafe(terminal.stdout, await shownText(place, item));
    if (!isNamed && !(await isAnswered({ path, hash }, "approve exactly this", terminal)))
      return declined(`ringfence trust ${path}=${hash}`, terminal);
    keepContent(place.state, hash, content);
    trust = withItem(trust, { path, hash });
    writeTrust(place.state, trust);
    writeSafe(terminal.stdout, row(`approved      ${path}`));
  }
  return 0;
}

// A hash is of what the person read somewhere; what lies there now must be that.
function wishOf(word: string, items: readonly TrustItem[]): { readonly item: TrustItem; readonly isNamed: boolean } {
  const named = items.find(({ path }) => path === word) ? null : parseApproval(word);
  const item = items.find(({ path }) => path === (named?.path ?? word));
  if (item === undefined) {
    const cut = items.find(({ path }) => word.startsWith(`${path}=`));
    if (cut !== undefined)
      throw new UsageError(`${cut.path}= takes a whole hash, of 64 digits, as ringfence trust shows it`);
    throw new UsageError(
      `"${named?.path ?? word}" is no file that could instruct or configure; ringfence trust lists them`,
    );
  }
  if (named !== null && named.hash !== item.hash)
    throw new UsageError(
      `${item.path} is not what that hash names, so it is not approved; read it: ringfence trust ${item.path}`,
    );
  return { item, isNamed: named !== null };
}

async function shownText(
  { state, plan, trust }: TrustPlace,
  { path, kind, hash, content }: TrustItem,
): Promise<string> {
  const before = trust.items.find((item) => item.path === path);
  const kept = before === undefined ? null : keptContent(state, before.hash);
  const isDiff = kept !== null && content !== null;
  const text = isDiff ? await diffContents(plan.programs, kept, content) : textOf(content);
  const how = isDiff
    ? "what changed since you approved it"
    : before === undefined
      ? "all of it"
      : "all of it; what you approved is not kept";
  const lines = text
    .replace(/\n$/, "")
    .split("\n")
    .map((line) => row(`| ${line}`));
  return `${row(`${path} (${kind}) ${hash}: ${how}`)}${lines.join("")}`;
}

/** Asks at the terminal; only a line that was begun after the question answers it. False where nobody sits there. */
async function isAnswered(
  what: { readonly path: string; readonly hash: string },
  wish: string,
  terminal: Terminal,
): Promise<boolean> {
  const { stdin, stdout } = terminal;
  if (!stdin.isTTY || !stdout.isTTY) return false;
  const lines = createInterface({ input: stdin, output: stdout });
  try {
    stdout.write(`${wish}? "yes" does, anything else does not\n`);
    const question = ask(lines, { approvals: [what] });
    const typed = await new Promise<{ readonly text: string; readonly at: number }>((resolve) => {
      lines.once("line", (text) => resolve({ text, at: performance.now() }));
      lines.once("close", () => resolve({ text: "", at: 0 }));
    });
    return replyOf(question, typed.text.trim(), typed.at) === "approve";
  } finally {
    lines.close();
  }
}

function declined(command: string, { stderr }: Terminal): number {
  writeSafe(stderr, row(`not approved; with the hash of what you read it needs no terminal: ${command}`));
  return UNTRUSTED;
}
