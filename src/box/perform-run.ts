import type { Effect } from "../core/effect.ts";
import type { Outcome } from "../core/outcome.ts";
import { bound, counted } from "../core/text.ts";
import type { Box } from "./box.ts";
import { quote, runProgram } from "./commands.ts";
import { type Finished, finish, type Performance, plainText, TEXT_CHARS_MAX } from "./finish.ts";
import { COMMAND_BYTES_MAX, type CommandNetwork, SETTLE_MS } from "./oneshot.ts";
import { Output } from "./output.ts";

/** Runs a command to its end, or starts it in the background. */
export async function run(
  box: Box,
  effect: Effect & { readonly kind: "run" },
  performance: Performance,
): Promise<Outcome> {
  const program = runProgram(effect.command, box.below);
  const refusal = refuseCommand(effect.command, program);
  if (refusal !== null) return { ok: false, code: "invalid", text: refusal };
  if (effect.background) return startBackground(box, effect, { program, network: performance.network });
  const done = await finish(
    box,
    { program, stdin: null, timeoutMs: effect.timeoutMs, profile: effect.profile },
    performance,
  );
  const note = done.stopped === null && done.limit === null ? await noteLeftovers(box, effect.command, done) : "";
  const text = (await spill(box, done)) + note;
  if (done.limit !== null)
    return { ok: false, code: "limit", text: `${text}\nstopped by a limit of the box: ${done.limit}`.trim() };
  if (done.stopped === "timeout")
    return { ok: false, code: "timeout", text: `${text}\nkilled after ${effect.timeoutMs} ms`.trim() };
  if (done.stopped === "cancelled") return { ok: false, code: "cancelled", text: `${text}\n${done.cancelled}`.trim() };
  if (done.status === 0) return { ok: true, text: text === "" ? "(no output)" : text };
  return {
    ok: false,
    code: "exit",
    text: `${text}\nexit status ${done.status ?? "unknown"}${explainStatus(done.status)}`.trim(),
  };
}

/** Says why a command cannot be handed over; null when it can. */
export function refuseCommand(command: string, program: string): string | null {
  if (command.includes("\0")) return "run: the command holds a NUL byte; write the bytes to a file first";
  const bytes = Buffer.byteLength(program);
  if (bytes > COMMAND_BYTES_MAX)
    return `run: the command has ${bytes} bytes, ${COMMAND_BYTES_MAX} are allowed; write a script with write and run that`;
  return null;
}

function explainStatus(status: number | null): string {
  if (status === 137) return " (killed: most often the memory limit)";
  if (status === 153) return " (a file grew past the size limit)";
  return "";
}

// What a process left behind is told at once when it does not end with its shell.
async function noteLeftovers(box: Box, command: string, done: Finished): Promise<string> {
  const { oneShot } = done.started;
  if (oneShot.isGone) return "";
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, SETTLE_MS);
  await Promise.race([oneShot.gone, promise]);
  clearTimeout(timer);
  if (oneShot.isGone) return "";
  await box.followCheckout();
  const entry = box.background.add(command, oneShot, new Output());
  entry.status = done.status;
  return `\n(still running in the background as ${entry.id})`;
}

// A model that was shown only a part can read the rest in the box.
async function spill(box: Box, done: Finished): Promise<string> {
  const bytes = done.output.bytes();
  const { text, cut } = bound(plainText(box, bytes).replace(/\n+$/, ""), TEXT_CHARS_MAX);
  if (!cut) return text;
  const path = `/tmp/ringfence/output-${done.started.oneShot.id}.txt`;
  const saved = await box.start({
    command: `mkdir -p /tmp/ringfence; exec cat >${quote(path)}`,
    stdin: bytes,
    onOutput: () => {},
  });
  const isSaved = (await saved.status) === 0;
  const dropped =
    done.output.droppedBytes > 0 ? `, without ${counted(done.output.droppedBytes, "byte")} of its middle` : "";
  return isSaved ? `${text}\n(cut; the output of ${done.output.bytesTotal} bytes is in ${path}${dropped})` : text;
}

async function startBackground(
  box: Box,
  effect: Effect & { readonly kind: "run" },
  { program, network }: { readonly program: string; readonly network: CommandNetwork | undefined },
): Promise<Outcome> {
  const output = new Output();
  const started = await box.start({
    command: program,
    profile: effect.profile,
    network,
    stdin: null,
    onOutput: (_s, bytes) => output.add(bytes),
  });
  await box.followCheckout();
  const entry = box.background.add(effect.command, started.oneShot, output);
  started.status.then(
    (status) => {
      entry.status = status;
    },
    () => {
      entry.status = null;
    },
  );
  return { ok: true, text: `started in the background as ${entry.id}; read it with output, end it with kill` };
}

/** Gives what a background command printed since it was last asked. */
export function readBackground(box: Box, id: string): Outcome {
  const entry = box.background.get(id);
  if (!entry) return { ok: false, code: "invalid", text: unknownBackground(box, id) };
  const text = bound(plainText(box, entry.output.take()).replace(/\n+$/, ""), TEXT_CHARS_MAX).text;
  const state =
    entry.status === undefined
      ? "running"
      : entry.oneShot.isGone
        ? `ended with status ${entry.status ?? "unknown"}`
        : "its shell ended, processes of it still run";
  return { ok: true, text: `${text === "" ? "(no new output)" : text}\n(${entry.id}: ${state})` };
}

/** Ends a background command. */
export async function killBackground(box: Box, id: string): Promise<Outcome> {
  const entry = box.background.get(id);
  if (!entry) return { ok: false, code: "invalid", text: unknownBackground(box, id) };
  entry.oneShot.kill();
  await entry.oneShot.gone;
  return { ok: true, text: `${id} killed` };
}

function unknownBackground(box: Box, id: string): string {
  const running = box.background.running().map((entry) => entry.id);
  return `no background command "${id}"; running: ${running.length > 0 ? running.join(", ") : "none"}`;
}
