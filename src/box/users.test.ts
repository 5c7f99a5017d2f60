import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { drawn, SEED } from "./drawn.fixture.ts";
import { asOrdinaryUser, VIEW } from "./land.fixture.ts";

const IS_FULL = process.env.RINGFENCE_FULL === "1";
const QUICK = 3;
/** What these judge hangs on who reaches files and makes namespaces. */
const REACH = ["box", "box-bounds", "collect", "discard", "land", "limits", "mask", "run-profile", "socket-probe"];
/** What these judge is content and order, and how users differ in reaching files is tested elsewhere. */
const CONTENT = [
  ...["../agent/branch", "choose", "commits-attacks", "commits-trees", "flatten", "follow", "hunks", "layers"],
  ...["merge", "patch", "sync", "sync-git", "keep", "repository", "alternates", "branch", "commits", "undo"],
];
const NAMES = [...REACH, "toolchains", "trust", ...(IS_FULL && VIEW !== "copy" ? CONTENT : [])];

// Whoever runs the tests runs each file itself; root has somebody ordinary run these once more, a few of them in a quick run.
if (process.getuid?.() === 0)
  for (const name of drawn(NAMES, QUICK))
    test(`all that ${name}.test.ts promises holds for an ordinary user${IS_FULL ? "" : ` (RINGFENCE_SEED=${SEED})`}`, () =>
      asOrdinaryUser(fileURLToPath(new URL(`./${name}.test.ts`, import.meta.url))));
