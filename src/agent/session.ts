import { Box, type BoxPlan } from "../box/box.ts";
import type { BranchFacts, SessionFolder } from "../box/folder.ts";
import { boundedBy, WHOLE, widestFor } from "../core/capability.ts";
import { Conversation, type Mark, markOf } from "../core/conversation.ts";
import type { Effect } from "../core/effect.ts";
import type { SessionEvent, Totals } from "../core/event.ts";
import type { Forge, ForgeConfig } from "../core/forge.ts";
import { LOWEST } from "../core/label.ts";
import type { Message, ReplyPart, ToolResult } from "../core/message.ts";
import type { AlarmLevels } from "../core/monitor-level.ts";
import type { Outcome } from "../core/outcome.ts";
import type { Permit } from "../core/permit.ts";
import { SCHEMA } from "../core/schema.ts";
import { explain } from "../core/session-label.ts";
import { type Openness, type Source, sourcesOfPrompt } from "../core/source.ts";
import { bound } from "../core/text.ts";
import type { Trust } from "../core/trust.ts";
import type { Vault } from "../egress/vault.ts";
import { createLedger, type Ledger } from "../ledger/append.ts";
import { Seal } from "../ledger/seal.ts";
import type { Model, StopReason, Usage } from "../model/port.ts";
import type { Anchor } from "./anchor.ts";
import { beginAnchor, closeAnchored } from "./anchoring.ts";
import { BranchView } from "./branch.ts";
import { Budget, type RunLimits } from "./budget.ts";
import { abandon } from "./changeset.ts";
import type { Asker, Children } from "./children.ts";
import type { LogConfig } from "./config-log.ts";
import type { NetConfig } from "./config-net.ts";
import { limitsWithin, netWithin, type PolicyInForce } from "./config-policy-tiers.ts";
import { fileLabelsReader } from "./config-trust.ts";
import { Gate, type Gated } from "./gate.ts";
import { Inspection } from "./inspection.ts";
import {
  type FoundInstructions,
  NO_INSTRUCTIONS,
  presentInstructions,
  presentNews,
  readInstructions,
  unapprovedNote,
} from "./instructions.ts";
import { dropOutdatedFor, droppedNotes, endBox } from "./keep.ts";
import { KillSwitch } from "./kill.ts";
import { SessionMonitor } from "./monitor.ts";
import { placed } from "./placed.ts";
import type { Previews } from "./previews.ts";
import { digestOf, systemPrompt } from "./prompt.ts";
import type { AskPerson } from "./questions.ts";
import type { Reader } from "./reader.ts";
import { type Record, recordAdopted, recordTrust } from "./record.ts";
import { outcomeEvent, replyEvent, shownReply, shownResult, toJson, wellFormed } from "./recorded.ts";
import type { Resumption } from "./resume.ts";
import type { RunQuestions } from "./run-questions.ts";
import { SessionLabel } from "./session-label.ts";
import { type By, SessionNetwork } from "./session-network.ts";
import { RunProfiles } from "./shell.ts";
import { takeOverGit } from "./sync.ts";
import { takeOver } from "./takeover.ts";
import { TOOL_NAMES, TOOL_SPECS } from "./tools.ts";
import type { TrustView } from "./trust-view.ts";
import type { Agent, TurnEnd } from "./turn.ts";

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

/** A conversation with a model that acts in a box, and the ledger of it. */
export class Session implements Agent, Asker {
  readonly id: string;
  readonly tools = TOOL_SPECS;
  readonly agent = null;
  readonly depth = 0;
  /** The session's own model may try all that its tools can do. */
  readonly capability = WHOLE;
  readonly box: Box;
  readonly model: Model;
  readonly gate: Gate;
  readonly ledger: Ledger;
  /** What the session has seen, and what raised it to that. */
  readonly label: SessionLabel;
  /** What all texts go through on their way to the model, the person and the log. */
  readonly inspection: Inspection;
  readonly monitor: SessionMonitor;
  readonly system: string;
  readonly #conversation = new Conversation();
  /** What the conversation was at each checkpoint, by its number. */
  readonly #marks: Map<number, Mark>;
  /** The view of a session on a branch of its own; null for every other. */
  readonly branchView: BranchView | null;
  readonly show: (event: SessionEvent) => void;
  readonly budget: Budget;
  readonly #anchor: Anchor | null;
  readonly #plan: SessionPlan;
  readonly #openness: Openness;
  /** Looks at the checkout where the person trusts something of it; null elsewhere. */
  readonly #view: TrustView | null;
  readonly #network: SessionNetwork;
  /** Until when it is known what of the box the person's own changes have outdated; and until when it was, at each checkpoint. */
  #lookedAt: number;
  readonly #lookedAtOf: Map<number, number>;
  #instructions: FoundInstructions["approved"];
  readonly #approved: FoundInstructions["approved"];
  readonly #news: string[] = [];
  #reader: Promise<Reader> | null = null;
  readonly #profiles = new RunProfiles(() => this.#plan.policy.current.profiles);
  #runQuestions: RunQuestions | null = null;
  #children: Promise<Children> | null = null;
  readonly #switch: KillSwitch;
  /** Files of which the person's version and the layer's clash, as the model was told. */
  readonly #told = new Map<string, string>();

  private constructor(
    plan: SessionPlan,
    parts: {
      box: Box;
      model: Model;
      ledger: Ledger;
      anchor: Anchor | null;
      gate: Gate;
      branchView: BranchView | null;
      instructions: FoundInstructions;
      label: SessionLabel;
      monitor: SessionMonitor;
      killSwitch: KillSwitch;
      openness: Openness;
      view: TrustView | null;
      forge: Forge | null;
      inspection: Inspection;
    },
  ) {
    this.#plan = plan;
    this.id = plan.folder.id;
    this.box = parts.box;
    this.model = parts.model;
    this.ledger = parts.ledger;
    this.#anchor = parts.anchor;
    this.gate = parts.gate;
    this.label = parts.label;
    this.inspection = parts.inspection;
    this.monitor = parts.monitor;
    this.#switch = parts.killSwitch;
    this.#openness = parts.openness;
    this.#view = parts.view;
    this.branchView = parts.branchView;
    this.show = plan.show;
    const state = plan.before?.state;
    const warn = (text: string) => plan.show({ type: "notice", text });
    this.budget = new Budget(limitsWithin(plan.limits, plan.policy.current), plan.now, warn, state?.spent);
    this.budget.refuseUnpriced(parts.model.name, parts.model.hasPrice);
    this.#lookedAt = state?.lookedAt ?? plan.box.startedAt;
    this.#lookedAtOf = new Map(state?.lookedAtOf);
    this.#marks = new Map(state?.marks);
    if (state) this.#conversation.goBack(markOf(state.messages));
    for (const text of state?.news ?? []) this.tell(text);
    this.#instructions = parts.instructions.approved;
    this.#approved = parts.instructions.approved;
    const { network, policy, box: place, vault, ask, now } = plan;
    const config = netWithin(network, policy.current);
    const { box, gate, ledger, forge } = parts;
    parts.inspection.begin({
      record: (event) => ledger.append({ ...event, at: now() }),
      enter: (source) => parts.label.enter(source),
      tell: (text) => plan.show({ type: "notice", text }),
    });
    const { budget } = this;
    const [origin, show] = [() => explain(parts.label.current), plan.show];
    const heard = (source: Source) => parts.label.enter(source);
    const redact = (text: string) => parts.inspection.redact(text);
    const asksAll = () => parts.monitor.isAskingAll;
    const asking = { ask, origin, asksAll, heard, show, redact };
    const own = { box, gate, ledger, config, place, vault, budget, forge, now, ...asking };
    this.#network = new SessionNetwork(own, state?.typed ?? new Set());
    budget.signal.addEventListener("abort", () => this.#endWhatRuns(), { once: true });
    const system = systemPrompt({
      checkout: plan.box.checkout,
      below: plan.box.below ?? "",
      date: new Date(state?.start?.at ?? this.startedAt).toISOString().slice(0, 10),
      branch: plan.branch?.name ?? null,
    });
    this.system = parts.inspection.clean(system);
  }

  /** Starts the box and the model side by side; throws what either cannot be had for. */
  static async open(given: SessionPlan): Promise<Session> {
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
    const gate = new Gate(
      ledger,
      (effect) => label.at(effect),
      plan.now,
      () => monitor.tighten(plan.policy.current),
      (text) => inspection.redact(text),
    );
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
    const recorded = { ledger, anchor: await anchoring, gate, monitor, killSwitch };
    const parts = { box, branchView, instructions, model, label, inspection, ...recorded, ...trusting };
    const session = new Session(plan, parts);
    rising.push(() => session.#network.judgeAgain());
    killSwitch.arm({ box, drop: () => session.#network.drop() });
    if (plan.box.below) session.#enterNames("the name of the folder where you stand");
    session.#tellStart(instructions);
    return session;
  }

  #tellStart({ approved, others }: FoundInstructions): void {
    const { box, before, policy } = this.#plan;
    const { checkout } = box;
    this.show({ type: "start", session: this.id, checkout, model: this.model.name, tools: TOOL_NAMES });
    const paths = approved.map(({ path }) => path);
    if (paths.length > 0) this.show({ type: "instructions", paths });
    const unapproved = unapprovedNote(others);
    if (unapproved !== null) this.show({ type: "notice", text: unapproved });
    for (const text of [...(before?.gone ?? []), ...this.box.notes, ...policy.notes, ...droppedNotes(this.box)])
      this.note(text);
  }

  /** Keeps files and conversation as they are before a turn, so that the person can take both back to here. */
  async checkpoint(prompt: string): Promise<void> {
    const begin = this.#plan.log.keeping.keep === "none" ? "" : prompt;
    const line = this.inspection.redact(begin.trimStart().split("\n", 1)[0] ?? "");
    const title = bound(wellFormed(line), TITLE_CHARS_MAX).text;
    const startedAt = performance.now();
    const { number, stack } = await this.box.checkpoint("turn", title);
    const ms = Math.round(performance.now() - startedAt);
    this.remember(number);
    this.ledger.append({
      type: "checkpoint",
      at: this.#plan.now(),
      number,
      layers: stack === null ? null : [...stack],
      lookedAt: this.#lookedAt,
      ms,
    });
  }

  /** Keeps beside a checkpoint what a rewind to it takes back apart from the files. */
  remember(checkpoint: number): void {
    this.#marks.set(checkpoint, this.#conversation.mark());
    this.#lookedAtOf.set(checkpoint, this.#lookedAt);
  }

  /** Makes the next turn look again at what the person did since a checkpoint, for files that a rewind took back to it. */
  lookAgainSince(checkpoint: number): void {
    this.#lookedAt = Math.min(this.#lookedAt, this.#lookedAtOf.get(checkpoint) ?? this.#lookedAt);
  }

  /** What the conversation was at a checkpoint; null where that is not known. */
  markAt(checkpoint: number): Mark | null {
    return this.#marks.get(checkpoint) ?? null;
  }

  /** Makes the conversation what it was. */
  goBack(mark: Mark): void {
    this.#conversation.goBack(mark);
  }

  get messages(): readonly Message[] {
    return this.#conversation.messages;
  }

  /** Tells the model something of the program's own, ahead of the person's next prompt. */
  tell(news: string): void {
    this.#news.push(news);
  }

  /** Adds a prompt, behind what the person did meanwhile; `typed` is it without what they pasted. */
  addUser(news: string, prompt: string, typed: string): void {
    for (const source of sourcesOfPrompt(prompt, typed, this.#openness)) this.label.enter(source);
    if (this.#news.length > 0) this.#enterNames("names of files in what the program told");
    this.#network.noteTyped(typed);
    this.inspection.later({ channel: "prompt", name: "the prompt", line: null }, prompt);
    for (const { path, text } of this.#instructions)
      this.inspection.later({ channel: "skill-file", name: path, line: null }, text, true);
    const presented = presentNews(this.#news.splice(0), presentInstructions(this.#instructions, `${news}${prompt}`));
    const text = this.inspection.clean(presented);
    this.#instructions = [];
    this.ledger.append({ type: "prompt", at: this.#plan.now(), text, typed: wellFormed(typed) });
    this.#conversation.addPrompt(text);
  }

  /** Writes a task for a child agent, behind the instructions that the person approved. */
  taskFor(task: string): string {
    return presentInstructions(this.#approved, task);
  }

  /** Takes over what the person did since the last turn; returns what the model is told of it, "" for nothing. */
  async takeOver(): Promise<string> {
    const isFirst = this.messages.length === 0 && this.#plan.before === null;
    this.#view?.renew();
    if (this.branchView !== null) {
      // What they do in the checkout is not on the branch.
      await this.branchView.keepRight();
      return "";
    }
    if (isFirst && this.#plan.now() - this.startedAt < NEW_MS_MAX) return "";
    const files = await takeOver(this, this.#told, this.#plan.now);
    const git = await takeOverGit(this, this.#plan.box.checkout);
    const told = isFirst ? "" : `${files}${git}${git && "\n\n"}`;
    if (told !== "") this.#enterNames("names of what changed in the checkout");
    return told;
  }

  // A name is a text of whoever gave it.
  #enterNames(path: string): void {
    this.label.enter({ kind: "checkout", path, standing: "unknown", openness: this.#openness, carried: LOWEST });
  }

  /** Drops from the box what the person's own changes since the last turn have outdated, and notes it. */
  async dropOutdated(): Promise<void> {
    const [since, now] = [this.#lookedAt, this.#plan.now()];
    // What the base layer held was looked at when the box was set up.
    const lines = this.#marks.size > 0 ? await dropOutdatedFor(this.box, since, this) : [];
    for (const line of lines ?? []) this.note(line);
    if (lines !== null) this.#lookedAt = now;
  }

  /** Tells the person now, and the model with the next prompt. */
  note(text: string): void {
    this.show({ type: "notice", text });
    this.tell(text);
  }

  recordRequest(): void {
    this.ledger.append({
      type: "request",
      at: this.#plan.now(),
      model: this.model.name,
      system: digestOf(this.system),
      messages: this.messages.length,
    });
  }

  addReply(parts: readonly ReplyPart[], stop: StopReason, usage: Usage): void {
    this.budget.addReply(usage);
    this.ledger.append({ ...replyEvent(parts, stop, usage), at: this.#plan.now() });
    this.#conversation.addReply(parts);
    this.show(shownReply(parts, usage));
  }

  get cacheKey(): string {
    return this.id;
  }

  get checkout(): string {
    return this.#plan.box.checkout;
  }

  recordDenied(): void {
    throw new Error("bug: the session's own model was refused by its capability");
  }

  /** Does an effect: decided, recorded, permitted, done. */
  perform(asked: Effect, callId: string, signal: AbortSignal): Promise<Outcome> {
    return this.performFor(this, asked, { call: callId, signal, agent: null });
  }

  /** Does an effect for the session's own model or a child agent: what the asker may not try does not reach the gate. */
  async performFor(asker: Asker, asked: Effect, by: By): Promise<Outcome> {
    const chosen = asked.kind === "run" ? await this.#profiles.choose(asked) : asked;
    const bounded = boundedBy(asker.capability, chosen);
    if (!bounded.ok) {
      asker.recordDenied(chosen, by.call, bounded.reason);
      return this.#refuse(asker, chosen, { ...bounded, verdict: "deny" }, by);
    }
    const { box, checkout } = this;
    const where = { box, gate: asker.gate, checkout, policy: this.#plan.policy.current, signal: by.signal };
    const effect = await placed(bounded.effect, where);
    await this.#view?.foresee(effect);
    const decided = asker.gate.pass(effect, by.call);
    const isAsked = decided.verdict === "ask" && effect.kind === "run" && this.#plan.ask !== null;
    const gated = isAsked ? await this.#askAboutRun(effect, decided, by, asker.gate) : decided;
    if (gated.verdict !== "allow") return this.#refuse(asker, effect, gated, by);
    if (effect.kind === "fetch") return this.#network.page(gated.permit, effect.url, by);
    await this.branchView?.keepRight();
    const outcome = await this.#act(asker, effect, gated.permit, by);
    if (this.box.limitsPassed.has("disk")) this.budget.addFullDisk();
    return outcome;
  }

  #refuse(
    asker: Asker,
    { kind: what }: Effect,
    {
      verdict,
      reason,
      nearest = null,
    }: Pick<Gated & { readonly verdict: "ask" | "deny" }, "verdict" | "reason"> & {
      readonly nearest?: string | null;
    },
    { call }: By,
  ): Outcome {
    asker.show({ type: "denied", call, what, verdict, reason, nearest });
    const instead = nearest === null ? "" : ` (${nearest})`;
    return { ok: false, code: verdict === "ask" ? "refused" : "denied", text: `refused: ${reason}${instead}` };
  }

  async #askAboutRun(
    effect: Effect & { readonly kind: "run" },
    asked: Gated & { readonly verdict: "ask" },
    by: By,
    gate: Gate,
  ): Promise<Gated> {
    const { ask, now } = this.#plan;
    if (ask === null) return asked;
    const { RunQuestions } = await import("./run-questions.ts");
    this.#runQuestions ??= new RunQuestions({
      ask,
      record: (event) => {
        this.ledger.append({ ...event, at: now() });
        this.ledger.seal();
      },
      origin: () => explain(this.label.current),
    });
    return this.#runQuestions.pass(effect, asked, by, gate);
  }

  async #act(asker: Asker, effect: Effect, permit: Permit, by: By): Promise<Outcome> {
    const { signal } = by;
    if (effect.kind === "delegate") return (await this.#openChildren()).delegate(asker, effect, by);
    if (effect.kind === "ask") return (await this.#openReader()).ask(permit, effect, by);
    if (effect.kind !== "run") return this.box.perform(permit, { signal });
    if (effect.profile === "net") return this.#network.run(permit, effect.command, by);
    return this.#profiles.explain(effect, await this.box.perform(permit, { signal }), widestFor(asker.capability));
  }

  #openChildren(): Promise<Children> {
    const { now, policy } = this.#plan;
    const gateOf = (ledger: Pick<Ledger, "append" | "seal">) =>
      new Gate(
        ledger,
        (effect) => this.label.at(effect),
        now,
        () => this.monitor.tighten(policy.current),
        (text) => this.inspection.redact(text),
      );
    const plan = { session: this, gateOf, now, before: this.#plan.before?.state.spent.agents ?? 0 };
    this.#children ??= import("./children.ts").then(({ Children }) => new Children(plan));
    return this.#children;
  }

  #openReader(): Promise<Reader> {
    const { id: session, box, model, gate, ledger, budget } = this;
    const bits = this.#plan.before?.state.readerBits ?? 0;
    const clean = (text: string) => this.inspection.clean(text);
    const plan = {
      session,
      box,
      model,
      gate,
      ledger,
      budget,
      bits,
      network: this.#network,
      clean,
      now: this.#plan.now,
    };
    this.#reader ??= import("./reader.ts").then(({ Reader }) => new Reader(plan));
    return this.#reader;
  }

  /** The ports of the box that the person looks at. */
  previews(): Promise<Previews> {
    return this.#network.previews();
  }

  // A budget is used up, perhaps between two turns: what runs in the background is no exception.
  #endWhatRuns(): void {
    for (const { oneShot } of this.box.background.running()) oneShot.kill();
    this.#network.close().catch(() => {
      // What could not be opened is not open.
    });
  }

  recordOutcome(call: ReplyPart & { readonly kind: "call" }, outcome: Outcome): void {
    // What would end with the program, for the one that goes on.
    const running = this.box.background.running().length;
    const ends = running === 0 ? {} : { running };
    this.ledger.append({ ...outcomeEvent(call, outcome), ...ends, at: this.#plan.now() });
    this.show(shownResult(call, outcome));
  }

  addResults(results: readonly ToolResult[]): void {
    this.#conversation.addResults(results);
  }

  get totals(): Totals {
    return this.budget.totals;
  }

  get startedAt(): number {
    return this.budget.startedAt;
  }

  /** Records the end of a run and puts everything on the disk. */
  finish(end: TurnEnd): void {
    const refused = this.#network.refused();
    if (refused !== null) this.show({ type: "notice", text: refused });
    this.ledger.append({
      type: "end",
      at: this.#plan.now(),
      reason: end.reason,
      message: wellFormed(bound(end.message, MESSAGE_CHARS_MAX).text),
      totals: toJson(this.totals),
    });
    this.ledger.seal();
    this.show({ type: "end", reason: end.reason, message: end.message, totals: this.totals });
  }

  /** Kills every process of the box at once, closes its network and signs the record; what it changed stays in its layer. */
  kill(why: string): void {
    this.#switch.kill(why);
  }

  get isKilled(): boolean {
    return this.#switch.isKilled;
  }

  /** Ends the box and the record; a session that changed nothing, or whose branch landed whole, leaves no layer behind. */
  async close(isLanded = false): Promise<void> {
    try {
      await this.#network.close();
      if (this.isKilled) return await this.box.close();
      for (const text of (await endBox(this.box, this, isLanded)).notes) this.show({ type: "notice", text });
    } finally {
      // What was killed waits for nothing.
      await closeAnchored(this.ledger, this.isKilled ? null : this.#anchor);
    }
  }
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

const TITLE_CHARS_MAX = 200;
/** Until then nobody has had the time to change anything since the session began. */
const NEW_MS_MAX = 1000;
/** The model's last text, which a reply before it holds whole. */
const MESSAGE_CHARS_MAX = 60_000;
