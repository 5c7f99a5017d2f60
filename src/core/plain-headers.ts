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
    if (name === "host" || (name === "authorization" && carriesCredential)) plain.push(name, value);
    else if (name === "accept") plain.push(name, known(value, MEDIA_TYPES) || "*/*");
    else if (name === "accept-encoding") plain.push(name, known(value, ENCODINGS) || "identity");
  }
  return plain;
}

function known(list: string, words: ReadonlySet<string>): string {
  const found = list.split(",").flatMap((part) => {
    const [word = "", weight] = part.split(";").map((text) => text.trim().toLowerCase());
    if (!words.has(word)) return [];
    return [weight !== undefined && /^q=(?:0\.\d|1(?:\.0)?)$/.test(weight) ? `${word};${weight}` : word];
  });
  return [...new Set(found)].join(", ");
}
