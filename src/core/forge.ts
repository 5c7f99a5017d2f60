import { isSameRepository, trackedOf } from "./git-remote.ts";
import { field, recordOf } from "./json.ts";
import { parseUnambiguous } from "./json-shape.ts";
import type { NetRequest } from "./net-rules.ts";
import { AUTHORS, type Author } from "./source.ts";
import type { Trust } from "./trust.ts";

/** Whose text on a forge the person does not take for a stranger's, and where its programming interface is. */
export interface ForgeConfig {
  readonly authors: readonly Author[];
  /** Of GitHub's REST interface; `base` is "" or begins with a slash. */
  readonly api: { readonly host: string; readonly port: number; readonly base: string };
}

/** The same for one repository, which is the one of the checkout. */
export interface Forge extends ForgeConfig {
  /** "person/thing", lower case. */
  readonly repository: string;
}

/** What of a forge a request asks for. */
export interface ForgeAsked {
  readonly what: "issue" | "pull request" | "comment" | "review";
  readonly isList: boolean;
  /** In words: "issue 7 of person/thing". */
  readonly where: string;
  readonly authors: readonly Author[];
}

/** Text of authors whom the person named, and the one of them who counts least. */
export interface ForgeText {
  readonly author: Author;
  /** That author's name, and of how many others there is text. */
  readonly people: string;
  /** As JSON, of known fields alone. */
  readonly text: string;
}

/** An answer as it came. */
export interface ForgeReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: Uint8Array;
}

const DEPTH_MAX = 12;
const VALUES_MAX = 200_000;
const ENTRIES_MAX = 100;
const NUMBER = "([1-9]\\d{0,11})";
/** Paths below a repository's, and what is there; a number in the first place is the or the pull request's. */
const PATHS: readonly (readonly [path: RegExp, what: ForgeAsked["what"], isList: boolean])[] = [
  [/^issues$/, "issue", true],
  [new RegExp(`^issues/${NUMBER}$`), "issue", false],
  [new RegExp(`^issues/${NUMBER}/comments$`), "comment", true],
  [/^issues\/comments$/, "comment", true],
  [new RegExp(`^issues/comments/${NUMBER}$`), "comment", false],
  [/^pulls$/, "pull request", true],
  [new RegExp(`^pulls/${NUMBER}$`), "pull request", false],
  [new RegExp(`^pulls/${NUMBER}/comments$`), "comment", true],
  [/^pulls\/comments$/, "comment", true],
  [new RegExp(`^pulls/comments/${NUMBER}$`), "comment", false],
  [new RegExp(`^pulls/${NUMBER}/reviews$`), "review", true],
  [new RegExp(`^pulls/${NUMBER}/reviews/[1-9]\\d{0,11}$`), "review", false],
];
const PLAIN_QUERY = /^(?:[a-z_]+=[\w:.,+-]*(?:&(?!$)|$))*$/;

/**
 * Says whose text counts on the forge that a checkout is fetched from; null where nobody's does: no author was named, no
 * commit is approved, or the interface is not that of the remote's own host.
 */
export function forgeOf(config: ForgeConfig, trust: Trust | null): Forge | null {
  if (trust === null || trust.commits.length === 0 || config.authors.length === 0) return null;
  const tracked = trackedOf(trust.remote);
  if (tracked === null || !/^[\w.-]+\/[\w.-]+$/.test(tracked.path)) return null;
  // By an account's ssh the path is one of that account's own.
  if (!isSameRepository(tracked, { ...tracked, ssh: null })) return null;
  const { host } = config.api;
  if (host !== tracked.host && host !== `api.${tracked.host}`) return null;
  return { ...config, repository: tracked.path.toLowerCase() };
}

/** Tells what of the forge a request asks for; null for everything else, which is a stranger's. */
export function forgeAsked({ api, repository, authors }: Forge, request: NetRequest): ForgeAsked | null {
  const { protocol, host, port, method, hasBody } = request;
  if (protocol !== "https" || host !== api.host || port !== api.port || method !== "GET" || hasBody) return null;
  const [path = "", query = "", ...more] = request.path.split("?");
  const [start, below] = [`${api.base}/repos/`, path.slice(`${api.base}/repos/${repository}/`.length)];
  if (!path.startsWith(start) || more.length > 0 || !PLAIN_QUERY.test(query)) return null;
  // To a forge both spellings are one repository.
  if (path.slice(start.length).toLowerCase() !== `${repository}/${below}`.toLowerCase()) return null;
  for (const [pattern, what, isList] of PATHS) {
    const found = pattern.exec(below);
    if (found === null) continue;
    const number = found[1];
    const kind = below.startsWith("issues") ? "issue" : "pull request";
    const where = number === undefined || below.includes("s/comments/") ? `${kind}s` : `${kind} ${number}`;
    return { what, isList, where: `${where} of ${repository}`, authors };
  }
  return null;
}

/**
 * Reads an answer of the forge; null for one that is a stranger's, whole. It is such as soon as one author in it is: text
 * by bots and apps, and anything that is not as the forge writes it, included.
 */
export function readForge(asked: ForgeAsked, { status, headers, body }: ForgeReply): ForgeText | null {
  const isJson = /^application\/json(?:; ?charset=utf-8)?$/i.test(String(headers["content-type"] ?? ""));
  if (status !== 200 || !isJson || (headers["content-encoding"] ?? "identity") !== "identity") return null;
  const value = parseUnambiguous(body, { depthMax: DEPTH_MAX, valuesMax: VALUES_MAX });
  if (value === null || Array.isArray(value) !== asked.isList) return null;
  const entries = Array.isArray(value) ? value : [value];
  if (entries.length === 0 || entries.length > ENTRIES_MAX) return null;
  const read = entries.map((entry) => readEntry(asked, recordOf(entry)));
  const known = read.filter((entry) => entry !== null);
  if (known.length < read.length) return null;
  const worst = known.reduce((a, b) => (AUTHORS.indexOf(b.author) > AUTHORS.indexOf(a.author) ? b : a));
  const others = new Set(known.map(({ login }) => login)).size - 1;
  const people = others === 0 ? worst.login : `${worst.login} and ${others} more`;
  const told = known.map(({ author, login, told: fields }) => ({ author: login, association: author, ...fields }));
  return { author: worst.author, people, text: JSON.stringify(asked.isList ? told : told[0], null, 1) };
}

type Fields = Readonly<Record<string, unknown>>;
type Entry = { readonly author: Author; readonly login: string; readonly told: Fields };

// Fields in which others than the author write, of a diff above all, are left away: labels, branches, milestones too.
function readEntry({ what, authors }: ForgeAsked, entry: Fields): Entry | null {
  const [user, association] = [recordOf(field(entry, "user")), field(entry, "author_association")];
  const author = authors.find((each) => each === association);
  const [login, app] = [field(user, "login"), field(entry, "performed_via_github_app") ?? null];
  if (author === undefined || field(user, "type") !== "User" || app !== null) return null;
  if (typeof login !== "string" || !/^[A-Za-z\d][\w-]{0,99}$/.test(login)) return null;
  const isTitled = what === "issue" || what === "pull request";
  const [title, body] = [field(entry, "title"), field(entry, "body") ?? ""];
  const [number, id, state] = [field(entry, "number"), field(entry, "id"), field(entry, "state")];
  if (typeof body !== "string" || !Number.isSafeInteger(isTitled ? number : id)) return null;
  if (isTitled && (typeof title !== "string" || (state !== "open" && state !== "closed"))) return null;
  const at = field(entry, what === "review" ? "submitted_at" : "created_at");
  if (typeof at !== "string" || !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(at)) return null;
  const told = isTitled ? { number, state, at, title, body } : { id, at, body };
  return { author, login, told };
}
