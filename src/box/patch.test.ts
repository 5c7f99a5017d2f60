import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { makePlace, PROJECT, programs, sessionThat, tree, WORK } from "./land.fixture.ts";
import { countLines, makePatch } from "./patch.ts";

test("the patch, applied to a clean copy, gives the tree that landing gives", async () => {
  const place = makePlace(PROJECT);
  const twin = `${place.checkout}-twin`;
  execFileSync("cp", ["-a", place.checkout, twin]);
  const session = await sessionThat(place, WORK);
  const collected = await session.collect();
  const patch = await makePatch({ collected, programs, include: "source" });
  execFileSync("git", ["apply", "--whitespace=nowarn", "-"], { cwd: twin, input: patch });
  await session.land(collected);
  // git writes a file anew, with its own two modes.
  chmodSync(join(twin, "mode-600"), 0o600);
  assert.equal(tree(twin), tree(place.checkout));
});

test("attributes and line endings do not change what the patch says", async () => {
  const place = makePlace("printf 'a\\r\\nb\\r\\n' >crlf.txt; echo x >plain.ts");
  const twin = `${place.checkout}-twin`;
  execFileSync("cp", ["-a", place.checkout, twin]);
  const session = await sessionThat(
    place,
    "printf '* text eol=crlf -diff ident\\n' >.gitattributes; printf 'a\\r\\nc\\n$Id$\\r\\n' >crlf.txt; echo y >plain.ts",
  );
  const collected = await session.collect();
  const patch = await makePatch({ collected, programs, include: "all" });
  assert.match(patch.toString(), /^-x\n\+y$/m);
  execFileSync("git", ["apply", "--whitespace=nowarn", "-"], {
    cwd: twin,
    input: await makePatch({ collected, programs, include: "source" }),
  });
  assert.equal(readFileSync(join(twin, "crlf.txt"), "latin1"), "a\r\nc\n$Id$\r\n");
});

test("a file behind a link that took the place of a folder is not taken for the one that was there", async () => {
  const place = makePlace("mkdir d lnk2; echo g >d/g.txt; echo k >d/keep.txt; ln -s d lnk; echo x >lnk2/x");
  const session = await sessionThat(
    place,
    "rm -rf d; mkdir other; printf '#!/bin/sh\\necho CANARY\\n' >other/g.txt; chmod 755 other/g.txt; ln -s other d; rm lnk; mkdir lnk; echo y >lnk/g.txt; echo ok >ok.txt",
  );
  const collected = await session.collect();
  const source = (await makePatch({ collected, programs, include: "source" })).toString();
  assert.doesNotMatch(source, /CANARY|100755|b\/d\/|a\/d\//);
  assert.match(source, /^\+ok$/m);
  const all = (await makePatch({ collected, programs, include: "all" })).toString();
  assert.match(all, /^--- a\/d\/g\.txt\n\+\+\+ \/dev\/null$/m);
  assert.match(all, /^\+\+\+ b\/other\/g\.txt$/m);
  const counted = await countLines({ collected, programs, include: "all" });
  assert.ok(counted.some(({ path }) => path === "other/g.txt"));
});
