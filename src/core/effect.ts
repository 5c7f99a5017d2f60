import type { Approval } from "./approval.ts";
import type { Label } from "./label.ts";
import type { Listed, NetRequest } from "./net-rules.ts";
import type { RunProfile } from "./shell.ts";

/** What a person was shown of a request, and what is sent of it. */
export interface ShownRequest {
  /** Of the session when they were asked: what they said is void once more has been within reach. */
  readonly label: Label;
  /** Names and values in turn: all but those that say nothing of the sender's own. */
  readonly headers: readonly string[];
  /** All of its body; null where it has none, or where what is sent cannot be seen. */
  readonly body: { readonly bytes: number; readonly sha256: string } | null;
  /**
   * The decision about another request of its package and command that they were asked about, where their answer to that
   * one covers this: then nothing that the sender composed goes with its address.
   */
  readonly answeredWith?: number;
}

/**
 * The names, from the root of the checkout, by which rules may mean a file: as it is spelled, and where links lead in the
 * box. Where it is missing nobody looked, and any rule may mean it.
 */
export interface Placed {
  readonly places?: readonly string[];
}

/**
 * Set where a child agent may write in these folders of the checkout alone, each ending in "/": the box looks where the name
 * of the file leads.
 */
interface Within {
  readonly within?: readonly string[];
}

/** What a tool call would do to the world, resolved: the thing that is decided, recorded, permitted and run. */
export type Effect =
  | { readonly kind: "read"; readonly path: string; readonly offset: number; readonly limit: number }
  | (Placed & Within & { readonly kind: "write"; readonly path: string; readonly content: string })
  | (Placed &
      Within & {
        readonly kind: "edit";
        readonly path: string;
        readonly oldString: string;
        readonly newString: string;
        readonly replaceAll: boolean;
      })
  | { readonly kind: "search"; readonly pattern: string; readonly path: string; readonly glob: string | null }
  | { readonly kind: "list"; readonly path: string; readonly glob: string | null }
  | {
      readonly kind: "run";
      readonly command: string;
      readonly timeoutMs: number;
      readonly background: boolean;
      /** The bound that the box sets to it. */
      readonly profile: RunProfile;
      /** Set where the person typed the command themselves, or was shown it and said yes. */
      readonly approvedBy?: "person";
      /** The session's label when they were asked. */
      readonly shownAt?: Label;
    }
  /** Gets a page; each request that it takes is an effect of its own. */
  | { readonly kind: "fetch"; readonly url: string }
  /** Has a question about a page or a file answered by a reader: an answer of its type enters the session, and no text. */
  | { readonly kind: "ask"; readonly about: string; readonly question: string; readonly answer: string }
  /** Starts a child agent; each of its effects is decided on its own. `percent` is of what is left; 0 where it was not said. */
  | {
      readonly kind: "delegate";
      readonly task: string;
      readonly may: string;
      readonly folder: string;
      readonly percent: number;
    }
  /** Lists the identifiers of the checkout for the host, which tells whether an answer is one of them. */
  | { readonly kind: "names" }
  /** Tells the host where a path leads in the box. */
  | { readonly kind: "resolve"; readonly path: string }
  | { readonly kind: "output"; readonly id: string }
  | { readonly kind: "kill"; readonly id: string }
  /** Sends a request, or opens a tunnel, out of the box. */
  | (NetRequest & {
      readonly kind: "request";
      /** What the person's rules say: "allow", "deny", or "unlisted" when no line names it. */
      readonly listed: Listed["verdict"];
      /** The rule that says so; null when none does. */
      readonly rule: string | null;
      /**
       * Why it needs no look: a `locked` package of the checkout's lock file, a `fetch` from the tracked remote, an address
       * that the person `typed`, a `service` of theirs that they show, or the `model` of an agent that they wrap. A `package` is
       * read from a registry of the person's, and no lock file names it. Anything else is `composed` in the box.
       */
      readonly origin: "locked" | "fetch" | "typed" | "service" | "model" | "package" | "composed";
      /** The decision about the command whose token it bore; null for a request without one. */
      readonly command: number | null;
      /** `person`: one who was shown the address and all of `shown` said yes to this one request. */
      readonly approvedBy: "person" | "none";
      /** What of it a person was shown beside its address; null while nobody was asked. */
      readonly shown: ShownRequest | null;
    })
  /** Moves a branch of a remote repository, by a request. */
  | (NetRequest & {
      readonly kind: "push";
      /** Whether it is the repository that the person's branch tracks; to every other one nothing is pushed. */
      readonly remote: "tracked" | "other";
      /** Full name of the remote's branch; "" where the request was not read, since it goes nowhere. */
      readonly ref: string;
      readonly oldId: string;
      readonly newId: string;
      /** Whether the commit stands on the person's own branch, above where the remote's is. */
      readonly found: "landed" | "absent" | "diverged";
      /** Of the pack that is sent, made of the person's own objects. */
      readonly digest: string;
      /** The person's rule that names the repository and the branch, or denies the host; null when none does. */
      readonly rule: string | null;
      readonly isDenied: boolean;
      readonly command: number | null;
      /** `person`: one who was shown the branch, the commits and the files said yes to this one push. */
      readonly approvedBy: "person" | "none";
      /** The session's label when they were asked; null while nobody was. */
      readonly shownAt: Label | null;
    })
  /** Shows a port of the box's loopback to the browsers of the machine, under a name of its own. */
  | {
      readonly kind: "preview";
      readonly port: number;
      readonly approvedBy: "person" | "none";
      /** The session's label when the person was told what a preview may give away, and said yes; null while they were not. */
      readonly shownAt: Label | null;
    }
  /** Writes what the person changed in the checkout into the layer's versions of the same files; `digest` is of all of it. */
  | { readonly kind: "sync"; readonly paths: readonly string[]; readonly digest: string }
  /**
   * Copies the named changes of the layer into the checkout. `held` are those among them that would run or instruct
   * later; each needs an approval of exactly what it is.
   */
  | {
      readonly kind: "land";
      readonly paths: readonly string[];
      readonly digest: string;
      readonly held: readonly string[];
      readonly approvals: readonly Approval[];
      readonly approvedBy: "person" | "none";
    }
  /** Puts verified commits of the box into the person's repository, and moves a branch forward to them or makes one. */
  | {
      readonly kind: "land-commits";
      readonly how: "forward" | "branch";
      readonly branch: string;
      /** Where the branch was; null when it is new. */
      readonly oldId: string | null;
      readonly newId: string;
      readonly digest: string;
      readonly approvedBy: "person" | "none";
    }
  /** Makes commits of the box anew, with the person's own signature; what lands then is these. */
  | {
      readonly kind: "sign-commits";
      readonly newId: string;
      readonly digest: string;
      readonly approvedBy: "person" | "none";
    }
  | { readonly kind: "discard"; readonly approvedBy: "person" | "none" }
  /** Takes the layer back to what it was at a checkpoint; what it was before is kept as another one. */
  | { readonly kind: "rewind"; readonly checkpoint: number; readonly approvedBy: "person" | "none" }
  /** Puts back in the checkout what a landing of this session replaced; `paths` are what it had landed. */
  | {
      readonly kind: "undo";
      readonly landing: number;
      readonly paths: readonly string[];
      readonly digest: string;
      readonly approvedBy: "person" | "none";
    }
  /** Makes whole, old or new, each file that a landing or an undo was at when it broke off. */
  | {
      readonly kind: "recover";
      readonly what: "land" | "undo";
      readonly landing: number;
      readonly approvedBy: "person" | "none";
    }
  /** Takes away the locks in the person's repository that a landing of commits left when it broke off. */
  | { readonly kind: "release"; readonly approvedBy: "person" | "none" }
  /** Moves what git ignores from the layer of a session that ends into the base layer of the checkout. */
  | { readonly kind: "keep"; readonly approvedBy: "person" | "none" }
  /** Throws the base layer of the checkout away; or the named ones of its units, in the layer too. */
  | { readonly kind: "forget"; readonly units: readonly string[] | null; readonly approvedBy: "person" | "none" }
  /** Removes all of a session that is over but its record: the layer, and what an undo of its landings needs. */
  | { readonly kind: "remove"; readonly approvedBy: "person" | "none" };
