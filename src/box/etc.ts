import { createHash } from "node:crypto";
import {
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { CA_BUNDLE, JAVA_CACERTS } from "./profile.ts";
import { isWithin } from "./toolchains.ts";

/** What of `/etc` programs need and strangers may read. `ssl/private`, shadow files and the like are not here. */
const ENTRIES = [
  "alternatives",
  "bash.bashrc",
  "ca-certificates.conf",
  "chromium",
  "chromium.d",
  "crypto-policies",
  "debian_version",
  "fonts",
  "ImageMagick-6",
  "inputrc",
  "java-11-openjdk",
  "java-17-openjdk",
  "java-21-openjdk",
  "java-25-openjdk",
  "ld.so.cache",
  "ld.so.conf",
  "ld.so.conf.d",
  "localtime",
  "locale.alias",
  "locale.conf",
  "login.defs",
  "lsb-release",
  "magic",
  "magic.mime",
  "maven",
  "mime.types",
  "nsswitch.conf",
  "os-release",
  "perl",
  // Not the servers' settings beside it, which may hold logins.
  ...["8.1", "8.2", "8.3", "8.4", "8.5"].flatMap((version) => [`php/${version}/cli`, `php/${version}/mods-available`]),
  "pki/ca-trust",
  "pki/tls/certs",
  "protocols",
  "python3",
  "python3.11",
  "python3.12",
  "python3.13",
  "rpc",
  "services",
  "shells",
  "ssl/certs",
  "ssl/openssl.cnf",
  "terminfo",
  "timezone",
] as const;

/** Where programs of one system or another look for the authorities to trust, and where those of the box are. */
const TRUSTED: Readonly<Record<string, string>> = {
  "ssl/certs/ca-certificates.crt": CA_BUNDLE,
  "ssl/cert.pem": CA_BUNDLE,
  "ssl/ca-bundle.pem": CA_BUNDLE,
  "pki/tls/cert.pem": CA_BUNDLE,
  "pki/tls/certs/ca-bundle.crt": CA_BUNDLE,
  "pki/ca-trust/extracted/pem/tls-ca-bundle.pem": CA_BUNDLE,
  "pki/ca-trust/extracted/java/cacerts": JAVA_CACERTS,
  "ssl/certs/java/cacerts": JAVA_CACERTS,
};

export interface Person {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

/**
 * Makes the `/etc` of the box, or finds the one made before from the same files.
 *
 * One staged folder, because every bind costs 0.2 ms per one-shot. `gitconfig` carries the person's name, email and
 * harmless keys; the name service knows only root and the person.
 */
export function stageEtc(stateFolder: string, person: Person, gitconfig: string): string {
  const generated = generatedFiles(person, gitconfig);
  const stamp = createHash("sha256")
    .update(JSON.stringify([generated, TRUSTED, ENTRIES.map(stampOf)]))
    .digest("hex")
    .slice(0, 20);
  const target = join(stateFolder, `etc-${stamp}`);
  if (existsSync(target)) return target;
  const draft = mkdtempSync(join(stateFolder, "etc-new-"));
  for (const entry of ENTRIES) {
    const source = join("/etc", entry);
    if (!existsSync(source)) continue;
    mkdirSync(dirname(join(draft, entry)), { recursive: true });
    // A file that this user may not read stays out.
    cpSync(source, join(draft, entry), { recursive: true, verbatimSymlinks: true, filter: isReadable });
  }
  for (const [path, target] of Object.entries(TRUSTED)) linkTo(target, draft, path);
  for (const [name, text] of Object.entries(generated)) writeFileSync(join(draft, name), text, { mode: 0o644 });
  try {
    renameSync(draft, target);
  } catch {
    // Another start made the same folder meanwhile.
    rmSync(draft, { recursive: true, force: true });
  }
  return target;
}

/** Puts a link into a copy of `/etc`. What was copied may itself be a link that leads out of it, to the machine's files. */
export function linkTo(target: string, draft: string, path: string): void {
  const parts = path.split("/");
  for (let depth = 1; depth < parts.length; depth += 1) {
    const folder = join(draft, ...parts.slice(0, depth));
    if (existsSync(folder) && isWithin(realpathSync(folder), realpathSync(draft))) continue;
    rmSync(folder, { force: true });
    mkdirSync(folder);
  }
  rmSync(join(draft, path), { force: true, recursive: true });
  symlinkSync(target, join(draft, path));
}

function generatedFiles(person: Person, gitconfig: string): Record<string, string> {
  return {
    passwd:
      `root:x:0:0:root:/root:/bin/bash\n${person.name}:x:1000:1000::${person.home}:/bin/bash\n` +
      "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
    group: `root:x:0:\n${person.name}:x:1000:\nnogroup:x:65534:\n`,
    hosts: "127.0.0.1 localhost box\n::1 localhost\n",
    hostname: "box\n",
    "resolv.conf": "",
    gitconfig,
  };
}

function stampOf(entry: string): string {
  try {
    const stat = lstatSync(join("/etc", entry));
    return `${stat.mtimeMs} ${stat.size}`;
  } catch {
    return "";
  }
}

function isReadable(source: string): boolean {
  const stat = lstatSync(source);
  if (stat.isSymbolicLink()) return existsSync(source) || !source.startsWith("/etc/ssl/private");
  return (stat.isFile() || stat.isDirectory()) && (stat.mode & 0o004) !== 0;
}
