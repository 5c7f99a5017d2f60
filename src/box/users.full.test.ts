import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { asOrdinaryUser } from "./land.fixture.ts";

const NAMES = [
  ...["../agent/branch", "choose", "commits-attacks", "commits-trees", "flatten", "follow", "hunks", "layers"],
  ...["merge", "patch", "sync", "sync-git", "keep", "repository", "alternates", "branch", "commits", "undo"],
];

// What these judge is content and order, and how users differ in reaching files is tested elsewhere.
if (process.getuid?.() === 0)
  for (const name of NAMES)
    test(`all that ${name}.test.ts promises holds for an ordinary user`, () =>
      asOrdinaryUser(fileURLToPath(new URL(`./${name}.test.ts`, import.meta.url))));
