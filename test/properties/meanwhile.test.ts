import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { releaseStage } from "../../src/box/discard.ts";
import { makePlace, type Place, programs, type Session, startSession } from "../../src/box/land.fixture.ts";
import { permitFor } from "../../src/box/permit.fixture.ts";
import { syncWithCheckout } from "../../src/box/sync.ts";

/** Each of the halves runs so many, one beside the other: most of a run is waiting. */
const RUNS = process.env.RINGFENCE_FULL === "1" ? 245 : 1;
/** What passed is what runs by itself; another seed explores further. */
const SEED = Number(process.env.RINGFENCE_SEED ?? 14);

const FILES = ["a.txt", "b.txt", "d/c.txt", "d/e.txt", "n.txt", "d/m.txt"];
const FIRST = FILES.slice(0, 4);
const CONTENT = ["insert", "remove", "replace", "create", "delete", "move"] as const;
const GIT = ["commit", "stash", "pop", "stash-pop", "switch", "rebase"] as const;

const where = { file: fc.nat(99), line: fc.nat(99), renames: fc.boolean() };
const steps = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ who: fc.constant("agent" as const), what: fc.constantFrom(...CONTENT), ...where }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      who: fc.constant("person" as const),
      what: fc.oneof(
        { weight: 6, arbitrary: fc.constantFrom(...CONTENT, "insert" as const, "replace" as const) },
        { weight: 1, arbitrary: fc.constantFrom("touch" as const, "away" as const) },
        { weight: 2, arbitrary: fc.constantFrom(...GIT) },
      ),
      ...where,
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      who: fc.constant("ringfence" as const),
      what: fc.constantFrom("land", "land", "sync", "sync", "undo"),
    }),
  },
);
type Step = typeof steps extends fc.Arbitrary<infer T> ? T : never;

/** Path to lines. Every line is written once in a run, so a set of lines tells what was lost. */
type Tree = ReadonlyMap<string, readonly string[]>;

test(`whatever a person and a session do between and during turns, nothing of the person's is lost or brought back (RINGFENCE_SEED=${SEED})`, async (t) => {
  const counts = { merged: 0, held: 0, landed: 0, undone: 0, steps: 0 };
  const property = fc.asyncProperty(fc.array(steps, { minLength: 12, maxLength: 24 }), async (list) => {
    const run = await Run.start(counts);
    try {
      for (const step of list) await run.take(step);
    } finally {
      await run.session.close();
    }
  });
  const halves = [SEED, SEED + 1].map((seed) => fc.assert(property, { numRuns: RUNS, seed, endOnFailure: true }));
  await Promise.all(halves);
  t.diagnostic(`${counts.steps} random steps`);
  if (RUNS > 100) for (const [what, count] of Object.entries(counts)) assert.ok(count > RUNS / 10, `${what}: ${count}`);
});

type Counts = Record<"merged" | "held" | "landed" | "undone" | "steps", number>;

class Run {
  readonly place: Place;
  readonly session: Session;
  readonly #counts: Counts;
  readonly #told = new Map<string, string>();
  /** Lines that the person took away, with their file. */
  readonly #personRemoved = new Set<string>();
  readonly #agentRemoved = new Set<string>();
  readonly #agentWrote = new Set<string>();
  /** Files to which the agent moved another. */
  readonly #moved = new Set<string>();
  /** Lines that a landing brought, with their file. */
  readonly #brought = new Set<string>();
  #serial = 0;

  private constructor(place: Place, session: Session, counts: Counts) {
    this.place = place;
    this.session = session;
    this.#counts = counts;
  }

  static async start(counts: Counts): Promise<Run> {
    const make = FIRST.map((path) => `for n in 1 2 3 4 5 6 7 8; do echo first ${path} $n; done >${path}`);
    const place = makePlace(`mkdir d; ${make.join("; ")}`);
    const run = new Run(place, await startSession(place), counts);
    await run.settle(0);
    return run;
  }

  async take(step: Step): Promise<void> {
    this.#counts.steps += 1;
    if (step.who === "ringfence") return this[step.what]();
    const line = `${step.who} ${++this.#serial}`;
    if (step.who === "agent") return this.agent(step, line);
    const before = this.checkout();
    this.person(step, line);
    const after = this.checkout();
    for (const gone of placesOf(before, after)) this.#personRemoved.add(gone);
    for (const added of placesOf(after, before)) this.#personRemoved.delete(added);
  }

  /** One command in the box; afterwards there is a moment in which the holder saves what it derives from. */
  async agent({ what, file, line, renames }: Step & { who: "agent" }, text: string): Promise<void> {
    const target = FILES[(file + line) % FILES.length] ?? "";
    const words = [what, FILES[file % FILES.length] ?? "", target, String(line), renames ? "rename" : "write", text];
    const printed = await this.session.run(`perl -e '${EDIT}' -- ${words.map((word) => `'${word}'`).join(" ")}`);
    const [before, after] = printed.split("=== then\n").map(parseTree);
    assert.ok(before && after, printed);
    for (const gone of minus(before, after)) this.#agentRemoved.add(gone);
    for (const added of minus(after, before)) this.#agentWrote.add(added);
    if (what === "move") this.#moved.add(target);
    await this.session.box.saveBases();
  }

  person({ what, file, line, renames }: Step & { who: "person" }, text: string): void {
    const { checkout } = this.place;
    const path = FILES[file % FILES.length] ?? "";
    const full = join(checkout, path);
    const target = join(checkout, FILES[(file + line) % FILES.length] ?? "");
    if ((GIT as readonly string[]).includes(what)) return void git(checkout, what, text);
    const isThere = existsSync(full);
    if (what === "create" ? isThere : !isThere) return;
    const lines = isThere ? readFileSync(full, "utf8").split("\n").slice(0, -1) : [];
    const at = lines.length === 0 ? 0 : line % lines.length;
    if (what === "touch") utimesSync(full, new Date(), new Date());
    else if (what === "away")
      for (const [from, to] of [
        [full, `${full}~`],
        [`${full}~`, full],
      ] as const)
        renameSync(from, to);
    else if (what === "delete") rmSync(full);
    else if (what === "move") {
      if (!existsSync(target)) renameSync(full, target);
    } else {
      if (what === "create") lines.push(`${text} x`, `${text} y`, `${text} z`);
      else lines.splice(at, what === "insert" ? 0 : 1, ...(what === "remove" ? [] : [text]));
      mkdirSync(dirname(full), { recursive: true });
      const draft = renames ? `${full}~` : full;
      writeFileSync(draft, lines.map((one) => `${one}\n`).join(""));
      if (renames) renameSync(draft, full);
    }
  }

  async land(): Promise<void> {
    const view = parseTree(await this.session.run(`perl -e '${EDIT}' -- look a b 0 write x | sed '/^=== then/,$d'`));
    await this.session.box.freeze();
    const before = this.checkout();
    const collected = await this.session.collect();
    const result = await this.session.land(collected);
    await releaseStage(collected, programs);
    const after = this.checkout();
    await this.session.box.thaw();
    const left = new Set([...result.held, ...result.failed].map(({ path }) => path));
    this.#counts.merged += collected.changes.filter(({ merged }) => merged).length;
    this.#counts.held += left.size;
    this.#counts.landed += result.landed.length;
    // What the agent moved to a file that is held waits there; of what it moved, the person may have removed a line since.
    const removed = new Set([...this.#personRemoved].map((place) => place.split("\0")[1] ?? ""));
    const waiting = new Set([...view].flatMap(([path, lines]) => (left.has(path) ? lines : [])));
    const explained = (line: string) => this.#agentRemoved.has(line) || waiting.has(line) || removed.has(line);
    for (const line of minus(before, after)) assert.ok(explained(line), `landing lost "${line}"`);
    for (const place of placesOf(after, before)) {
      this.#brought.add(place);
      const isMoved = this.#moved.has(place.split("\0")[0] ?? "");
      assert.ok(isMoved || !this.#personRemoved.has(place), `landing brought ${place} back`);
    }
    for (const [path, lines] of after) {
      const twice = lines.filter((line, index) => lines.indexOf(line) !== index && !isTwice(before.get(path), line));
      assert.deepEqual(twice, [], `landing doubled lines of ${path}`);
    }
    for (const [path, lines] of view) {
      const own = lines.filter((line) => this.#agentWrote.has(line) && !this.#personRemoved.has(`${path}\0${line}`));
      const there = new Set(after.get(path));
      if (!left.has(path))
        assert.deepEqual(
          own.filter((line) => !there.has(line)),
          [],
          `${path} landed in part`,
        );
    }
    await this.remount();
  }

  async sync(): Promise<void> {
    const look = async () =>
      parseTree(await this.session.run(`perl -e '${EDIT}' -- look a b 0 write x | sed '/^=== then/,$d'`));
    const [checkout, before, listed] = [this.checkout(), await look(), this.listed()];
    const { merged, changed } = await syncWithCheckout(this.session.box, this.#told, permitFor);
    if (changed.length > 0) await this.settle(listed);
    this.#counts.merged += merged.length;
    const after = await look();
    assert.deepEqual(this.checkout(), checkout, "a sync changed the checkout");
    for (const place of placesOf(before, after)) {
      const isAgents = this.#agentWrote.has(place.split("\0")[1] ?? "");
      assert.ok(!isAgents || this.#personRemoved.has(place), `a sync lost the agent's ${place}`);
    }
    for (const path of merged) {
      const own = (checkout.get(path) ?? []).filter((line) => !this.#agentRemoved.has(line));
      const there = new Set(after.get(path));
      assert.deepEqual(
        own.filter((line) => !there.has(line)),
        [],
        `a sync left out lines of ${path}`,
      );
    }
  }

  async undo(): Promise<void> {
    const before = this.checkout();
    await this.session.box.freeze();
    const result = await this.session.undo().catch((error: Error) => {
      if (error.message !== "nothing to undo") throw error;
      return null;
    });
    await this.session.box.thaw();
    const after = this.checkout();
    this.#counts.undone += result?.done.length ?? 0;
    for (const place of placesOf(before, after)) assert.ok(this.#brought.has(place), `an undo lost ${place}`);
    for (const place of placesOf(after, before))
      assert.ok(!this.#personRemoved.has(place), `an undo brought ${place} back`);
    await this.remount();
  }

  async remount(): Promise<void> {
    const before = this.listed();
    await this.session.box.remount();
    await this.settle(before);
  }

  /** Waits until the checkout's files are written down after a mount: what a person deletes before that may come back. */
  async settle(before: number): Promise<void> {
    for (let tried = 0; this.listed() === before && tried < 1000; tried += 1)
      await new Promise((resolve) => setTimeout(resolve, 5));
  }

  listed(): number {
    return statSync(`${this.session.path}/ctl/names`, { throwIfNoEntry: false })?.ino ?? 0;
  }

  checkout(): Tree {
    const { checkout } = this.place;
    const names = readdirSync(checkout, { recursive: true, withFileTypes: true });
    const files = names.filter(
      (one) => one.isFile() && !join(one.parentPath, one.name).startsWith(join(checkout, ".git")),
    );
    return new Map(
      files.map((one) => {
        const full = join(one.parentPath, one.name);
        return [full.slice(checkout.length + 1), readFileSync(full, "utf8").split("\n").slice(0, -1)];
      }),
    );
  }
}

/** Edits one file of the box and prints the tree before and after. */
const EDIT = `use strict; my ($what, $path, $target, $at, $how, $text) = @ARGV;
sub show { for my $file (sort grep { -f } glob("*.txt d/*.txt")) { open my $in, "<", $file or die; print "=== $file\\n", <$in> } }
show(); my $is = -f $path; my @lines; if ($is) { open my $in, "<", $path or die; @lines = <$in> }
$at = @lines ? $at % @lines : 0;
if ($what eq "look" || ($what eq "create" ? $is : !$is)) {}
elsif ($what eq "delete") { unlink $path or die }
elsif ($what eq "move") { if (!-e $target) { rename $path, $target or die } }
else {
  if ($what eq "create") { @lines = map { "$text $_\\n" } "x", "y", "z" }
  else { splice @lines, $at, $what eq "insert" ? 0 : 1, $what eq "remove" ? () : "$text\\n" }
  mkdir "d"; my $draft = $how eq "rename" ? "$path~" : $path;
  open my $out, ">", $draft or die; print $out @lines; close $out or die;
  if ($how eq "rename") { rename $draft, $path or die }
}
print "=== then\\n"; show();`;

function parseTree(text: string): Tree {
  const tree = new Map<string, string[]>();
  let lines: string[] = [];
  for (const line of text.split("\n")) {
    if (line.startsWith("=== ")) {
      lines = [];
      tree.set(line.slice(4), lines);
    } else if (line !== "" && line !== "(no output)") lines.push(line);
  }
  return tree;
}

function minus(one: Tree, other: Tree): Set<string> {
  const there = new Set([...other.values()].flat());
  return new Set([...one.values()].flat().filter((line) => !there.has(line)));
}

/** Each line of one tree that is not in the same file of the other, with its file. */
function placesOf(one: Tree, other: Tree): string[] {
  return [...one].flatMap(([path, lines]) => {
    const there = new Set(other.get(path));
    return lines.filter((line) => !there.has(line)).map((line) => `${path}\0${line}`);
  });
}

function isTwice(lines: readonly string[] | undefined, line: string): boolean {
  return (lines ?? []).filter((one) => one === line).length > 1;
}

const GIT_PROGRAMS: Readonly<Record<string, string>> = {
  commit: 'git add -A; git commit -qm "$1"',
  stash: "git stash -qu",
  pop: "git stash pop -q",
  "stash-pop": "git stash -qu && git stash pop -q",
  switch: "git switch -q other || git switch -q master || git switch -qc other",
  rebase: "git rebase -q master || git rebase --abort",
};

/** A person's git; what it refuses is no matter here. */
function git(checkout: string, what: string, text: string): void {
  const program = `exec >/dev/null 2>&1; ${GIT_PROGRAMS[what]}; git reset -q; true`;
  execFileSync("/bin/bash", ["--norc", "-c", program, "bash", text], { cwd: checkout });
}
