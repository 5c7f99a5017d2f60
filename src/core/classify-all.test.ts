import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Change } from "./changes.ts";
import { classify } from "./classify.ts";
import { classifyAll, type Link } from "./classify-all.ts";
import { workMs } from "./work.fixture.ts";

fc.configureGlobal({ seed: Number(process.env.SEED ?? Date.now() | 0), numRuns: 500 });

const ORDER = ["source", "ignored", "instruction", "run-later", "outside"];

function add(path: string, target?: string): Change {
  const type = target === undefined ? "file" : "symlink";
  return {
    path,
    type,
    action: "add",
    mode: 0o644,
    executable: false,
    size: 1,
    hash: "01",
    base: null,
    ...(target === undefined ? {} : { target }),
  };
}

function classes(changes: readonly Change[], links: readonly Link[] = [], ignored = ""): Record<string, string> {
  const all = classifyAll(changes, {
    of: ({ path }) => ({ isIgnored: ignored !== "" && path.startsWith(ignored) }),
    links,
  });
  return Object.fromEntries([...all].map(([path, { cls }]) => [path, cls]));
}

test("all of a new bare repository is held", () => {
  assert.deepEqual(
    classes(
      ["x/y/HEAD", "x/y/objects/aa/bb", "x/y/refs/heads/main", "x/y/notes.txt", "x/src.ts"].map((path) => add(path)),
    ),
    {
      "x/y/HEAD": "run-later",
      "x/y/objects/aa/bb": "run-later",
      "x/y/refs/heads/main": "run-later",
      "x/y/notes.txt": "run-later",
      "x/src.ts": "source",
    },
  );
});

test("a bare repository at the top holds its own parts and not the project", () => {
  const found = classes(["Head", "objects/aa/bb", "refs/heads/main", "hooks/x", "src/a.ts"].map((path) => add(path)));
  assert.deepEqual(found, {
    Head: "run-later",
    "objects/aa/bb": "run-later",
    "refs/heads/main": "run-later",
    "hooks/x": "run-later",
    "src/a.ts": "source",
  });
});

test("what lies beside a skill is an instruction", () => {
  const found = classes(["lib/jump/SKILL.md", "lib/jump/tool/run.py", "lib/other.py"].map((path) => add(path)));
  assert.deepEqual(found, {
    "lib/jump/SKILL.md": "instruction",
    "lib/jump/tool/run.py": "instruction",
    "lib/other.py": "source",
  });
});

test("a file that a tracked link shows as instructions or configuration is held", () => {
  const links = [
    { path: "CLAUDE.md", target: "docs/agents.md" },
    { path: ".vscode", target: "editor" },
    { path: "editor/tasks.json", target: "../src/tasks" },
  ];
  const found = classes(
    ["docs/agents.md", "docs/other.md", "editor/a.txt", "src/tasks"].map((path) => add(path)),
    links,
  );
  assert.deepEqual(found, {
    "docs/agents.md": "instruction",
    "docs/other.md": "source",
    "editor/a.txt": "run-later",
    "src/tasks": "run-later",
  });
});

test("links are followed through links, and a new link counts as a tracked one", () => {
  const changes = [
    add("vite.config.ts", "one/vite"),
    add("one", "two"),
    add("two/vite", "../src/real.ts"),
    add("src/real.ts"),
    add("src/else.ts"),
  ];
  const found = classes(changes);
  assert.equal(found["src/real.ts"], "run-later");
  assert.equal(found["src/else.ts"], "source");
});

test("links that go in circles end", () => {
  const links = [
    { path: ".a", target: "b" },
    { path: "b", target: "c/d" },
    { path: "c", target: "b" },
    { path: "b/e", target: "../b/e/e" },
  ];
  assert.ok(classes([add("src/a.ts")], links));
});

test("an ignored dependency link does not hold the package it points to", () => {
  const changes = [add("node_modules/pkg", "../packages/pkg"), add("packages/pkg/a.ts")];
  assert.deepEqual(classes(changes, [], "node_modules"), {
    "node_modules/pkg": "ignored",
    "packages/pkg/a.ts": "source",
  });
});

test("whatever links there are, the same changes are ignored", () => {
  const path = fc.constantFrom("out/a", "out/b/c", "src/a.ts", "Makefile", "out/Makefile");
  const link = fc.record({
    path: fc.constantFrom("Makefile", ".envrc", "src/link", "out/b"),
    target: fc.constantFrom("out/a", "../out/b", "out", "src", "out/Makefile"),
  });
  fc.assert(
    fc.property(fc.uniqueArray(path), fc.array(link, { maxLength: 4 }), (paths, links) => {
      const changes = paths.map((one) => add(one));
      const ignored = (found: Record<string, string>) => paths.filter((one) => found[one] === "ignored");
      assert.deepEqual(ignored(classes(changes, links, "out/")), ignored(classes(changes, [], "out/")));
    }),
  );
});

test("no change is weaker among others than alone", () => {
  const path = fc
    .array(fc.constantFrom("a", "HEAD", "objects", "refs", ".git", "SKILL.md", "src", "Makefile", "x.ts"), {
      minLength: 1,
      maxLength: 3,
    })
    .map((names) => names.join("/"));
  const change = fc
    .tuple(path, fc.option(fc.constantFrom("a", "../src", "../..", "src/x.ts", "HEAD"), { nil: undefined }))
    .map(([at, target]) => add(at, target));
  fc.assert(
    fc.property(fc.uniqueArray(change, { selector: (one) => one.path, maxLength: 12 }), (changes) => {
      const together = classes(changes);
      for (const one of changes)
        assert.ok(ORDER.indexOf(together[one.path] ?? "") >= ORDER.indexOf(classify(one, { isIgnored: false }).cls));
    }),
  );
});

test("many changes and links take little time", () => {
  const start = process.cpuUsage();
  const links = Array.from({ length: 3000 }, (_, at) => ({ path: `.l${at}`, target: `.l${at + 1}` }));
  classes(
    Array.from({ length: 20_000 }, (_, at) => add(`a/b/c/HEAD/${at}/objects/x`)),
    links,
  );
  assert.ok(workMs(start) < 5000, `${workMs(start)} ms`);
});
