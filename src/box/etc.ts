import { createHash } from "node:crypto";
import { cpSync, existsSync, lstatSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

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
    .update(JSON.stringify([generated, ENTRIES.map(stampOf)]))
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
  for (const [name, text] of Object.entries(generated)) writeFileSync(join(draft, name), text, { mode: 0o644 });
  try {
    renameSync(draft, target);
  } catch {
    // Another start made the same folder meanwhile.
    rmSync(draft, { recursive: true, force: true });
  }
  return target;
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
