import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { narrower } from "../core/policy-profiles.ts";
import type { ProfileRule } from "../core/policy-rules.ts";
import type { RunProfile } from "../core/shell.ts";
import { analyseCommand, boundOnRun, explainRun, RunProfiles } from "./shell.ts";

const CASES: Readonly<Record<RunProfile, readonly string[]>> = {
  "read-only": [
    "ls -la src | head -5",
    "cd src && git status --short && git log --oneline -3 -- a.ts 2>/dev/null",
    "grep -rn 'x y' . --include=*.ts || true",
    'for f in *.ts; do wc -l "$f"; done | sort -n | tail -3',
    "if [ -f a ]; then cat a; else echo none >&2; fi",
    "find . -name '*.ts' -exec grep -l foo {} + | xargs -n 1 head -2",
    "sed -n '10,20p' a.ts; sed -n '/^a/,/^b/p' a.ts; cat a | sed 's/a/b/g'",
    "awk '{print $1, $2}' a.txt; awk -F: 'NR==1' /etc/passwd",
    "bash -c 'cat a | wc -l'; env LC_ALL=C sort a; timeout 5 cat b",
    "cat <<X | tr a b\n$(date)\nX",
    "git branch --show-current; git stash list; git remote -v; git config --get user.name",
    "diff <(sort a) <(sort b); echo $((1 + 2)) ${x:-y}",
  ],
  build: [
    "mkdir -p a/b && cp x a/b && printf '`hi`' >a/b/c",
    "sed -i 's/a/b/' a.ts && git diff",
    "cat >a.ts <<'X'\nconst a = $(1);\nX",
    "tsc -p . && rm -rf out",
    "cargo build --offline",
    "sort -o a a; tee x <a",
  ],
  net: [
    "npm test",
    "./run.sh",
    "git fetch",
    "git commit -m x",
    "curl https://example.com",
    "node -e 1",
    "make",
    "ls; npm ci",
    "bash -c 'ls; npm ci'",
    "cat a | sh",
    "ls &",
    "f() { ls; }; f",
    "$x a",
    "cat 'open",
    "if true; then",
    "sleep 1 & wait",
    `${"ls;".repeat(5000)}`,
    "(".repeat(3000),
    "PATH=. ls",
    "read PATH <a; ls",
    "printf -v PATH x; ls",
    "test -v 'a[$(x)]'",
    "let 'a[`x`]=1'",
    "xargs -a list --arg-file=x cat",
  ],
};

test("a command gets the narrowest profile that it is seen to need, and what is not known the widest", async () => {
  for (const [profile, commands] of Object.entries(CASES)) {
    for (const command of commands)
      assert.equal((await analyseCommand(command)).profile, profile, command.slice(0, 80));
  }
});

test("the words of every command are listed, of those too that others start", async () => {
  const { commands, reads, writes, asks } = await analyseCommand(
    "env A=1 timeout 5 sh -c 'cat \"a b\" | tee $OUT' <in; find . -name x -exec rm {} \\; >log; npm ci",
  );
  assert.deepEqual(commands, [
    ["cat", "a b"],
    ["tee", null],
    ["rm", "{}"],
    ["find", ".", "-name", "x", "-exec", "rm", "{}", ";"],
    ["npm", "ci"],
  ]);
  assert.deepEqual(
    { reads, writes, asks },
    { reads: ["in", "a b", "."], writes: ["a file", "log", "{}"], asks: ["npm"] },
  );
});

test("what a command does is said in plain words", async () => {
  assert.equal(
    await explainRun("cat a.ts | wc -l", false),
    "reads a.ts (read-only: it can write nothing and reach no network)",
  );
  assert.equal(
    await explainRun("cat a.ts | wc -l", true),
    "runs something that cannot be told from its text, which may do all that the box allows; reads a.ts (net: the rules for the network count)",
  );
  assert.equal(
    await explainRun("cat a.ts >b.ts && npm test", true),
    "runs npm, which may do all that the box allows; writes b.ts; reads a.ts (net: the rules for the network count)",
  );
  assert.match(await explainRun("eval $x", false), /^runs something that cannot be told from its text, /);
});

test("a bound that was in the way is named, and the same command given again is not bound", async () => {
  const profiles = new RunProfiles(() => []);
  const effect = { kind: "run", command: "cat a", timeoutMs: 1, background: false, profile: "net" } as const;
  const chosen = await profiles.choose(effect);
  assert.equal(chosen.profile, "read-only");
  const plain = { ok: false, code: "exit", text: "cat: a: No such file or directory\nexit status 1" } as const;
  assert.equal(profiles.explain(chosen, plain, "net"), plain);
  assert.equal((await profiles.choose(effect)).profile, "read-only");
  const refused = { ...plain, text: "touch: x: Read-only file system\nexit status 1" };
  assert.match(profiles.explain(chosen, refused, "read-only").text, /\(it ran read-only: this agent may no more\)$/);
  assert.equal((await profiles.choose(effect)).profile, "read-only");
  assert.match(
    profiles.explain(chosen, refused, "net").text,
    /\(it ran read-only and without network, .* given again as it is, it is not bound so\)$/,
  );
  assert.equal((await profiles.choose(effect)).profile, "net");
  assert.equal((await profiles.choose({ ...effect, command: "cat b" })).profile, "read-only");
  assert.equal((await profiles.choose({ ...effect, command: "cat b", background: true })).profile, "net");
});

test("a rule of the policy bounds a command further, never less, also in the background and when it is given again", async () => {
  const at = (line: number, argv: readonly string[], profile: ProfileRule["profile"]): ProfileRule => {
    return { id: `user policy.yaml:${line}`, tier: "user", argv, profile, because: line === 1 ? "no pages" : null };
  };
  const rules = [at(1, ["npm", "run", "docs"], "build"), at(2, ["npm"], "read-only"), at(3, ["cat"], "build")];
  const all = fc.subarray(rules);
  const commands = fc.constantFrom(
    "npm run docs",
    "sh -c 'npm run docs -- x'",
    "cat a && npm ci",
    "cat a",
    "echo x >y",
    "f() { npm ci; }; f",
  );
  await fc.assert(
    fc.asyncProperty(all, commands, fc.boolean(), async (some, command, background) => {
      const effect = { kind: "run", command, timeoutMs: 1, background, profile: "net" } as const;
      const [free, bound] = [new RunProfiles(() => []), new RunProfiles(() => some)];
      const [was, is] = [await free.choose(effect), await bound.choose(effect)];
      assert.equal(narrower(was.profile, is.profile), is.profile);
      const rule = await boundOnRun(some, command);
      assert.equal(is.profile, rule === null ? was.profile : narrower(rule.profile, was.profile));
    }),
    { numRuns: 100 },
  );
  const profiles = new RunProfiles(() => rules.slice(0, 1));
  const effect = { kind: "run", command: "npm run docs", timeoutMs: 1, background: false, profile: "net" } as const;
  const chosen = await profiles.choose(effect);
  assert.equal(chosen.profile, "build");
  const outcome = { ok: false, code: "exit", text: "curl: (7) Could not connect\nexit status 7" } as const;
  assert.match(
    profiles.explain(chosen, outcome, "net").text,
    /\(it ran as build: user policy\.yaml:1 bounds it: no pages; nothing takes/,
  );
  assert.equal((await profiles.choose(effect)).profile, "build");
  assert.equal((await profiles.choose({ ...effect, background: true })).profile, "build");
  const every = [at(4, ["*"], "build")];
  assert.equal((await new RunProfiles(() => every).choose({ ...effect, command: "$x; eval $y" })).profile, "build");
});

test("every text has an analysis, and one that ends in the middle is unknown", async () => {
  const pieces = fc.constantFrom(
    "ls",
    " ",
    "$(",
    ")",
    "'",
    '"',
    "<<X\n",
    "X\n",
    ";",
    "|",
    "&&",
    "{",
    "}",
    "if",
    "\\",
    "`",
    "((",
    "a=",
    ">",
    "é",
    "\u00a0",
  );
  await fc.assert(
    fc.asyncProperty(fc.array(pieces, { maxLength: 12 }), async (parts) => {
      const { commands, profile } = await analyseCommand(parts.join(""));
      assert.ok(commands !== null || profile === "net");
    }),
    { numRuns: 500 },
  );
});
