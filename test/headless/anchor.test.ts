import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { writeAnew } from "../../src/ledger/resigned.fixture.ts";
import { Seal } from "../../src/ledger/seal.ts";
import { makePlace, play, ringfence, run, sessionFolder } from "./program.ts";

test("a program of the same user writes a log anew and signs it: log verify finds it by an anchor, which no box reaches", async (t) => {
  const place = makePlace(
    t,
    // What lies in the checkout names no anchor.
    `mkdir ~/elsewhere -p; mkdir -p .ringfence ~/.config/ringfence
     echo "log: {anchor: {file: $HOME/taken}}" | tee config.yaml ringfence.yaml >.ringfence/config.yaml
     echo "log: {anchor: {file: $HOME/elsewhere/heads}}" >~/.config/ringfence/config.yaml`,
    { isReplayed: false },
  );
  const heads = join(place.home, "elsewhere/heads");
  const attack = run(`echo forged | tee -a ${heads} ${place.home}/taken; cat ${heads}; ls ${place.home}/elsewhere`);
  const played = await play(place, [attack, { text: "ok" }]);
  assert.equal(played.status, 0, played.stderr);
  assert.match(played.results[0]?.text ?? "", /No such file/);
  assert.doesNotMatch(played.results[0]?.text ?? "", /ringfence\/session/);
  assert.doesNotMatch(readFileSync(heads, "utf8"), /forged/);
  assert.throws(() => readFileSync(join(place.home, "taken")), { code: "ENOENT" });

  const verified = await ringfence(place, ["log", "verify", "--anchor", heads]);
  assert.match(
    verified.stdout,
    /\nAnchored up to event \d+; 3 events came after: \d heads? in \S+heads, each of this log\n/,
  );
  assert.equal(verified.status, 0, verified.stdout);

  const folder = sessionFolder(place);
  // A command that succeeded, in the words of whoever would have it so.
  writeAnew(join(folder, "ledger.log"), Seal.of(folder), (event) =>
    event.type === "outcome" ? { ...event, ok: true, code: null } : event,
  );
  const without = await ringfence(place, ["log", "verify"]);
  assert.match(without.stdout, /chain whole[\s\S]*Signed up to[\s\S]*Whoever runs programs as you can sign anew/);
  assert.equal(without.status, 0);
  const found = await ringfence(place, ["log", "verify", "--anchor", heads]);
  assert.match(
    found.stdout,
    /\ntampered with from event \d+ on: \S+heads: its first \d+ events are not those that were anchored\n/,
  );
  assert.equal(found.status, 1);
});
