import assert from "node:assert/strict";
import { test } from "node:test";
import { head, makeRepository, played, READ, trust } from "./labelled.ts";
import { call, ringfence, run, sh } from "./program.ts";

test("with an approved commit a composed address is asked without a question, until a stranger's words were heard", async (t) => {
  const { place, asked, get } = await makeRepository(t);
  const before = await played(place, [READ, get("/unapproved")]);
  assert.deepEqual([before.label, asked], ["external private", []]);
  await trust(place, ["commit", head(place)], ["public"]);
  const reads = await played(place, [READ, call("edit", { path: "src/a.js", old_string: "1", new_string: "3" }), READ]);
  assert.equal(reads.label, "repo public");
  const runs = await played(place, [
    run("cat src/link.js; git log --oneline"),
    run("echo 9 >src/a.js"),
    READ,
    get("/first"),
    get("/second"),
  ]);
  assert.deepEqual(asked, ["/first"]);
  assert.deepEqual(
    runs.results.map(({ ok }) => ok),
    [true, true, true, true, false],
  );
  assert.match(runs.results[4]?.text ?? "", /external text and private data were within reach/);
  assert.equal(runs.label, "external private");
  assert.match(
    runs.rises.join("\n"),
    /^what you typed\na command that could read the commit that you approved.*\na reply of 127\.0\.0\.1$/,
  );
});

test("what a session wrote keeps its label in the checkout: landed, as a patch, moved, or left in ignored folders", async (t) => {
  const { place, get } = await makeRepository(t);
  await trust(place, ["commit", head(place)]);
  const write = (path: string) => call("write", { path, content: "in a stranger's words\n" });
  await played(place, [get("/page"), write("src/a.js")]);
  assert.equal((await ringfence(place, ["land"])).status, 0);
  assert.equal((await played(place, [READ])).label, "external private");
  sh(place, "mv src/a.js src/b.js; git checkout -q src/a.js");
  assert.equal((await played(place, [run("true")])).label, "external private");
  sh(place, "git checkout -q src");
  assert.equal((await played(place, [READ])).label, "repo private", "these are the approved bytes again");
  await played(place, [get("/page"), write("src/b.js"), run("mkdir out; echo x >out/x")]);
  assert.equal((await ringfence(place, ["discard"])).status, 0);
  sh(place, 'echo "in a stranger\'s words" >src/b.js');
  assert.equal((await played(place, [call("read", { path: "src/b.js" })])).label, "external private");
  const kept = await played(place, [run("true")]);
  assert.match(kept.rises.at(-1) ?? "", /earlier sessions left/);
});
