import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { JsonObject } from "../core/json.ts";
import { LEVELS_DEFAULT } from "../core/monitor-level.ts";
import { createLedger } from "../ledger/append.ts";
import { SessionMonitor } from "./monitor.ts";

test("what is found of the opening of a session that goes on only when its turn begins pauses that turn", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "ringfence-monitor-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const ledger = createLedger(join(folder, "ledger.log"), null);
  t.after(() => ledger.close());
  const told: string[] = [];
  const events: JsonObject[] = [{ type: "start", checkout: "/w" }];
  const monitor = new SessionMonitor({
    ledger,
    levels: { ...LEVELS_DEFAULT, denials: "pause" },
    now: () => 0,
    tell: (text) => told.push(text),
    kill: () => {},
    before: { events, asksAll: null },
  });
  for (let call = 0; call < 12; call += 1) {
    ledger.append({ type: "decision", call: `${call}`, verdict: "deny", effect: { kind: "read", path: `/x${call}` } });
    ledger.append({ type: "outcome", call: `${call}`, ok: false, code: "refused", text: "no" });
  }
  await monitor.load();
  monitor.begin();
  const turn = monitor.beginTurn();
  assert.deepEqual([told.length, turn.aborted, monitor.ended()?.reason, events], [1, true, "paused", []]);
  assert.deepEqual([monitor.beginTurn().aborted, monitor.ended(), monitor.isAskingAll], [false, null, true]);
});
