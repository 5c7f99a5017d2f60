import assert from "node:assert/strict";
import { test } from "node:test";
import { ALARM_LEVELS } from "../../src/core/monitor-level.ts";
import { ALARM_KINDS } from "../../src/core/monitor-reducer.ts";
import { codes, readDocument, table } from "./document.ts";

const PAGE = readDocument("docs/monitor.md");

test("the page of the monitor has every kind of alarm and every level, in order", () => {
  const first = (...head: string[]) => table(PAGE, ...head).map(([name = ""]) => codes(name)[0]);
  assert.deepEqual(first("kind", "what raises it"), [...ALARM_KINDS]);
  assert.deepEqual(first("level", "what comes of an alarm"), [...ALARM_LEVELS]);
});
