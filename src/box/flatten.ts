import { existsSync } from "node:fs";
import { join } from "node:path";
import { removeLayer } from "./discard.ts";
import { readFacts } from "./folder.ts";
import { readLayers, replaceStack, reserveLayer, sealLayer } from "./layers.ts";
import type { Programs } from "./programs.ts";
import { type Bind, runSandbox, scriptBind } from "./sandbox.ts";

const FLATTEN_MS_MAX = 300_000;

/**
 * Puts one layer of the same content in the place of the stack, and names it, relative to `layer/`. The sealed layers stay
 * for the checkpoints, exactly; the new one shares its files with them, so nothing may write to these.
 *
 * No view may be mounted. Killed at any step, the session has the layer that it had.
 */
export async function flattenLayer(sessionPath: string, programs: Programs): Promise<string> {
  if (readLayers(sessionPath).stack.length === 0) return "upper";
  const top = sealLayer(sessionPath).made;
  const number = await makeFlat(sessionPath, readLayers(sessionPath).stack, programs);
  replaceStack(sessionPath, [number]);
  // No checkpoint knows it.
  await removeLayer(sessionPath, top, programs);
  return `sealed/${number}`;
}

/** Makes one sealed layer with the content of these, over the others; it is in no stack yet. Returns its number. */
export async function makeFlat(sessionPath: string, stack: readonly number[], programs: Programs): Promise<number> {
  const number = reserveLayer(sessionPath, (same) => same);
  const script = scriptBind("flatten.pl");
  const result = await runSandbox({
    programs,
    binds: [{ source: join(sessionPath, "layer"), target: "/layer", access: "write" }, ...lowers(sessionPath), script],
    command: [programs.perl, script.target, process.arch, `sealed/${number}`, ...stack.map((one) => `sealed/${one}`)],
    input: Buffer.alloc(0),
    timeoutMs: FLATTEN_MS_MAX,
    stdoutBytesMax: 1 << 20,
    capability: "CAP_DAC_OVERRIDE",
  });
  if (result.status !== 0)
    throw new Error(
      `the layers of ${sessionPath} stay apart: ${result.stderr.trim() || `status ${result.status}`}; nothing of them is lost`,
    );
  return number;
}

/** Shows what lies below the layers. */
function lowers(sessionPath: string): Bind[] {
  const { checkout, repository, parts = [] } = readFacts(sessionPath);
  const folders = new Map([[checkout, "/base"]]);
  for (const [at, part] of parts.filter((part) => existsSync(part)).entries()) folders.set(part, `/parts/${at}`);
  if (repository !== null) folders.set(repository.common, "/common");
  return [...folders].map(([source, target]) => ({ source, target, access: "read" }));
}
