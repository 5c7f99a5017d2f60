import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { decodePath } from "../core/changes.ts";
import { matchesGlob } from "../core/glob.ts";
import { type Fill, maskContent, secretKind } from "../core/secretfiles.ts";
import type { FoundSecret, Holder } from "./holder.ts";

/** Names that `find` looks for, a superset of what `secretKind` knows; folders of dependencies are passed over. */
const PASSED_OVER = ["node_modules", ".venv", "venv", "__pycache__", ".tox", ".hg", ".svn"];
const NAMES = [
  ".env*",
  "*.env",
  ".flaskenv",
  ".dev.vars*",
  "*npmrc",
  "[._]netrc",
  "*.pem",
  "*.key",
  "*.p12",
  "*.pfx",
  "*.p8",
  "*.pk8",
  "*.jks",
  "*.keystore",
  "*.ppk",
  "*.kdb*",
  "*.ovpn",
  "*.bks",
  "*.jceks",
  "*.pvk",
  "*.agekey",
  "id_*",
  "secring*",
  "identity",
  ".pypirc",
  ".git-credentials",
  ".htpasswd",
  ".pgpass",
  ".my.cnf",
  ".mylogin.cnf",
  ".boto",
  ".s3cfg",
  ".dockercfg",
  "*vault*",
  "*terraform*",
  "*credentials*",
  ".sentryclirc",
  "*kubeconfig",
  "hosts.y*ml",
  "*secret*",
  "settings*.xml",
  "gradle.properties",
  "*rclone.conf",
  "local.settings.json",
  "auth.json",
  "*service*account*.json",
  "*adminsdk*.json",
  "gcp*key*.json",
  "*.tfvars*",
  "*.tfstate*",
];

/** Names that stay hidden at the root, and beside each dotenv file, when the person makes them during a session. */
const LATE_NAMES = [
  ".env",
  ".env.local",
  ".env.development",
  ".env.development.local",
  ".env.test",
  ".env.test.local",
  ".env.production",
  ".env.production.local",
  ".env.staging",
  ".dev.vars",
  ".flaskenv",
  ".npmrc",
  ".netrc",
  ".pypirc",
  ".git-credentials",
  ".pgpass",
];

/** Beside those, at the root alone. */
const LATE_ROOT_NAMES = [
  ".ENV",
  ".Env",
  ".env.prod",
  ".env.dev",
  ".env.stage",
  ".env.staging.local",
  ".env.test.local",
  ".aws",
  ".azure",
  ".gnupg",
  ".kube",
  ".ssh",
  ".htpasswd",
  ".my.cnf",
  ".vault-token",
  "auth.json",
  "credentials.json",
  "id_ecdsa",
  "id_ed25519",
  "id_rsa",
  "local.settings.json",
  "master.key",
  "secrets.json",
  "secrets.yaml",
  "secrets.yml",
  "service-account.json",
  "terraform.tfstate",
  "terraform.tfvars",
];

const NOTHING = new Uint8Array();

/** A folder that holds one of these is a package, where people put a dotenv file. */
const MANIFESTS = [
  "package.json",
  "pyproject.toml",
  "requirements.txt",
  "go.mod",
  "Cargo.toml",
  "composer.json",
  "Gemfile",
  "pom.xml",
];
/** Each costs some 16 names at the start; what lies beyond is hidden only if a dotenv file was there before. */
const PACKAGES_MAX = 200;
/**
 * Folders that are no package: those of the two upper levels of the checkout, or of the first where that is too many,
 * since whatever walks such a folder is slower for it.
 */
const BARE_FOLDERS_MAX = 100;

/** Configuration of a git folder, whose name can be another: where `.git` is a link or a file, or where it is a bare one. */
const CONFIGS = "( -type f ( -name config -o -name config.worktree ) )".split(" ");

/** The checkout's own policy, which the host is shown with what may hold a secret. */
export const POLICY_PATH = ".ringfence/policy.yaml";

/** The tests that `find` is given to select what may hold a secret, and what a policy hides. */
export function scanTests(hidden: readonly string[]): string[] {
  const passed = PASSED_OVER.flatMap((name) => ["-o", "-name", name]);
  // What find's asterisk means is more; `matchesGlob` tells what is meant.
  const globs = hidden.map((glob) => `/lower/${glob.replaceAll("**/", "*")}`);
  const paths = [`/lower/${POLICY_PATH}`, ...globs.flatMap((glob) => [glob, `${glob}/*`])];
  const names = [...NAMES, ...MANIFESTS].flatMap((name) => ["-o", "-iname", name]).slice(1);
  return [
    "-mindepth",
    "1",
    "(",
    "(",
    "-path",
    "*/.git/*",
    "!",
    "-path",
    "*/.git/config",
    ")",
    ...passed,
    ")",
    "-prune",
    "-o",
    "(",
    "-path",
    "*/.git/config",
    "-o",
    "-path",
    "*/.aws/*",
    "-o",
    "-path",
    "*/.ssh/*",
    "-o",
    "-path",
    "*/.azure/*",
    "-o",
    "-path",
    "*/.config/gcloud/*",
    "-o",
    "-path",
    "*/.kube/config",
    "-o",
    "-path",
    "*/.docker/config.json",
    "-o",
    "-path",
    "*/.bundle/config",
    "-o",
    ...CONFIGS,
    "-o",
    "(",
    "-type",
    "d",
    "!",
    "-path",
    "/lower/*/*/*",
    ")",
    "-o",
    ...paths.flatMap((path) => ["-path", path, "-o"]),
    ...names,
    ")",
    "-print0",
  ];
}

/**
 * Writes the mask layer of a session: a copy without secrets for every file that may hold one, `fill` in the place of
 * values, and an empty one for every file that is hidden. Returns the masked paths.
 */
export function writeMasks(
  folder: string,
  found: readonly FoundSecret[],
  holder: Holder,
  { fill = () => null, hidden = [] }: { readonly fill?: Fill | undefined; readonly hidden?: readonly string[] } = {},
): string[] {
  const masked: string[] = [];
  const lateFolders = new Set([""]);
  const bareFolders: string[] = [];
  let packages = 0;
  for (const { path: bytes, mode, content } of found) {
    const path = decodePath(bytes);
    if (isFolder(mode) && basename(path) !== ".git") bareFolders.push(path);
    if (MANIFESTS.includes(basename(path)) && packages++ < PACKAGES_MAX)
      lateFolders.add(path.includes("/") ? dirname(path) : "");
    const isHidden = hidden.some((glob) => matchesGlob(glob, path));
    const copy = isHidden ? NOTHING : maskOf(path, content, fill);
    if (copy === null || !isPlain(mode)) continue;
    writeMask(folder, bytes, mode, copy);
    masked.push(path);
    if (secretKind(path) === "dotenv") lateFolders.add(path.includes("/") ? dirname(path) : "");
  }
  const isMany = bareFolders.length > BARE_FOLDERS_MAX;
  const covered = isMany ? bareFolders.filter((path) => !path.includes("/")) : bareFolders;
  for (const folder of covered.slice(0, BARE_FOLDERS_MAX)) lateFolders.add(folder);
  const present = new Set(found.map(({ path }) => decodePath(path)));
  for (const late of lateFolders) {
    for (const name of late === "" ? [...LATE_NAMES, ...LATE_ROOT_NAMES] : LATE_NAMES) {
      const path = join(late, name);
      if (!present.has(path)) holder.hideName(Buffer.from(path));
    }
  }
  return masked;
}

/** Writes the masks of a git folder outside the checkout, whose configuration alone may hold a secret. */
export function writeGitMasks(folder: string, found: readonly FoundSecret[]): void {
  for (const { path, mode, content } of found) {
    const copy = maskConfig(content);
    if (copy !== null && isPlain(mode)) writeMask(folder, path, mode, copy);
  }
}

function writeMask(folder: string, path: Uint8Array, mode: number, copy: Uint8Array): void {
  const target = Buffer.concat([Buffer.from(`${folder}/`), path]);
  mkdirSync(parentOf(target), { recursive: true });
  writeFileSync(target, copy, { flag: "wx" });
  chmodSync(target, mode & 0o777);
}

function maskConfig(content: Uint8Array): Uint8Array | null {
  const text = textOf(content);
  // No space of these leads over the end of a line: many empty ones would take a try each, to the end.
  const clean = text
    .replace(/:\/\/[^/\s@]+@/g, "://")
    .replace(/^([^\S\n]*(?:extraheader|password|token|[\w-]*secret)[^\S\n]*=).*$/gim, "$1 ringfence-masked");
  return clean === text ? null : Buffer.from(clean, "latin1");
}

function maskOf(path: string, content: Uint8Array, fill: Fill): Uint8Array | null {
  if (/(?:^|\/)\.git\/(?:.*\/)?config(?:\.worktree)?$/s.test(path)) return maskConfig(content);
  const kind = secretKind(path);
  if (kind !== null) return maskContent(kind, content, fill);
  const isConfig = /^config(?:\.worktree)?$/.test(basename(path)) && /^[ \t]*\[\w/m.test(textOf(content));
  return isConfig ? maskConfig(content) : null;
}

function textOf(content: Uint8Array): string {
  return Buffer.from(content).toString("latin1");
}

function isFolder(mode: number): boolean {
  return (mode & 0o170000) === 0o040000;
}

// Links and folders are left alone: what a link points to is masked by its own name, or is outside and hidden.
function isPlain(mode: number): boolean {
  return (mode & 0o170000) === 0o100000;
}

function parentOf(path: Buffer): Buffer {
  return path.subarray(0, path.lastIndexOf(0x2f));
}
