import type { Interface } from "node:readline";
import type { Answer, AskPerson } from "../agent/questions.ts";
import { answerOf } from "./question.ts";
import { requestText, runText } from "./request-text.ts";
import { bold, type Terminal, writeSafe } from "./terminal.ts";

const ANSWER_MS_MAX = 120_000;
const COLUMNS_DEFAULT = 80;
/** A question that comes up in the place of one that was taken back is looked at for longer: it may be read for that one. */
const SWAPPED_MS_MAX = 5000;
const SWAPPED_MORE_MS = 2000;

/** What is meant for a question and for nothing else. */
const WORD = /^(?:y|yes|s|t|n|no)?$/;
const SAID = {
  yes: "sent once",
  session: "sent, and exactly this again until the session ends",
  minutes: "sent, and exactly this again for 10 minutes",
  no: "not sent",
} as const;
const SAID_OF_RUN = { ...SAID, yes: "run once", no: "not run" } as const;

interface Open {
  readonly askedAt: number;
  readonly mayLast: boolean;
  readonly said: typeof SAID | typeof SAID_OF_RUN;
  /** Something was typed already on the line that is the next, or sooner than this could be read. */
  hasDraft: boolean;
  readonly end: (answer: Answer, said: string) => void;
}

/**
 * Puts questions about requests to the person at the terminal, while a turn is under way.
 *
 * Nothing else is drawn while one stands there, so that no word of a model's or of the box's can stand beside it, and
 * only a line that was begun after it answers it.
 */
export class Asking {
  readonly #terminal: Terminal;
  readonly #lines: () => Interface | null;
  readonly #answerMs: number;
  readonly #later: (() => void)[] = [];
  readonly #waiting: (() => void)[] = [];
  #isTurn = false;
  #isClosed = false;
  #open: Open | null = null;
  #takenBackAt = Number.NEGATIVE_INFINITY;

  constructor(terminal: Terminal, lines: () => Interface | null, answerMs = ANSWER_MS_MAX) {
    this.#terminal = terminal;
    this.#lines = lines;
    this.#answerMs = answerMs;
  }

  /** Null where no person sits at a terminal. */
  get ask(): AskPerson | null {
    const { stdin, stdout } = this.#terminal;
    return stdin.isTTY && stdout.isTTY ? (question, gone) => this.#inTurn(question, gone) : null;
  }

  /** Lets questions come up; outside a turn each is refused. */
  begin(): void {
    this.#isTurn = !this.#isClosed;
  }

  end(): void {
    this.#isTurn = false;
    this.#endUnanswered("the turn is over");
  }

  /** The input is over: nobody can answer any more. */
  close(): void {
    this.#isClosed = true;
    this.end();
  }

  /** Draws what is no question: at once, or when the one that stands there is answered. */
  draw(write: () => void): void {
    if (this.#open === null) write();
    else this.#later.push(write);
  }

  /** Tells that a key was pressed. */
  press(): void {
    if (this.#open && answerOf(this.#open, "y", performance.now()) === "ahead") this.#open.hasDraft = true;
  }

  /** Takes a line that was typed as an answer; false when it is none, and meant for later. */
  take(text: string, typedAt: number): boolean {
    const open = this.#open;
    if (open === null) return false;
    const answer = answerOf(open, text, typedAt);
    open.hasDraft = false;
    if (answer === "ahead") {
      const isWord = WORD.test(text);
      const what = isWord ? `"${text}"` : "that";
      writeSafe(this.#terminal.stdout, `${what} was begun before this could be read, so it answers nothing\n`);
      this.#lines()?.prompt();
      return isWord;
    }
    open.end(answer, open.said[answer]);
    return WORD.test(text);
  }

  #endUnanswered(why: string): void {
    this.#open?.end("none", `${this.#open.said.no}: ${why}`);
  }

  // A command of the background may want something sent while one is asked about itself.
  #inTurn(question: Parameters<AskPerson>[0], gone: AbortSignal): Promise<Answer> {
    if (this.#open === null) return this.#ask(question, gone);
    const { promise, resolve } = Promise.withResolvers<Answer>();
    this.#waiting.push(() => resolve(gone.aborted ? "none" : this.#ask(question, gone)));
    return promise;
  }

  #ask(question: Parameters<AskPerson>[0], gone: AbortSignal): Promise<Answer> {
    const lines = this.#lines();
    if (!this.#isTurn || lines === null) return Promise.resolve("none");
    const { stdout } = this.#terminal;
    const { promise, resolve } = Promise.withResolvers<Answer>();
    const onGone = () => {
      this.#takenBackAt = performance.now();
      this.#endUnanswered("it is not wanted any more");
    };
    const isSwapped = performance.now() - this.#takenBackAt < SWAPPED_MS_MAX;
    const timer = setTimeout(() => this.#endUnanswered("nobody answered"), this.#answerMs);
    const columns = stdout.columns || COLUMNS_DEFAULT;
    const isRun = "kind" in question;
    stdout.write(`\n${bold(stdout, `ringfence asks: may this ${isRun ? "run" : "leave the box"}?`)}\n`);
    writeSafe(stdout, isRun ? runText(question, columns) : requestText(question, columns));
    stdout.write(isRun ? RUN_ANSWERS : requestAnswers(question.mayLast));
    lines.setPrompt(question.mayLast ? "s, t, y or N? " : "y or N? ");
    this.#open = {
      askedAt: performance.now() + (isSwapped ? SWAPPED_MORE_MS : 0),
      hasDraft: lines.line !== "",
      mayLast: question.mayLast,
      said: isRun ? SAID_OF_RUN : SAID,
      end: (answer, said) => {
        clearTimeout(timer);
        gone.removeEventListener("abort", onGone);
        this.#open = null;
        lines.setPrompt("> ");
        stdout.write(`${answer === "none" ? "\n" : ""}(${said})\n`);
        for (const write of this.#later.splice(0)) write();
        resolve(answer);
        while (this.#open === null && this.#waiting.length > 0) this.#waiting.shift()?.();
      },
    };
    lines.prompt(true);
    gone.addEventListener("abort", onGone, { once: true });
    return promise;
  }
}

const RUN_ANSWERS =
  "y runs it in the box, this once. Anything else does not, nor does saying nothing for 2 minutes; it is then refused unasked.\n";

function requestAnswers(mayLast: boolean): string {
  const lasting = mayLast
    ? " s sends exactly this again unasked until the session ends, t for 10 minutes, while the session sees nothing worse."
    : "";
  return `y sends it, this once.${lasting} Anything else does not, nor does saying nothing for 2 minutes; this command is then refused that host.\n`;
}
