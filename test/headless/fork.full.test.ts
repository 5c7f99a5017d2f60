import assert from "node:assert/strict";
import { basename } from "node:path";
import { test } from "node:test";
import { eventsOf, played } from "./forking.ts";
import { makePlace, ringfence, run, sessionFolder } from "./program.ts";

test("sessions have names that hold wherever an id does, and are found by what was said in them", async (t) => {
  // What was purged cannot be decided again.
  const place = makePlace(t, "echo a >a.txt", { isReplayed: false });
  await played(place, [run("echo b >a.txt"), { text: "the colour is MAUVE\u001b[31m" }]);
  const id = basename(sessionFolder(place));
  const name = async (...words: string[]) => ringfence(place, ["sessions", "name", ...words]);
  for (const wrong of ["last", id, "20260101-000000-0123abcd", "a\u202eb", "x".repeat(65), "-", "\u200b", "a/b"])
    assert.equal((await name(id, "--", wrong)).status, 2, wrong);
  assert.match((await name(id, "the", "login fix")).stdout, /is called "the login fix"/);
  assert.match((await ringfence(place, ["diff", "--session", "the login fix"])).stdout, /\+b/);
  const found = async (text: string) => {
    const { stdout } = await ringfence(place, ["sessions", "--json", "--search", text]);
    return (JSON.parse(stdout) as { id: string; found: unknown; name: string }[]).map((one) => [one.name, one.found]);
  };
  assert.deepEqual(await found("LOGIN"), [["the login fix", { what: "name", excerpt: "the login fix" }]]);
  assert.deepEqual(await found("mauve"), [
    ["the login fix", { what: "reply", excerpt: "the colour is MAUVE\u001b[31m" }],
  ]);
  assert.deepEqual(await found("purple"), []);
  // The program's own look at instruction files is not the person's.
  assert.deepEqual(await found("AGENTS.md"), []);
  const shown = (await ringfence(place, ["sessions", "--search", "mauve"])).stdout;
  assert.match(shown, /the login fix: .*\n {4}reply: the colour is MAUVE\\x1b\[31m\n$/);
  const last = eventsOf(sessionFolder(place)).findLast(({ type }) => type === "named");
  assert.equal(last?.title, "the login fix");
  await ringfence(place, ["purge", "the login fix", "--content-only"]);
  assert.deepEqual([await found("LOGIN"), await found("mauve")], [[], []]);
  // What was said is gone, and the person and the model are told so; the files are there.
  const again = await played(place, [run("cat a.txt"), { text: "ok" }], "--resume", id);
  assert.equal(again.results[0]?.text.trim(), "b");
  assert.equal(eventsOf(sessionFolder(place)).findLast(({ type }) => type === "request")?.messages, 3);
  assert.match(JSON.stringify(again.events), /What was said in this session is not kept any more/);
});
