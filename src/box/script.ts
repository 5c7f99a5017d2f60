import { decodePath } from "../core/changes.ts";
import type { Programs } from "./programs.ts";
import { type Bind, runSandbox, scriptBind } from "./sandbox.ts";

/** One question to collect.pl. */
export interface ScriptPlan {
  readonly programs: Programs;
  readonly mode: "list" | "links" | "stage" | "ignore" | "measure";
  readonly args: readonly string[];
  readonly binds: readonly Bind[];
  /** Strings without NUL. */
  readonly input: readonly (string | Buffer)[];
  readonly timeoutMs: number;
}

const ANSWER_BYTES_MAX = 512 << 20;

/** Runs collect.pl in a sandbox and hands over its answer; throws what it says when it gives up. */
export async function askScript(plan: ScriptPlan): Promise<RecordReader> {
  const script = scriptBind("collect.pl");
  const result = await runSandbox({
    programs: plan.programs,
    binds: [...plan.binds, script],
    command: [plan.programs.perl, script.target, plan.mode, process.arch, ...plan.args],
    input: strings(plan.input),
    timeoutMs: plan.timeoutMs,
    stdoutBytesMax: ANSWER_BYTES_MAX,
    capability: "CAP_DAC_READ_SEARCH",
  });
  if (result.status !== 0) {
    const what =
      plan.mode === "measure" ? "the sessions could not be measured" : `the changes could not be read (${plan.mode})`;
    throw new Error(`${what}: ${result.stderr.trim() || `status ${result.status}`}; try again`);
  }
  return new RecordReader(result.stdout);
}

/** Joins strings as the scripts read them: each ends in NUL, and "." ends all. */
export function strings(all: readonly (string | Buffer)[]): Buffer {
  const end = Buffer.of(0);
  return Buffer.concat([...all, "."].flatMap((one) => [typeof one === "string" ? Buffer.from(one) : one, end]));
}

/** Reads strings that end in NUL, strictly: what is not as agreed throws. */
export class RecordReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  path(): string {
    return decodePath(this.#next());
  }

  bytes(): Buffer {
    return this.#next();
  }

  text(): string {
    return this.#next().toString("latin1");
  }

  /** Everything that is left, as it is. */
  rest(): Buffer {
    const bytes = this.#bytes.subarray(this.#at);
    this.#at = this.#bytes.length;
    return bytes;
  }

  number(): number {
    const text = this.text();
    if (!/^\d{1,15}$/.test(text)) throw this.broken(`number ${text.slice(0, 40)}`);
    return Number(text);
  }

  broken(what: string): Error {
    return new Error(`bug: collect.pl answered with ${what}, near byte ${this.#at}`);
  }

  #next(): Buffer {
    const end = this.#bytes.indexOf(0, this.#at);
    if (end < 0) throw this.broken("a string without an end");
    const bytes = this.#bytes.subarray(this.#at, end);
    this.#at = end + 1;
    return bytes;
  }
}
