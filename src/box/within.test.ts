import assert from "node:assert/strict";
import { test } from "node:test";
import type { Effect } from "../core/effect.ts";
import { openBox } from "./open.fixture.ts";

const MAKE = `mkdir -p src/deep docs; echo kept >docs/kept; echo own >src/own; ln -s ../docs src/link; ln -s ../docs/kept src/away
ln -s own src/same; ln -s gone/none src/dangling; ln -s /tmp src/far; ln -s ../../src/own src/deep/back`;

const write = (path: string, within?: readonly string[]): Effect => ({
  kind: "write",
  path,
  content: "x\n",
  ...(within && { within }),
});
const edit = (path: string, within?: readonly string[]): Effect => ({
  kind: "edit",
  path,
  oldString: "kept",
  newString: "x",
  replaceAll: false,
  ...(within && { within }),
});

test("a file tool that is bound to folders follows no link and no second name out of them", async (t) => {
  const { perform, text, place } = await openBox(t, MAKE);
  await text("ln docs/kept src/second");
  const within = ["src/"];
  const out = [
    write("src/link/kept", within),
    write("src/link/new/file", within),
    write("src/away", within),
    write("src/far/file", within),
    write("docs/kept", within),
    write("src/../docs/kept", within),
    write(`${place.checkout}/docs/kept`, within),
    write("src/second", within),
    write("srcs/new", within),
    write("src/own", []),
    edit("src/away", within),
    edit("src/second", within),
  ];
  for (const effect of out) {
    const outcome = await perform(effect);
    assert.ok(!outcome.ok && outcome.code === "denied", `${JSON.stringify(effect)}: ${outcome.text}`);
  }
  assert.equal(
    await text("cat docs/kept src/own; ls docs src/deep; ls -d srcs /tmp/file 2>&1 | grep -c new; true"),
    "kept\nown\ndocs:\nkept\n\nsrc/deep:\nback\n0",
  );
  // Inside, links and folders that are not there yet are as good as ever.
  for (const path of [
    "src/own",
    "src/same",
    "src/dangling",
    "src/deep/back",
    "src/new/er/file",
    `${place.checkout}/src/own`,
  ]) {
    const outcome = await perform(write(path, within));
    assert.deepEqual(outcome, { ok: true, text: `wrote 2 bytes to ${path}` });
  }
  assert.equal(await text("cat src/own src/gone/none src/new/er/file; readlink src/same"), "x\nx\nx\nown");
  // What is bound to nothing writes through the same links: they lead where they seem to.
  for (const effect of [write("src/link/new/file"), edit("src/away")]) assert.ok((await perform(effect)).ok);
  assert.equal(await text("cat docs/kept docs/new/file"), "x\nx");
});

test("a folder whose name is hostile is a name", async (t) => {
  const odd = "a b'$(touch bad)*\n";
  const { perform, text } = await openBox(t, `mkdir "$(printf '%b' "a b'\\$(touch bad)*\\n")x" axx`);
  const within = [`${odd}x/`];
  assert.ok((await perform(write(`${odd}x/file`, within))).ok);
  assert.equal((await perform(write("axx/file", ["a*/"]))).ok, false);
  assert.equal(await text("ls axx; ls -d bad 2>/dev/null | wc -l; find . -name file -printf x"), "0\nx");
});
