import assert from "node:assert/strict";
import { chownSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { call, makePlace, type Place, play, run } from "./program.ts";

const FILES = "mkdir -p src vendor; echo v >vendor/v";
const RULES = "rules:\n  - deny: {write: vendor}\n";

/** Writes the person's own policy. */
function write({ home, user }: Place, text: string): void {
  const folder = join(home, ".config/ringfence");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "policy.yaml"), text);
  for (const path of [join(folder, ".."), folder, join(folder, "policy.yaml")]) chownSync(path, user.uid, user.gid);
}

test("what is not to be written the file tools do not write in the layer either, however the path is spelled", async (t) => {
  const place = makePlace(t, FILES);
  const links = "ln -s vendor away; mkdir deep; ln -s ../vendor deep/er; ln -s vendor/made soon";
  const relative = [
    "vendor/v",
    "./vendor/v",
    "src/../vendor//v",
    "away/v",
    "deep/er/new/v",
    "soon",
    "away/../vendor/v",
  ];
  const spellings = [...relative, `${place.checkout}/vendor/v`, "/proc/self/cwd/vendor/v"];
  const writes = (path: string) => call("write", { path, content: "v, mine" });
  const turns = [
    run(links),
    ...spellings.map(writes),
    call("edit", { path: "away/v", old_string: "v", new_string: "mine" }),
    ...["./src/b", "/tmp/b"].map(writes),
    run("cat vendor/v; ls vendor"),
    { text: "done" },
  ];
  // Undefended every one of them is written.
  assert.ok((await play(place, turns)).results.every(({ ok }) => ok));
  write(place, RULES);
  const { results } = await play(place, turns);
  assert.deepEqual(
    results.map(({ ok }) => ok),
    [true, ...spellings.map(() => false), false, true, true, true],
  );
  assert.equal(results.at(-1)?.text.trim(), "v\nv");
});
