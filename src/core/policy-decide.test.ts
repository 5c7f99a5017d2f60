import assert from "node:assert/strict";
import { test } from "node:test";
import type { Effect } from "./effect.ts";
import { type Label, PERSONS_COMMAND } from "./label.ts";
import { parseAction } from "./policy-action.ts";
import { argvsOf } from "./policy-argv.ts";
import { decideWithin } from "./policy-decide.ts";
import { explain, isLooser } from "./policy-explain.ts";
import { type Action, restrictionOn, rulesOn } from "./policy-match.ts";
import { lowest, makePolicy, NO_CEILINGS, type Rule, type Scope, TABLE_ALONE, type Tier } from "./policy-rules.ts";
import { ruleText } from "./policy-text.ts";
import type { Verdict } from "./sinks.ts";

const NET = { id: "r", ports: null, methods: null, paths: null, body: true, tls: "terminate", private: false } as const;
const net = (host: string, more: object = {}): Scope => ({ kind: "net", rule: { ...NET, host, ...more } });
const REPOSITORY = { host: "git.example", origin: "https://git.example", path: "group/thing", ssh: null };
let line = 0;
function rule(verdict: Verdict, scope: Scope, tier: Tier = "user"): Rule {
  line += 1;
  return { id: `${tier} policy.yaml:${line}`, tier, verdict, scope, because: null };
}
const policyOf = (...rules: readonly Rule[]) => makePolicy(rules, NO_CEILINGS);
const action = (text: string): Action => {
  const read = parseAction(text);
  assert.ok(read, text);
  return read;
};
const verdictOn = (rules: readonly Rule[], text: string) =>
  restrictionOn(policyOf(...rules), action(text))?.verdict ?? null;

test("a host is denied at every port, below it by a star, and wherever a path may be meant", () => {
  const rules = [
    rule("deny", net("a.example")),
    rule("deny", net("*.b.example")),
    rule("ask", net("c.example", { paths: ["/v1"], ports: [443] })),
  ];
  const on = (text: string) => verdictOn(rules, text);
  assert.deepEqual(
    ["GET https://a.example/", "GET http://a.example:81/x", "tunnel a.example:22", "GET https://x.a.example/"].map(on),
    ["deny", "deny", "deny", null],
  );
  assert.deepEqual(["GET https://x.b.example/", "GET https://y.x.b.example/", "GET https://b.example/"].map(on), [
    "deny",
    "deny",
    null,
  ]);
  assert.deepEqual(
    [
      "GET https://c.example/v1/x",
      "GET https://c.example/v2",
      "GET https://c.example/v2/%2e%2e/v1",
      "GET https://c.example:444/v1",
    ].map(on),
    ["ask", null, "ask", null],
  );
});

test("a path is denied however it is escaped", () => {
  const rules = [rule("deny", net("a.example", { paths: ["/v1/admin", "/@scope"] }))];
  const on = (path: string) => verdictOn(rules, `GET https://a.example${path}`);
  const denied = ["/v1/admin/x", "/v1/%61dmin", "/%76%31/%41dmin/../%61dmin", "/%40scope/x?y", "/v1/admin%2Fx", "/%ff"];
  assert.deepEqual(
    denied.map(on),
    denied.map(() => "deny"),
  );
  assert.deepEqual(["/v1/administer", "/v1/a%20b", "/x?/v1/admin"].map(on), [null, null, null]);
});

test("a path that is not to be read is asked no reader about either", () => {
  const policy = policyOf(rule("deny", { kind: "read", glob: "customers" }));
  const on = (about: string) =>
    decideWithin(policy, { kind: "ask", about, question: "q", answer: "boolean" }, PERSONS_COMMAND).verdict;
  assert.deepEqual(["customers/a", "other", "https://x.example/customers/a"].map(on), ["deny", "allow", "allow"]);
});

test("denying is stronger than asking, wherever either stands, and a reason is told with its rule", () => {
  const [ask, deny] = [rule("ask", net("a.example")), { ...rule("deny", net("*")), because: "nothing leaves here" }];
  for (const rules of [
    [ask, deny],
    [deny, ask],
  ])
    assert.deepEqual(restrictionOn(policyOf(...rules), action("GET https://a.example/")), {
      verdict: "deny",
      reason: `${deny.id} denies it: nothing leaves here`,
    });
});

test("a command is known by its first words, where nobody needs a shell to tell them", () => {
  const rules = [rule("deny", { kind: "run", argv: ["npm", "publish"] })];
  const on = (text: string) => verdictOn(rules, `run: ${text}`);
  assert.deepEqual(["npm publish", "npm  publish --tag x", "npm run publish", "npm publisher"].map(on), [
    "deny",
    "deny",
    null,
    null,
  ]);
  assert.deepEqual(
    ["cd x && npm publish", "make|npm publish", "npm 'publish'", 'n"pm" publish', "a\nnpm publish"].map(on),
    ["deny", "deny", "deny", "deny", "deny"],
  );
  // Advice alone: what cannot be told is for the box to bound.
  assert.deepEqual(["sh -c 'npm publish'", "npm $(echo publish)", "npm pub*"].map(on), [null, null, null]);
  assert.deepEqual(argvsOf(" ls  -l 'a b'; A=b "), { argvs: [["ls", "-l", "a b"]], isWhole: false });
  assert.deepEqual(argvsOf(" ls  -l 'a b'||make X=1 "), {
    argvs: [
      ["ls", "-l", "a b"],
      ["make", "X=1"],
    ],
    isWhole: true,
  });
  for (const program of [
    "",
    "a &",
    "a > b",
    "a *",
    "~/a",
    "(a)",
    "a # b",
    "A=b c",
    "a && ",
    "; a",
    "a;;b",
    'a "$b"',
    "a \\\n b",
    "a 'b",
    "./a\u00a0",
    "\u00a0./a",
    "a\r\n",
    "coproc a",
  ])
    assert.equal(argvsOf(program).isWhole, false, program);
});

test("what cannot be told of a line hides no command beside it", () => {
  const rules = [rule("deny", { kind: "run", argv: ["npm", "publish"] })];
  const on = (text: string) => verdictOn(rules, `run: ${text}`);
  for (const line of [
    "npm publish; echo $?",
    "coproc npm publish",
    "echo $?; npm publish",
    "A=1 npm publish",
    'A="$b c" npm publish',
    "npm publish >log 2>&1",
    ">log npm publish",
    "npm publish --tag $TAG",
    'npm publish --tag "$TAG"',
    "npm publish &",
    "(cd x && npm publish)",
    "{ npm publish; }",
    "if npm publish; then echo yes; fi",
    "for a in b c; do npm publish; done",
    "! npm publish",
    "x=$(npm publish)",
    "ls *; npm publish",
    "npm publish <<X\ntext\nX",
    "# don't wait\nnpm publish",
    "ls # it's all\nnpm publish",
    "echo \\ #; npm publish",
    "echo $#; npm publish",
    "echo a#'; '; npm publish",
  ])
    assert.equal(on(line), "deny", line);
  for (const line of [
    "cat >a.md <<X\nnpm publish\nX",
    "echo npm publish",
    "echo $(date) npm publish",
    "git commit -m 'why:\nnpm publish'",
    'git commit -m "$a\nnpm publish"',
    "echo `date` npm publish",
    "# npm publish",
    "npm $a publish",
    'npm "$a"publish',
    "npm ~publish",
    "$a npm publish",
    "echo 'a\nnpm publish",
  ])
    assert.equal(on(line), null, line);
});

test("what the managed policy lists is all that there is of its kind, and a command that cannot be told is not in it", () => {
  const managed = [
    rule("allow", { kind: "run", argv: ["npm"] }, "managed"),
    rule("allow", { kind: "land", glob: "src" }, "managed"),
    rule("allow", { kind: "push", repository: REPOSITORY, branch: "main" }, "managed"),
    rule("allow", net("api.example", { methods: ["GET", "POST"], ports: [443] }), "managed"),
  ];
  const on = (text: string) => verdictOn([...managed, rule("allow", net("b.example"))], text);
  assert.deepEqual(
    ["run: npm test", "run: make", "run: npm test; make", "land src/a", "land lib/a", "read lib/a"].map(on),
    [null, "deny", "deny", null, "deny", null],
  );
  assert.deepEqual(["POST https://api.example/", "GET https://b.example/", "tunnel api.example:443"].map(on), [
    null,
    "deny",
    "deny",
  ]);
  assert.deepEqual(
    [
      "push main to https://git.example/group/thing.git",
      "push main to https://git.example/group/other.git",
      "push dev",
    ].map(on),
    [null, "deny", "deny"],
  );
});

test("of several commands in one line each must be on the managed list", () => {
  const managed = [rule("allow", { kind: "run", argv: ["npm"] }, "managed")];
  const on = (...argvs: readonly string[][]) =>
    restrictionOn(policyOf(...managed), { kind: "run", argvs, isWhole: true })?.verdict;
  assert.deepEqual([on(["npm", "test"]), on(["npm", "test"], ["make"]), on()], [undefined, "deny", "deny"]);
});

test("a file tool is denied by every place that its path is, and where nobody could tell that by any rule about it", () => {
  const policy = policyOf(rule("deny", { kind: "write", glob: "vendor" }));
  const on = (places: { readonly places?: readonly string[] }) =>
    [
      { ...places, kind: "write", path: "x", content: "" } as const,
      { ...places, kind: "edit", path: "x", oldString: "a", newString: "b", replaceAll: false } as const,
    ].map((effect) => decideWithin(policy, effect, PERSONS_COMMAND).verdict);
  assert.deepEqual(on({ places: ["x", "src/x"] }), ["allow", "allow"]);
  assert.deepEqual(on({ places: ["x", "vendor/x"] }), ["deny", "deny"]);
  assert.deepEqual(on({ places: ["vendor/x", "src/x"] }), ["deny", "deny"]);
  assert.deepEqual(on({}), ["deny", "deny"]);
  const hides = policyOf(rule("deny", { kind: "read", glob: "vendor" }));
  const edit = { kind: "edit", path: "x", oldString: "a", newString: "b", replaceAll: false } as const;
  assert.equal(decideWithin(hides, { ...edit, places: ["vendor/x"] }, PERSONS_COMMAND).verdict, "deny");
  assert.equal(decideWithin(hides, edit, PERSONS_COMMAND).verdict, "deny");
  assert.equal(decideWithin(TABLE_ALONE, edit, PERSONS_COMMAND).verdict, "allow");
});

const LAND = { kind: "land", digest: "d", held: [], approvals: [], approvedBy: "person" } as const;

test("a path that a rule asks about lands only as it was approved, and one that is denied never does", () => {
  const policy = policyOf(
    rule("ask", { kind: "land", glob: "src" }),
    rule("deny", { kind: "land", glob: "ci" }),
    rule("deny", { kind: "write", glob: "vendor" }),
  );
  const land = (paths: readonly string[], approved: readonly string[] = []) =>
    decideWithin(policy, { ...LAND, paths, approvals: approved.map((path) => ({ path, hash: "h" })) }, PERSONS_COMMAND)
      .verdict;
  assert.deepEqual(
    [
      land(["a"]),
      land(["a", "src/x"]),
      land(["src/x"], ["src/x"]),
      land(["ci/x"], ["ci/x"]),
      land(["vendor/x"], ["vendor/x"]),
    ],
    ["allow", "deny", "allow", "deny", "deny"],
  );
});

test("a command that the person typed is an answer to a rule that asks, and none to one that denies", () => {
  const run = (command: string, isTyped: boolean): Effect => {
    const effect = { kind: "run", command, timeoutMs: 1, background: false, profile: "net" } as const;
    return isTyped ? { ...effect, approvedBy: "person" } : effect;
  };
  const policy = policyOf(rule("ask", { kind: "run", argv: ["make"] }), rule("deny", { kind: "run", argv: ["rm"] }));
  const verdict = (command: string, isTyped: boolean) =>
    decideWithin(policy, run(command, isTyped), PERSONS_COMMAND).verdict;
  assert.deepEqual(
    [verdict("make", false), verdict("make", true), verdict("rm x", true), verdict("ls", false)],
    ["ask", "allow", "deny", "allow"],
  );
});

test("a yes to a command that was shown is void once more has been within reach", () => {
  const effect = { kind: "run", command: "make", timeoutMs: 1, background: false, profile: "net" } as const;
  const shownAt = { integrity: "repo", secrecy: "private" } as const;
  const policy = policyOf(rule("ask", { kind: "run", argv: ["make"] }));
  const verdict = (label: Label) => decideWithin(policy, { ...effect, approvedBy: "person", shownAt }, label).verdict;
  assert.deepEqual(
    [verdict({ ...PERSONS_COMMAND, ...shownAt }), verdict({ ...PERSONS_COMMAND, ...shownAt, integrity: "external" })],
    ["allow", "ask"],
  );
});

test("a push is known by its branch and by the repository that its address names", () => {
  const push = (path: string, ref = "refs/heads/main"): Effect => ({
    kind: "push",
    protocol: "https",
    host: "git.example",
    port: 443,
    method: "POST",
    path,
    hasBody: true,
    remote: "tracked",
    ref,
    oldId: "",
    newId: "",
    found: "landed",
    digest: "",
    rule: "net.push[0]",
    isDenied: false,
    command: null,
    approvedBy: "none",
    shownAt: null,
  });
  const label: Label = PERSONS_COMMAND;
  const verdictWith = (...rules: readonly Rule[]) =>
    decideWithin(policyOf(...rules), push("/group/thing.git/git-receive-pack"), label).verdict;
  const policy = policyOf(rule("deny", { kind: "push", repository: REPOSITORY, branch: "ma*" }));
  const verdict = (effect: Effect) => decideWithin(policy, effect, label).verdict;
  assert.deepEqual(
    [
      verdict(push("/group/thing.git/git-receive-pack")),
      verdict(push("/group/thing/git-receive-pack")),
      verdict(push("/group/other.git/git-receive-pack")),
      verdict(push("/nobody/knows")),
      verdict(push("/group/thing.git/git-receive-pack", "refs/heads/dev")),
    ],
    ["deny", "deny", "allow", "deny", "allow"],
  );
  const asking = rule("ask", net("git.example"));
  assert.equal(verdictWith(asking), "ask");
  assert.equal(verdictWith(asking, ...policy.rules), "deny");
});

test("an action is explained in the three columns, with every rule that it falls under", () => {
  const api = rule("allow", net("api.example", { methods: ["GET", "POST"], ports: [443] }));
  const policy = policyOf(
    api,
    rule("ask", { kind: "land", glob: "src/**" }),
    rule("deny", { kind: "write", glob: "vendor" }),
    rule("deny", { kind: "run", argv: ["npm", "publish"] }),
    rule("allow", { kind: "push", repository: REPOSITORY, branch: "main" }),
  );
  const verdicts = (text: string) =>
    explain(policy, action(text))
      .decisions.map(({ verdict }) => verdict)
      .join(" ");
  assert.deepEqual(
    [
      "POST https://api.example/v1",
      "GET https://api.example/v1",
      "GET https://elsewhere.example/",
      "land src/a.ts",
      "land lib/a.ts",
      "land .github/workflows/ci.yml",
      "land vendor/x",
      "run: npm publish",
      "run: npm test",
      "push main",
      "push dev",
      "read a",
    ].map((text) => `${text}: ${verdicts(text)}`),
    [
      "POST https://api.example/v1: allow ask ask",
      "GET https://api.example/v1: allow allow ask",
      "GET https://elsewhere.example/: ask ask deny",
      "land src/a.ts: ask ask ask",
      "land lib/a.ts: allow ask ask",
      "land .github/workflows/ci.yml: ask ask ask",
      "land vendor/x: deny deny deny",
      "run: npm publish: deny deny deny",
      "run: npm test: allow allow allow",
      "push main: allow ask ask",
      "push dev: ask ask ask",
      "read a: allow allow allow",
    ],
  );
  assert.deepEqual(rulesOn(policy, action("POST https://api.example/v1")), [api]);
  assert.equal(ruleText(api), "GET, POST to api.example:443");
  const pushed = (text: string) => explain(policy, action(text)).rules.map(({ scope }) => scope.kind);
  assert.deepEqual([pushed("push main"), pushed("push dev")], [["push"], []]);
  assert.match(explain(policy, action("run: npm publish")).limit ?? "", /advice/);
  const [one] = explain(TABLE_ALONE, action("run: npm publish")).decisions;
  const [other] = explain(policy, action("run: npm publish")).decisions;
  assert.ok(one && other && isLooser(one, other) && !isLooser(other, one));
});

test("of several ceilings the lowest counts, and none is no zero", () => {
  const some = { ...NO_CEILINGS, usd: 3, turns: 9, agents: 4 };
  assert.deepEqual(lowest([NO_CEILINGS, some, { ...NO_CEILINGS, usd: 5, turns: 2, sent_mb: 1 }]), {
    ...NO_CEILINGS,
    usd: 3,
    turns: 2,
    sent_mb: 1,
    agents: 4,
  });
});

test("what is no action is none", () => {
  for (const text of [
    "",
    "GET",
    "GET nowhere",
    "get https://a.example/",
    "fly away",
    "push a b c",
    "credential",
    "tunnel a b",
  ])
    assert.equal(parseAction(text), null, text);
});
