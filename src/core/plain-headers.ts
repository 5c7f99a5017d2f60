/** What programs ask for when they read packages and pages; whatever else an Accept says is left out. */
const MEDIA_TYPES = new Set([
  "*/*",
  "text/*",
  "text/html",
  "text/plain",
  "application/json",
  "application/xhtml+xml",
  "application/xml",
  "application/octet-stream",
  "application/vnd.npm.install-v1+json",
  "application/vnd.pypi.simple.v1+json",
  "application/vnd.pypi.simple.v1+html",
  "application/x-git-upload-pack-advertisement",
  "application/x-git-upload-pack-result",
]);
const ENCODINGS = new Set(["identity", "gzip", "deflate", "br", "zstd"]);
const AGENT = "ringfence";

/**
 * Leaves of a request's headers what cannot carry anything out: the host, and what kinds of answer are understood.
 *
 * For a request that passes because its address tells nothing: a header that its sender composed would. `carriesCredential`
 * keeps Authorization for the broker, which lets nothing but a placeholder through.
 */
export function plainHeaders(headers: readonly string[], carriesCredential: boolean): string[] {
  const plain = ["User-Agent", AGENT];
  for (let at = 0; at + 1 < headers.length; at += 2) {
    const name = (headers[at] ?? "").toLowerCase();
    const value = headers[at + 1] ?? "";
    // One that came already could be written again and again.
    if (plain.includes(name)) continue;
    if (name === "host" || (name === "authorization" && carriesCredential)) plain.push(name, value);
    else if (name === "accept") plain.push(name, known(value, MEDIA_TYPES) || "*/*");
    else if (name === "accept-encoding") plain.push(name, known(value, ENCODINGS) || "identity");
  }
  return plain;
}

/** Framing, and what the address and the size that are shown say already. */
const TOLD = ["host", "content-length", "transfer-encoding"];

/** The headers of a request that a person looks at, as they are sent then: its own, under this program's name. */
export function askedHeaders(headers: readonly string[]): string[] {
  return ["User-Agent", AGENT, ...pick(headers, (name) => name !== "user-agent")];
}

/** Of those, the ones that a person must see: all in which a sender could have written something. */
export function tellingHeaders(headers: readonly string[]): string[] {
  return pick(headers, (name, value) => {
    if (name === "user-agent" || TOLD.includes(name)) return false;
    const words = name === "accept" ? MEDIA_TYPES : name === "accept-encoding" ? ENCODINGS : null;
    return words === null || known(value, words) !== value;
  });
}

function pick(headers: readonly string[], isFit: (name: string, value: string) => boolean): string[] {
  const picked: string[] = [];
  for (let at = 0; at + 1 < headers.length; at += 2) {
    const [name = "", value = ""] = headers.slice(at, at + 2);
    if (isFit(name.toLowerCase(), value)) picked.push(name, value);
  }
  return picked;
}

function known(list: string, words: ReadonlySet<string>): string {
  const found = list.split(",").flatMap((part) => {
    const [word = "", weight] = part.split(";").map((text) => text.trim().toLowerCase());
    if (!words.has(word)) return [];
    return [weight !== undefined && /^q=(?:0\.\d|1(?:\.0)?)$/.test(weight) ? `${word};${weight}` : word];
  });
  return [...new Set(found)].join(", ");
}
