import type { Box } from "../box/box.ts";
import { WHOLE } from "../core/capability.ts";
import { Conversation, type Mark, markOf } from "../core/conversation.ts";
import type { Effect } from "../core/effect.ts";
import type { SessionEvent, Totals } from "../core/event.ts";
import { LOWEST } from "../core/label.ts";
import type { Message, ReplyPart, ToolResult } from "../core/message.ts";
import type { Outcome } from "../core/outcome.ts";
import { explain } from "../core/session-label.ts";
import { type Openness, type Source, sourcesOfPrompt } from "../core/source.ts";
import { bound } from "../core/text.ts";
import type { Ledger } from "../ledger/append.ts";
import type { Model, StopReason, Usage } from "../model/port.ts";
import type { Anchor } from "./anchor.ts";
import { closeAnchored } from "./anchoring.ts";
import type { BranchView } from "./branch.ts";
import { Budget } from "./budget.ts";
import type { Asker } from "./children.ts";
import { limitsWithin, netWithin } from "./config-policy-tiers.ts";
import type { Gate } from "./gate.ts";
import type { Inspection } from "./inspection.ts";
import { type FoundInstructions, presentInstructions, presentNews, unapprovedNote } from "./instructions.ts";
import { dropOutdatedFor, droppedNotes, endBox } from "./keep.ts";
import type { KillSwitch } from "./kill.ts";
import type { SessionMonitor } from "./monitor.ts";
import type { Previews } from "./previews.ts";
import { digestOf, systemPrompt } from "./prompt.ts";
import { outcomeEvent, replyEvent, shownReply, shownResult, toJson, wellFormed } from "./recorded.ts";
import { SessionEffects } from "./session-effects.ts";
import type { SessionLabel } from "./session-label.ts";
import { type By, SessionNetwork } from "./session-network.ts";
import type { SessionParts, SessionPlan } from "./session-open.ts";
import { takeOverGit } from "./sync.ts";
import { takeOver } from "./takeover.ts";
import { TOOL_NAMES, TOOL_SPECS } from "./tools.ts";
import type { TrustView } from "./trust-view.ts";
import type { Agent, TurnEnd } from "./turn.ts";

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
  readonly #effects: SessionEffects;
  readonly #switch: KillSwitch;
  /** Files of which the person's version and the layer's clash, as the model was told. */
  readonly #told = new Map<string, string>();

  /** Made by beginSession alone. */
  constructor(plan: SessionPlan, parts: SessionParts) {
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
    const { gateOf, view } = parts;
    const done = { policy, network: this.#network, view, gateOf, ask, now, before: state ?? null };
    this.#effects = new SessionEffects(this, done);
    budget.signal.addEventListener("abort", () => this.#endWhatRuns(), { once: true });
    const system = systemPrompt({
      checkout: plan.box.checkout,
      below: plan.box.below ?? "",
      date: new Date(state?.start?.at ?? this.startedAt).toISOString().slice(0, 10),
      branch: plan.branch?.name ?? null,
    });
    this.system = parts.inspection.clean(system);
  }

  /** Tells the person how the session begins. */
  begin({ approved, others }: FoundInstructions): void {
    const { box, before, policy } = this.#plan;
    if (box.below) this.#enterNames("the name of the folder where you stand");
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
    const startedAt = this.#plan.now();
    const { number, stack } = await this.box.checkpoint("turn", title);
    const ms = this.#plan.now() - startedAt;
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

  /** Does one for the session's own model or a child agent. */
  performFor(asker: Asker, asked: Effect, by: By): Promise<Outcome> {
    return this.#effects.performFor(asker, asked, by);
  }

  /** Has what is on its way judged again, since the label rose. */
  judgeAgain(): void {
    this.#network.judgeAgain();
  }

  /** Lets nothing in or out any more, at once. */
  dropNetwork(): void {
    this.#network.drop();
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

const TITLE_CHARS_MAX = 200;
/** Until then nobody has had the time to change anything since the session began. */
const NEW_MS_MAX = 1000;
/** The model's last text, which a reply before it holds whole. */
const MESSAGE_CHARS_MAX = 60_000;
