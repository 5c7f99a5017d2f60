import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface, type Interface } from "node:readline";
import type { Subject } from "./launch.ts";
import { WORKS, type Work } from "./projects.ts";
import { median, rounded } from "./report.ts";

export interface WorkRatio {
  readonly worst: number;
  readonly note: string;
}

const STEP_MS_MAX = 120_000;
const NEEDED = "bash git node make cc";

// Waits for the word on its input, so that the two sides can take turns; start-up is not in the times.
const LOOP = `export LC_ALL=C PATH="$PWD/tools:$PATH"; type -P ${NEEDED} | tr '\\n' ' '; echo
while IFS= read -r before && IFS= read -r command; do
  ( eval "$before" ) >/dev/null 2>&1 </dev/null
  start=$EPOCHREALTIME
  ( eval "$command" ) >/dev/null 2>&1 </dev/null
  status=$?
  echo "$status $start $EPOCHREALTIME"
done`;

/** Times each work in one box and outside it in turns, the first of each not counted. */
export async function measureWork(inside: Subject, outside: Subject, rounds: number): Promise<WorkRatio> {
  const sides = [inside, outside].map(
    ({ command, folder, environment }) => new Side([...command, "bash", "-c", LOOP], folder, environment),
  );
  const [inner, outer] = sides as [Side, Side];
  try {
    const [tools, outerTools] = [await inner.line(), await outer.line()];
    if (places(tools, inside.folder) !== places(outerTools, outside.folder)) {
      throw new Error(`other programs inside than outside: ${tools} against ${outerTools}`);
    }
    const ratios: { readonly ratio: number; readonly text: string }[] = [];
    for (const work of WORKS) {
      const times: [number[], number[]] = [[], []];
      for (let round = -1; round < rounds; round++) {
        const [within, without] = [await inner.time(work), await outer.time(work)];
        if (within.status !== without.status || within.status > 125) {
          throw new Error(`${work.name} ends with status ${within.status} inside, ${without.status} outside`);
        }
        if (round < 0) continue;
        times[0].push(within.ms);
        times[1].push(without.ms);
      }
      const [within, without] = times.map(median) as [number, number];
      const ratio = within / without;
      ratios.push({ ratio, text: `${work.name} ${ratio.toFixed(2)} (${rounded(within)}:${rounded(without)} ms)` });
    }
    return { worst: Math.max(...ratios.map(({ ratio }) => ratio)), note: ratios.map(({ text }) => text).join(", ") };
  } finally {
    await Promise.all(sides.map((side) => side.close()));
  }
}

function places(tools: string, folder: string): string {
  return tools.replaceAll(folder, ".");
}

/** One shell that times what it is told. */
class Side {
  readonly #child: ChildProcess;
  readonly #lines: Interface;
  readonly #answers: AsyncIterator<string>;
  #errors = "";

  constructor(
    [program = "", ...args]: readonly string[],
    folder: string,
    environment: Readonly<Record<string, string>>,
  ) {
    const child = spawn(program, args, { cwd: folder, env: environment, stdio: ["pipe", "pipe", "pipe"] });
    child.on("error", (error) => {
      this.#errors += error.message;
    });
    child.stdin.on("error", () => {});
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.#errors = (this.#errors + text).slice(-4000);
    });
    this.#child = child;
    this.#lines = createInterface({ input: child.stdout });
    this.#answers = this.#lines[Symbol.asyncIterator]();
  }

  async line(): Promise<string> {
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), STEP_MS_MAX);
    const next = await this.#answers.next();
    clearTimeout(timer);
    if (next.done) throw new Error(`the shell ended or took longer than ${STEP_MS_MAX / 1000} s: ${this.#errors}`);
    return next.value;
  }

  async time(work: Work): Promise<{ readonly status: number; readonly ms: number }> {
    this.#child.stdin?.write(`${work.before}\n${work.command}\n`);
    const [status = 0, start = 0, end = 0] = (await this.line()).split(" ").map(Number);
    return { status, ms: (end - start) * 1000 };
  }

  async close(): Promise<void> {
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), 10_000);
    this.#child.stdin?.end();
    if (this.#child.exitCode === null && this.#child.signalCode === null) await once(this.#child, "close");
    clearTimeout(timer);
  }
}
