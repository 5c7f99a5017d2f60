import type { Effect } from "../core/effect.ts";
import { canonical, type JsonObject } from "../core/json.ts";
import type { Gate, Gated } from "./gate.ts";
import { digestOf } from "./prompt.ts";
import type { AskPerson, RunQuestion } from "./questions.ts";
import type { By } from "./session-network.ts";
import { explainRun } from "./shell.ts";

interface RunQuestionsPlan {
  readonly ask: AskPerson;
  /** Puts an event on the disk; throws when it cannot. */
  readonly record: (event: JsonObject) => void;
  /** Says in words what raised the session's label. */
  readonly origin: () => string;
}

type RunEffect = Effect & { readonly kind: "run" };

/** More than a person reads: what is not shown whole is not asked about. */
const COMMAND_CHARS_MAX = 1200;
const LINES_MAX = 20;
const REFUSED_MAX = 100;

/** Asks the person about commands that a rule asks about, and binds each yes to exactly that one, once, at the session's label. */
export class RunQuestions {
  readonly #plan: RunQuestionsPlan;
  /** A command is not asked about again after a no. */
  readonly #refused = new Set<string>();

  constructor(plan: RunQuestionsPlan) {
    this.#plan = plan;
  }

  /** Passes a command if the person is shown it whole and says yes. */
  async pass(effect: RunEffect, asked: Gated & { readonly verdict: "ask" }, by: By, gate: Gate): Promise<Gated> {
    const { command, background } = effect;
    const { call, signal: gone, agent } = by;
    const refuse = (why: string): Gated => ({ ...asked, reason: `${asked.reason}: ${why}` });
    if (this.#refused.has(command)) return refuse("they said no to it");
    if (command.length > COMMAND_CHARS_MAX || command.split("\n").length > LINES_MAX)
      return refuse("it is too long to be shown");
    if (this.#refused.size >= REFUSED_MAX) return refuse("too many have asked");
    const [acts, origin] = [await explainRun(command, false), this.#plan.origin()];
    const question: RunQuestion = {
      kind: "run",
      command,
      background,
      acts,
      reason: agent === null ? asked.reason : `${asked.reason}; child agent ${agent} wants it`,
      origin,
      mayLast: false,
    };
    this.#plan.record({ type: "waiting", decision: asked.seq });
    const said = await this.#plan.ask(question, gone);
    const answer = said === "no" || said === "none" ? said : "yes";
    const { integrity, secrecy } = asked.label;
    const hash = digestOf(canonical({ kind: "run", command, background, label: { integrity, secrecy } }));
    this.#plan.record({ type: "answer", decision: asked.seq, answer, hash });
    if (answer === "yes" && !gone.aborted)
      return gate.pass({ ...effect, approvedBy: "person", shownAt: { integrity, secrecy } }, call);
    this.#refused.add(command);
    return refuse(answer === "none" ? "nobody answered" : "they said no");
  }
}
