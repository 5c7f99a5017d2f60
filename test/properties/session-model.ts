import { strict as assert } from "node:assert";
import { pushOf, requestOf } from "../../src/core/effect.fixture.ts";
import type { Effect } from "../../src/core/effect.ts";
import type { JsonObject } from "../../src/core/json.ts";
import { INTEGRITIES, join, type Label, LOWEST, SECRECIES } from "../../src/core/label.ts";
import { decide } from "../../src/core/policy.ts";
import { reachOf } from "../../src/core/reach.ts";
import { raised, rebuiltFrom, sourceEvent, type TracedLabel, UNTOUCHED } from "../../src/core/session-label.ts";
import { atSink, SINKS, type Sink } from "../../src/core/sinks.ts";
import { labelOf, nameOf, type Openness, type Source } from "../../src/core/source.ts";
import { CheckoutModel } from "./checkout-model.ts";
import {
  both,
  hold,
  holdPush,
  holdRequest,
  holdSink,
  isLabelBelow,
  LENIENCE,
  LOCAL,
  NONE,
  STRANGER,
  type Truth,
  USER,
} from "./promises.ts";
import type { Random } from "./random.ts";
import { YesBook } from "./yes-book.ts";

const AUTHORS = ["OWNER", "MEMBER", "COLLABORATOR", "CONTRIBUTOR", "NONE", "owner", "MAINTAINER", "", "constructor"];
const INSIDERS = ["OWNER", "MEMBER", "COLLABORATOR"];

/** A session as a host keeps it from the pure modules, and beside it the truth that these must not fall behind. */
export class SessionModel {
  readonly #random: Random;
  readonly #openness: Openness;
  readonly #checkout: CheckoutModel;
  readonly #yes: YesBook;
  #label: TracedLabel = UNTOUCHED;
  #truth: Truth = NONE;
  #shared: { readonly label: Label; readonly truth: Truth } = { label: LOWEST, truth: NONE };
  #record: JsonObject[] = [];
  #session = "s0";
  /** What happened in this trace, by which it is seen that no promise is kept for want of a try. */
  readonly reached = new Set<string>();

  constructor(random: Random) {
    this.#random = random;
    this.#yes = new YesBook(random, this.reached);
    this.#openness = random.chance(3) ? "public" : "private";
    this.#checkout = new CheckoutModel(random, this.#openness);
  }

  /** What an adversary, a person or time may do next; the choice of each is the trace's own. */
  static readonly STEPS = [
    "prompts",
    "browses",
    "readsForge",
    "readsFile",
    "readsFile",
    "readsFile",
    "installs",
    "asksServer",
    "findsOrders",
    "opensSecret",
    "writes",
    "writes",
    "runs",
    "renames",
    "renames",
    "commits",
    "restores",
    "fetchesCommit",
    "personMoves",
    "personEdits",
    "personCommits",
    "approvesCommit",
    "delegates",
    "compacts",
    "resumes",
    "startsAnew",
    "requests",
    "requests",
    "pushes",
    "lands",
    "lands",
    "reaches",
    "waits",
  ] as const;

  step(name: (typeof SessionModel.STEPS)[number]): void {
    const [before, session] = [this.#label, this.#session];
    this[name]();
    if (this.#session === session) hold(isLabelBelow(before, this.#label), "rises", `${name} lowered the label`);
    const { integrity, secrecy } = rebuiltFrom(this.#record);
    const isSame = integrity === this.#label.integrity && secrecy === this.#label.secrecy;
    hold(isSame, "rises", `after ${name} the record gives ${integrity} and ${secrecy}`);
    this.#holdTruth(this.#label, this.#truth, `the session after ${name}`);
  }

  prompts(): void {
    this.#enter({ kind: "person", openness: this.#openness }, [USER, this.#openness === "private" ? 1 : 0]);
  }

  browses(): void {
    const openness = this.#random.pick(["public", "private"] as const);
    this.#enter({ kind: "page", host: "example.com", openness }, [STRANGER, openness === "private" ? 1 : 0]);
  }

  readsForge(): void {
    const author = this.#random.pick(AUTHORS);
    const trusted = AUTHORS.filter(() => this.#random.pick([true, false]));
    const people = { people: "ada", where: "issue 7 of ada/thing", openness: this.#openness } as const;
    const source = { kind: "forge", author, trusted, ...people } as const;
    const who = INSIDERS.includes(author) && trusted.includes(author) ? LOCAL : STRANGER;
    this.#enter(source, [who, this.#openness === "private" ? 1 : 0]);
  }

  readsFile(): void {
    const { source, truth } = this.#checkout.read();
    this.#enter(source, truth);
  }

  installs(): void {
    this.#enter({ kind: "package", name: "left-pad" }, [STRANGER, 0]);
  }

  asksServer(): void {
    this.#enter({ kind: "server", name: "tickets" }, [STRANGER, 1]);
  }

  findsOrders(): void {
    this.#enter({ kind: "injection", where: "README.md" }, [STRANGER, 0]);
  }

  opensSecret(): void {
    if (this.#random.chance(3)) this.#enter({ kind: "secret", path: "prod.env" }, [STRANGER, 2]);
  }

  writes(): void {
    this.#checkout.write(this.#label, this.#truth);
  }

  /** A command reads whatever it can, and writes, moves or copies in ways that the host sees by the result alone. */
  runs(): void {
    const { label, truth } = this.#reach();
    if (this.#random.chance(2)) this.#checkout.writeFrom(label, truth);
    this.#shared = { label: join(this.#shared.label, label), truth: both(this.#shared.truth, truth) };
    if (this.#random.chance(2)) this.#enter({ kind: "carried", what: "the output of a command", label }, truth);
  }

  renames(): void {
    this.#checkout.rename();
  }

  commits(): void {
    this.#checkout.commit(this.#label, this.#truth);
  }

  restores(): void {
    this.#checkout.restore();
  }

  fetchesCommit(): void {
    this.#checkout.fetchCommit();
  }

  personMoves(): void {
    this.#checkout.moveUnseen();
  }

  personEdits(): void {
    this.#checkout.editUnseen();
  }

  personCommits(): void {
    this.#checkout.commitUnseen();
  }

  approvesCommit(): void {
    if (this.#random.chance(2)) this.#checkout.approve(this.#random.some(this.#checkout.paths));
  }

  /** A child knows what its prompt says, sees something of its own, and answers. */
  delegates(): void {
    const source: Source = { kind: "page", host: "example.org", openness: "public" };
    const start = raised(UNTOUCHED, this.#label, "what its parent wrote");
    const [label, truth] = this.#random.chance(2)
      ? ([raised(start, labelOf(source), nameOf(source)), both(this.#truth, [STRANGER, 0])] as const)
      : ([start, this.#truth] as const);
    this.#holdTruth(label, truth, "a subagent");
    this.#enter({ kind: "carried", what: "a subagent's answer", label }, truth);
  }

  /** The summary is made of all that was seen. */
  compacts(): void {
    this.#enter({ kind: "carried", what: "a summary", label: this.#label }, this.#truth);
  }

  /** After a crash there is nothing but the record. */
  resumes(): void {
    this.#label = rebuiltFrom(this.#record);
  }

  startsAnew(): void {
    if (!this.#random.chance(3)) return;
    this.#session = `${this.#session}'`;
    this.#label = UNTOUCHED;
    this.#truth = NONE;
    this.#record = [];
    this.#shared = { label: LOWEST, truth: NONE };
  }

  waits(): void {
    this.#yes.wait();
  }

  /** A request of a command: all within its reach counts. */
  requests(): void {
    const { label, truth } = this.#reach();
    const effect = requestOf({
      protocol: this.#random.pick(["https", "https", "tunnel"] as const),
      hasBody: this.#random.chance(3),
      listed: this.#random.pick(["allow", "allow", "deny", "unlisted"] as const),
      origin: this.#random.pick(["composed", "package", "locked", "fetch", "typed", "service"] as const),
    });
    const { verdict } = decide(effect, label);
    this.#holdMonotone(effect, label, verdict);
    this.reached.add(`request ${effect.listed} ${effect.origin} ${verdict}`);
    holdRequest(effect, verdict, truth);
    const isGranted = verdict === "ask" && this.#yes.ask(JSON.stringify(effect), this.#session, label);
    // A yes to what nobody was shown is none, and what is denied no yes lets through.
    const shown = isGranted ? { label, headers: [], body: null } : null;
    const answered = decide({ ...effect, approvedBy: "person", shown }, label).verdict;
    hold(
      answered === (isGranted ? "allow" : verdict),
      "grants",
      `after a yes (${isGranted}) ${verdict} is ${answered}`,
    );
    const forced = decide(
      { ...effect, approvedBy: "person", shown: { label, headers: [], body: null } },
      label,
    ).verdict;
    hold(verdict !== "deny" || forced === "deny", "exfiltration", "a yes lets through what is denied");
  }

  pushes(): void {
    const { label, truth } = this.#reach();
    const effect = pushOf({
      remote: this.#random.pick(["tracked", "tracked", "tracked", "other"] as const),
      found: this.#random.pick(["landed", "landed", "absent", "diverged"] as const),
      rule: this.#random.pick(["net.push[0]", null] as const),
      isDenied: this.#random.chance(4),
    });
    const { verdict } = decide(effect, label);
    this.reached.add(`pushed ${verdict}`);
    this.#holdMonotone(effect, label, verdict);
    holdPush(effect, verdict, truth);
    const at = { integrity: this.#random.pick(INTEGRITIES), secrecy: this.#random.pick(SECRECIES) };
    const forced = decide({ ...effect, approvedBy: "person", shownAt: at }, label).verdict;
    hold(verdict !== "deny" || forced === "deny", "exfiltration", "a yes lets through a push that is denied");
    hold(forced !== "allow" || verdict === "allow" || isLabelBelow(label, at), "grants", "a yes outlives its label");
  }

  lands(): void {
    const { path, hash } = this.#checkout.pick();
    const held = path.startsWith(".github/") ? [path] : [];
    const land = { kind: "land", paths: [path], digest: hash, held } as const;
    const alone = decide({ ...land, approvals: [], approvedBy: "none" }, this.#label);
    this.#holdMonotone({ ...land, approvals: [], approvedBy: "none" }, this.#label, alone.verdict);
    const isSilent = alone.verdict === "allow";
    if (held.length > 0) hold(!isSilent, "persistence", `${path} landed unasked`);
    this.reached.add(`land ${held.length > 0 ? "held" : "source"} ${alone.verdict}`);
    if (isSilent) {
      hold(this.#truth[0] < LOCAL, "persistence", `${path} landed unasked, with ${this.#truth}`);
      return;
    }
    const isGranted = this.#yes.ask(`land ${path}=${hash}`, this.#session, this.#label);
    // A stale approval of an earlier content is offered as well: it names the path, and no person said yes to these bytes.
    const approvals = isGranted ? [{ path, hash }] : [{ path, hash: "0".repeat(64) }];
    const { verdict } = decide({ ...land, approvals, approvedBy: isGranted ? "person" : "none" }, this.#label);
    hold((verdict === "allow") === isGranted, "persistence", `${path} with a yes (${isGranted}): ${verdict}`);
  }

  /** Tries for more than the box: every sink that no effect may reach by itself. */
  reaches(): void {
    const sink = this.#random.pick(Object.keys(SINKS) as Sink[]);
    const { verdict, why, nearest } = atSink(sink, this.#label);
    this.reached.add(`${sink} ${verdict}`);
    holdSink(sink, verdict, this.#truth);
    assert.ok(why !== "" && nearest !== "", `${sink} says why and what else`);
    const cast = { kind: sink, approvedBy: "person", held: [], approvals: [] } as unknown as Effect;
    if (sink === "authority" || sink === "widen")
      hold(decide(cast, this.#label).verdict === "deny", "authority", `an effect that is named ${sink} passes`);
  }

  #reach(): { readonly label: Label; readonly truth: Truth } {
    const network = this.#random.pick(["none", "none", "public", "private"] as const);
    const heard: Truth = network === "none" ? NONE : [STRANGER, network === "private" ? 1 : 0];
    const isKnown = !this.#random.chance(5);
    const view = this.#checkout.whole();
    const label = reachOf({
      session: this.#label,
      view: view.label,
      shared: this.#shared.label,
      programs: isKnown ? LOWEST : null,
      network,
    });
    const programs: Truth = isKnown ? NONE : [STRANGER, 1];
    const truth = [this.#truth, this.#shared.truth, view.truth, heard, programs].reduce(both);
    this.#holdTruth(label, truth, "a command");
    return { label, truth };
  }

  #enter(source: Source, truth: Truth): void {
    const label = labelOf(source);
    const isWhole = INTEGRITIES.indexOf(label.integrity) >= truth[0] && SECRECIES.indexOf(label.secrecy) >= truth[1];
    hold(
      isWhole,
      source.kind === "carried" || source.kind === "checkout" ? "laundering" : "source",
      `${nameOf(source)} is ${truth}, not ${JSON.stringify(label)}`,
    );
    this.#record.push(sourceEvent(label, nameOf(source)));
    this.#label = raised(this.#label, label, nameOf(source));
    hold(isLabelBelow(label, this.#label), "source", `${nameOf(source)} did not raise the session`);
    this.#truth = both(this.#truth, truth);
  }

  #holdTruth(label: Label, [who, secrecy]: Truth, what: string): void {
    const isKept = INTEGRITIES.indexOf(label.integrity) >= who && SECRECIES.indexOf(label.secrecy) >= secrecy;
    hold(isKept, "laundering", `${what} is ${who},${secrecy} and has the label ${label.integrity} ${label.secrecy}`);
  }

  #holdMonotone(effect: Effect, label: Label, verdict: "allow" | "ask" | "deny"): void {
    const more: Label = { integrity: this.#random.pick(INTEGRITIES), secrecy: this.#random.pick(SECRECIES) };
    const worse = decide(effect, join(label, more)).verdict;
    hold(
      LENIENCE[worse] <= LENIENCE[verdict],
      "monotone",
      `${JSON.stringify(effect)}: ${verdict}, and ${worse} with more`,
    );
  }
}
