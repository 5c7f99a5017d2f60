import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Outcome } from "../core/outcome.ts";
import { findRipgrep } from "./box.fixture.ts";
import { ACTS, type DoctorReport, runDoctor } from "./doctor.ts";
import { tryAct, type Verdict } from "./doctor-act.ts";
import { LIMIT_ACTS } from "./doctor-acts-limits.ts";
import { makePlace, removeFolder } from "./doctor-place.ts";
import { readIdentity } from "./identity.ts";

/** Runs the doctor with a state folder of its own. */
export async function examine(): Promise<DoctorReport> {
  const folder = mkdtempSync(join(tmpdir(), "ringfence-doctor-test-"));
  const state = join(folder, "state");
  mkdirSync(state, { mode: 0o700 });
  const environment = process.env;
  const report = await runDoctor({
    state,
    identity: await readIdentity(environment),
    environment,
    ripgrep: findRipgrep(),
    startedAt: Date.now(),
    temp: folder,
  });
  removeFolder(folder);
  return report;
}

/** Tries acts without the box: namespaces with all capabilities, a home and a `/dev` in memory, but no other wall. */
async function tryUndefended(ids: readonly string[]): Promise<Record<string, Verdict>> {
  const verdicts: Record<string, Verdict> = {};
  const left = [...ids];
  const lane = async () => {
    for (let id = left.shift(); id !== undefined; id = left.shift()) verdicts[id] = await tryOneUndefended(id);
  };
  await Promise.all([lane(), lane(), lane()]);
  return verdicts;
}

async function tryOneUndefended(id: string): Promise<Verdict> {
  const act = [...ACTS, ...LIMIT_ACTS].find((one) => one.id === id);
  if (act === undefined) throw new Error(`there is no act "${id}"`);
  const home = mkdtempSync(join(tmpdir(), "ringfence-undefended-"));
  const place = await makePlace({ temp: home, home: join(home, "home"), toolchainRoots: [] });
  mkdirSync(place.home);
  const verdict = await tryAct(act, place, (command, timeoutMs) =>
    runUndefended(command, timeoutMs, place.home, place.canary),
  );
  place.remove();
  removeFolder(home);
  return verdict;
}

const UNDEFENDED = `mount -t tmpfs none "$HOME" && mkdir -m 700 "$HOME/.ssh" "$HOME/.dev" && : >"$HOME/.ssh/id_ed25519" || exit 99
for name in null zero random urandom tty; do : >"$HOME/.dev/$name"; mount --bind /dev/$name "$HOME/.dev/$name" || exit 99; done
mount --rbind "$HOME/.dev" /dev || exit 99
export PATH=/usr/bin:/bin:/usr/sbin:/sbin
exec 3</proc/self/status
eval "$1"`;

async function runUndefended(command: string, timeoutMs: number, home: string, canary: string): Promise<Outcome> {
  const env = { PATH: "/usr/bin:/bin:/usr/sbin:/sbin", HOME: home, RINGFENCE_CANARY: canary, CANARY_TOKEN: canary };
  const unshare = ["-Urmpf", "--mount-proc", "--propagation", "private", "--kill-child"];
  const child = spawn("/usr/bin/unshare", [...unshare, "/bin/bash", "--norc", "-c", UNDEFENDED, "bash", command], {
    cwd: "/",
    env,
    stdio: ["ignore", "pipe", "pipe"],
    timeout: timeoutMs,
    killSignal: "SIGKILL",
  });
  let text = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (piece: string) => (text += piece));
  const [status] = (await once(child, "close")) as [number | null];
  if (status === 99) throw new Error(`the throw-away place could not be set up: ${text}`);
  return status === 0 ? { ok: true, text } : { ok: false, code: "exit", text: `${text}\nexit status ${status}` };
}

/** Runs this file as the ordinary user that the set-up made, or as who runs the tests, and reads what it prints. */
export function asOrdinaryUser(mode: "doctor" | "undefended", ids: readonly string[]): unknown {
  const user = "ringfence-test";
  const node = [process.execPath, "--no-warnings", fileURLToPath(import.meta.url), mode, ...ids];
  const isRoot = process.getuid?.() === 0;
  const become = ["setpriv", "--reuid", user, "--regid", user, "--clear-groups"];
  const [program = "", ...args] = isRoot ? [...become, ...node] : node;
  const env = isRoot ? { PATH: "/usr/local/bin:/usr/bin:/bin", HOME: `/home/${user}`, USER: user } : process.env;
  const child = spawnSync(program, args, { cwd: "/", env, encoding: "utf8", timeout: 240_000, maxBuffer: 1 << 24 });
  if (child.status !== 0) throw new Error(`${mode} as ${user}: status ${child.status}: ${child.stderr.slice(-4000)}`);
  return JSON.parse(child.stdout) as unknown;
}

const [, file, mode, ...ids] = process.argv;
if (file === fileURLToPath(import.meta.url)) {
  const answer = mode === "doctor" ? await examine() : await tryUndefended(ids);
  process.stdout.write(JSON.stringify(answer));
}
