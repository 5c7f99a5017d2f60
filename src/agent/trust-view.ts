import { createHash } from "node:crypto";
import type { Box } from "../box/box.ts";
import { quote } from "../box/commands.ts";
import { readFacts } from "../box/folder.ts";
import { readPermitted } from "../box/permitted.ts";
import { findPrograms } from "../box/programs.ts";
import { blobId, readContents, readHead, readStanding, readVerified, type TrustedPlan } from "../box/trusted-files.ts";
import { decodePath } from "../core/changes.ts";
import type { Effect } from "../core/effect.ts";
import { carriedBy, type FileLabels } from "../core/file-labels.ts";
import { isWithin, joinAll, type Label, UNKNOWN_SOURCE } from "../core/label.ts";
import { secretKind } from "../core/secretfiles.ts";
import { labelOf, type Source } from "../core/source.ts";
import { counted } from "../core/text.ts";
import type { Trust } from "../core/trust.ts";
import { type CommitFiles, compareWhole, standingOfFile } from "../core/trust-compare.ts";
import type { Gate } from "./gate.ts";
import { readerAnswer, type SessionLabel } from "./session-label.ts";

interface TrustViewPlan {
  readonly trust: Trust;
  readonly box: Box;
  readonly gate: Gate;
  readonly label: SessionLabel;
  /** Reads what other sessions wrote: another object once that is more. */
  readonly fileLabels: () => FileLabels;
}

const READ_MS_MAX = 10_000;
/** A larger file is taken for a stranger's. */
const CONTENT_BYTES_MAX = 4 << 20;
const NEWER_MS_MAX = 150;

/**
 * Looks, ahead of an effect, at what it will bring into the session, where the person trusts something of the repository.
 *
 * The layer holds what this session wrote, and so nothing above its label. Of the checkout each content is hashed and
 * compared with the commit that is checked out, if that is approved. Whatever cannot be told is left to be taken for the worst.
 */
export class TrustView {
  readonly #plan: TrustViewPlan;
  readonly #files: TrustedPlan;
  /** Of the approved commit that is checked out, found once a turn; null where none is. */
  #commit: Promise<{ readonly id: string; readonly files: CommitFiles } | null> | null = null;
  /** What a command could read, as it was this turn, and what was known of files then. */
  #whole: { readonly source: Source; readonly labels: FileLabels } | null = null;

  constructor(plan: TrustViewPlan) {
    this.#plan = plan;
    this.#files = { ...readFacts(plan.box.folder.path), programs: findPrograms() };
  }

  /** A turn begins: the person may have done anything meanwhile. */
  renew(): void {
    this.#commit = null;
    this.#whole = null;
  }

  /** Tells the session's label what an effect will bring, as far as that is less than the worst. */
  async foresee(effect: Effect): Promise<void> {
    const { box, label } = this.#plan;
    // Nothing can raise it further that is found here.
    if (isWithin(UNKNOWN_SOURCE, label.current)) return;
    // What the person saves is copied into the layer meanwhile, and the layer of a copied view is not known at any moment.
    if (box.background.running().length > 0 || box.view.kind !== "overlay") return;
    const source = await this.#sourceOf(effect).catch(() => undefined);
    if (source !== undefined) label.foresee(effect, source);
  }

  async #sourceOf(effect: Effect): Promise<Source | null | undefined> {
    switch (effect.kind) {
      case "read":
      case "edit":
        return this.#file(effect.path);
      case "search":
      case "list":
      case "run":
        return this.#view();
      case "write":
        // It says no more than what was written, or why it could not be.
        return null;
      case "ask":
        return effect.answer === "identifier" ? readerAnswer(labelOf(await this.#view())) : undefined;
      case "names":
      case "resolve":
      case "fetch":
      case "delegate":
      case "output":
      case "kill":
      case "sync":
      case "request":
      case "push":
      case "preview":
      case "land":
      case "land-commits":
      case "sign-commits":
      case "discard":
      case "rewind":
      case "undo":
      case "recover":
      case "release":
      case "keep":
      case "forget":
      case "remove":
        return undefined;
    }
  }

  async #file(named: string): Promise<Source | null | undefined> {
    const { box, trust } = this.#plan;
    const read = await this.#read(named);
    if (read === null) return undefined;
    const { real, content } = read;
    const { checkout, repository } = this.#files;
    const path = real.startsWith(`${checkout}/`) ? real.slice(checkout.length + 1) : "";
    // The session's own, but for what is shown there.
    const isShown = path !== "" || box.showsHome || (repository !== null && real.startsWith(`${repository.common}/`));
    if (real.startsWith("/tmp/") && !isShown) return null;
    if (path === "" || secretKind(path) !== null) return undefined;
    const [isOwn] = await box.isInLayer([path]);
    if (isOwn) return null;
    const { openness } = trust;
    const found = standingOfFile((await this.#approved())?.files ?? null, path, blobId(content));
    // Another commit may be checked out by now, and what differs be of that one.
    const standing = found === "changed" && !(await this.#isAsSeen()) ? "unknown" : found;
    // Last, for a parallel session notes what it lands before it does.
    const carried = carriedOf(this.#plan.fileLabels(), path, content);
    return { kind: "checkout", path, standing, openness, carried };
  }

  // Links are followed as the effect will follow them, and what they lead to is what counts.
  async #read(named: string): Promise<{ readonly real: string; readonly content: Buffer } | null> {
    const { box, gate, label } = this.#plan;
    const command = `p=${quote(named)}; realpath -z -- "$p" && [ -f "$p" ] && head -c ${CONTENT_BYTES_MAX + 1} -- "$p"`;
    const effect = { kind: "run", command, timeoutMs: READ_MS_MAX, background: false, profile: "read-only" } as const;
    label.foresee(effect, null);
    const gated = gate.pass(effect, null);
    if (gated.verdict !== "allow") return null;
    const output = await readPermitted(gated.permit, box, Buffer.alloc(0));
    const end = output.indexOf(0);
    if (end < 0 || output.length - end - 1 > CONTENT_BYTES_MAX) return null;
    return { real: decodePath(output.subarray(0, end)), content: output.subarray(end + 1) };
  }

  async #view(): Promise<Source> {
    const { trust, fileLabels } = this.#plan;
    const labels = fileLabels();
    if (this.#whole?.labels !== labels) this.#whole = { source: await this.#wholeView(labels), labels };
    if (await this.#isAsSeen()) return this.#whole.source;
    return reading("what changed in the checkout meanwhile", { integrity: "external", secrecy: trust.openness });
  }

  /** Whether the checkout is as the view was mounted over it: it shows some as it was then, which nobody compared. */
  async #isAsSeen(): Promise<boolean> {
    const { box } = this.#plan;
    const { isWhole, newer } = await box.listNewer(NEWER_MS_MAX);
    return isWhole && newer.length === 0 && (await box.lookAtGit()) === box.gitSeen;
  }

  /** Everything that a command could read or run: the checkout, its git folder, the base layer, what is shown of the home. */
  async #wholeView(labels: FileLabels): Promise<Source> {
    const { box, trust } = this.#plan;
    const strange: Label = { integrity: "external", secrecy: trust.openness };
    if (box.base !== null) return reading("what earlier sessions left in ignored folders", UNKNOWN_SOURCE);
    if (box.showsHome) return reading("toolchains of your home", UNKNOWN_SOURCE);
    const commit = await this.#approved();
    if (commit === null) return reading("the checkout, of which no approved commit is checked out", strange);
    const compared = compareWhole(commit.files, await readStanding(this.#files, commit.id));
    if (!compared.isOf) return reading(compared.what, strange);
    const { differing } = compared;
    const carried = await this.#carriedBy(labels, differing);
    // No commit vouches for the git folder's own files, so it is the person's at best.
    const label = joinAll([{ integrity: "local", secrecy: trust.openness }, ...carried]);
    return reading(
      `the commit that you approved, its git folder and ${counted(differing.length, "changed file")}`,
      label,
    );
  }

  async #carriedBy(labels: FileLabels, paths: readonly string[]): Promise<Label[]> {
    const contents = await readContents(this.#files, paths);
    return paths.map((path) => {
      const content = contents.get(path) ?? null;
      return content === null ? UNKNOWN_SOURCE : carriedOf(labels, path, content);
    });
  }

  #approved(): Promise<{ readonly id: string; readonly files: CommitFiles } | null> {
    this.#commit ??= this.#findApproved().catch(() => null);
    return this.#commit;
  }

  async #findApproved() {
    const { commits } = this.#plan.trust;
    const id = commits.length === 0 ? null : await readHead(this.#files);
    if (id === null || !commits.includes(id)) return null;
    return { id, files: (await readVerified(this.#files, id)).files };
  }
}

function reading(what: string, label: Label): Source {
  return { kind: "carried", what: `a command that could read ${what}`, label };
}

/** What is known of a content at a path: of what landed by its hash, of what is in a commit by git's own id of it. */
function carriedOf(labels: FileLabels, path: string, content: Uint8Array): Label {
  return joinAll([sha256(content), blobId(content)].map((hash) => carriedBy(labels, { path, hash })));
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
