import { isAddress } from "./host.ts";
import type { SeenRequest } from "./monitor-event.ts";
import { type Alarm, quiet, reducer, type Step } from "./monitor-reducer.ts";

/** Addresses that nobody in the box composed: they were looked up, locked or typed before. */
const KNOWN_ORIGINS: ReadonlySet<string> = new Set(["locked", "fetch", "typed", "service", "model", "package", "push"]);
const HOSTS_MAX = 64;
/** More names below one domain than programs ask, and more addresses that differ in one place alone. */
const NAMES_MAX = 12;
const VARIANTS_MAX = 24;
const LABEL_CHARS_MAX = 28;

interface Talk {
  /** A domain, or the address of a form with its last part and its query cut off. */
  readonly about: string;
  readonly seen: readonly string[];
}

/** Finds data in what an address says: long parts that are no words, data in names, many names, many variants of one address. */
export const EXFILTRATION = reducer<readonly Talk[]>([], (talks, seen) => {
  if (seen.kind !== "request" || KNOWN_ORIGINS.has(seen.origin) || isUnasked(seen)) return quiet(talks);
  const alarms: Alarm[] = [];
  const tell = (words: string) => alarms.push({ kind: "exfiltration", seqs: [seen.seq], words });
  const label = seen.host.split(".").find((part) => part.length > LABEL_CHARS_MAX || isData(part, 16));
  if (label !== undefined && !isAddress(seen.host)) tell(`a name that looks like data was asked for: ${seen.host}`);
  const data = dataIn(seen.path);
  if (data !== null) tell(`the address holds what looks like data: ${seen.host} ${data}`);
  const domain = seen.host.split(".").slice(-2).join(".");
  const names = isAddress(seen.host) ? null : note(talks, `*.${domain}`, seen.host, NAMES_MAX);
  if (names?.isMany) tell(`${NAMES_MAX} names below ${domain} were asked for`);
  const variants = note(names?.talks ?? talks, `${seen.host} ${formOf(seen)}`, seen.path, VARIANTS_MAX);
  if (variants.isMany) tell(`${VARIANTS_MAX} requests to ${seen.host} differ in little but their data`);
  return { state: variants.talks, alarms };
});

function note(talks: readonly Talk[], about: string, what: string, most: number) {
  const known = talks.find((talk) => talk.about === about)?.seen ?? [];
  if (known.includes(what)) return { talks, isMany: false };
  const seen = [...known, what];
  const isMany = seen.length >= most;
  const others = talks.filter((talk) => talk.about !== about);
  return { talks: [...others, { about, seen: isMany ? [] : seen }].slice(-HOSTS_MAX), isMany };
}

function formOf({ method, path }: SeenRequest): string {
  const [bare = "", query] = path.split("?", 2);
  return `${method} ${query === undefined ? bare.slice(0, bare.lastIndexOf("/") + 1) : bare}`;
}

/** Finds the first part of a path and query that looks like data; null for none. */
export function dataIn(path: string): string | null {
  const parts = path.split("?", 1)[0]?.split(/[/;]/) ?? [];
  return parts.find((part) => isData(part, 44) && !COMMIT.test(part)) ?? queryData(path);
}

/** Of commits and packages, whose names are digests. */
const COMMIT = /^(?:[0-9a-f]{40}|[0-9a-f]{64})(?:\.\w+)*$/;

// A value of a query is short where it is a word or a number.
function queryData(path: string): string | null {
  const query = path.split("?", 2)[1];
  if (query === undefined) return null;
  if (SECRET_WORD.test(query)) return query;
  return query.split(/[&=#;]/).find((part) => isData(part, 16)) ?? null;
}

const SECRET_WORD = /(?:secret|passw|private.?key|access.?key|api.?key|BEGIN)[^&]*(?:=|%3d|%20|\+|:)/i;

/** Whether a text of at least so many signs is of many different ones, letters among digits, as encoded bytes are and words are not. */
function isData(text: string, charsMin: number): boolean {
  if (text.length < charsMin) return false;
  const plain = text.replace(/%[0-9a-f]{2}/gi, "");
  if (plain.length < charsMin - 8) return text.length > 3 * plain.length;
  const longest = /[A-Za-z0-9+_=-]{12,}/.exec(plain)?.[0] ?? "";
  if (longest.length < Math.min(charsMin, 16) - 4) return false;
  const [digits, letters] = [longest.replace(/\D/g, "").length, longest.replace(/[^A-Za-z]/g, "").length];
  const changes = longest.match(/[A-Za-z](?=\d)|\d(?=[A-Za-z])|[a-z](?=[A-Z])/g)?.length ?? 0;
  return digits > 1 && letters > 1 && changes >= 4;
}

/** Finds what stands in the box for a credential where it must not be: on its way out, or in a file that would land. */
export const CANARY = reducer<null>(null, (state, seen) => {
  if (seen.kind === "planted")
    return {
      state,
      alarms: [
        { kind: "canary", seqs: [seen.seq], words: `what stands for a credential is in ${seen.paths.join(", ")}` },
      ],
    };
  if (seen.kind !== "sent" || !/^alarm:|credential of .* stands in/.test(seen.error)) return quiet(state);
  return {
    state,
    alarms: [{ kind: "canary", seqs: [seen.decision, seen.seq], words: seen.error.replace(/^alarm: /, "") }],
  };
});

interface Sinks {
  readonly external: number | null;
  readonly hosts: readonly string[];
  /** Requests about which nobody has decided yet, and whether the person is being asked. */
  readonly asked: readonly { readonly request: SeenRequest; readonly isWaiting: boolean }[];
}
const ASKED_MAX = 16;

/** Finds the first request to a host that is refused, or that nobody lets through, after a stranger's text came in. */
export const NEW_SINK = reducer<Sinks>({ external: null, hosts: [], asked: [] }, (state, seen) => {
  switch (seen.kind) {
    case "external":
      return quiet({ ...state, external: seen.seq });
    case "waiting": {
      const asked = state.asked.map((one) => (one.request.seq === seen.decision ? { ...one, isWaiting: true } : one));
      return quiet({ ...state, asked });
    }
    case "answer": {
      const found = state.asked.find(({ request }) => request.seq === seen.decision);
      if (found === undefined) return quiet(state);
      const rest = { ...state, asked: state.asked.filter((one) => one !== found) };
      return seen.isYes ? quiet({ ...rest, hosts: withHost(rest, found.request) }) : tellOf(rest, [found.request]);
    }
    case "outcome": {
      // Where nobody can be asked, no answer comes.
      const left = state.asked.filter(({ isWaiting }) => !isWaiting).map(({ request }) => request);
      if (left.length === 0) return quiet(state);
      return tellOf({ ...state, asked: state.asked.filter(({ isWaiting }) => isWaiting) }, left);
    }
    case "request":
      if (seen.verdict === "allow" || !seen.isExternal || isUnasked(seen) || state.hosts.includes(seen.host))
        return quiet(state);
      if (seen.verdict === "deny") return tellOf(state, [seen]);
      return quiet({ ...state, asked: [...state.asked, { request: seen, isWaiting: false }].slice(-ASKED_MAX) });
    default:
      return quiet(state);
  }
});

// npm sends its list of packages unasked, and Chromium asks its makers the time, with a number drawn for each question.
function isUnasked({ method, host, path }: SeenRequest): boolean {
  if (method === "POST") return /^\/-\/npm\/v1\/security\/(?:advisories\/bulk|audits(?:\/quick)?)$/.test(path);
  return method === "GET" && host === "clients2.google.com" && CHROMIUM_TIME.test(path);
}

const CHROMIUM_TIME = /^\/time\/1\/current\?cup2key=\d+:[\w-]{43}&cup2hreq=[0-9a-f]{64}$/;

function tellOf(state: Sinks, requests: readonly SeenRequest[]): Step<Sinks> {
  let after = state;
  const alarms = requests.flatMap((request): Alarm[] => {
    const { seq, host, port, verdict } = request;
    if (after.hosts.includes(host)) return [];
    after = { ...after, hosts: withHost(after, request) };
    const came = verdict === "deny" ? "was refused" : "nobody let through";
    const words = `after a stranger's text came in, there was a request to ${host}:${port} that ${came}`;
    return [{ kind: "new-sink", seqs: state.external === null ? [seq] : [state.external, seq], words }];
  });
  return { state: after, alarms };
}

function withHost({ hosts }: Sinks, { host }: SeenRequest): readonly string[] {
  return [...hosts, host].slice(-HOSTS_MAX);
}
