/** What of a repository changes in place. */
export interface GitState {
  /** `ref: NAME`, or the id of a commit. */
  readonly head: string;
  /** Ids by full name, but `refs/stash`. */
  readonly refs: ReadonlyMap<string, string>;
  /** Oldest first. */
  readonly stash: readonly Stashed[];
  /** Names of the files in which git keeps a merge, a rebase and their kin under way. */
  readonly operation: readonly string[];
}

export interface Stashed {
  readonly id: string;
  readonly message: string;
}

/** The same repository at three places: where the box took it over, as the box left it, and as the person has it now. */
export interface GitSides {
  readonly base: GitState;
  readonly box: GitState;
  readonly person: GitState;
}

/** What the box is to see next. */
export interface GitPlan extends Omit<GitState, "operation"> {
  /** Commits of the box that the person's ref of that name left no place for, and the branch or tag that has them now. */
  readonly aside: readonly { readonly from: string; readonly to: string }[];
  /** The box is on a branch that it went to itself. */
  readonly isOwnHead: boolean;
  /** A merge, a rebase or their kin of the box's goes on; else it ends, and working files stay as they are. */
  readonly keepsOperation: boolean;
}

const BRANCHES = "refs/heads/";

/** Lists the pairs of commits of which the plan must know whether the first is an ancestor of the second. */
export function questionsOf({ base, box, person }: GitSides): [string, string][] {
  const names = [...new Set([...box.refs.keys(), ...person.refs.keys()])];
  const values = names.map((name) => [base.refs.get(name), box.refs.get(name), person.refs.get(name)]);
  values.push([base.head, box.head, person.head].map((head) => detachedAt(head) ?? undefined));
  return values.flatMap(([before, ours, theirs]) =>
    ours && theirs && ours !== theirs && ours !== before && theirs !== before
      ? [[theirs, ours], [ours, theirs], ...(before ? [[before, theirs]] : [])].map(
          ([a = "", b = ""]) => [a, b] as [string, string],
        )
      : [],
  );
}

/**
 * Replays what the box did with refs, HEAD and stash onto what the person has now.
 *
 * Every ref of the person's stands as they have it, unless the box alone moved it or moved it on from there. Every commit
 * that a ref of the box's held stays held by one.
 */
export function planGitSync(sides: GitSides, isAncestor: (a: string, b: string) => boolean): GitPlan {
  const { base, box, person } = sides;
  const refs = new Map(person.refs);
  const aside: { from: string; to: string }[] = [];
  const own: [string, string][] = [];
  const apart: [string, string][] = [];
  for (const name of new Set([...base.refs.keys(), ...box.refs.keys()])) {
    const [before, ours, theirs] = [base.refs.get(name), box.refs.get(name), person.refs.get(name)];
    if (ours === theirs || ours === before) continue;
    if (ours === undefined) {
      if (theirs === before && person.head !== `ref: ${name}`) refs.delete(name);
    } else if (theirs === before || isFurther(before, theirs, ours, isAncestor)) own.push([name, ours]);
    else if (theirs === undefined || !isAncestor(ours, theirs)) apart.push([name, ours]);
  }
  for (const [name, id] of own) {
    if (refs.has(name) || isFree(name, refs)) refs.set(name, id);
    else apart.push([name, id]);
  }
  const { head, left } = planHead(sides, refs, isAncestor);
  if (left !== null) apart.push([`${BRANCHES}detached`, left]);
  for (const [from, id] of apart) {
    const to = placeFor(from, id, refs, person.refs);
    refs.set(to, id);
    aside.push({ from, to });
  }
  const isOwn = head !== person.head;
  const moved = isOwn ? aside.find(({ from }) => head === `ref: ${from}`) : undefined;
  const settled = moved ? `ref: ${moved.to}` : head;
  return {
    head: settled,
    refs,
    stash: planStash(sides),
    aside,
    isOwnHead: isOwn,
    keepsOperation: settled === box.head && idOf(settled, refs) === idOf(box.head, box.refs),
  };
}

/** Says whether the box went on from where the person went on to; a person who went back took away what lies between. */
function isFurther(
  before: string | undefined,
  theirs: string | undefined,
  ours: string,
  isAncestor: (a: string, b: string) => boolean,
): boolean {
  return theirs !== undefined && isAncestor(theirs, ours) && (before === undefined || isAncestor(before, theirs));
}

/** Where HEAD is to be, and a commit on no branch that the box made and is not on any more. */
function planHead(
  { base, box, person }: GitSides,
  refs: ReadonlyMap<string, string>,
  isAncestor: (a: string, b: string) => boolean,
): { readonly head: string; readonly left: string | null } {
  const [stay, follow] = [
    { head: box.head, left: null },
    { head: person.head, left: null },
  ];
  if (box.head === base.head || box.head === person.head) return follow;
  const branch = branchOf(box.head);
  if (branch !== null) {
    // Only a branch that the box left as it was can be gone; then the person has taken it away.
    const isMoved = box.refs.get(branch) !== base.refs.get(branch);
    return !box.refs.has(branch) || refs.has(branch) || isMoved ? stay : follow;
  }
  const [from, theirs] = [branchOf(base.head), detachedAt(person.head)];
  const isRebasing = box.operation.some((name) => name.startsWith("rebase-") && !base.operation.includes(name));
  if (isRebasing && from !== null && refs.get(from) !== box.refs.get(from)) return { ...follow, left: box.head };
  if (
    from !== null ||
    person.head === base.head ||
    theirs === null ||
    isFurther(base.head, theirs, box.head, isAncestor)
  )
    return stay;
  return isAncestor(box.head, theirs) ? follow : { ...follow, left: box.head };
}

/** The person's entries that the box has not taken off, and above them what the box stashed. */
function planStash({ base, box, person }: GitSides): Stashed[] {
  const [before, ours] = [idsOf(base.stash), idsOf(box.stash)];
  const theirs = idsOf(person.stash);
  return [
    ...person.stash.filter(({ id }) => !before.has(id) || ours.has(id)),
    ...box.stash.filter(({ id }) => !before.has(id) && !theirs.has(id)),
  ];
}

function idsOf(stash: readonly Stashed[]): ReadonlySet<string> {
  return new Set(stash.map(({ id }) => id));
}

/** Names the commit that a HEAD is at; undefined where its branch has none yet. */
export function idOf(head: string, refs: ReadonlyMap<string, string>): string | undefined {
  const branch = branchOf(head);
  return branch === null ? head : refs.get(branch);
}

/** Names the branch of a HEAD, in full; null when it is on none. */
export function branchOf(head: string): string | null {
  return head.startsWith("ref: ") ? head.slice(5) : null;
}

function detachedAt(head: string): string | null {
  return branchOf(head) === null ? head : null;
}

/** Finds a free name for what the box has at a ref; one that holds the same commit already is as good. */
function placeFor(
  from: string,
  id: string,
  refs: ReadonlyMap<string, string>,
  theirs: ReadonlyMap<string, string>,
): string {
  const [, kind = "", name = ""] = /^refs\/(heads|tags)\/(.*)$/s.exec(from) ?? ["", "heads", from.slice(5)];
  for (let number = 1; ; number++) {
    const place = `refs/${kind}/box${number === 1 ? "" : `-${number}`}/${name}`;
    if (refs.get(place) === id || (isFree(place, refs) && !theirs.has(place))) return place;
  }
}

// In git a name can be a ref or a folder of refs.
function isFree(name: string, refs: ReadonlyMap<string, string>): boolean {
  if (refs.has(name)) return false;
  for (let at = name.indexOf("/"); at >= 0; at = name.indexOf("/", at + 1))
    if (refs.has(name.slice(0, at))) return false;
  for (const other of refs.keys()) if (other.startsWith(`${name}/`)) return false;
  return true;
}

/** A path that the person's commits changed meanwhile. Ids of contents; null is no file, undefined what cannot be told. */
export interface OvertakenFile {
  readonly path: string;
  /** Before and after those commits. */
  readonly before: string | null;
  readonly after: string | null;
  /** What the box's index has, and what its working file is. */
  readonly index: string | null;
  readonly shown: string | null | undefined;
  /** The working file is a copy of the box's own, so that the person's is not seen. */
  readonly isInLayer: boolean;
}

/**
 * Says what to do with a working file, so that committing all changes takes back nothing of the person's.
 *
 * A copy that nobody edited gives way to what the box's HEAD has. So does, on a branch of the box's own, a version that came
 * with the person's commits: it belongs to another branch. What the box edited stays, and is told.
 */
export function settleFile(file: OvertakenFile, isOwnHead: boolean): "write" | "remove" | "tell" | "leave" {
  const { before, after, index, shown, isInLayer } = file;
  if (shown === index) return "leave";
  const isOld = isInLayer && shown === before;
  const isTheirs = isOwnHead && shown === after && index !== null;
  if (isOld || isTheirs) return index === null ? "remove" : "write";
  return isInLayer && !isOwnHead ? "tell" : "leave";
}
