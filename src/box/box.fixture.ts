import { mkdirSync, mkdtempSync, realpathSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Box } from "./box.ts";
import { removeFolder } from "./doctor-place.ts";
import { makeSessionFolder } from "./folder.ts";
import { readIdentity } from "./identity.ts";
import { VIEW } from "./land.fixture.ts";
import { perform } from "./perform.ts";

export interface Stage {
  readonly home: string;
  readonly checkout: string;
  readonly state: string;
}

/** Opens a real box on a checkout that `fill` made, with a home of its own, and closes and removes all of it afterwards. */
export async function inBox(
  fill: (stage: Stage) => void,
  act: (run: (command: string) => Promise<string>, box: Box, stage: Stage) => Promise<void>,
): Promise<void> {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "ringfence-box-")));
  const stage: Stage = { home: join(folder, "home"), checkout: join(folder, "repo"), state: join(folder, "state") };
  for (const path of Object.values(stage) as string[]) mkdirSync(path, { mode: 0o700 });
  fill(stage);
  const identity = { ...(await readIdentity(process.env)), home: stage.home };
  const box = await Box.open({
    ...stage,
    folder: makeSessionFolder(stage.state, Date.now()),
    identity,
    environment: { PATH: "/usr/bin:/bin" },
    tools: { rg: findRipgrep() },
    startedAt: Date.now(),
    view: VIEW,
  });
  const run = async (command: string) => {
    const effect = { kind: "run", command, timeoutMs: 20_000, background: false, profile: "net" } as const;
    return (await perform(box, effect, { signal: new AbortController().signal })).text;
  };
  try {
    await act(run, box, stage);
  } finally {
    await box.close();
    removeFolder(folder);
  }
}

/** Finds the ripgrep that was installed with the program. */
export function findRipgrep(): string {
  const require = createRequire(import.meta.url);
  return join(dirname(require.resolve(`@vscode/ripgrep-linux-${process.arch}/package.json`)), "bin", "rg");
}
