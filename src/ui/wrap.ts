import { Budget } from "../agent/budget.ts";
import { readConfig, UsageError } from "../agent/config.ts";
import { limitsWithin } from "../agent/config-policy-tiers.ts";
import { execInBox, type LookedAt } from "../agent/exec.ts";
import { ceilingsOf, prepareWorkplace, type Start } from "../agent/workplace.ts";
import { chooseProviders, needsOf, refuseUnpriced, type Spent, wrapModels } from "../agent/wrap.ts";
import { removeUnused } from "../box/folder.ts";
import type { Streams } from "../box/stream.ts";
import type { Amounts } from "../core/budget.ts";
import { EXIT_CODES } from "../core/event.ts";
import { PtyFilter } from "../core/pty-filter.ts";
import { counted } from "../core/text.ts";
import { listenForStops, quoteWord, toRaw } from "./exec.ts";
import { describePreview, readPort } from "./preview.ts";
import { row, type Terminal, writeSafe } from "./terminal.ts";

export interface WrapOptions {
  readonly words: readonly string[];
  readonly providers: readonly string[];
  /** Paths of the person's home. */
  readonly homePaths: readonly string[];
  readonly ceilings: Partial<Amounts>;
  readonly previews: readonly string[];
}

/** `ringfence wrap -- CMD`: another agent in the box; what it writes is a stranger's, so that only what draws reaches the terminal. */
export async function wrapCommand(options: WrapOptions, start: Start, terminal: Terminal): Promise<number> {
  const { stdin, stdout, stderr } = terminal;
  const ports = options.previews.map((port) => readPort(port, "--preview"));
  const config = await readConfig(start.environment);
  const named = options.providers.length > 0 ? options.providers : config.wrap.providers;
  const places = chooseProviders(named, { env: start.environment, providers: config.providers });
  refuseUnpriced(places, options.ceilings.usd ?? null);
  const needs = needsOf(places, [...config.wrap.config, ...options.homePaths]);
  const workplace = await prepareWorkplace(start, {}, needs);
  const vault = await workplace.vault();
  const hidden = needs.keys.find(({ variables }) => variables.some((name) => !(name in vault.variables)));
  if (hidden !== undefined) {
    removeUnused(workplace.folder.path);
    throw new UsageError(`${hidden.source}: that is too short to be a key, or has signs that no key has`);
  }
  for (const note of vault.notes) writeSafe(stderr, row(`ringfence: ${note}`));
  const stops = listenForStops();
  const asked = { turnsMax: null, ceilings: ceilingsOf(config, options.ceilings) };
  const limits = limitsWithin(asked, workplace.policy.current);
  // What it is told while the agent draws stands among what that draws.
  const warnings: string[] = [];
  const budget = new Budget(limits, Date.now, (text) => warnings.push(text));
  const wrapped = wrapModels(places, budget);
  const isInteractive = Boolean(stdin.isTTY && stdout.isTTY);
  const filters = { stdout: new PtyFilter(), stderr: new PtyFilter() };
  const show = (stream: "stdout" | "stderr", bytes: Uint8Array) =>
    (stream === "stdout" ? stdout : stderr).write(isInteractive ? toRaw(bytes) : bytes);
  const streams: Streams = {
    stdin,
    terminal: isInteractive ? stdout : null,
    signal: stops.controller.signal,
    onOutput: (stream, bytes) => show(stream, filters[stream].push(bytes)),
  };
  const looked: LookedAt = {
    ports,
    onShown: (port, address) => stderr.write(row(`ringfence: ${describePreview(port, address)}`)),
  };
  if (isInteractive) stdin.setRawMode(true);
  try {
    const command = options.words.map(quoteWord).join(" ");
    const done = await execInBox(workplace, command, streams, { looked, wrapped, budget }).finally(() => {
      for (const stream of ["stdout", "stderr"] as const) show(stream, filters[stream].end());
    });
    if (isInteractive) stdin.setRawMode(false);
    for (const note of [...done.notes, ...warnings]) writeSafe(stderr, row(`ringfence: ${note}`));
    if (done.end !== null) writeSafe(stderr, row(`ringfence: ${done.end.message}`));
    else if (done.message !== "") writeSafe(stderr, row(`ringfence: ${done.message}`));
    for (const line of describeSpent(wrapped.spent())) writeSafe(stderr, row(`ringfence: ${line}`));
    if (done.hasChanges)
      writeSafe(stderr, row(`ringfence: changes wait in session ${done.session}: ringfence diff | land | discard`));
    return done.end === null ? stops.status() || done.status : EXIT_CODES[done.end.reason];
  } finally {
    if (isInteractive) stdin.setRawMode(false);
    stdin.destroy();
  }
}

function describeSpent({ replies, input, cachedInput, output, usd, removed }: Spent): string[] {
  const without = removed.map((tool) => `${tool} was not offered to the model: its vendor carries it out`);
  const cost = usd === null ? "of a price that is not known" : `$${usd.toFixed(4)}`;
  const said = `${counted(replies, "reply", "replies")} of the model, ${input} tokens in (${cachedInput} cached), ${output} out, ${cost}`;
  return [...without, said];
}
