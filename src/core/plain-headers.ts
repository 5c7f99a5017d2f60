/**
 * What is asked for in the place of an Accept that names a kind, in the words of the tools that need it; the first that is
 * named counts. Weights and order would be of the sender's choice: a hundred bits in each request.
 */
const ACCEPTS: readonly (readonly [named: string, sent: string])[] = [
  ["application/vnd.npm.install-v1+json", "application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8, */*"],
  [
    "application/vnd.pypi.simple.v1+json",
    "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01",
  ],
  ["text/html", "text/html, */*; q=0.8"],
  ["application/json", "application/json, */*; q=0.5"],
];
const FORMS = new Set(["*/*", ...ACCEPTS.flat()]);
const AGENT = "ringfence";

/**
 * Leaves of a request's headers what cannot carry anything out: the host, and what kinds of answer are understood.
 *
 * For a request that passes because its address tells nothing: a header that its sender composed would. `carriesCredential`
 * keeps Authorization for the broker, which lets nothing but a placeholder through.
 */
export function plainHeaders(headers: readonly string[], carriesCredential: boolean): string[] {
  const plain = ["User-Agent", AGENT];
  // In an order of our own, and each once: one that came already could be written again and again.
  for (const name of ["host", "accept", "accept-encoding", ...(carriesCredential ? ["authorization"] : [])]) {
    const [, value] = pick(headers, (each) => each === name);
    if (value !== undefined) plain.push(name, plainValue(name, value) ?? value);
  }
  return plain;
}

/** Framing, and what the address and the size that are shown say already. */
const TOLD = ["host", "content-length", "transfer-encoding"];

/** In this order and spelling. */
const UNTOLD = ["Host", "Content-Length", "Transfer-Encoding", "Accept", "Accept-Encoding"];

/**
 * The headers of a request that a person looks at, as they are sent then: its own, under this program's name. What they are
 * not shown stands first, once, spelled in one way.
 */
export function askedHeaders(headers: readonly string[]): string[] {
  const untold = UNTOLD.flatMap((name) => {
    const [, value] = pick(headers, (each, said) => each === name.toLowerCase() && !isTelling(each, said));
    return value === undefined ? [] : [name, value];
  });
  return ["User-Agent", AGENT, ...untold, ...tellingHeaders(headers)];
}

/** Of those, the ones that a person must see: all in which a sender could have written something. */
export function tellingHeaders(headers: readonly string[]): string[] {
  return pick(headers, isTelling);
}

function isTelling(name: string, value: string): boolean {
  if (name === "user-agent" || TOLD.includes(name)) return false;
  return plainValue(name, value) !== value;
}

/** Writes a header of which there are but a few forms in the one that comes nearest; null where it is another one. */
function plainValue(name: string, value: string): string | null {
  const named = value
    .toLowerCase()
    .split(",")
    .map((part) => part.trim());
  if (name === "accept" && FORMS.has(value)) return value;
  if (name === "accept") {
    const kinds = named.map((part) => part.split(";", 1)[0]?.trim());
    return ACCEPTS.find(([kind]) => kinds.includes(kind))?.[1] ?? "*/*";
  }
  if (name !== "accept-encoding") return null;
  return named.some((part) => /^gzip(?:\s*;\s*q=(?:1|0\.\d*[1-9]).*)?$/.test(part)) ? "gzip" : "identity";
}

function pick(headers: readonly string[], isFit: (name: string, value: string) => boolean): string[] {
  const picked: string[] = [];
  for (let at = 0; at + 1 < headers.length; at += 2) {
    const [name = "", value = ""] = headers.slice(at, at + 2);
    if (isFit(name.toLowerCase(), value)) picked.push(name, value);
  }
  return picked;
}
