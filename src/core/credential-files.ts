/** A login as a program keeps it. */
export interface Login {
  /** Host, with the port where one is named. */
  readonly host: string;
  /** "" where none is kept. */
  readonly user: string;
  readonly password: string;
}

/** An address with what it says before the host. */
export interface Address extends Login {
  readonly protocol: "http" | "https";
  readonly port: number;
  /** Of scheme, host and port. */
  readonly origin: string;
  readonly path: string;
}

/** One setting of a file in sections. */
export interface Setting {
  readonly section: string;
  readonly key: string;
  /** Lines of a value that goes on are joined by a line break. */
  readonly value: string;
}

const LINE_BREAK = /\r\n?|\n/;

/** Reads an http or https address; null when it is none. */
export function readAddress(text: string): Address | null {
  if (!/^https?:\/\//i.test(text) || !URL.canParse(text)) return null;
  const url = new URL(text);
  const protocol = url.protocol === "https:" ? "https" : "http";
  return {
    protocol,
    host: url.hostname,
    port: url.port === "" ? (protocol === "https" ? 443 : 80) : Number(url.port),
    origin: url.origin,
    path: url.pathname,
    user: unescapePart(url.username),
    password: unescapePart(url.password),
  };
}

/** Reads a netrc; entries for every host and macros are passed over. */
export function readNetrc(text: string): Login[] {
  // A macro goes on to the first empty line; a comment is a line of its own.
  const lines = text.replace(/^[ \t]*macdef[ \t](?:.*\n(?![ \t]*\n))*.*$/gm, "").replace(/^[ \t]*#.*$/gm, "");
  const words = lines.match(/"(?:[^"\\]|\\.)*"|\S+/g);
  const logins: { host: string; user: string; password: string }[] = [];
  for (let at = 0; words !== null && at < words.length; at += 1) {
    const word = words[at] ?? "";
    if (word === "default") logins.push({ host: "", user: "", password: "" });
    if (!["machine", "login", "password", "account"].includes(word)) continue;
    at += 1;
    const value = unquoted(words[at] ?? "");
    const last = logins.at(-1);
    if (word === "machine") logins.push({ host: value.toLowerCase(), user: "", password: "" });
    else if (word === "login" && last) last.user = value;
    else if (word === "password" && last) last.password = value;
  }
  return logins.filter(({ host, password }) => host !== "" && password !== "");
}

/** Writes logins as a netrc. */
export function writeNetrc(logins: readonly Login[]): string {
  const quoted = (text: string) =>
    /[\s"\\#]/.test(text) || text === "" ? `"${text.replace(/["\\]/g, "\\$&")}"` : text;
  return logins
    .map(({ host, user, password }) => `machine ${host} login ${quoted(user)} password ${quoted(password)}\n`)
    .join("");
}

/** Reads the tokens of gh's hosts.yml, the first of each host. */
export function readGhHosts(text: string): Login[] {
  const logins: { host: string; user: string; password: string }[] = [];
  for (const line of text.split(LINE_BREAK)) {
    const host = /^["']?([a-z0-9.-]+(?::\d+)?)["']?:\s*$/i.exec(line)?.[1];
    if (host !== undefined) logins.push({ host: host.toLowerCase(), user: "", password: "" });
    const last = logins.at(-1);
    const [, key, value = ""] = /^\s+(oauth_token|user):\s*(\S+)\s*$/.exec(line) ?? [];
    if (last === undefined || key === undefined) continue;
    if (key === "user") last.user = unquoted(value);
    else if (last.password === "") last.password = unquoted(value);
  }
  return logins.filter(({ password }) => password !== "");
}

/** Writes logins as gh keeps them. */
export function writeGhHosts(logins: readonly Login[]): string {
  const entry = ({ host, user, password }: Login) => {
    const named = /^[\w-]+$/.test(user) ? `    user: ${user}\n` : "";
    return `${host}:\n    oauth_token: ${password}\n${named}    git_protocol: https\n`;
  };
  return logins.map(entry).join("");
}

/** Reads a file of sections, keys and values, as pip and the cloud's tools have it. */
export function readSettings(text: string): Setting[] {
  const settings: { section: string; key: string; value: string }[] = [];
  let section = "";
  for (const line of text.replace(/^\ufeff/, "").split(LINE_BREAK)) {
    if (/^\s*(?:[#;].*)?$/.test(line)) continue;
    const last = settings.at(-1);
    const name = /^\s*\[\s*(.*?)\s*\]\s*(?:#.*)?$/.exec(line)?.[1];
    const [, key = "", value = ""] = /^\s*([\w.-]+)\s*[=:]\s*(.*?)\s*$/.exec(line) ?? [];
    if (name !== undefined) section = name;
    else if (/^\s/.test(line) && last?.section === section) last.value = `${last.value}\n${line.trim()}`.trim();
    else if (key !== "") settings.push({ section, key, value });
  }
  return settings;
}

/** Writes settings as `readSettings` reads them; those of a section stand together. */
export function writeSettings(settings: readonly Setting[]): string {
  const sections = [...new Set(settings.map(({ section }) => section))];
  return sections
    .map((name) => {
      const lines = settings
        .filter(({ section }) => section === name)
        .map(({ key, value }) => `${key} = ${value.replaceAll("\n", "\n    ")}\n`);
      return `[${name}]\n${lines.join("")}`;
    })
    .join("\n");
}

/** Takes the quotes of a value away. */
export function unquoted(text: string): string {
  const [, quote, inner = ""] = /^(["'])(.*)\1$/s.exec(text) ?? [];
  if (quote === undefined) return text;
  return quote === '"' ? inner.replace(/\\(.)/g, "$1") : inner;
}

function unescapePart(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
