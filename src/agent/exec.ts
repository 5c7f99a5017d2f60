import type { Box } from "../box/box.ts";
import type { Streamed, Streams } from "../box/stream.ts";
import { PERSONS_COMMAND, UNKNOWN_SOURCE } from "../core/label.ts";
import type { AlarmLevels } from "../core/monitor-level.ts";
import type { NetRequest } from "../core/net-rules.ts";
import { SCHEMA } from "../core/schema.ts";
import { sourceEvent } from "../core/session-label.ts";
import { createLedger, type Ledger } from "../ledger/append.ts";
import { Seal } from "../ledger/seal.ts";
import type { Anchor } from "./anchor.ts";
import { beginAnchor, closeAnchored } from "./anchoring.ts";
import { Budget } from "./budget.ts";
import { abandon } from "./changeset.ts";
import { limitsWithin, netWithin } from "./config-policy-tiers.ts";
import { Gate } from "./gate.ts";
import { HiddenServices, Tail } from "./hidden-services.ts";
import { Inspection } from "./inspection.ts";
import { droppedNotes, type Ended, endBox } from "./keep.ts";
import { KILL, KillSwitch } from "./kill.ts";
import { SessionMonitor } from "./monitor.ts";
import { Net, type NetPlan } from "./net.ts";
import { Previews } from "./previews.ts";
import { type Record, recordAdopted } from "./record.ts";
import type { TurnEnd } from "./turn.ts";
import { ceilingsOf, openBox, type Workplace } from "./workplace.ts";
import type { Wrapped } from "./wrap.ts";

const TIMEOUT_MS_MAX = 2 ** 31 - 1;

/** Ports of the box that the person looks at meanwhile, and who is told each address before the command starts. */
export interface LookedAt {
  readonly ports: readonly number[];
  readonly onShown: (port: number, address: string) => void;
}

export interface Execed extends Streamed {
  readonly session: string;
  readonly hasChanges: boolean;
  readonly notes: readonly string[];
  /** Requests that no rule lists and that were refused. */
  readonly wanted: readonly NetRequest[];
  /** Why the session ended it; null where no ceiling was reached. */
  readonly end: TurnEnd | null;
}

/** What besides a command a session may have. */
export interface ExecExtras {
  readonly looked: LookedAt;
  readonly wrapped: Wrapped | null;
  /** The session's; one with the ceilings of the configuration when left out. */
  readonly budget: Budget;
}

interface Heard extends Streamed {
  readonly refusals: readonly string[];
  /** Of services of the machine that the box does not show. */
  readonly hidden: readonly string[];
  readonly wanted: readonly NetRequest[];
}

const UNHEARD = { refusals: [], hidden: [], wanted: [] } as const;
const NOTHING: LookedAt = { ports: [], onShown: () => {} };

/**
 * Runs one command in a new session's box, without a model; or another agent, of which nothing is believed.
 *
 * Its changes stay in the session's layer; a session that changed nothing is told apart by `hasChanges`.
 */
export async function execInBox(
  workplace: Workplace,
  command: string,
  streams: Streams,
  extras: Partial<ExecExtras> = {},
): Promise<Execed> {
  const { folder, config, policy } = workplace;
  const { looked = NOTHING, wrapped = null } = extras;
  const limits = limitsWithin({ turnsMax: null, ceilings: ceilingsOf(config, {}) }, policy.current);
  const budget = extras.budget ?? new Budget(limits, Date.now, () => {});
  const { ledger, inspection } = startLedger(workplace);
  const { monitor, killSwitch, signal, alarms } = watchCommand(ledger, config.monitor, [streams.signal, budget.signal]);
  const label = wrapped === null ? PERSONS_COMMAND : UNKNOWN_SOURCE;
  const redact = (text: string) => inspection.redact(text);
  const gate = new Gate(ledger, label, Date.now, () => monitor.tighten(policy.current), redact);
  const opening = openWatched(workplace, { ledger, inspection }, monitor, (text) => void alarms.push(text));
  // Its label is what nobody can look into; the record says so, for who is asked about its changes later.
  if (wrapped !== null)
    ledger.append({ ...sourceEvent(UNKNOWN_SOURCE, "an agent of another make and its model"), at: Date.now() });
  const done = await opening
    .then(({ box }) =>
      streamInto(
        {
          box,
          gate,
          ledger,
          place: workplace.box,
          vault: workplace.vault,
          config: netWithin(config.net, policy.current),
          typed: new Set(),
          ask: null,
          wrapped,
          isPersons: wrapped === null,
          budget,
          origin: () => "",
          asksAll: () => monitor.isAskingAll,
          denied: () => {},
          // Its label is the highest that it can have from the start.
          forge: null,
          heard: () => {},
          now: Date.now,
        },
        { command, streams: { ...streams, signal }, looked, killSwitch },
      ),
    )
    .catch(async (error: unknown): Promise<Heard> => {
      if (killSwitch.isKilled) return { status: 137, stopped: "cancelled", message: "", ...UNHEARD };
      await abandon(folder.path, (await opening.catch(() => null))?.box ?? null, { gate, ledger });
      throw error;
    });
  const { box, anchor } = await opening;
  if (box.limitsPassed.has("disk")) budget.addFullDisk();
  const end = monitor.ended() ?? budget.exhausted();
  let ended: Ended;
  try {
    const { status, message } = done;
    const reason = end === null ? {} : { reason: end.reason };
    ledger.append({ type: "outcome", at: Date.now(), call: null, ok: status === 0, status, message, ...reason });
  } finally {
    ended = await endRecorded(box, { gate, ledger }, anchor, killSwitch.isKilled);
  }
  const refused = done.refusals.map((refusal) => `no answer from the network: ${refusal}`);
  const before = [...alarms, ...refused, ...done.hidden];
  const notes = [...before, ...box.notes, ...policy.notes, ...droppedNotes(box), ...ended.notes];
  return { ...done, session: folder.id, hasChanges: ended.hasChanges, notes, end };
}

/** Begins the record of a command's session; no secret gets into it. */
function startLedger({ folder, start, checkout, config, policy }: Workplace) {
  const seal = Seal.of(folder.path);
  const ledger = createLedger(`${folder.path}/ledger.log`, seal, config.log.keeping);
  const inspection = new Inspection();
  ledger.through((event) => inspection.recorded(event));
  const { version, build } = start;
  const started = { session: folder.id, checkout: checkout.path, version, build, policy: policy.digest };
  ledger.append({ type: "start", schema: SCHEMA, at: Date.now(), ...started, before: seal.newest() });
  return { ledger, inspection };
}

/** Opens the box once the person's anchor has what it must have before. */
async function openWatched(
  workplace: Workplace,
  { ledger, inspection }: { readonly ledger: Ledger; readonly inspection: Inspection },
  monitor: SessionMonitor,
  say: (text: string) => void,
): Promise<{ readonly box: Box; readonly anchor: Anchor | null }> {
  const { config, checkout, policy } = workplace;
  const told = { checkout: checkout.path, now: Date.now, say };
  const anchor = await beginAnchor(config.log.anchor, ledger, told);
  const [box] = await Promise.all([openBox(workplace), monitor.load()]);
  monitor.begin();
  // Read by the box already.
  inspection.know(await workplace.vault());
  recordAdopted(ledger, policy, Date.now());
  return { box, anchor };
}

/** Watches what a command's session records; what ends the command may be an alarm, and may end all of it at once. */
function watchCommand(ledger: Ledger, levels: AlarmLevels, stops: readonly AbortSignal[]) {
  const alarms: string[] = [];
  const tell = (text: string) => alarms.push(text);
  const kill = (why: string) => killSwitch.kill(why);
  const monitor = new SessionMonitor({ ledger, levels, now: Date.now, tell, kill, before: null });
  const killSwitch = new KillSwitch(ledger, monitor, Date.now);
  const signal = AbortSignal.any([...stops, monitor.beginTurn()]);
  signal.addEventListener("abort", () => signal.reason === KILL && killSwitch.kill("the program was told to end"));
  return { monitor, killSwitch, signal, alarms };
}

async function endRecorded(box: Box, record: Record, anchor: Anchor | null, isKilled: boolean): Promise<Ended> {
  let last = anchor;
  try {
    if (!isKilled) return await endBox(box, record);
    // What was killed waits for nothing, and is not looked into again: its changes, if any, wait in the layer.
    last = null;
    await box.close();
    return { hasChanges: true, notes: [] };
  } finally {
    await closeAnchored(record.ledger, last);
  }
}

async function streamInto(
  plan: NetPlan,
  {
    command,
    streams,
    looked,
    killSwitch,
  }: {
    readonly command: string;
    readonly streams: Streams;
    readonly looked: LookedAt;
    readonly killSwitch: KillSwitch;
  },
): Promise<Heard> {
  const run = { kind: "run", command, timeoutMs: TIMEOUT_MS_MAX, background: false, profile: "net" } as const;
  const gated = plan.gate.pass(plan.isPersons ? { ...run, approvedBy: "person" } : run, null);
  if (gated.verdict !== "allow") return { status: 20, stopped: null, message: gated.reason, ...UNHEARD };
  const net = await Net.open(plan);
  const previews = new Previews(plan);
  const drop = () => {
    previews.closeAll();
    // Where it is not open whole, it closes when it is.
    net.close().catch(() => {});
  };
  killSwitch.arm({ box: plan.box, drop });
  try {
    for (const port of looked.ports) looked.onShown(port, await previews.openTyped(port));
    const network = net.enter(gated.permit.seq, command);
    const tail = new Tail();
    const onOutput: Streams["onOutput"] = (stream, bytes) => {
      tail.push(bytes);
      streams.onOutput(stream, bytes);
    };
    const done = await plan.box.stream(gated.permit, { ...streams, onOutput, network });
    const shown = [...plan.config.services, ...(plan.wrapped?.local ?? [])];
    const hidden = new HiddenServices(shown).explain(tail.text).person;
    return { ...done, refusals: network.refusals, hidden, wanted: net.wanted };
  } finally {
    previews.closeAll();
    await net.close();
  }
}
