import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { asOrdinaryUser } from "./land.fixture.ts";

// What these judge is the content of files and commits, and how users differ in reaching those is tested elsewhere.
if (process.getuid?.() === 0)
  for (const name of ["choose", "commits-attacks", "commits-trees", "hunks", "merge", "patch", "sync-git"])
    test(`all that ${name}.test.ts promises holds for an ordinary user`, () =>
      asOrdinaryUser(fileURLToPath(new URL(`./${name}.test.ts`, import.meta.url))));
