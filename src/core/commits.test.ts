import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Change } from "./changes.ts";
import { type BoxCommit, branchFor, isDescendant, type JudgeContext, judgeCommits } from "./commits.ts";

const CONTEXT: JudgeContext = {
  from: "base",
  isForward: true,
  isInert: false,
  links: [],
  alarms: new Map(),
  masked: ["secret"],
  restricted: () => null,
  contentOf: () => null,
};

function add(path: string, more: Partial<Change> = {}): Change {
  return { path, type: "file", action: "add", mode: 0o644, executable: false, size: 0, hash: "h", base: null, ...more };
}

function commit(id: string, parents: readonly string[], ...changes: readonly Change[]): BoxCommit {
  return { id, parents, author: "a", subject: id, diffs: [changes] };
}

function landing(commits: readonly BoxCommit[], context: Partial<JudgeContext> = {}): readonly (string | null)[] {
  const { tip, commits: judged } = judgeCommits(commits, { ...CONTEXT, ...context });
  return [tip, ...judged.filter(({ state }) => state === "lands").map(({ id }) => id)];
}

test("the longest clean beginning lands; a held commit and all after it wait", () => {
  const line = [
    commit("1", ["base"], add("a.ts")),
    commit("2", ["1"], add("Makefile")),
    commit("3", ["2"], add("b.ts")),
  ];
  assert.deepEqual(landing(line), ["1", "1"]);
  assert.deepEqual(landing(line.slice(1).map((one) => (one.id === "2" ? { ...one, parents: ["base"] } : one))), [null]);
  assert.deepEqual(landing([commit("1", ["base"], add("a.ts"))]), ["1", "1"]);
  assert.deepEqual(landing([]), [null]);
});

test("a merge waits for a held commit of its other side, and for what it brings against any parent", () => {
  const side = [commit("1", ["base"]), commit("s", ["base"], add(".envrc")), commit("m", ["1", "s"])];
  assert.deepEqual(landing(side), ["1", "1"]);
  const clean = [commit("1", ["base"]), commit("s", ["base"], add("s.ts"))];
  const merge = { ...commit("m", ["1", "s"]), diffs: [[add("s.ts")], [add("a.ts")]] };
  assert.deepEqual(landing([...clean, merge]), ["m", "1", "s", "m"]);
  assert.deepEqual(landing([...clean, { ...merge, diffs: [[add("s.ts")], [add(".npmrc")]] }]), ["1", "1"]);
});

test("a beginning that does not contain the person's branch moves no branch forward", () => {
  const late = [commit("x", ["older"]), commit("m", ["x", "base"]), commit("2", ["m"], add("Makefile"))];
  assert.deepEqual(landing(late), ["m", "x", "m"]);
  assert.deepEqual(landing([late[0], { ...commit("m", ["x", "base"]), diffs: [[add("Makefile")]] }] as BoxCommit[]), [
    null,
  ]);
  assert.deepEqual(
    [isDescendant(late, "base"), isDescendant(late, "other"), isDescendant([], "base")],
    [true, false, false],
  );
});

test("a submodule, a masked file, a link that leads out and a name of git's are held", () => {
  const held = [
    add("sub", { type: "other" }),
    add("sub", { base: { type: "other", mode: 0, hash: "h" } }),
    add("secret"),
    add("out", { type: "symlink", target: "/etc" }),
    add("out", { type: "symlink" }),
    add("d/.GIT/config"),
    add("../x"),
    add("run", { mode: 0o755, executable: true }),
  ];
  for (const change of held) assert.deepEqual(landing([commit("1", ["base"], change)]), [null], change.path);
  // Nobody has the branch checked out: then only what may hold a secret waits.
  for (const change of held) {
    const expected = change.path === "secret" ? [null] : ["1", "1"];
    assert.deepEqual(landing([commit("1", ["base"], change)], { isInert: true }), expected, change.path);
  }
});

test("whatever the history, what lands is clean, and so is everything that it contains", () => {
  const history = fc
    .array(fc.record({ held: fc.boolean(), parents: fc.array(fc.nat(5), { minLength: 1, maxLength: 2 }) }), {
      maxLength: 12,
    })
    .map((all) =>
      all.map(({ held, parents }, at) =>
        commit(
          String(at),
          parents.map((back) => (back >= at ? "base" : String(at - 1 - back))),
          add(held ? "Makefile" : "a.ts"),
        ),
      ),
    );
  fc.assert(
    fc.property(history, fc.boolean(), (commits, isForward) => {
      const [tip, ...ids] = landing(commits, { isForward });
      const known = new Map(commits.map((one) => [one.id, one]));
      const reach = (id: string): string[] =>
        known.has(id) ? [id, ...(known.get(id)?.parents ?? []).flatMap(reach)] : [];
      const all = new Set(tip ? reach(tip) : []);
      return (
        ids.length === all.size && ids.every((id) => id && all.has(id) && known.get(id)?.diffs[0]?.[0]?.path === "a.ts")
      );
    }),
  );
});

test("a new branch has the box's name where that is free and plain, and never one of the person's", () => {
  const taken = new Map([
    ["main", ""],
    ["a/b", ""],
  ]);
  const tip = "0123456789".repeat(4);
  const names = [
    "fix",
    "feature/x",
    "main",
    "a",
    "a/b/c",
    "-x",
    "refs/heads/x",
    "heads/x",
    tip,
    "ünï",
    "x".repeat(150),
  ];
  assert.deepEqual(
    names.map((name) => branchFor(name, tip, taken)),
    [
      "fix",
      "feature/x",
      "ringfence/main-0123456",
      "ringfence/a-0123456",
      "ringfence/a/b/c-0123456",
      ...Array(6).fill("ringfence/box-0123456"),
    ],
  );
});

test("a commit with a path that the policy denies waits on every branch, one with a path that it asks about on the person's", () => {
  const restricted: JudgeContext["restricted"] = (path) =>
    path === "ci/x" ? { verdict: "deny", reason: "no" } : path === "src/x" ? { verdict: "ask", reason: "look" } : null;
  const [denied, asked, free] = ["ci/x", "src/x", "lib/x"].map((path) => [commit("1", ["base"], add(path))]);
  const tips = (isInert: boolean) =>
    [denied, asked, free].map((commits) => landing(commits ?? [], { restricted, isInert, isForward: !isInert })[0]);
  assert.deepEqual(
    [tips(false), tips(true)],
    [
      [null, null, "1"],
      [null, "1", "1"],
    ],
  );
  const { commits: judged } = judgeCommits(asked ?? [], { ...CONTEXT, restricted });
  assert.deepEqual(judged[0]?.why, "src/x: look");
});
