import { chmodSync, copyFileSync, cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "./program.ts";

/** A command whose time inside the box is compared with its time outside. */
export interface Work {
  readonly name: string;
  /** Shell; `before` is not timed. */
  readonly before: string;
  readonly command: string;
}

export const WORKS: readonly Work[] = [
  { name: "git status", before: ":", command: "git status --porcelain" },
  { name: "tsc", before: ":", command: "cd ts && node node_modules/typescript/bin/tsc --noEmit" },
  { name: "npm test", before: ":", command: "cd js && node --test" },
  { name: "C build", before: "make -C c clean", command: "make -C c -j2" },
];

const GIT_FOLDERS = 200;
const GIT_FILES_EACH = 100;
const C_FILES = 60;
const GIT_MS_MAX = 120_000;
const TS_PACKAGES = [
  "@ai-sdk",
  "@types",
  "@typescript",
  "@vscode",
  "eventsource-parser",
  "typescript",
  "undici-types",
  "yaml",
  "zod",
];

/**
 * Makes one checkout that holds all of the work: a repository of 20,000 files, and ignored in it this project's own
 * source, a small project with tests, and a C program. Node comes along, because it may live where the box shows nothing.
 */
export function makeProjects(root: string, node: string, folder: string): void {
  mkdirSync(join(folder, "tools"), { recursive: true });
  copyFileSync(node, join(folder, "tools/node"));
  chmodSync(join(folder, "tools/node"), 0o755);
  makeTypescript(root, join(folder, "ts"));
  makeTests(join(folder, "js"));
  makeC(join(folder, "c"));
  makeRepository(folder);
}

function makeRepository(folder: string): void {
  for (let outer = 0; outer < GIT_FOLDERS; outer++) {
    const inner = join(folder, `part-${outer % 20}`, `folder-${outer}`);
    mkdirSync(inner, { recursive: true });
    for (let file = 0; file < GIT_FILES_EACH; file++) {
      writeFileSync(join(inner, `file-${file}.txt`), `text of file ${file} in folder ${outer}\n`.repeat(10));
    }
  }
  writeFileSync(join(folder, ".gitignore"), "/tools/\n/ts/\n/js/\n/c/\n");
  const git = (...args: string[]) =>
    run(["git", "-c", "user.name=Bench", "-c", "user.email=bench@localhost", ...args], folder, GIT_MS_MAX);
  git("init", "-q");
  // The commit would otherwise start a clean-up in the background, which moves files while they are copied.
  git("config", "gc.auto", "0");
  git("add", "-A");
  git("commit", "-q", "-m", "Begin");
}

function makeTypescript(root: string, folder: string): void {
  mkdirSync(join(folder, "node_modules"), { recursive: true });
  cpSync(join(root, "src"), join(folder, "src"), { recursive: true });
  for (const name of ["package.json", "tsconfig.json"]) cpSync(join(root, name), join(folder, name));
  for (const name of TS_PACKAGES) {
    cpSync(join(root, "node_modules", name), join(folder, "node_modules", name), {
      recursive: true,
      verbatimSymlinks: true,
    });
  }
}

function makeTests(folder: string): void {
  mkdirSync(join(folder, "test"), { recursive: true });
  writeFileSync(join(folder, "package.json"), '{ "type": "module", "scripts": { "test": "node --test" } }\n');
  writeFileSync(
    join(folder, "sum.js"),
    "export const sum = (list) => list.reduce((total, value) => total + value, 0);\n",
  );
  for (let number = 0; number < 6; number++) {
    writeFileSync(
      join(folder, `test/sum-${number}.test.js`),
      `import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { sum } from "../sum.js";

for (let size = 0; size < 50; size++) {
  test(\`sums \${size} numbers that went through a file\`, () => {
    const folder = mkdtempSync(join(tmpdir(), "sum-"));
    const file = join(folder, "list.json");
    writeFileSync(file, JSON.stringify(Array.from({ length: size }, (_, index) => index)));
    assert.equal(sum(JSON.parse(readFileSync(file, "utf8"))), (size * (size - 1)) / 2);
    rmSync(folder, { recursive: true });
  });
}
`,
    );
  }
}

function makeC(folder: string): void {
  mkdirSync(folder, { recursive: true });
  const numbers = Array.from({ length: C_FILES }, (_, index) => index);
  for (const number of numbers) {
    const body = numbers.map((line) => `  total += (n * ${line + number}) % ${line + 7};`).join("\n");
    writeFileSync(
      join(folder, `part${number}.c`),
      `#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\nint part${number}(int n) {\n  int total = 0;\n${body}\n  return total;\n}\n`,
    );
  }
  const declared = numbers.map((number) => `int part${number}(int n);`).join("\n");
  const called = numbers.map((number) => `part${number}(argc)`).join(" + ");
  writeFileSync(
    join(folder, "main.c"),
    `#include <stdio.h>\n${declared}\nint main(int argc, char **argv) {\n  (void)argv;\n  printf("%d\\n", ${called});\n  return 0;\n}\n`,
  );
  writeFileSync(
    join(folder, "Makefile"),
    "OBJECTS := $(patsubst %.c,%.o,$(wildcard *.c))\nprogram: $(OBJECTS)\n\tcc -o $@ $^\n%.o: %.c\n\tcc -O1 -c -o $@ $<\nclean:\n\trm -f program *.o\n.PHONY: clean\n",
  );
}
