import { tmpdir } from "node:os";
import { findRipgrep, stateFolder } from "../agent/config.ts";
import type { Start } from "../agent/workplace.ts";
import { runDoctor } from "../box/doctor.ts";
import { formatDoctor } from "../box/doctor-format.ts";
import { readIdentity } from "../box/identity.ts";
import { visibleJson } from "../core/text.ts";
import { type Terminal, writeSafe } from "./terminal.ts";

/** `ringfence doctor`: tries the forbidden acts on this machine, now; exit 0 when every one was tried and held. */
export async function doctorCommand(
  options: { readonly json: boolean },
  start: Start,
  terminal: Terminal,
): Promise<number> {
  const { environment, packageRoot } = start;
  const report = await runDoctor({
    state: stateFolder(environment),
    identity: await readIdentity(environment),
    environment,
    ripgrep: findRipgrep(packageRoot),
    startedAt: Date.now(),
    temp: tmpdir(),
  });
  if (options.json) terminal.stdout.write(`${visibleJson(JSON.stringify(report))}\n`);
  else writeSafe(terminal.stdout, formatDoctor(report));
  return report.ok ? 0 : 1;
}
