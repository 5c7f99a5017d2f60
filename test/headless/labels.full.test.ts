import assert from "node:assert/strict";
import { test } from "node:test";
import { head, makeRepository, played, READ, trust } from "./labelled.ts";
import { call, run, sh, type Turn } from "./program.ts";

test("what is not of the approved commit raises the session, whatever git's index, links or times say", async (t) => {
  const { place } = await makeRepository(t);
  await trust(place, ["commit", head(place)]);
  const labels = async (...turns: Turn[]) => (await played(place, turns)).label;
  // The index is told to look away, and size and time stay as they were.
  sh(
    place,
    "git update-index --assume-unchanged src/a.js; touch -r src/a.js ../t; echo 7 >src/a.js; touch -r ../t src/a.js",
  );
  assert.equal(await labels(READ), "local private");
  assert.equal(await labels(run("true")), "local private");
  sh(place, "echo x >new.txt; ln -sf ../new.txt src/b.js");
  assert.equal(await labels(call("read", { path: "new.txt" })), "external private");
  assert.equal(await labels(call("read", { path: "src/b.js" })), "external private");
  const foreign = await played(place, [run("true")]);
  assert.match(foreign.rises.at(-1) ?? "", /new\.txt, which is not of the commit that you approved/);
  sh(place, "rm new.txt; git checkout -q src; git hash-object -w --stdin <<<'a stranger'");
  assert.match((await played(place, [run("true")])).rises.at(-1) ?? "", /what else the git folder holds/);
  sh(place, "git commit -qm 'a stranger' --allow-empty");
  assert.equal(await labels(READ), "external private");
});
