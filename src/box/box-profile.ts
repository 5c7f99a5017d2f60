import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { BoxPlan, Shown } from "./box.ts";
import { stageEtc } from "./etc.ts";
import { pinsFor } from "./pins.ts";
import { type Profile, rootLayout, sandboxArguments, sandboxEnvironment, TOOLS_FOLDER } from "./profile.ts";
import type { Programs } from "./programs.ts";
import type { Repository } from "./repository.ts";
import { seccompFilter } from "./seccomp.ts";
import { mayUseUnixSockets } from "./socket-probe.ts";
import { readSystemLinks, withMountsBelow } from "./system.ts";
import { findToolchains } from "./toolchains.ts";

/** Says what every one-shot of a session sees, and the host paths that the holder binds for it. */
export async function profileFor(
  plan: BoxPlan,
  programs: Programs,
  { repository, alternates }: { readonly repository: Repository | null; readonly alternates: readonly string[] },
): Promise<{ readonly profile: Profile; readonly binds: readonly string[]; readonly unixSockets: boolean }> {
  const { folder, checkout, identity } = plan;
  const toolchains = findToolchains(identity.home, checkout, plan.environment.PATH ?? "", identity.uid);
  const etc = stageEtc(plan.state, identity, identity.gitconfig);
  const tools = Object.entries(plan.tools);
  const roots = [...toolchains.roots, ...alternates];
  const binds = [...roots, etc, ...tools.map(([, path]) => path), join(folder.path, "trust")];
  const systemLinks = readSystemLinks();
  const systemFolders = ["/usr", ...systemLinks.flatMap(({ name, target }) => (target === null ? [`/${name}`] : []))];
  const mayUse = await mayUseUnixSockets({ state: plan.state, programs });
  // Where commands may make no unix socket anyway, nothing need be covered, and maybe nothing can.
  const uncovered = mayUse ? withMountsBelow([...systemFolders, ...roots]) : [...systemFolders, ...roots, "/etc"];
  const profile: Profile = {
    pins: pinsFor([...roots, checkout, ...(repository ? [repository.common] : [])], identity.home),
    home: identity.home,
    toolchains: roots,
    etcBind: roots.length,
    trustBind: binds.length - 1,
    tools: tools.map(([name], index) => ({ name, bind: roots.length + 1 + index })),
    systemLinks,
    uncovered,
    environment: sandboxEnvironment(plan.environment, { ...identity, path: `${toolchains.path}:${TOOLS_FOLDER}` }),
  };
  return { profile, binds, unixSockets: mayUse && uncovered.length === 0 };
}

/** Writes what the holder reads to build the root of every one-shot, and the filter for each. */
export function writeControl(plan: BoxPlan, profile: Profile, unixSockets: boolean): void {
  const ctl = join(plan.folder.path, "ctl");
  const layout = rootLayout(profile).flatMap(({ kind, source, path }) => [kind, source, path]);
  writeFileSync(join(ctl, "layout"), `${layout.join("\0")}\0`);
  const arch = process.arch === "arm64" ? "aarch64" : "x86_64";
  const filter = { arch, unixSockets, debug: plan.debug ?? false } as const;
  writeFileSync(join(ctl, "bpf"), seccompFilter({ ...filter, isOffline: false }));
  writeFileSync(join(ctl, "bpf-offline"), seccompFilter({ ...filter, isOffline: true }));
}

/** Writes what the first one-shot waits for: bubblewrap's arguments, and what the home of the box shows of the person's credentials. */
export function writeShown({ folder }: BoxPlan, profile: Profile, shown: Shown | undefined): void {
  const environment = { ...shown?.variables, ...profile.environment };
  writeFileSync(join(folder.path, "ctl/args"), `${sandboxArguments({ ...profile, environment }).join("\0")}\0`);
  for (const { path, content } of shown?.files ?? []) {
    const target = join(folder.path, "home", path);
    mkdirSync(dirname(target), { recursive: true, mode: 0o700 });
    writeFileSync(target, content, { mode: 0o600 });
  }
}
