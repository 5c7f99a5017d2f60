import { Box, type BoxPlan } from "../box/box.ts";
import type { BranchFacts, SessionFolder } from "../box/folder.ts";
import type { SessionEvent } from "../core/event.ts";
import type { Forge, ForgeConfig } from "../core/forge.ts";
import type { AlarmLevels } from "../core/monitor-level.ts";
import { SCHEMA } from "../core/schema.ts";
import type { Openness } from "../core/source.ts";
import type { Trust } from "../core/trust.ts";
import type { Vault } from "../egress/vault.ts";
import { createLedger, type Ledger } from "../ledger/append.ts";
import { Seal } from "../ledger/seal.ts";
import type { Model } from "../model/port.ts";
import type { Anchor } from "./anchor.ts";
import { beginAnchor } from "./anchoring.ts";
import { BranchView } from "./branch.ts";
import type { RunLimits } from "./budget.ts";
import { abandon } from "./changeset.ts";
import type { LogConfig } from "./config-log.ts";
import type { NetConfig } from "./config-net.ts";
import type { PolicyInForce } from "./config-policy-tiers.ts";
import { fileLabelsReader } from "./config-trust.ts";
import { Gate } from "./gate.ts";
import { Inspection } from "./inspection.ts";
import { type FoundInstructions, NO_INSTRUCTIONS, readInstructions } from "./instructions.ts";
import { KillSwitch } from "./kill.ts";
import { SessionMonitor } from "./monitor.ts";
import type { AskPerson } from "./questions.ts";
import { type Record, recordAdopted, recordTrust } from "./record.ts";
import type { Resumption } from "./resume.ts";
import { Session } from "./session.ts";
import { SessionLabel } from "./session-label.ts";
import type { TrustView } from "./trust-view.ts";

/** Makes a gate that decides as a session's own does, and writes to a record that is given. */
export type GateOf = (record: Pick<Ledger, "append" | "seal">) => Gate;

export interface SessionPlan {
  readonly folder: SessionFolder;
  readonly box: Omit<BoxPlan, "folder">;
  readonly model: Promise<Model>;
  /** Folders that may hold instructions, from the root down, each "" or ending in "/". */
  readonly instructionFolders: readonly string[];
  readonly limits: RunLimits;
  /** What the box may reach. */
  readonly network: NetConfig;
  readonly log: LogConfig;
  readonly policy: PolicyInForce;
  /** What comes of each kind of alarm. */
  readonly alarms: AlarmLevels;
  readonly vault: () => Promise<Vault>;
  /** What the person trusts of the repository; null where they said nothing of it. */
  readonly trust: () => Promise<Trust | null>;
  /** Whose text on a forge does not count as a stranger's. */
  readonly authors: ForgeConfig;
  /** The branch that the view stands on; null for the checkout as it is. */
  readonly branch: BranchFacts | null;
  readonly version: string;
  /** Names the program's code. */
  readonly build: string;
  readonly now: () => number;
  readonly show: (event: SessionEvent) => void;
  /** Asks the person about a request of the box; null where there is none to ask. */
  readonly ask: AskPerson | null;
  /** The session that goes on; null for a new one. */
  readonly before: Resumption | null;
}

/** What a session is made of. */
export interface SessionParts {
  readonly box: Box;
  readonly model: Model;
  readonly ledger: Ledger;
  readonly anchor: Anchor | null;
  readonly gate: Gate;
  readonly branchView: BranchView | null;
  readonly instructions: FoundInstructions;
  readonly label: SessionLabel;
  readonly monitor: SessionMonitor;
  readonly killSwitch: KillSwitch;
  readonly openness: Openness;
  readonly view: TrustView | null;
  readonly forge: Forge | null;
  readonly inspection: Inspection;
  /** Makes a gate that decides as the session's does, and records elsewhere. */
  readonly gateOf: GateOf;
}

/** Starts the box and the model side by side; throws what either cannot be had for. */
export async function beginSession(given: SessionPlan): Promise<Session> {
  const inspection = new Inspection(given.before?.state.secrets);
  const plan = { ...given, show: inspection.showing(given.show) };
  const rising: (() => void)[] = [];
  const seal = Seal.of(plan.folder.path);
  const ledger = ledgerFor(plan, seal);
  ledger.through((event) => inspection.recorded(event));
  const monitor = SessionMonitor.of(plan, ledger, (why) => killSwitch.kill(why));
  const killSwitch = new KillSwitch(ledger, monitor, plan.now);
  beginRecord(plan, ledger, seal);
  const label = new SessionLabel(
    (event) => ledger.append({ ...event, at: plan.now() }),
    () => rising.forEach((tell) => void tell()),
    plan.before?.state.label,
  );
  const gateOf: GateOf = (record) =>
    new Gate(
      record,
      (effect) => label.at(effect),
      plan.now,
      () => monitor.tighten(plan.policy.current),
      (text) => inspection.redact(text),
    );
  const gate = gateOf(ledger);
  const say = (text: string) => plan.show({ type: "notice", text });
  const told = { checkout: plan.box.checkout, now: plan.now, say };
  const anchoring = beginAnchor(plan.log.anchor, ledger, told);
  const opening = anchoring.then(async () => {
    const box = await openBox(plan, { gate, ledger }, inspection);
    // Read by the box already.
    inspection.know(await plan.vault());
    recordAdopted(ledger, plan.policy, plan.now());
    return box;
  });
  const beginning = opening.then((box) => plan.branch && BranchView.begin(box, gate, plan.branch));
  const reading = beginning.then(async () => {
    const trust = await plan.trust();
    recordTrust(ledger, trust, plan.now());
    if (plan.before?.state.isPrompted) return NO_INSTRUCTIONS;
    return readInstructions(
      { box: await opening, gate, label },
      { ...plan.box, folders: plan.instructionFolders, trust },
    );
  });
  const all = [opening, beginning, reading, plan.model, monitor.load()] as const;
  const [box, branchView, instructions, model] = await Promise.all(all).catch(async (error: unknown) => {
    const box = await opening.catch(() => null);
    if (plan.before === null) await abandon(plan.folder.path, box, { gate, ledger });
    else await box?.close().finally(() => ledger.close());
    throw error;
  });
  const trusting = await openTrust(plan, { box, gate, label }, branchView !== null);
  const recorded = { ledger, gateOf, anchor: await anchoring, gate, monitor, killSwitch };
  const parts = { box, branchView, instructions, model, label, inspection, ...recorded, ...trusting };
  const session = new Session(plan, parts);
  rising.push(() => session.judgeAgain());
  killSwitch.arm({ box, drop: () => session.dropNetwork() });
  session.begin(instructions);
  monitor.begin();
  return session;
}

function ledgerFor({ folder, before, log }: SessionPlan, seal: Seal): Ledger {
  return before?.ledger ?? createLedger(`${folder.path}/ledger.log`, seal, log.keeping);
}

function beginRecord(plan: SessionPlan, ledger: Ledger, seal: Seal): void {
  const { folder, before, box, version, build, policy, now } = plan;
  const own = { version, build, policy: policy.digest, at: now() };
  if (before !== null) before.record(own);
  else {
    const place = { session: folder.id, checkout: box.checkout };
    ledger.append({ type: "start", schema: SCHEMA, ...place, ...own, before: seal.newest() });
  }
}

async function openBox({ folder, box, before }: SessionPlan, record: Record, texts: Inspection): Promise<Box> {
  await before?.putRight(record);
  return Box.open({ ...box, folder, texts, isAgain: before !== null });
}

// Loaded where something is trusted alone: others pay nothing for it.
async function openTrust(
  { box: { state, checkout }, authors, trust: said }: SessionPlan,
  parts: { readonly box: Box; readonly gate: Gate; readonly label: SessionLabel },
  isOnBranch: boolean,
): Promise<{ readonly openness: Openness; readonly view: TrustView | null; readonly forge: Forge | null }> {
  const trust = await said();
  if (trust === null) return { openness: "private", view: null, forge: null };
  const forge = authors.authors.length === 0 ? null : (await import("../core/forge.ts")).forgeOf(authors, trust);
  if (isOnBranch) return { openness: trust.openness, view: null, forge };
  const { TrustView } = await import("./trust-view.ts");
  const view = new TrustView({ ...parts, trust, fileLabels: fileLabelsReader(state, checkout) });
  return { openness: trust.openness, view, forge };
}
