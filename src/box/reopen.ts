import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Placeholder } from "../core/placeholders.ts";
import { settleCopy } from "./copy-view.ts";
import { removeNamed } from "./discard.ts";
import { makeFolders, readFacts, type SessionFacts } from "./folder.ts";
import { forgetFollowed, readFollowed } from "./follow.ts";
import { readGitSeen } from "./git-seen.ts";
import type { Holder } from "./holder.ts";
import { hasLayer, readLayers } from "./layers.ts";
import type { Programs } from "./programs.ts";

/** What every box makes anew. A command of the earlier one could have put a link anywhere in its home. */
const MADE_ANEW = ["home", "mask", "mask-git", "aside"];

/** What an earlier box of a session left, for the one that goes on from it. */
export class Earlier {
  /** The state of the person's repository below the layer; null where it is to be taken anew. */
  readonly gitSeen: string | null;
  readonly #path: string;
  readonly #facts: SessionFacts;

  private constructor(path: string, gitSeen: string | null) {
    this.#path = path;
    this.#facts = readFacts(path);
    this.gitSeen = gitSeen;
  }

  /**
   * Makes the folder of a session that is over, or broke off, ready for another box; null where no box of it was ever whole.
   *
   * The layer stays, with its checkpoints, the versions that it derives from and the git state below it.
   */
  static async ready(sessionPath: string, programs: Programs): Promise<Earlier | null> {
    if (!existsSync(join(sessionPath, "session.json"))) return null;
    await settleCopy(sessionPath, programs);
    await removeNamed(sessionPath, MADE_ANEW, programs);
    const hadLayer = hasLayer(sessionPath);
    makeFolders(sessionPath);
    return new Earlier(sessionPath, hadLayer ? readGitSeen(sessionPath) : null);
  }

  /** Has the holder go on from the earlier view, before it mounts the next one; gives the sealed layers to mount. */
  async begin(holder: Holder): Promise<readonly number[]> {
    const { stack } = readLayers(this.#path);
    await holder.goOn(stack);
    if (readFollowed(this.#path).size > 0) {
      await holder.dropFollowed();
      forgetFollowed(this.#path);
    }
    // While it is still known which files of the checkout the earlier view had.
    await holder.saveBases();
    return stack;
  }

  /** Keeps what the earlier box may have written into the layer from ever landing: what was masked, and its placeholders. */
  join(facts: SessionFacts): SessionFacts {
    const { masked, placeholders: earlier = [], signed, name, forkedAt } = this.#facts;
    const placeholders = new Map<string, Placeholder>();
    for (const one of [...earlier, ...(facts.placeholders ?? [])]) placeholders.set(one.placeholder, one);
    return {
      ...facts,
      masked: [...new Set([...masked, ...facts.masked])],
      placeholders: [...placeholders.values()],
      ...(signed === undefined ? {} : { signed }),
      ...(name === undefined ? {} : { name }),
      ...(forkedAt === undefined ? {} : { forkedAt }),
    };
  }
}
