import assert from "node:assert/strict";
import { test } from "node:test";
import { addSignature, remakeCommit } from "./commit-object.ts";

const [ONE, TWO, NEW] = ["1", "2", "9"].map((digit) => digit.repeat(40)) as [string, string, string];
const REMADE = { parents: new Map([[ONE, NEW]]), committer: "Me <m@e> 5 +0100" };
const COMMIT = [
  `tree ${TWO}`,
  `parent ${ONE}`,
  `parent ${TWO}`,
  "author A <a@a> 1 +0000",
  "committer Box <b@b> 2 +0000",
  "gpgsig -----BEGIN",
  " x",
  " -----END",
  "encoding ISO-8859-1",
  `mergetag object ${ONE}`,
  ` parent ${ONE}`,
  "",
  `caf\xe9\n\nparent ${ONE}\ncommitter nobody\n`,
].join("\n");

test("a commit that is made anew keeps every byte but parents, committer and signature", () => {
  const remade = remakeCommit(COMMIT, REMADE) ?? "";
  assert.equal(
    remade,
    COMMIT.replace(`\nparent ${ONE}`, `\nparent ${NEW}`)
      .replace("Box <b@b> 2 +0000", "Me <m@e> 5 +0100")
      .replace("\ngpgsig -----BEGIN\n x\n -----END", ""),
  );
  assert.equal(remakeCommit(addSignature(remade, "a\r\nb\n"), REMADE), remade);
  assert.ok(addSignature(remade, "a\r\nb\n").includes(`\n parent ${ONE}\ngpgsig a\n b\n\ncaf\xe9`));
});

test("what is no commit is not made one", () => {
  for (const raw of [
    "",
    "tree x",
    "blob\n\ncommitter x",
    `tree ${ONE}\nauthor a\n\nx`,
    `tree ${ONE}\ncommitter a\ncommitter b\n\nx`,
  ])
    assert.equal(remakeCommit(raw, REMADE), null);
});
