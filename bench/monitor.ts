import type { JsonObject } from "../src/core/json.ts";
import { UNWATCHED, watch } from "../src/core/monitor.ts";
import { type Measured, median, percentile, rounded } from "./report.ts";

const CALLS = 2000;
const LABEL = { integrity: "external", secrecy: "private" };
const COMMANDS = [
  "npm test -- src/a.test.ts 2>&1 | tail -40",
  "git -C /home/ada/shop diff --stat && git status --short",
  "grep -rn 'parsePrice' src test | head -20; sed -n '1,80p' src/shop/prices.ts",
  "cd packages/api && node --test --test-reporter=tap >/tmp/out.txt; s=$?; grep -E '^(not )?ok' /tmp/out.txt; exit $s",
  "curl -s http://127.0.0.1:3000/rates.json | head -c 200",
];
const LINE = "  at parse (/home/ada/shop/src/prices.ts:41:13): expected 1249, got 1248 for order N000042\n";

/** The events of a session: calls of every kind with arguments and outcomes of usual size, and requests of commands. */
function sessionOf(calls: number): JsonObject[] {
  const events: JsonObject[] = [{ type: "start", checkout: "/home/ada/shop" }];
  for (let at = 0; at < calls; at += 1) {
    const call = `call_${at}`;
    const effect = effectOf(at);
    const input = JSON.stringify(effect);
    const usage = { input: 9000 + at, cachedInput: 8000, output: 200, usd: 0.01 };
    events.push({ type: "request", model: "m", system: "0", messages: at });
    events.push({
      type: "reply",
      parts: [
        { kind: "text", text: "I look at that." },
        { kind: "call", id: call, name: "run", input },
      ],
      stop: "calls",
      usage,
    });
    events.push({ type: "decision", call, effect, verdict: "allow", reason: "stays in the box", label: LABEL });
    if (at % 8 === 0)
      events.push(requestOf(at), {
        type: "sent",
        decision: events.length,
        status: 200,
        sentBytes: 300,
        receivedBytes: 4000,
        error: null,
      });
    events.push({
      type: "outcome",
      call,
      ok: at % 5 > 0,
      code: at % 5 > 0 ? null : "exit",
      text: `${at} ${LINE.repeat(1 + (at % 40))}`,
      image: null,
    });
  }
  return events;
}

function effectOf(at: number): JsonObject {
  const path = `src/part${at % 30}/file${at}.ts`;
  if (at % 4 === 0) return { kind: "read", path, offset: 1, limit: 2000 };
  if (at % 4 === 1)
    return { kind: "edit", path, oldString: LINE.repeat(3), newString: LINE.repeat(5), replaceAll: false };
  return {
    kind: "run",
    command: `${COMMANDS[at % COMMANDS.length]} # ${at}`,
    timeoutMs: 120_000,
    background: false,
    profile: "net",
  };
}

function requestOf(at: number): JsonObject {
  const place = {
    protocol: "https",
    host: "registry.example",
    port: 443,
    method: "GET",
    path: `/pad-zero/-/pad-zero-1.2.${at}.tgz`,
  };
  const effect = {
    kind: "request",
    ...place,
    hasBody: false,
    listed: "allow",
    rule: "preset npm",
    origin: at % 128 ? "locked" : "composed",
    command: 1,
    approvedBy: "none",
    shown: null,
  };
  return {
    type: "decision",
    call: null,
    effect,
    verdict: "allow",
    reason: "the lock file of the checkout names it",
    label: LABEL,
  };
}

/** Measures what the monitor costs for each event of a session of usual calls. */
export function measureMonitor(rounds: number): Measured[] {
  const events = sessionOf(CALLS);
  const times: number[] = [];
  // The first round compiles, and does not count.
  for (let round = 0; round <= rounds; round += 1) {
    let [monitor, alarms] = [UNWATCHED, 0];
    const before = process.threadCpuUsage();
    for (const [seq, event] of events.entries()) {
      const step = watch(monitor, seq, event);
      monitor = step.monitor;
      alarms += step.alarms.length;
    }
    // Of this thread alone, so that others of a busy machine count for nothing.
    const { user, system } = process.threadCpuUsage(before);
    times.push((user + system) / events.length);
    if (alarms > 0) throw new Error(`${alarms} alarms about ordinary work`);
  }
  const [own, slow] = [times.slice(1), percentile(times.slice(1), 0.9)];
  const note = `90 of 100 rounds below ${rounded(slow)}; median of ${rounds} times ${events.length.toLocaleString("en")} events`;
  return [{ key: "monitor_event_us", value: median(own), note }];
}
