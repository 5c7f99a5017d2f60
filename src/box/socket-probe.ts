import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { release } from "node:os";
import { join } from "node:path";
import type { Programs } from "./programs.ts";

export interface SocketProbePlan {
  readonly state: string;
  readonly programs: Pick<Programs, "setpriv" | "unshare" | "perl">;
}

const PROBE_MS_MAX = 5000;

/**
 * Says whether commands may make unix sockets: only where none of the host's can be reached through the view.
 *
 * Tried once for each kernel, with an overlay and a network namespace made as the holder makes them, and remembered in
 * the state folder. A plain bind is tried beside them: where not even that reaches the socket, the probe proves nothing,
 * and the answer is no.
 */
export async function mayUseUnixSockets(plan: SocketProbePlan): Promise<boolean> {
  const file = join(plan.state, `sockets-${stamp()}`);
  const known = readKnown(file);
  if (known !== null) return known;
  const answer = await probe(plan);
  if (answer === null) return false;
  const draft = `${file}.${randomBytes(4).toString("hex")}`;
  writeFileSync(draft, answer ? "yes" : "no", { mode: 0o600 });
  renameSync(draft, file);
  return answer;
}

/** Runs the probe; null when it could not be carried out. */
export async function probe({ state, programs }: SocketProbePlan): Promise<boolean | null> {
  const folder = mkdtempSync(join(state, "probe-"));
  for (const name of ["lower", "upper", "work", "view", "plain"]) mkdirSync(join(folder, name));
  let reached = "";
  const serve = (way: string) =>
    createServer((socket) => socket.on("error", () => {}).on("data", (text) => (reached += `${way}:${text} `)));
  const [path, abstract] = [serve("path"), serve("abstract")];
  const name = `ringfence-${randomBytes(8).toString("hex")}`;
  try {
    const listening = [once(path, "listening"), once(abstract, "listening")];
    path.listen(join(folder, "lower", "s"));
    abstract.listen(`\0${name}`);
    await Promise.all(listening);
    const said = await runProbe(programs, folder, name);
    if (said === null || !said.includes("plain reached")) return null;
    return (
      said === "view refused\nplain reached\nabstract refused\n" &&
      !reached.includes("view") &&
      !reached.includes("abstract")
    );
  } catch {
    return null;
  } finally {
    path.close();
    abstract.close();
    removeProbe(folder);
  }
}

// Run in its own user, mount and network namespace, like the holder; its mounts end with it.
const SCRIPT = `use strict; use Socket;
my ($folder, $name, $arch) = @ARGV;
my $mount = $arch eq "arm64" ? 40 : 165;
my @overlay = ("overlay", "$folder/view", "overlay", "userxattr,index=on,lowerdir=$folder/lower,upperdir=$folder/upper,workdir=$folder/work");
syscall($mount, $overlay[0], $overlay[1], $overlay[2], 0, $overlay[3]) == 0 or die "overlay: $!";
my @bind = ("$folder/lower", "$folder/plain", "none", "");
syscall($mount, $bind[0], $bind[1], $bind[2], 4096, $bind[3]) == 0 or die "bind: $!";
for (["view", "$folder/view/s"], ["plain", "$folder/plain/s"], ["abstract", "\\0$name"]) {
  my ($way, $address) = @$_;
  socket(my $socket, AF_UNIX, SOCK_STREAM, 0) or die "socket: $!";
  my $ok = connect($socket, pack_sockaddr_un($address));
  send($socket, $way, 0) if $ok;
  print "$way ", ($ok ? "reached" : "refused"), "\\n";
}
`;

async function runProbe(programs: SocketProbePlan["programs"], folder: string, name: string): Promise<string | null> {
  const args = [
    "--pdeathsig",
    "KILL",
    programs.unshare,
    "-Urmn",
    "--propagation",
    "private",
    programs.perl,
    "-e",
    SCRIPT,
    folder,
    name,
    process.arch,
  ];
  const child = spawn(programs.setpriv, args, {
    cwd: "/",
    env: { PATH: "/usr/bin:/bin" },
    stdio: ["ignore", "pipe", "ignore"],
    timeout: PROBE_MS_MAX,
    killSignal: "SIGKILL",
  });
  let said = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  const [status] = (await once(child, "close")) as [number | null];
  return status === 0 ? said : null;
}

function removeProbe(folder: string): void {
  // The overlay leaves a folder without any mode, which its own owner could not list.
  const left = join(folder, "work", "work");
  if (existsSync(left)) chmodSync(left, 0o700);
  rmSync(folder, { recursive: true, force: true });
}

function stamp(): string {
  return createHash("sha256").update(`${release()} ${process.arch} ${SCRIPT}`).digest("hex").slice(0, 20);
}

function readKnown(file: string): boolean | null {
  try {
    const text = readFileSync(file, "utf8");
    return text === "yes" ? true : text === "no" ? false : null;
  } catch {
    return null;
  }
}
