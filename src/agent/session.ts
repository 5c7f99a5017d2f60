import { Box, type BoxPlan } from "../box/box.ts";
import type { BranchFacts, SessionFolder } from "../box/folder.ts";
import type { Effect } from "../core/effect.ts";
import type { SessionEvent, Totals } from "../core/event.ts";
import type { JsonObject } from "../core/json.ts";
import { typedAddresses } from "../core/net-rules.ts";
import type { Outcome } from "../core/outcome.ts";
import { bound, counted, visible } from "../core/text.ts";
import type { Vault } from "../egress/vault.ts";
import { createLedger, type Ledger } from "../ledger/append.ts";
import type { Message, Model, ReplyPart, StopReason, ToolResult, Usage } from "../model/port.ts";
import { BranchView } from "./branch.ts";
import { abandon } from "./changeset.ts";
import type { NetConfig } from "./config-net.ts";
import { netWithin, type PolicyInForce } from "./config-policy-tiers.ts";
import { Gate } from "./gate.ts";
import { instructionsCommand, parseInstructions, presentInstructions, presentNews } from "./instructions.ts";
import { dropOutdatedFor, droppedNotes, endBox } from "./keep.ts";
import type { Net } from "./net.ts";
import type { Previews } from "./previews.ts";
import { digestOf, systemPrompt } from "./prompt.ts";
import type { AskPerson } from "./questions.ts";
import { recordAdopted } from "./record.ts";
import { SessionLabel } from "./session-label.ts";
import { takeOverGit } from "./sync.ts";
import { takeOver } from "./takeover.ts";
import { parseCall, TOOL_NAMES } from "./tools.ts";
import type { TurnEnd } from "./turn.ts";

export interface SessionPlan {
  readonly folder: SessionFolder;
  readonly box: Omit<BoxPlan, "folder">;
  readonly model: Promise<Model>;
  /** Folders that may hold instructions, from the root down, each "" or ending in "/". */
  readonly instructionFolders: readonly string[];
  readonly limits: RunLimits;
  /** What the box may reach. */
  readonly network: NetConfig;
  readonly policy: PolicyInForce;
  readonly vault: () => Promise<Vault>;
  /** The branch that the view stands on; null for the checkout as it is. */
  readonly branch: BranchFacts | null;
  readonly version: string;
  readonly now: () => number;
  readonly show: (event: SessionEvent) => void;
  /** Asks the person about a request of the box; null where there is none to ask. */
  readonly ask: AskPerson | null;
}

/** Ceilings of a run; null is none. */
export interface RunLimits {
  readonly turnsMax: number | null;
  readonly minutesMax: number | null;
  readonly usdMax: number | null;
}

/** A conversation with a model that acts in a box, and the ledger of it. */
export class Session {
  readonly id: string;
  readonly box: Box;
  readonly model: Model;
  readonly gate: Gate;
  readonly ledger: Ledger;
  readonly system: string;
  readonly messages: Message[] = [];
  /** What the messages were at each checkpoint, by its number. */
  readonly conversations = new Map<number, readonly Message[]>();
  /** The view of a session on a branch of its own; null for every other. */
  readonly branchView: BranchView | null;
  readonly show: (event: SessionEvent) => void;
  /** Aborts when the run's minutes are over, in the middle of whatever runs then. */
  readonly deadline: AbortSignal;
  readonly #plan: SessionPlan;
  #net: Promise<Net> | null = null;
  #previews: Promise<Previews> | null = null;
  /** Addresses that the person typed in this session. */
  readonly #typed = new Set<string>();
  readonly #startedAt: number;
  /** Until when it is known what of the box the person's own changes have outdated; and until when it was, at each checkpoint. */
  #lookedAt: number;
  readonly #lookedAtOf = new Map<number, number>();
  #instructions: Parameters<typeof presentInstructions>[0];
  readonly #news: string[] = [];
  /** What commands were refused by the network; the person is told at the end. */
  readonly #refusals = new Set<string>();
  /** Files of which the person's version and the layer's clash, as the model was told. */
  readonly #told = new Map<string, string>();
  #totals: Totals = { input: 0, cachedInput: 0, output: 0, replies: 0, usd: 0 };

  private constructor(
    plan: SessionPlan,
    parts: {
      box: Box;
      model: Model;
      ledger: Ledger;
      gate: Gate;
      branchView: BranchView | null;
      instructions: Parameters<typeof presentInstructions>[0];
    },
  ) {
    this.#plan = plan;
    this.id = plan.folder.id;
    this.box = parts.box;
    this.model = parts.model;
    this.ledger = parts.ledger;
    this.gate = parts.gate;
    this.branchView = parts.branchView;
    this.show = plan.show;
    this.#startedAt = plan.now();
    this.#lookedAt = plan.box.startedAt;
    this.deadline = deadlineIn(plan.limits.minutesMax);
    this.#instructions = parts.instructions;
    this.system = systemPrompt({
      checkout: plan.box.checkout,
      below: plan.box.below ?? "",
      date: new Date(this.#startedAt).toISOString().slice(0, 10),
      branch: plan.branch?.name ?? null,
    });
  }

  /** Starts the box and the model side by side; throws what either cannot be had for. */
  static async open(plan: SessionPlan): Promise<Session> {
    const ledger = createLedger(`${plan.folder.path}/ledger.log`);
    ledger.append({
      type: "start",
      at: plan.now(),
      session: plan.folder.id,
      checkout: plan.box.checkout,
      version: plan.version,
      policy: plan.policy.digest,
    });
    const label = new SessionLabel((event) => ledger.append({ ...event, at: plan.now() }));
    const gate = new Gate(
      ledger,
      (effect) => label.at(effect),
      plan.now,
      () => plan.policy.current,
    );
    const opening = Box.open({ ...plan.box, folder: plan.folder }).then((box) => {
      recordAdopted(ledger, plan.policy, plan.now());
      return box;
    });
    const beginning = opening.then((box) => plan.branch && BranchView.begin(box, gate, plan.branch));
    const reading = beginning.then(async () => readInstructions(plan, await opening, gate));
    const [box, branchView, instructions, model] = await Promise.all([opening, beginning, reading, plan.model]).catch(
      async (error: unknown) => {
        await abandon(plan.folder.path, await opening.catch(() => null), { gate, ledger });
        throw error;
      },
    );
    const session = new Session(plan, { box, branchView, instructions, model, ledger, gate });
    plan.show({
      type: "start",
      session: session.id,
      checkout: plan.box.checkout,
      model: model.name,
      tools: TOOL_NAMES,
    });
    const paths = instructions.map(({ path }) => path);
    if (paths.length > 0) plan.show({ type: "instructions", paths });
    for (const text of [...box.notes, ...droppedNotes(box)]) session.note(text);
    return session;
  }

  /** Keeps files and conversation as they are before a turn, so that the person can take both back to here. */
  async checkpoint(prompt: string): Promise<void> {
    const title = bound(wellFormed(prompt.trimStart().split("\n", 1)[0] ?? ""), TITLE_CHARS_MAX).text;
    const startedAt = performance.now();
    const { number, stack } = await this.box.checkpoint("turn", title);
    const ms = Math.round(performance.now() - startedAt);
    this.remember(number);
    this.ledger.append({
      type: "checkpoint",
      at: this.#plan.now(),
      number,
      layers: stack === null ? null : [...stack],
      ms,
    });
  }

  /** Keeps beside a checkpoint what a rewind to it takes back apart from the files. */
  remember(checkpoint: number): void {
    this.conversations.set(checkpoint, [...this.messages]);
    this.#lookedAtOf.set(checkpoint, this.#lookedAt);
  }

  /** Makes the next turn look again at what the person did since a checkpoint, for files that a rewind took back to it. */
  lookAgainSince(checkpoint: number): void {
    this.#lookedAt = Math.min(this.#lookedAt, this.#lookedAtOf.get(checkpoint) ?? this.#lookedAt);
  }

  /** Tells the model something of the program's own, ahead of the person's next prompt. */
  tell(news: string): void {
    this.#news.push(news);
  }

  addUser(prompt: string): void {
    for (const address of typedAddresses(prompt)) this.#typed.add(address);
    const text = presentNews(this.#news.splice(0), presentInstructions(this.#instructions, prompt));
    this.#instructions = [];
    this.ledger.append({ type: "prompt", at: this.#plan.now(), text });
    this.messages.push({ role: "user", text });
  }

  /** Takes over what the person did since the last turn; returns what the model is told of it, "" for nothing. */
  async takeOver(): Promise<string> {
    const isFirst = this.messages.length === 0;
    if (this.branchView !== null) {
      // What they do in the checkout is not on the branch.
      await this.branchView.keepRight();
      return "";
    }
    if (isFirst && this.#plan.now() - this.#startedAt < NEW_MS_MAX) return "";
    const files = await takeOver(this, this.#told, this.#plan.now);
    const git = await takeOverGit(this, this.#plan.box.checkout);
    return isFirst ? "" : `${files}${git}${git && "\n\n"}`;
  }

  /** Drops from the box what the person's own changes since the last turn have outdated, and notes it. */
  async dropOutdated(): Promise<void> {
    const [since, now] = [this.#lookedAt, this.#plan.now()];
    // What the base layer held was looked at when the box was set up.
    const lines = this.conversations.size > 0 ? await dropOutdatedFor(this.box, since, this) : [];
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
    const { input, cachedInput, output, replies, usd } = this.#totals;
    this.#totals = {
      input: input + usage.input,
      cachedInput: cachedInput + usage.cachedInput,
      output: output + usage.output,
      replies: replies + 1,
      usd: usd === null || usage.usd === null ? null : usd + usage.usd,
    };
    this.ledger.append({
      type: "reply",
      at: this.#plan.now(),
      parts: recordedParts(parts),
      stop,
      usage: toJson(usage),
    });
    this.messages.push({ role: "assistant", parts });
    const text = parts.map((part) => (part.kind === "text" ? part.text : "")).join("");
    const calls = parts.flatMap((part) =>
      part.kind === "call" ? [{ id: part.id, name: part.name, input: parseCall(part.name, part.input).input }] : [],
    );
    this.show({ type: "reply", text, calls, usage: { ...usage, replies: 1 } });
  }

  /** Does an effect: decided, recorded, permitted, done. */
  async perform(effect: Effect, callId: string, signal: AbortSignal): Promise<Outcome> {
    const gated = this.gate.pass(effect, callId);
    if (gated.verdict !== "allow") return { ok: false, code: "refused", text: `refused: ${gated.reason}` };
    if (effect.kind === "fetch") {
      const { fetchPage } = await import("./page.ts");
      return fetchPage(gated.permit, effect.url, { net: await this.#openNet(), signal });
    }
    await this.branchView?.keepRight();
    if (effect.kind !== "run") return this.box.perform(gated.permit, { signal });
    const network = (await this.#openNet()).enter(gated.permit.seq, effect.command);
    const outcome = await this.box.perform(gated.permit, { signal, network });
    const refusals = network.refusals.map((refusal) => visible(refusal));
    for (const refusal of refusals) this.#refusals.add(refusal);
    const refused = refusals.map((refusal) => `\n(no answer from the network: ${refusal})`).join("");
    return { ...outcome, text: `${outcome.text}${refused}` };
  }

  // Loaded when a command first may need it: what the first request to the model waits for is kept short.
  #openNet(): Promise<Net> {
    const { box, gate, ledger } = this;
    const { network, policy, box: place, vault, ask, now } = this.#plan;
    const config = netWithin(network, policy.current);
    const asks = { typed: this.#typed, ask, wrapped: null, isPersons: false };
    const plan = { box, gate, ledger, config, place, vault, ...asks, now };
    this.#net ??= import("./net.ts").then(({ Net }) => Net.open(plan));
    return this.#net;
  }

  /** The ports of the box that the person looks at. */
  previews(): Promise<Previews> {
    const { box, gate, ledger } = this;
    const { now } = this.#plan;
    this.#previews ??= import("./previews.ts").then(({ Previews }) => new Previews({ box, gate, ledger, now }));
    return this.#previews;
  }

  recordOutcome(call: ReplyPart & { readonly kind: "call" }, outcome: Outcome): void {
    const code = outcome.ok ? null : outcome.code;
    const image = outcome.ok && outcome.image ? digestOf(outcome.image.base64) : null;
    this.ledger.append({
      type: "outcome",
      at: this.#plan.now(),
      call: call.id,
      ok: outcome.ok,
      code,
      text: wellFormed(outcome.text),
      image,
    });
    this.show({ type: "result", id: call.id, name: call.name, ok: outcome.ok, code, text: outcome.text });
  }

  addResults(results: readonly ToolResult[]): void {
    this.messages.push({ role: "tool", results });
  }

  get totals(): Totals {
    return this.#totals;
  }

  get startedAt(): number {
    return this.#startedAt;
  }

  /** Tells which limit of the run is reached; null while none is. */
  limitReached(): TurnEnd | null {
    const { turnsMax, minutesMax, usdMax } = this.#plan.limits;
    if (turnsMax !== null && this.#totals.replies >= turnsMax)
      return { reason: "turns", message: `stopped after ${counted(turnsMax, "reply", "replies")}` };
    if (minutesMax !== null && this.#plan.now() - this.#startedAt >= minutesMax * 60_000) {
      return { reason: "time", message: `stopped after ${counted(minutesMax, "minute")}` };
    }
    if (usdMax === null) return null;
    if (this.#totals.usd === null)
      return { reason: "budget", message: `${this.model.name} has no known price, so --max-usd cannot be kept` };
    return this.#totals.usd >= usdMax
      ? { reason: "budget", message: `stopped at $${this.#totals.usd.toFixed(4)} of $${usdMax}` }
      : null;
  }

  /** Records the end of a run and puts everything on the disk. */
  finish(end: TurnEnd): void {
    const [refusal] = this.#refusals;
    const more = this.#refusals.size - 1;
    const all = more > 0 ? `, and ${counted(more, "other", "others")}: ringfence log show has all` : "";
    if (refusal !== undefined) this.show({ type: "notice", text: `no answer from the network: ${refusal}${all}` });
    this.ledger.append({
      type: "end",
      at: this.#plan.now(),
      reason: end.reason,
      message: wellFormed(bound(end.message, MESSAGE_CHARS_MAX).text),
      totals: toJson(this.#totals),
    });
    this.ledger.sync();
    this.show({ type: "end", reason: end.reason, message: end.message, totals: this.#totals });
  }

  /** Ends the box and the record; a session that changed nothing, or whose branch landed whole, leaves no layer behind. */
  async close(isLanded = false): Promise<void> {
    try {
      (await this.#previews?.catch(() => null))?.closeAll();
      await (await this.#net?.catch(() => null))?.close();
      for (const text of (await endBox(this.box, this, isLanded)).notes) this.show({ type: "notice", text });
    } finally {
      this.ledger.close();
    }
  }
}

// Aborts with a TimeoutError, by which the box tells the end of a run from the person's hand.
function deadlineIn(minutes: number | null): AbortSignal {
  // A timer of more than 2^31 - 1 ms would fire at once; nobody waits 24 days for the rest.
  return minutes === null ? new AbortController().signal : AbortSignal.timeout(Math.min(minutes * 60_000, 2 ** 31 - 1));
}

async function readInstructions(
  plan: SessionPlan,
  box: Box,
  gate: Gate,
): Promise<ReturnType<typeof parseInstructions>> {
  const { command, mark } = instructionsCommand(plan.box.checkout, plan.instructionFolders);
  const gated = gate.pass({ kind: "run", command, timeoutMs: 5000, background: false }, null);
  if (gated.verdict !== "allow") return [];
  const outcome = await box.perform(gated.permit, { signal: AbortSignal.timeout(10_000) });
  return outcome.ok ? parseInstructions(`\n${outcome.text}`, mark) : [];
}

const TITLE_CHARS_MAX = 200;
/** Until then nobody has had the time to change anything since the session began. */
const NEW_MS_MAX = 1000;
/** The model's last text, which a reply before it holds whole. */
const MESSAGE_CHARS_MAX = 60_000;
/** Bytes of a reply that its event holds; the ledger takes no event of more than 16 MiB. */
const REPLY_BYTES_MAX = 12 << 20;

// What goes past the limit is recorded by digest, so that no reply can end the session by its size.
function recordedParts(parts: readonly ReplyPart[]): JsonObject[] {
  let room = REPLY_BYTES_MAX;
  const whole: JsonObject[] = [];
  for (const [index, part] of parts.entries()) {
    const json = toJson(part);
    room -= Buffer.byteLength(JSON.stringify(json));
    if (room < 0) {
      const rest = parts.slice(index);
      return [...whole, { kind: "rest", parts: rest.length, sha256: digestOf(JSON.stringify(rest)) }];
    }
    whole.push(json);
  }
  return whole;
}

// JSON cannot hold half a surrogate pair as UTF-8.
function wellFormed(text: string): string {
  return text.toWellFormed();
}

function toJson(value: object): JsonObject {
  return JSON.parse(
    JSON.stringify(value, (_key, item: unknown) => (typeof item === "string" ? item.toWellFormed() : item)),
  ) as JsonObject;
}
