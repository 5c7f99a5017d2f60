import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "./program.ts";

/** Files of each kind in a repository that is made for the bench. */
export interface Size {
  readonly tracked: number;
  readonly ignored: number;
}

export const LARGE: Size = { tracked: 50_000, ignored: 10_000 };
export const SMALL: Size = { tracked: 50, ignored: 10 };

/** Changes of some 200 paths, the same in a repository of any size: edits, deletions, new files, links and ignored files. */
export const CHANGES = `set -e
for n in $(seq 0 24); do echo edit >>part-0/folder-0/file-$n.txt; done
for n in $(seq 25 44); do rm part-0/folder-1/file-$n.txt; done
chmod 600 part-0/folder-1/file-49.txt; echo more >>media/1.bin; mkdir -p new/deep/er cache/more
for n in $(seq 130); do echo "new $n" >new/deep/er/file-$n.txt; done
for n in $(seq 20); do ln -s file-$n.txt new/deep/er/link-$n; done
for n in $(seq 50); do echo $n >cache/more/$n; done`;

const LINKS = 100;
const POINTERS = 100;
const FILES_EACH = 25;
const FOLDERS_EACH = 100;
const GIT_MS_MAX = 300_000;
const GIT_ENV = { PATH: "/usr/local/bin:/usr/bin:/bin", HOME: "/nonexistent", GIT_CONFIG_NOSYSTEM: "1" };
const AUTHOR = ["-c", "user.name=Bench", "-c", "user.email=bench@localhost", "-c", "protocol.file.allow=always"];

/** Makes a repository with a submodule, symbolic links, pointers to large files and ignored files. */
export function makeLarge(folder: string, { tracked, ignored }: Size): void {
  mkdirSync(folder, { recursive: true });
  makeLibrary(`${folder}-library`);
  git(folder, ["init", "-q", "-b", "main"]);
  git(folder, ["config", "gc.auto", "0"]);
  git(folder, ["fast-import", "--quiet"], history(tracked));
  git(folder, ["reset", "-q", "--hard"]);
  git(folder, ["submodule", "--quiet", "add", `${folder}-library`, "library"]);
  git(folder, ["commit", "-q", "-m", "Add a library"]);
  for (let n = 0; n < ignored; n++) {
    const place = join(folder, "cache", `folder-${Math.floor(n / FOLDERS_EACH)}`);
    if (n % FOLDERS_EACH === 0) mkdirSync(place, { recursive: true });
    writeFileSync(join(place, `${n}`), "cached\n");
  }
}

function makeLibrary(folder: string): void {
  mkdirSync(folder);
  run(["git", "init", "-q", "-b", "main"], folder, GIT_MS_MAX);
  writeFileSync(join(folder, "lib.txt"), "a library\n");
  git(folder, ["add", "-A"]);
  git(folder, ["commit", "-q", "-m", "Begin"]);
}

/** One commit with all files, as `git fast-import` reads it: git writes one pack and no loose object. */
function history(tracked: number): string {
  const files: string[] = [];
  const add = (mode: string, path: string, text: string) =>
    files.push(`M ${mode} inline ${path}\ndata ${Buffer.byteLength(text)}\n${text}\n`);
  for (let n = 0; n < tracked; n++) {
    const folder = Math.floor(n / FILES_EACH);
    add("100644", `part-${Math.floor(folder / FOLDERS_EACH)}/folder-${folder}/file-${n}.txt`, `file ${n}\n`.repeat(20));
  }
  for (let n = 0; n < LINKS; n++) add("120000", `links/link-${n}`, "../part-0/folder-0/file-0.txt");
  for (let n = 0; n < POINTERS; n++) {
    const id = String(n).padStart(64, "0");
    add("100644", `media/${n}.bin`, `version https://git-lfs.github.com/spec/v1\noid sha256:${id}\nsize 1234\n`);
  }
  add("100644", ".gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text\n");
  add("100644", ".gitignore", "/cache/\n");
  return `commit refs/heads/main\ncommitter Bench <bench@localhost> 1700000000 +0000\ndata 5\nBegin\n${files.join("")}`;
}

function git(cwd: string, args: readonly string[], input = ""): void {
  const { status, stderr } = spawnSync("git", [...AUTHOR, ...args], {
    cwd,
    env: GIT_ENV,
    input,
    timeout: GIT_MS_MAX,
  });
  if (status !== 0) throw new Error(`git ${args[0]} failed: ${stderr}`);
}
