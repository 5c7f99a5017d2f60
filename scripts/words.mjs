// Looks in every file of the project for what must not be written there. The words are put together from pieces, so
// that this file does not contain them.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = process.argv[2] ?? dirname(dirname(fileURLToPath(import.meta.url)));
const CODE = /\.(?:[cm]?[jt]s|tsx)$/;

const hosts = [...new Set([["registry", `npm${"js"}`, "org"].join("."), ...npmHosts(), ...aptHosts()])];
const RULES = [
  {
    name: "a marker; open an issue",
    files: /^(?!package-lock\.json$)/,
    pattern: anyOf([`\\bTO${"DO"}\\b`, `\\bFIX${"ME"}\\b`]),
  },
  {
    name: "a test that does not run",
    files: CODE,
    pattern: anyOf([`\\.sk${"ip"}\\s*\\(`, `\\.on${"ly"}\\s*\\(`, `\\btest\\.to${"do"}\\b`]),
  },
  // In a comment "as any other" is English; in code only an operator's word can follow.
  {
    name: "a cast to any",
    files: CODE,
    pattern: anyOf([`\\bas an${"y"}\\b(?! (?!(?:as|satisfies|in|instanceof|of)\\b)[a-z])`]),
  },
  { name: "a silenced type error", files: CODE, pattern: anyOf([`@ts-${"ignore"}`]) },
  {
    name: "the host of a package registry",
    files: /^/,
    pattern: anyOf(
      hosts.map((host) => `(?<![\\w.-])${literally(host)}(?![\\w-]|\\.\\w)`),
      "i",
    ),
  },
];

const problems = projectFiles().flatMap(check);
for (const problem of problems) process.stdout.write(`${problem}\n`);
process.exitCode = problems.length > 0 ? 1 : 0;

function check(file) {
  const path = join(root, file);
  if (!existsSync(path)) return [];
  const text = readFileSync(path, "utf8");
  if (text.includes("\0")) return [];
  const rules = RULES.filter((rule) => rule.files.test(file) && rule.pattern.test(text));
  return rules.flatMap((rule) =>
    text.split("\n").flatMap((line, index) => (rule.pattern.test(line) ? [`${file}:${index + 1}: ${rule.name}`] : [])),
  );
}

/** Tracked files and those about to be; in a copy without git, everything but what is installed or built. */
function projectFiles() {
  const args = ["-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"];
  const run = spawnSync("git", args, { encoding: "utf8", maxBuffer: 64 * 1024 * 1024 });
  if (run.status === 0) return run.stdout.split("\0").filter((file) => file !== "");
  return walk("");
}

function walk(folder) {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return ["node_modules", "dist", ".git"].includes(entry.name) ? [] : walk(path);
    return entry.isFile() ? [path] : [];
  });
}

function npmHosts() {
  const run = spawnSync("npm", ["config", "get", "registry"], { cwd: root, encoding: "utf8" });
  if (run.status !== 0) throw new Error(`npm config get registry failed: ${run.stderr}`);
  return hostsIn(run.stdout);
}

function aptHosts() {
  const folder = "/etc/apt/sources.list.d";
  const listed = existsSync(folder) ? readdirSync(folder).filter((name) => /\.(?:list|sources)$/.test(name)) : [];
  return ["/etc/apt/sources.list", ...listed.map((name) => join(folder, name))]
    .filter((path) => existsSync(path))
    .flatMap((path) => hostsIn(readFileSync(path, "utf8").replace(/^\s*#.*$/gm, "")));
}

/** The hosts of all addresses in a text. A mirror on this machine counts with its port: `localhost` alone says nothing. */
function hostsIn(text) {
  return [...text.matchAll(/\bhttps?:\/\/[^\s\]"']+/g)]
    .map(([address]) => new URL(address))
    .map((url) => (/^(?:localhost|127\.|\[)/.test(url.hostname) ? url.host : url.hostname))
    .filter((host) => !/^(?:localhost|127\.[\d.]+|\[[^\]]*\])$/.test(host));
}

function anyOf(sources, flags = "") {
  return new RegExp(sources.join("|"), flags);
}

function literally(text) {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
