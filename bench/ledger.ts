import { closeSync, fdatasyncSync, mkdirSync, openSync, rmSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { createLedger } from "../src/ledger/append.ts";
import { Seal } from "../src/ledger/seal.ts";
import { verifyLedger } from "../src/ledger/verify.ts";
import { type Measured, median } from "./report.ts";

const SYNCED = 300;
const GROUPED = 20_000;
const EVENT = {
  type: "decision",
  at: 1_700_000_000_000,
  call: "call_123",
  effect: { kind: "land", paths: ["src/a.ts", "src/b.ts"], digest: "0".repeat(64), held: [], approvedBy: "person" },
  label: { integrity: "external", secrecy: "private" },
  verdict: "allow",
  reason: "the person lands this diff",
};

/**
 * Measures the ledger: an event that is synced, and signed meanwhile, beside a bare write and fdatasync; events between
 * syncs; and verifying.
 */
export async function measureLedger(work: string, rounds: number): Promise<Measured[]> {
  const path = join(work, "state", "sessions", "bench");
  mkdirSync(path, { recursive: true });
  const runs: Awaited<ReturnType<typeof measureOnce>>[] = [];
  for (let round = 0; round < rounds; round++) runs.push(await measureOnce(path));
  const of = (key: keyof (typeof runs)[number]) => median(runs.map((run) => run[key]));
  const perSecond = (us: number) => `${Math.round(1e6 / us).toLocaleString("en")} events a second`;
  const [group, check] = [of("groupUs"), of("verifyUs")];
  return [
    {
      key: "ledger_append_ratio",
      value: of("ratio"),
      note: `on the disk after ${Math.round(of("sealUs"))} µs, its signature kept after ${Math.round(of("signedUs"))} µs`,
    },
    { key: "ledger_group_us", value: group, note: perSecond(group) },
    { key: "ledger_verify_us", value: check, note: perSecond(check) },
  ];
}

async function measureOnce(path: string) {
  const file = join(path, "ledger.log");
  const [seals, floors, signeds]: [number[], number[], number[]] = [[], [], []];
  const seal = Seal.of(path);
  const ledger = createLedger(file, seal);
  const bare = openSync(join(path, "bare"), "a", 0o600);
  const bytes = Buffer.alloc(JSON.stringify(EVENT).length + 36, 0x61);
  try {
    // One after the other, since a disk's mood changes.
    for (let number = 0; number < SYNCED; number++) {
      floors.push(timed(() => [writeSync(bare, bytes), fdatasyncSync(bare)]));
      const startedAt = performance.now();
      seals.push(timed(() => [ledger.append(EVENT), ledger.seal()]));
      for (const { size } = statSync(file); statSync(file).size === size; ) await setImmediate();
      signeds.push((performance.now() - startedAt) * 1000);
    }
    const groupUs = timed(() => {
      for (let number = 0; number < GROUPED; number++) ledger.append(EVENT);
      ledger.sync();
    });
    ledger.close();
    const events = SYNCED * 2 + GROUPED + 1;
    const verifyUs = timed(() => {
      const verdict = verifyLedger(file, seal.signer());
      if (!verdict.ok || verdict.events !== events)
        throw new Error(`the ledger does not verify: ${JSON.stringify(verdict)}`);
    });
    const sealUs = median(seals);
    const [ratio, signedUs] = [sealUs / median(floors), median(signeds)];
    return { ratio, sealUs, signedUs, groupUs: groupUs / GROUPED, verifyUs: verifyUs / events };
  } finally {
    ledger.close();
    closeSync(bare);
    rmSync(path, { recursive: true });
    mkdirSync(path);
  }
}

function timed(act: () => unknown): number {
  const startedAt = performance.now();
  act();
  return (performance.now() - startedAt) * 1000;
}
