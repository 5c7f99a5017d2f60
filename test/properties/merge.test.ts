import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import type { Item } from "../../src/box/collect-list.ts";
import { programs } from "../../src/box/land.fixture.ts";
import { mergeStaged } from "../../src/box/merge.ts";

const FILES = process.env.RINGFENCE_FULL === "1" ? 1500 : 150;
const SEED = Number(process.env.RINGFENCE_SEED ?? Math.floor(Math.random() * 2 ** 31));

const edits = fc.array(fc.record({ at: fc.nat(40), removes: fc.nat(2), adds: fc.nat(2), copies: fc.boolean() }), {
  maxLength: 4,
});
const cases = fc.record({
  lines: fc.nat(24),
  box: edits,
  person: edits,
  end: fc.record({ base: fc.boolean(), box: fc.boolean(), person: fc.boolean() }),
  break: fc.constantFrom("\n", "\r\n"),
});

test(`a clean merge holds exactly what each side wrote and kept, in the order of each (RINGFENCE_SEED=${SEED})`, async () => {
  const stage = mkdtempSync("/tmp/ringfence-merge-");
  try {
    for (const side of ["a", "b", "o"]) mkdirSync(join(stage, side));
    const all = fc.sample(cases, { numRuns: FILES, seed: SEED }).map((one, index) => {
      const base = Array.from({ length: one.lines }, (_, line) => `base ${line}`);
      const [box, person] = [apply(base, one.box, "box"), apply(base, one.person, "person")];
      const write = (side: string, lines: readonly string[], endsWhole: boolean) => {
        const text = lines.join(one.break) + (endsWhole && lines.length > 0 ? one.break : "");
        writeFileSync(join(stage, side, String(index)), text);
        return createHash("sha256").update(text).digest("hex");
      };
      const [o, b, a] = [
        write("o", base, one.end.base),
        write("b", box, one.end.box),
        write("a", person, one.end.person),
      ];
      return { path: String(index), base, box, person, break: one.break, item: itemOf(String(index), { o, b, a }) };
    });
    const merged = await mergeStaged(programs, stage, new Map(all.map(({ path, item }) => [path, item])));
    let clean = 0;
    for (const { path, base, box, person, ...one } of all) {
      const item = merged.get(path);
      if (item?.isMerged !== true) continue;
      clean += 1;
      const text = readFileSync(join(stage, "b", path), "utf8");
      const lines = text.split("\n").map((line) => line.replace(/\r$/, ""));
      if (lines.at(-1) === "") lines.pop();
      assert.equal(item.change.hash, createHash("sha256").update(text).digest("hex"));
      const what = JSON.stringify({ base, box, person, lines, break: one.break });
      const wanted = new Set([
        ...box.filter((line) => person.includes(line) || !base.includes(line)),
        ...person.filter((line) => box.includes(line) || !base.includes(line)),
      ]);
      assert.deepEqual([...new Set(lines)].sort(), [...wanted].sort(), what);
      // What both wrote may stand in two places.
      const [all, ...sides] = [lines, box, person].map((side) => side.filter((line) => !line.startsWith("both")));
      for (const side of sides) {
        const kept = side.filter((line) => wanted.has(line));
        assert.deepEqual(
          all?.filter((line) => side.includes(line)),
          kept,
          what,
        );
      }
    }
    assert.ok(clean > FILES / 10, `only ${clean} of ${FILES} were clean`);
  } finally {
    rmSync(stage, { recursive: true, force: true });
  }
});

type Edit = { readonly at: number; readonly removes: number; readonly adds: number; readonly copies: boolean };

/** Applies edits; a line is written once by one side, or by both alike. */
function apply(base: readonly string[], list: readonly Edit[], who: string): string[] {
  const lines = [...base];
  list.forEach(({ at, removes, adds, copies }, index) => {
    const name = copies ? `both ${at}` : `${who} ${index}`;
    const added = Array.from({ length: adds }, (_, line) => `${name} ${line}`).filter((line) => !lines.includes(line));
    lines.splice(at % (lines.length + 1), removes, ...added);
  });
  return lines;
}

function itemOf(path: string, hash: { readonly o: string; readonly b: string; readonly a: string }): Item {
  return {
    change: {
      path,
      type: "file",
      action: "edit",
      mode: 0o644,
      executable: false,
      size: 0,
      hash: hash.b,
      base: { type: "file", mode: 0o644, hash: hash.a },
    },
    conflict: "changed",
    isBeyondLink: false,
    isStaged: true,
    origin: { hash: hash.o, executable: false },
    isJudged: false,
    isMerged: false,
    placeholder: null,
    heads: { old: null, new: null },
  };
}
