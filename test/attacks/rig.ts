import { spawn } from "node:child_process";
import { chmodSync, chownSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { delimiter, isAbsolute, join } from "node:path";
import { fileURLToPath } from "node:url";
import { STAGE_PROJECT, STAGE_TOOLS } from "./place.ts";
import type { Job, Verdict } from "./stage.ts";

export type Actor = "root" | "user";

const PROJECT = fileURLToPath(new URL("../../", import.meta.url));
const TEST_USER = "ringfence-test";

/** Who the attacks are played as: both where root runs the tests, else whoever runs them. */
export function actors(): readonly Actor[] {
  return process.getuid?.() === 0 ? ["root", "user"] : ["user"];
}

/**
 * Plays cases in a stage of their own and returns a verdict for each, in no order.
 *
 * Undefended ones are played by the ordinary user, who is root of nothing but the stage, with all folders in memory.
 */
export async function play(plan: {
  readonly ids: readonly string[];
  readonly play: Job["play"];
  readonly actor: Actor;
  readonly atOnce: number;
}): Promise<Verdict[]> {
  const { uid, gid } = ordinaryUser();
  const isUndefended = plan.play === "undefended";
  const disk = isUndefended ? "memory" : mkdtempSync(join(tmpdir(), "ringfence-attacks-"));
  const isRoot = process.getuid?.() === 0;
  const stage = ["/usr/bin/perl", join(STAGE_PROJECT, "test/attacks/stage.pl")];
  const node = [
    join(STAGE_PROJECT, "node_modules/.bin/node"),
    "--no-warnings",
    join(STAGE_PROJECT, "test/attacks/stage.ts"),
  ];
  const unshare = ["unshare", "-mnpf", "--mount-proc", "--kill-child", "--propagation", "private"];
  const job: Job = { ids: plan.ids, play: plan.play, path: pathOutside(), atOnce: plan.atOnce };
  // The project may lie where another user cannot go: a first mount namespace shows it to all.
  const show = `mount -t tmpfs -o mode=0755 tmpfs /mnt && mkdir ${STAGE_PROJECT} && mount --bind "$0" ${STAGE_PROJECT} && exec "$@"`;
  const become =
    isUndefended || plan.actor === "user"
      ? ["setpriv", "--reuid", String(uid), "--regid", String(gid), "--clear-groups"]
      : [];
  const inner = isUndefended
    ? [
        ...(isRoot ? become : []),
        ...unshare,
        "-UrC",
        ...stage,
        STAGE_PROJECT,
        disk,
        String(uid),
        String(gid),
        "root",
        ...node,
      ]
    : [
        ...unshare,
        ...(isRoot ? [] : ["-Ur"]),
        ...stage,
        STAGE_PROJECT,
        disk,
        String(uid),
        String(gid),
        plan.actor,
        ...node,
      ];
  const words = [
    "unshare",
    isRoot ? "-m" : "-Urm",
    "--propagation",
    "private",
    "bash",
    "--norc",
    "-c",
    show,
    PROJECT,
    ...inner,
  ];
  try {
    if (disk !== "memory") chmodSync(disk, 0o755);
    if (disk !== "memory" && !isRoot) chownSync(disk, uid, gid);
    const text = await run(words, JSON.stringify(job));
    return text.split("\n").flatMap((line) => (line.startsWith("{") ? [JSON.parse(line) as Verdict] : []));
  } finally {
    if (disk !== "memory") rmSync(disk, { recursive: true, force: true });
  }
}

function run([program = "", ...args]: readonly string[], input: string): Promise<string> {
  const child = spawn(program, args, {
    cwd: "/",
    env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", HOME: "/" },
    stdio: ["pipe", "pipe", "pipe"],
  });
  let text = "";
  let errors = "";
  child.stdout.setEncoding("utf8").on("data", (piece: string) => {
    text += piece;
  });
  child.stderr.setEncoding("utf8").on("data", (piece: string) => {
    errors = (errors + piece).slice(-4000);
  });
  child.stdin.end(input);
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (status) =>
      status === 0
        ? resolve(text)
        : reject(new Error(`the stage ended with ${status}: ${errors}\n${text.slice(-500)}`)),
    );
  });
}

function ordinaryUser(): { uid: number; gid: number } {
  const [uid, gid] = [process.getuid?.() ?? 0, process.getgid?.() ?? 0];
  if (uid !== 0) return { uid, gid };
  const row = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .find((line) => line.startsWith(`${TEST_USER}:`));
  if (!row) throw new Error(`there is no user ${TEST_USER}: npm test makes one`);
  const [, , user, group] = row.split(":");
  return { uid: Number(user), gid: Number(group) };
}

/** Programs of the machine, as somebody without this home finds them. */
function pathOutside(): string {
  const folders = (process.env.PATH ?? "")
    .split(delimiter)
    .filter((folder) => isAbsolute(folder) && !isBelow(folder, homedir()) && !isBelow(folder, PROJECT));
  return [...new Set([...folders, "/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin", STAGE_TOOLS])].join(":");
}

function isBelow(path: string, folder: string): boolean {
  return join(path, "/").startsWith(join(folder, "/"));
}
