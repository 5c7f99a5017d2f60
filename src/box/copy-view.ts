import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { readFacts } from "./folder.ts";
import type { Programs } from "./programs.ts";
import { type Bind, runSandbox, scriptBind } from "./sandbox.ts";

const SETTLE_MS_MAX = 600_000;

/**
 * Carries into the layer what a copy of the view holds that the layer does not yet, and removes the copy.
 *
 * For a holder that is over, whatever ended it; while one lives, nothing is done, since it does so itself.
 */
export async function settleCopy(sessionPath: string, programs: Programs): Promise<void> {
  if (!existsSync(join(sessionPath, "layer/copy"))) return;
  const scripts = [scriptBind("copy-view.pl"), scriptBind("bases.pl"), scriptBind("clone.pl")];
  const result = await runSandbox({
    programs,
    binds: [
      { source: join(sessionPath, "layer"), target: "/layer", access: "write" },
      ...lowers(sessionPath),
      ...scripts,
    ],
    command: [programs.perl, scripts[0]?.target ?? "", process.arch],
    input: Buffer.alloc(0),
    timeoutMs: SETTLE_MS_MAX,
    stdoutBytesMax: 1 << 20,
    capability: "CAP_DAC_OVERRIDE",
  });
  if (result.status !== 0)
    throw new Error(
      `what the box wrote last could not be carried into the layer of ${sessionPath}: ${result.stderr.trim() || `status ${result.status}`}; it stays in layer/copy`,
    );
}

/** Shows what lies below the layer, under the names that it had for the holder. */
function lowers(sessionPath: string): Bind[] {
  const binds = ["mask", "mask-git", "git-state"].map((name) => [join(sessionPath, name), `/${name}`] as const);
  return [...binds, ...placesOf(sessionPath)].map(([source, target]) => ({ source, target, access: "read" }));
}

// A box that was never opened whole has no facts, and wrote nothing.
function placesOf(sessionPath: string): (readonly [string, string])[] {
  if (!existsSync(join(sessionPath, "session.json"))) return [];
  const { checkout, repository, parts = [] } = readFacts(sessionPath);
  const workspaces = new Set(parts.map((part) => dirname(part)).filter((folder) => existsSync(folder)));
  return [
    [checkout, "/lower"],
    ...(repository === null ? [] : [[repository.common, "/git"] as const]),
    ...[...workspaces].map((folder) => [folder, "/base"] as const),
  ];
}
