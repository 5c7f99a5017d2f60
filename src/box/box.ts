import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { decodePath, encodePath } from "../core/changes.ts";
import type { Outcome } from "../core/outcome.ts";
import { type Permit, spend } from "../core/permit.ts";
import type { Placeholder } from "../core/placeholders.ts";
import type { Rule } from "../core/policy-rules.ts";
import type { Fill } from "../core/secretfiles.ts";
import { findAlternates } from "./alternates.ts";
import { Background } from "./background.ts";
import { type Base, type Dropped, prepareBase } from "./base.ts";
import { existingWorkspace, partFolders, putMasksBack, showBase } from "./base-show.ts";
import { Bases } from "./bases.ts";
import { profileFor, writeControl, writeShown } from "./box-profile.ts";
import { HTTP_PORT, launcher, SOCKS_PORT } from "./commands.ts";
import { settleCopy } from "./copy-view.ts";
import { AS_IT_IS, type Performance, type TextRules } from "./finish.ts";
import { copyRootMode, readFacts, type SessionFacts, type SessionFolder, writeFacts } from "./folder.ts";
import { Follow } from "./follow.ts";
import { takeGit } from "./git-seen.ts";
import { type BoxSocket, type FoundSecret, Holder, type SavedBases, type ViewChoice, type ViewKind } from "./holder.ts";
import type { Identity } from "./identity.ts";
import { addCheckpoint, type Checkpoint, readLayers, reserveLayer, STACK_MAX, sealLayer } from "./layers.ts";
import { type Cgroups, LIMITS_DEFAULT, type Limits, makeCgroups, releaseCgroups } from "./limits.ts";
import { POLICY_PATH, scanTests, writeGitMasks, writeMasks } from "./mask.ts";
import { type OneShot, type Run, SETTLE_MS } from "./oneshot.ts";
import { perform } from "./perform.ts";
import { Pool } from "./pool.ts";
import { BoxUnavailable, findPrograms, type Programs } from "./programs.ts";
import type { Earlier } from "./reopen.ts";
import { findRepository, type Repository } from "./repository.ts";
import { strings } from "./script.ts";
import { type Streamed, type Streams, stream } from "./stream.ts";
import { isWithin } from "./toolchains.ts";
import { beginTrust, type JavaEntries, javaEntries, writeTrust } from "./trust.ts";
import { Watch, type Watched } from "./watch.ts";

export interface BoxPlan {
  readonly folder: SessionFolder;
  readonly checkout: string;
  /** Where in it commands start: "" for its root, else a path that ends in "/". */
  readonly below?: string;
  /** The program's own state folder, outside the checkout. */
  readonly state: string;
  readonly identity: Identity;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly limits?: Limits;
  /** Programs of ours that the box shows last in PATH: name and absolute path on the host. `rg` is one of them. */
  readonly tools: Readonly<Record<string, string>>;
  readonly startedAt: number;
  /** Goes on in the folder of a session that had a box before, over the layer that is there. */
  readonly isAgain?: boolean;
  /** Folders of objects outside the checkout that the person listed; its repository may borrow from these alone. */
  readonly alternates?: readonly string[];
  /** Finds what of the person's credentials is shown; asked while the holder looks through the checkout. */
  readonly shown?: () => Promise<Shown>;
  /** Ports of the box's loopback at which the host shows a service of the person's. */
  readonly services?: readonly number[];
  /** Paths of the checkout that the person's policy hides, as globs. */
  readonly hidden?: readonly string[];
  /** Files of rules that the person named for the session. */
  readonly policies?: readonly string[];
  /** Takes in the checkout's own policy, null for none, before anything runs; gives what the session keeps about landing. */
  readonly adoptPolicy?: (content: Uint8Array | null) => Promise<readonly Rule[]>;
  /** Lets ptrace through the filter, for strace, gdb and LeakSanitizer. */
  readonly debug?: boolean;
  /** What the view is; `copy` is for what tests it. */
  readonly view?: ViewChoice;
  /** What becomes of texts of the box before anybody is shown them. */
  readonly texts?: TextRules;
}

/** What of the person's credentials is shown: placeholders, in variables, in files of the home, and in masked copies. */
export interface Shown {
  readonly variables: Readonly<Record<string, string>>;
  /** Paths relative to the home. */
  readonly files: readonly { readonly path: string; readonly content: string }[];
  readonly fill: Fill;
  /** Asked once the masked copies are made. */
  readonly credentials: () => readonly Placeholder[];
}

/** A layer of at most this part of the limit of the disk is copied while a background command goes on. */
const COPY_SHARE = 8;

/**
 * The box of one session: its view, its sandboxes and what runs in them.
 *
 * Nothing runs without a permit. The host names paths only to say what to mount; it never opens one of the workspace.
 */
export class Box {
  readonly folder: SessionFolder;
  readonly limits: Limits;
  readonly background = new Background();
  /** Which limits have ended something since the box was opened. */
  readonly limitsPassed = new Set<Watched>();
  readonly masked: readonly string[];
  readonly view: ViewKind;
  /** What the person must know of the view, a sentence each: why git cannot work in it, say. */
  readonly notes: readonly string[];
  /** Whether toolchains of the person's home, or objects from elsewhere, are shown. */
  readonly showsHome: boolean;
  /** What it shows of the base layer; null when nothing. */
  base: Base | null;
  /** Units of the base layer that did not belong beside the checkout any more when the box was set up. */
  readonly dropped: readonly Dropped[];
  /** Where in the checkout commands start; the file tools start at its root always. */
  readonly below: string;
  readonly texts: TextRules;
  /** The state of the person's repository that the box took over last; see `syncGit`. */
  gitSeen: string;
  /** The authorities that the person trusts, in PEM. */
  readonly authorities: string;
  readonly #javaAuthorities: JavaEntries;
  readonly #programs: Programs;
  readonly #holder: Holder;
  readonly #pool: Pool;
  readonly #cgroups: Cgroups;
  readonly #watch: Watch;
  readonly #bases: Bases;
  readonly #active = new Set<OneShot>();
  /** Of which processes go on after their shell, as was waited for once. */
  readonly #lingering = new WeakSet<OneShot>();
  readonly #follow: Follow;
  #isFollowing = false;
  #isKilled = false;
  #freezes = 0;
  readonly #limitReasons = new WeakMap<OneShot, string>();

  private constructor(parts: BoxParts) {
    this.folder = parts.folder;
    this.limits = parts.limits;
    this.masked = parts.masked;
    this.view = parts.view;
    this.showsHome = parts.showsHome;
    this.#programs = parts.programs;
    this.notes = parts.notes;
    this.base = parts.base;
    this.dropped = parts.dropped;
    this.below = parts.below;
    this.texts = parts.texts;
    this.gitSeen = parts.gitSeen;
    this.authorities = parts.authorities;
    this.#javaAuthorities = parts.javaAuthorities;
    this.#holder = parts.holder;
    this.#cgroups = parts.cgroups;
    this.#bases = new Bases(parts.holder, parts.folder.path);
    this.#pool = new Pool({ holder: parts.holder, cgroups: parts.cgroups, limits: parts.limits });
    this.#follow = new Follow(parts.folder.path, (program, content) => this.#write(program, content));
    // A sandbox that the holder never made reports nothing, and nobody may wait for it.
    parts.holder.ended.then(() => this.#pool.close()).catch(() => {});
    this.#watch = new Watch({
      holder: parts.holder,
      limits: parts.limits,
      cgroups: parts.cgroups,
      folder: parts.folder.path,
      freeze: () => this.#stop(),
      thaw: () => this.thaw(),
      onLimit: (what, why) => this.#killForLimit(what, why),
    });
  }

  /** Sets up the box; throws BoxUnavailable, which names the fix, when any piece cannot be had. */
  static async open(plan: BoxPlan): Promise<Box> {
    const { checkout, folder, limits = LIMITS_DEFAULT } = plan;
    const programs = findPrograms();
    const earlier = plan.isAgain ? await readyAgain(folder.path, programs) : null;
    copyRootMode(folder, checkout);
    const { repository, alternates, notes } = await findGit(plan, programs);
    if (repository) copyRootMode(folder, repository.common, ["layer/git-upper", "mask-git"]);
    const { profile, binds, unixSockets } = await profileFor(plan, programs, { repository, alternates });
    const cgroups = makeCgroups(`ringfence-${folder.id}`, limits);
    writeControl(plan, profile, unixSockets);
    const preparing = prepareBase(plan.state, { checkout, repository, programs });
    const holder = new Holder({
      programs,
      session: folder.path,
      checkout,
      git: repository?.common ?? null,
      ports: [HTTP_PORT, SOCKS_PORT, ...(plan.services ?? [])],
      workspace: existingWorkspace(plan.state, checkout),
      launcher: launcher(limits, cgroups.pids !== null, process.umask(), checkout),
      binds,
      limits,
      cgroups,
      scan: scanTests(plan.hidden ?? []),
      view: plan.view ?? "auto",
    });
    try {
      // While the holder looks through the checkout.
      const authorities = beginTrust(folder.path, plan.environment, [checkout, plan.state]);
      const javaAuthorities = javaEntries(authorities);
      const [shown, found] = await Promise.all([plan.shown?.(), holder.scanned()]);
      writeShown(plan, profile, shown);
      const policy = found.find(({ place, path }) => place === "checkout" && decodePath(path) === POLICY_PATH);
      const landing = await plan.adoptPolicy?.(policy?.content ?? null);
      const masked = maskFound(found, folder.path, holder, { fill: shown?.fill, hidden: plan.hidden ?? [] });
      const { base, dropped } = await showBase(await preparing, folder, holder);
      const stack = (await earlier?.begin(holder)) ?? [];
      const gitSeen = earlier?.gitSeen ?? (await takeGit(folder.path, () => holder.copyGit(false)));
      const view = await holder.mountView(null, stack);
      const placeholders = shown?.credentials().map(({ placeholder, source }) => ({ placeholder, source })) ?? [];
      const seen = { masked, placeholders, repository, alternates, parts: partFolders(base), landing };
      const facts = factsOf(plan, seen);
      writeFacts(folder, earlier?.join(facts) ?? facts);
      return new Box({
        folder,
        limits,
        masked,
        view,
        showsHome: alternates.length > 0 || profile.toolchains.some((path) => isWithin(path, plan.identity.home)),
        programs,
        notes: [...notes, ...noteOf(view)],
        base,
        dropped,
        below: plan.below ?? "",
        texts: plan.texts ?? AS_IT_IS,
        gitSeen,
        authorities,
        javaAuthorities,
        holder,
        cgroups,
      });
    } catch (error) {
      await holder.close();
      releaseCgroups(cgroups);
      // Nothing was written in it yet, and why there is no box counts more.
      await settleCopy(folder.path, programs).catch(() => {});
      throw error;
    }
  }

  /** Spends a permit: does its effect and nothing else. */
  perform(permit: Permit, performance: Performance): Promise<Outcome> {
    return perform(this, spend(permit), performance);
  }

  /** Spends a permit for a command whose streams are passed through. */
  stream(permit: Permit, streams: Streams): Promise<Streamed> {
    return stream(this, spend(permit), streams);
  }

  /** Runs a shell program in a fresh sandbox. For the modules of the box alone; everybody else holds a permit. */
  async start(run: Run): Promise<Started> {
    // Nothing runs that would be confused by it, so the view shows the person's files themselves again.
    if (this.#active.size === 0 && !this.#follow.isEmpty) await this.remount();
    return this.#start(run);
  }

  /** Lets what runs in the box trust an authority, in PEM, beside those of the person. */
  trust(authority: string): void {
    writeTrust(this.folder.path, { pem: this.authorities, java: this.#javaAuthorities }, authority);
  }

  /** Lets commands that go on in the background notice what the person changes meanwhile. */
  async followCheckout(): Promise<void> {
    // On a branch of its own the view shows what the branch has.
    if (this.#isFollowing || readFacts(this.folder.path).branch) return;
    this.#isFollowing = true;
    await this.#holder.follow((seen) => this.#follow.take(seen));
  }

  async #write(program: string, content: Uint8Array | null): Promise<number | null> {
    if (!this.#isFollowing) return null;
    return (await this.#start({ command: program, stdin: content, onOutput: () => {} })).status;
  }

  async #start(run: Run): Promise<Started> {
    const oneShot = await this.#pool.take(run.profile ?? "net");
    this.#active.add(oneShot);
    this.#bases.later();
    this.#watch.start();
    oneShot.gone
      .then(() => {
        run.network?.end();
        return this.#forget(oneShot);
      })
      .catch(() => {});
    const status = oneShot.run(run).then((code) => {
      if (code === null && !oneShot.isKilled)
        throw new BoxUnavailable(`a sandbox ended before its command: ${oneShot.setupErrors}`);
      return code;
    });
    return { oneShot, status, limitReason: () => this.#limitReasons.get(oneShot) ?? null };
  }

  /** Hands over the sockets that listen on the box's own loopback: for HTTP, for SOCKS, and for each service. */
  takeListeners(): Promise<readonly BoxSocket[]> {
    return this.#holder.takeListeners();
  }

  /** Connects to a server of the box's own, on its loopback; null when nothing listens there. */
  connect(port: number): Promise<BoxSocket | null> {
    return this.#holder.connect(port);
  }

  /** Stops every process of the box at one instant, so that the layer holds still. */
  async freeze(): Promise<void> {
    await this.#stop();
    await this.#holder.settle();
    await this.#bases.save();
  }

  /** Makes the layer hold what the box wrote, while nothing runs in it; where the view is an overlay it always does. */
  settle(): Promise<void> {
    return this.#holder.settle();
  }

  // A count of the disk needs no more than this, and the longer it takes, the more is written meanwhile.
  async #stop(): Promise<void> {
    this.#freezes += 1;
    await this.#holder.freeze();
  }

  /** Ends a freeze. Two may overlap, landing and a count of the disk; nothing goes on before both have ended. */
  async thaw(): Promise<void> {
    this.#freezes -= 1;
    if (this.#freezes === 0) await this.#holder.thaw();
  }

  /** Mounts the view anew, so that files that were replaced outside are seen. Not done while a command still runs. */
  async remount(): Promise<void> {
    if (await this.isQuiet()) await this.renew(async () => {});
  }

  /** Whether no command runs. One whose shell has just ended gets a moment to be gone, since its sandbox ends a little later. */
  async isQuiet(): Promise<boolean> {
    const active = [...this.#active];
    if (active.some((oneShot) => !oneShot.hasExited || this.#lingering.has(oneShot))) return false;
    if (active.length === 0) return true;
    await Promise.race([Promise.all(active.map(({ gone }) => gone)), sleep(SETTLE_MS, null, { ref: false })]);
    for (const oneShot of active) if (!oneShot.isGone) this.#lingering.add(oneShot);
    return this.#active.size === 0;
  }

  /** Shows another base layer from the next mount of the view on. */
  async show(base: Base): Promise<void> {
    if (this.base !== null) putMasksBack(this.base, this.folder);
    const { base: shown } = await showBase({ base, dropped: [] }, this.folder, this.#holder);
    this.base = shown;
    writeFacts(this.folder, { ...readFacts(this.folder.path), parts: partFolders(shown) });
  }

  /** Kills every command, does something to the layer while no view is mounted, and mounts it again. */
  async renew(between: () => Promise<void>): Promise<void> {
    const since = await this.#unmount();
    try {
      await between();
    } finally {
      await this.#holder.mountView(since, readLayers(this.folder.path).stack);
      this.#pool.refill();
    }
  }

  /** Ends every command for good and does something to the layer, which nothing writes from then on. The box can only be closed. */
  async retire(act: () => Promise<void>): Promise<void> {
    this.#watch.close();
    await this.#unmount();
    await act();
  }

  /** Kills every command and unmounts the view. Returns the instant for the next one. */
  async #unmount(): Promise<string | null> {
    for (const oneShot of this.#active) oneShot.kill();
    await Promise.all([...this.#active].map((oneShot) => oneShot.gone));
    await this.#pool.drain();
    const { since } = await this.#bases.save();
    await this.#holder.unmountView();
    if (!this.#follow.isEmpty) {
      await this.#holder.dropFollowed();
      this.#follow.clear();
    }
    return since;
  }

  /** Keeps the checkout's version of what the layer holds, and tells which of those files the person has changed. */
  saveBases(): Promise<SavedBases> {
    return this.#bases.save();
  }

  /** Lists what of the checkout is newer than the view. */
  listNewer(msMax: number): ReturnType<Holder["listNewer"]> {
    return this.#holder.listNewer(msMax);
  }

  /** Names the state of the person's repository as it is now. */
  lookAtGit(): Promise<string> {
    return this.#holder.lookAtGit();
  }

  /** Shows the person's refs, HEAD, index and stash as they are now below the layer; names that state. */
  async copyGit(): Promise<string> {
    let state = "";
    await this.renew(async () => {
      state = await takeGit(this.folder.path, () => this.#holder.copyGit(true));
    });
    return state;
  }

  /** Says for each path whether the layer has something there. */
  async isInLayer(paths: readonly string[]): Promise<readonly boolean[]> {
    writeFileSync(join(this.folder.path, "ctl/paths"), strings(paths.map((path) => Buffer.from(encodePath(path)))));
    const digits = await this.#holder.overlaid();
    return paths.map((_path, index) => digits[index] === "1");
  }

  /** Says whether the layer holds anything at all. */
  async hasChanges(): Promise<boolean> {
    return readLayers(this.folder.path).stack.length > 0 || (await this.#holder.hasChanges());
  }

  /**
   * Keeps what the layer is now, so that a rewind can go back to it, and writes it down.
   *
   * With nothing running, the layer is sealed, whatever its size. What a background command writes to cannot be sealed:
   * it is copied while everything stands still, up to a size; beyond that the checkpoint has no stack.
   */
  async checkpoint(what: Checkpoint["what"], title: string): Promise<Checkpoint> {
    const { path } = this.folder;
    let { stack } = readLayers(path);
    let kept: readonly number[] | null = stack;
    if (await this.#holder.hasChanges()) {
      if (stack.length >= STACK_MAX) kept = null;
      else if (!(await this.isQuiet())) kept = await this.#copyLayer();
      else {
        await this.renew(async () => {
          stack = sealLayer(path).stack;
        });
        kept = stack;
      }
    }
    return addCheckpoint(path, { at: Date.now(), what, title, stack: kept }, stack);
  }

  async #copyLayer(): Promise<readonly number[] | null> {
    const number = reserveLayer(this.folder.path, (stack) => stack);
    await this.freeze();
    try {
      const { diskBytes, diskFiles } = this.limits;
      const bounds = {
        kibMax: Math.floor(diskBytes / 1024 / COPY_SHARE),
        filesMax: Math.floor(diskFiles / COPY_SHARE),
      };
      const isKept = await this.#holder.keepCopy(number, bounds);
      return isKept ? [number, ...readLayers(this.folder.path).stack] : null;
    } finally {
      await this.thaw();
    }
  }

  /** Kills every process of the session at once, without waiting for any. The box can only be closed. */
  kill(): void {
    this.#isKilled = true;
    this.#watch.close();
    this.#holder.kill();
  }

  /** Kills every process of the session and gives back what was set up. The layer stays. */
  async close(): Promise<void> {
    this.#watch.close();
    try {
      if (this.#bases.isNeeded && !this.#isKilled) await this.#bases.save();
    } finally {
      // A disk that is full must not keep what runs alive.
      this.#pool.close();
      for (const oneShot of this.#active) oneShot.close();
      await this.#holder.close();
      releaseCgroups(this.#cgroups);
    }
    await settleCopy(this.folder.path, this.#programs);
  }

  #forget(oneShot: OneShot): void {
    this.#active.delete(oneShot);
    this.#bases.later();
    if (this.#active.size > 0) return;
    this.#watch.stop();
    if (this.#isFollowing) this.#holder.unfollow();
    this.#isFollowing = false;
  }

  async #killForLimit(what: Watched, why: string): Promise<void> {
    this.limitsPassed.add(what);
    const killed = [...this.#active];
    for (const oneShot of killed) {
      if (!this.#limitReasons.has(oneShot)) this.#limitReasons.set(oneShot, `${what}: ${why}`);
      oneShot.kill();
    }
    await Promise.all(killed.map(({ gone }) => gone));
  }
}

function factsOf(
  { folder: { id }, checkout, startedAt, policies = [] }: BoxPlan,
  {
    landing = [],
    ...seen
  }: Omit<SessionFacts, "id" | "checkout" | "startedAt" | "landing"> & {
    readonly landing: readonly Rule[] | undefined;
  },
): SessionFacts {
  const facts = { id, checkout, startedAt, ...seen };
  return { ...facts, ...(landing.length > 0 ? { landing } : {}), ...(policies.length > 0 ? { policies } : {}) };
}

// Loaded where it is needed alone: a new session has none.
async function readyAgain(sessionPath: string, programs: Programs): Promise<Earlier | null> {
  const { Earlier } = await import("./reopen.ts");
  return Earlier.ready(sessionPath, programs);
}

function noteOf({ kind, why }: ViewKind): readonly string[] {
  if (kind === "overlay" || why === "") return [];
  return [
    `the view is a copy of the checkout, since the kernel refuses an overlay here: ${why}; it takes time and disk as copying the checkout does, and what you save meanwhile shows from the next turn on`,
  ];
}

/** Writes the masks of what was found, and names those of the checkout. */
function maskFound(
  found: readonly FoundSecret[],
  path: string,
  holder: Holder,
  how: { readonly fill: Fill | undefined; readonly hidden: readonly string[] },
): readonly string[] {
  const foundIn = (where: FoundSecret["place"]) => found.filter(({ place }) => place === where);
  writeGitMasks(join(path, "mask-git"), foundIn("git"));
  return writeMasks(join(path, "mask"), foundIn("checkout"), holder, how);
}

/** Finds what of the checkout's repository lies outside it, and may be shown. */
async function findGit(
  { checkout, identity, state, alternates = [] }: BoxPlan,
  programs: Programs,
): Promise<{
  readonly repository: Repository | null;
  readonly alternates: readonly string[];
  readonly notes: readonly string[];
}> {
  const { repository, refused } = await findRepository({
    checkout,
    programs,
    hidden: [identity.home, state],
    closed: [state],
  });
  const git = repository?.common ?? join(checkout, ".git");
  const { folders, notes } = await findAlternates({ checkout, git, allowed: alternates, programs });
  return { repository, alternates: folders, notes: refused === null ? notes : [refused, ...notes] };
}

export interface Started {
  readonly oneShot: OneShot;
  readonly status: Promise<number | null>;
  /** Why a limit of the session killed it; null while none did. */
  readonly limitReason: () => string | null;
}

interface BoxParts {
  readonly folder: SessionFolder;
  readonly limits: Limits;
  readonly masked: readonly string[];
  readonly view: ViewKind;
  readonly showsHome: boolean;
  readonly programs: Programs;
  readonly notes: readonly string[];
  readonly base: Base | null;
  readonly dropped: readonly Dropped[];
  readonly below: string;
  readonly texts: TextRules;
  readonly gitSeen: string;
  readonly authorities: string;
  readonly javaAuthorities: JavaEntries;
  readonly holder: Holder;
  readonly cgroups: Cgroups;
}
