import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, constants, openSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { decodePath } from "../core/changes.ts";
import type { RunProfile } from "../core/shell.ts";
import type { Seen } from "./follow.ts";
import type { Cgroups, Limits } from "./limits.ts";
import { BoxUnavailable, type Programs } from "./programs.ts";
import { explainRefusal } from "./refusal.ts";

export interface HolderPlan {
  readonly programs: Programs;
  /** The session's folder; holds `root layer mask mask-git bases git-state home ctl`. */
  readonly session: string;
  readonly checkout: string;
  /** The git folder that the checkout shares and that lies outside it; null when there is none. */
  readonly git: string | null;
  /** Folder of the checkout's base layer; null without one. */
  readonly workspace: string | null;
  readonly launcher: string;
  /** Ports of the box's loopback that the host answers. */
  readonly ports: readonly number[];
  /** Host paths that the holder binds under `/bind/0`, `/bind/1`, … */
  readonly binds: readonly string[];
  readonly limits: Limits;
  readonly cgroups: Cgroups;
  /** `find` tests, one argument a line, that select files that may hold secrets. */
  readonly scan: readonly string[];
  readonly view: ViewChoice;
}

/** `auto`: an overlay, or a copy where none is to be had. `copy`: a copy in any case. */
export type ViewChoice = "auto" | "copy";

/** What the view is, and why it is a copy where an overlay was tried. */
export interface ViewKind {
  readonly kind: "overlay" | "copy";
  readonly why: string;
}

/** A file of the checkout, or of its git folder outside it, that may hold a secret. */
export interface FoundSecret {
  readonly place: "checkout" | "git";
  readonly path: Uint8Array;
  readonly mode: number;
  readonly content: Uint8Array;
}

/** A file of which the layer has a version, and that the person has changed since. */
export interface EditedFile {
  readonly path: string;
  /** ctime in nanoseconds since 1970; "0" when it is gone. */
  readonly changedAt: string;
}

/** Something of the checkout that is newer than the view. */
export interface NewerFile {
  readonly path: string;
  readonly isFolder: boolean;
}

export interface SavedBases {
  /** An instant that the next view may be mounted for; null when not every path of the layer could be saved or marked. */
  readonly since: string | null;
  readonly edited: readonly EditedFile[];
}

/** A socket of the box's network, as a server takes one that listens, and a `net.Socket` one that is connected. */
export interface BoxSocket {
  close(): void;
}

const LINE_BYTES_MAX = 8 << 20;
const READY_MS_MAX = 30_000;
const HELP_MS_MAX = 15_000;

/**
 * Starts the holder of a session and speaks its line protocol.
 *
 * It is started through bash, which closes every descriptor that this program may have inherited and joins the control
 * groups; it lives in a session of its own so that the terminal's interrupt does not reach it; it dies with this process.
 */
export class Holder {
  readonly #child: ChildProcess;
  readonly #waiting: { readonly word: string; readonly resolve: (line: string) => void }[] = [];
  #rest = "";
  #failure: string | null = null;
  #errors = "";
  readonly #found: FoundSecret[] = [];
  #onSeen: (seen: Seen) => void = () => {};
  #edited: EditedFile[] = [];
  #newer: NewerFile[] = [];
  readonly #helpers = new Set<Promise<void>>();
  #onEnd: () => void = () => {};
  #fifos: number | null = null;
  readonly #listeners: BoxSocket[] = [];
  readonly #handedOut = Promise.withResolvers<readonly BoxSocket[]>();
  #areListenersTaken = false;
  #connections = 0;
  /** Who waits for which connection. */
  readonly #handingOver = new Map<number, (socket: BoxSocket) => void>();
  readonly ended: Promise<void>;

  constructor(plan: HolderPlan) {
    const { programs } = plan;
    const script =
      'for fd in /proc/self/fd/*; do fd=${fd##*/}; [ "$fd" -gt 3 ] && eval "exec $fd>&-"; done\n' +
      'while [ "$1" != -- ]; do echo $$ >"$1/cgroup.procs" || exit 9; shift; done; shift\nexec "$@"';
    const holder = fileURLToPath(new URL("./holder.pl", import.meta.url));
    const args = [
      "--norc",
      "--noprofile",
      "-c",
      script,
      "bash",
      ...plan.cgroups.joined,
      "--",
      programs.setpriv,
      "--pdeathsig",
      "KILL",
      programs.unshare,
      "-Urmnpf",
      "--mount-proc",
      "--propagation",
      "private",
      "--kill-child",
      programs.perl,
      holder,
      `${plan.session}/root`,
      plan.session,
      plan.checkout,
      plan.git ?? "",
      process.arch,
      programs.bwrap,
      programs.find,
      plan.scan.join("\n"),
      plan.launcher,
      String(plan.limits.tmpBytes),
      plan.cgroups.pids ?? "",
      plan.workspace ?? "",
      plan.ports.join(","),
      plan.view,
      ...plan.binds,
    ];
    this.#child = spawn(programs.bash, args, {
      cwd: "/",
      env: { PATH: "/usr/bin:/bin:/usr/sbin:/sbin" },
      stdio: ["pipe", "pipe", "pipe", "ipc"],
      detached: true,
    });
    this.#child.stdin?.on("error", () => {});
    this.#child.stdout?.setEncoding("latin1").on("data", (text: string) => this.#read(text));
    this.#child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#errors = (this.#errors + text).slice(-4096);
    });
    this.#child.on("message", (what, handle) => {
      const socket = handle as unknown as BoxSocket;
      const [word, id] = String(what).split(" ");
      if (word === "connection") return void this.#handingOver.get(Number(id))?.(socket);
      this.#listeners.push(socket);
      if (this.#listeners.length === plan.ports.length) this.#handedOut.resolve(this.#listeners);
    });
    this.#child.channel?.unref();
    this.#child.on("error", (error) => this.#end(error.message));
    this.ended = new Promise((resolve) => {
      this.#onEnd = resolve;
    });
    this.#child.on("close", () => this.#end("it ended"));
  }

  /** Waits for the scan of the checkout; gives each file that may hold a secret. */
  async scanned(): Promise<readonly FoundSecret[]> {
    const timer = setTimeout(() => this.kill(), READY_MS_MAX);
    await this.#expect("scanned").finally(() => clearTimeout(timer));
    // An open folder, since the number in /proc could be another process's once this one is gone.
    this.#fifos = openSync(`/proc/${this.#child.pid}/root/f`, constants.O_RDONLY | constants.O_DIRECTORY);
    return this.#found.splice(0);
  }

  /** Hands over the sockets that listen on the box's loopback, in the order of its ports; whoever takes them closes them. */
  takeListeners(): Promise<readonly BoxSocket[]> {
    this.#areListenersTaken = true;
    return this.#handedOut.promise;
  }

  /** Connects to a port of the box's loopback; null when nothing listens there. */
  async connect(port: number): Promise<BoxSocket | null> {
    const { promise, resolve } = Promise.withResolvers<BoxSocket>();
    const id = ++this.#connections;
    this.#handingOver.set(id, resolve);
    this.#say(`C ${id} ${port}`);
    try {
      return (await this.#expect("connected")) === "connected 1" ? await promise : null;
    } finally {
      this.#handingOver.delete(id);
    }
  }

  /** Folder of the FIFOs, in the holder's memory: on a disk they cost a call a millisecond. */
  get fifos(): string {
    return `/proc/self/fd/${this.#fifos ?? "none"}`;
  }

  /** Chooses the parts of the base layer that the view shows from its next mount on; false when one was removed meanwhile. */
  async showParts(names: readonly string[]): Promise<boolean> {
    this.#say(`p ${names.join(" ")}`);
    return (await this.#expect("parts")) === "parts 1";
  }

  /**
   * Mounts the view over the sealed layers with these numbers, newest first.
   *
   * `since`: every path of the layer was saved or marked at that instant (`saveBases`).
   */
  async mountView(since: string | null, sealed: readonly number[]): Promise<ViewKind> {
    this.#say(`v ${[since ?? "-", ...sealed].join(" ")}`);
    const [, kind, ...why] = (await this.#expect("viewed")).split(" ");
    return { kind: kind === "copy" ? "copy" : "overlay", why: why.join(" ") };
  }

  /** Makes the layer hold what the box wrote; with an overlay it always does. The box stands still, or nothing runs in it. */
  async settle(): Promise<void> {
    this.#say("S");
    await this.#expect("settled");
  }

  /** Goes on from the view that an earlier holder mounted over these sealed layers; before the first mount. */
  async goOn(sealed: readonly number[]): Promise<void> {
    this.#say(`r ${sealed.join(" ")}`);
    await this.#expect("going");
  }

  async unmountView(): Promise<void> {
    this.#say("u");
    await this.#expect("unviewed");
  }

  /** Names the state of the person's repository: another name whenever a ref, HEAD, the index or the stash changed. */
  async lookAtGit(): Promise<string> {
    this.#say("g");
    return (await this.#expect("looked")).slice("looked ".length);
  }

  /** Copies what of the person's repository changes in place, for a view that is not mounted, and names that state. */
  async copyGit(withSeed: boolean): Promise<string> {
    this.#say(`G ${withSeed ? 1 : 0}`);
    return (await this.#expect("copied")).slice("copied ".length);
  }

  /** Tells, with a digit for each path of the list in `ctl/paths`, which of them the layer has. */
  async overlaid(): Promise<string> {
    this.#say("o");
    return (await this.#expect("overlaid")).slice("overlaid ".length);
  }

  hideName(path: Uint8Array): void {
    this.#say(`w ${Buffer.from(path).toString("hex")}`);
  }

  /** Forks a sandbox with the FIFOs of this id, in this one of the control groups, bounded by a profile. */
  spawn(id: number, group: number, profile: RunProfile): void {
    this.#say(`s ${id} ${group} ${profile}`);
  }

  /** Kills a sandbox by the pid that bubblewrap reported; its whole PID namespace goes with it. */
  killSandbox(pid: number): void {
    this.#say(`k ${pid}`);
  }

  /** Stops every process of the session but the holder, at one instant. */
  async freeze(): Promise<void> {
    // What counts or saves for the host is a process of the session too: stopped, it would answer only after a thaw.
    for (const helper of this.#helpers) await helper;
    this.#say("f");
    await this.#expect("frozen");
  }

  async thaw(): Promise<void> {
    this.#say("t");
    await this.#expect("thawed");
  }

  /** Sums what the session's processes hold of memory; what they share is counted once they may hold more than `enough`. */
  async measure(enough: number): Promise<{ readonly memoryBytes: number; readonly processes: number }> {
    this.#say(`m ${enough}`);
    const [, memory, processes] = (await this.#expect("measured")).split(" ");
    return { memoryBytes: Number(memory), processes: Number(processes) };
  }

  /** Says whether anything was written since the layer was sealed last. */
  async hasChanges(): Promise<boolean> {
    this.#say("c");
    return (await this.#expect("changes")) === "changes 1";
  }

  /** Copies the topmost layer to a sealed one of this number, and says whether it was small enough for that. */
  async keepCopy(number: number, bounds: { readonly kibMax: number; readonly filesMax: number }): Promise<boolean> {
    this.#say(`y ${number} ${bounds.kibMax} ${bounds.filesMax}`);
    return (await this.#help("kept")) === "kept 1";
  }

  /** Reports what the person changes in the checkout from now on. */
  async follow(onSeen: (seen: Seen) => void): Promise<void> {
    this.#onSeen = onSeen;
    this.#say("F");
    await this.#expect("following");
  }

  unfollow(): void {
    this.#say("H");
  }

  /** Takes what was followed out of the topmost layer; no view may be mounted. */
  async dropFollowed(): Promise<void> {
    this.#say("z");
    await this.#expect("dropped");
  }

  /** Saves the checkout's version of what the layer holds, as far as it is certain. One at a time. */
  async saveBases(): Promise<SavedBases> {
    this.#edited = [];
    this.#say("b");
    const [, isWhole, since] = (await this.#help("bases")).split(" ");
    return { since: isWhole === "1" ? (since ?? null) : null, edited: this.#edited };
  }

  /** Lists what of the checkout is newer than the view, within a time; `isWhole` says that it was enough. */
  async listNewer(msMax: number): Promise<{ readonly isWhole: boolean; readonly newer: readonly NewerFile[] }> {
    this.#newer = [];
    this.#say(`n ${msMax}`);
    const isWhole = (await this.#help("listed")) === "listed 1";
    return { isWhole, newer: this.#newer };
  }

  /** Counts what the layer and the home of the box take on the disk. */
  async countDisk(): Promise<{ readonly bytes: number; readonly files: number }> {
    this.#say("d");
    const [, kib, files] = (await this.#help("disk")).split(" ");
    return { bytes: Number(kib) * 1024, files: Number(files) };
  }

  /** Ends the session's namespaces, waits until nothing of them is left, and gives back what was held. */
  async close(): Promise<void> {
    this.kill();
    await this.ended;
    // Without anybody to accept, what the box connects would wait for ever.
    if (!this.#areListenersTaken) for (const listener of this.#listeners) listener.close();
    if (this.#fifos !== null) closeSync(this.#fifos);
    this.#fifos = null;
  }

  /** Ends the session's namespaces and with them every process in the box. */
  kill(): void {
    this.#child.stdin?.end();
    if (this.#child.pid !== undefined && this.#child.exitCode === null) this.#child.kill("SIGKILL");
  }

  #say(line: string): void {
    if (this.#failure === null) this.#child.stdin?.write(`${line}\n`);
  }

  /** Waits for the answer of a child of the holder. */
  async #help(word: string): Promise<string> {
    const answer = this.#expect(word);
    // Killed for its memory, it never answers.
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, HELP_MS_MAX);
    this.#helpers.add(promise);
    try {
      return await answer;
    } finally {
      clearTimeout(timer);
      resolve();
      this.#helpers.delete(promise);
    }
  }

  #expect(word: string): Promise<string> {
    return new Promise((resolve, reject) => {
      // Explained only where it matters, since that runs programs and this is told of every holder that ends.
      if (this.#failure !== null) return reject(new BoxUnavailable(explainRefusal(this.#failure, this.#errors)));
      this.#waiting.push({
        word,
        resolve: (line) => {
          if (line.startsWith("failed")) reject(new BoxUnavailable(explainRefusal(line, this.#errors)));
          else resolve(line);
        },
      });
    });
  }

  #read(text: string): void {
    this.#rest += text;
    if (this.#rest.length > LINE_BYTES_MAX) this.#protocolBroken("a line is too long");
    for (let end = this.#rest.indexOf("\n"); end >= 0; end = this.#rest.indexOf("\n")) {
      const line = this.#rest.slice(0, end);
      this.#rest = this.#rest.slice(end + 1);
      this.#readLine(line);
    }
  }

  #readLine(line: string): void {
    if (line.startsWith("secret ") || line.startsWith("gitsecret ")) {
      const [word, path = "", mode, content = ""] = line.split(" ");
      this.#found.push({
        place: word === "secret" ? "checkout" : "git",
        path: Buffer.from(path, "hex"),
        mode: Number(mode),
        content: Buffer.from(content, "hex"),
      });
      return;
    }
    if (line.startsWith("saw ")) {
      const [, copy = "", mode, isInLayer, path = ""] = line.split(" ");
      this.#onSeen({
        path: Buffer.from(path, "hex"),
        copy: copy === "-" ? null : copy,
        mode: Number(mode),
        isInLayer: isInLayer === "1",
      });
      return;
    }
    if (line.startsWith("edited ")) {
      const [, path = "", changedAt = ""] = line.split(" ");
      this.#edited.push({ path: decodePath(Buffer.from(path, "hex")), changedAt });
      return;
    }
    if (line.startsWith("newer ")) {
      const [, kind, path = ""] = line.split(" ");
      this.#newer.push({ path: decodePath(Buffer.from(path, "hex")), isFolder: kind === "d" });
      return;
    }
    // A count of the disk answers late, so an answer belongs to the first wait for its word; a failure to the first of all.
    const index = this.#waiting.findIndex(({ word }) => line.startsWith("failed") || line.startsWith(word));
    const [next] = index < 0 ? [] : this.#waiting.splice(index, 1);
    if (next) next.resolve(line);
    else this.#protocolBroken(`"${line.slice(0, 80)}" was not expected`);
  }

  #protocolBroken(what: string): void {
    this.#failure ??= `the holder of the box: ${what}`;
    this.kill();
  }

  #end(reason: string): void {
    this.#failure ??= `the holder of the box is gone: ${reason}`;
    for (const waiting of this.#waiting.splice(0)) waiting.resolve(`failed ${reason}`);
    this.#onEnd();
  }
}
