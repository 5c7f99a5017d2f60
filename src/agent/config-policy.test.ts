import assert from "node:assert/strict";
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { LIMITS_DEFAULT } from "../box/limits.ts";
import { type CredentialRule, Secret } from "../core/credential.ts";
import { boundTo } from "../core/policy-credential.ts";
import { makePolicy, NO_CEILINGS, putOnsOf, TABLE_ALONE, type Tier } from "../core/policy-rules.ts";
import type { Vault } from "../egress/vault.ts";
import { UsageError } from "./config.ts";
import { findNamed, parseText, readPolicyText } from "./config-policy.ts";
import { importRules } from "./config-policy-import.ts";
import { parseOnce } from "./config-policy-kept.ts";
import { boxWithin, limitsWithin, PolicyInForce, vaultWithin } from "./config-policy-tiers.ts";

const ruleOf = (rule: string) => `rules:\n  - ${rule}\n`;

test("what is wrong is told with file, line and rule", async () => {
  const says = (text: string, tier: Tier, said: RegExp) =>
    assert.rejects(parseText(tier, "/x/policy.yaml", text), said);
  const two = "rules:\n  - deny: {read: a}\n  # a comment\n  - ";
  await says(
    `${two}allow: {run: [npm]}\n`,
    "user",
    /^Error: \/x\/policy\.yaml: user policy\.yaml:4: the box bounds every command/,
  );
  await says(`${two}allow: {land: src}\n`, "session", /session policy\.yaml:4: source needs no rule/);
  await says(`${two}deny: {read: a}\n`, "project", /project policy\.yaml:2: a checkout hides nothing of itself/);
  await says(
    `rules:\n  - allow: {credential: KEY, at: "https://a.example"}\n`,
    "project",
    /policy\.yaml:2: a checkout has no credential put on anywhere/,
  );
  for (const key of ["processes", "disk_mb"])
    await says(`budgets: {${key}: 1}\n`, "project", new RegExp(`budgets\\.${key}: the box is made before`));
  await says("budgets: {calls: 1.5}\n", "user", /budgets\.calls must be a whole number/);
  await says(
    `${two}deny: {net: a.example}\n    examples: {match: ["GET https://b.example/"]}\n`,
    "user",
    /:4: the example "GET https:\/\/b\.example\/" does not fall/,
  );
  await says(
    `${two}deny: {net: a.example}\n    examples: {not: [anything]}\n`,
    "user",
    /:4: the example "anything" is no action/,
  );
  await says("rules: [\n", "user", /^Error: \/x\/policy\.yaml: /);
  await says(`a: &a [x]\nb: ${"[*a, *a, *a, *a]".repeat(1)}\n`, "user", /unknown key/);
  await says("x".repeat(70_000), "user", /larger than/);
  await says(`rules: [&a {deny: {net: a.example}}${", *a".repeat(200)}]`, "project", /more than 100 aliases/);
  await says(`rules: ${"[".repeat(20_000)}`, "user", /policy\.yaml/);
});

test("what YAML makes no mapping of is none, since no rule would be found in it", async () => {
  for (const text of [
    "!!omap\n- rules: [{deny: {net: '*'}}]\n",
    "!!set\n? rules\n",
    "!!timestamp 2001-12-14\n",
    "rules:\n- deny: {net: x.example}\n  examples: !!omap [match: ['GET https://y.example']]\n",
    "budgets: !!omap [usd: 1]\n",
    "rules: !own []\n",
  ])
    await assert.rejects(parseText("managed", "/x/policy.yaml", text), UsageError, text);
});

test("a rule denies its host at every port, and allows at the one that is said", async () => {
  const { rules } = await parseText(
    "user",
    "/x/p.yaml",
    `${ruleOf("deny: {net: a.example}")}  - deny: {net: "a.example:8443"}\n  - allow: {net: a.example}\n`,
  );
  assert.deepEqual(
    rules.map(({ scope }) => scope.kind === "net" && scope.rule.ports),
    [null, [8443], [443]],
  );
});

test("a profile rule bounds commands by their first words, of any tier, and its examples are tried when it is read", async () => {
  const of = (text: string) =>
    parseText("project", "/x/p.yaml", `profiles:\n  - {run: [npm, run, docs], profile: build}\n  - ${text}\n`);
  const { profiles, examples } = await of('{run: ["*"], profile: read-only, examples: {match: ["run: eval $x"]}}');
  assert.deepEqual(
    profiles.map(({ id, argv, profile }) => `${id} ${argv.join(" ")} ${profile}`),
    ["project p.yaml:2 npm run docs build", "project p.yaml:3 * read-only"],
  );
  assert.deepEqual(examples, ["run: eval $x"]);
  for (const [wrong, said] of [
    ["{run: [npm], profile: net}", /p\.yaml:3: "profile" must be read-only or build: a rule can only narrow/],
    ["{run: [npm]}", /"profile" must be/],
    ["{run: npm, profile: build}", /run must be a list/],
    ['{run: ["*", x], profile: build}', /alone means every command/],
    ["{run: [npm], profile: build, allow: {net: a.example}}", /unknown key "allow"/],
    ['{run: [npm], profile: build, examples: {match: ["run: yarn"]}}', /:3: the example "run: yarn" does not fall/],
    ['{run: [npm], profile: build, examples: {not: ["run: npm ci"]}}', /:3: the example "run: npm ci" falls/],
  ] as const)
    await assert.rejects(of(wrong), said, wrong);
});

test("each ceiling of a policy bounds the session, the tightest of all tiers and of what was asked for", async () => {
  const kept = { folder: "/nonexistent", version: "1" };
  const of = (tier: Tier, budgets: string) => parseText(tier, `/x/${tier}.yaml`, `budgets: {${budgets}}\n`);
  const files = [
    await of("managed", "usd: 9, tokens: 5, calls: 7, sent_mb: 2, processes: 10, agents: 3, turns: 4"),
    await of("user", "usd: 1, tokens: 50, sent_mb: 0.5, disk_mb: 3, agents: 5"),
    await of("session", "minutes: 2, calls: 70"),
  ];
  const policy = new PolicyInForce(files, [], async () => false, kept);
  await policy.adopt(Buffer.from("rules: [{deny: {credential: KEY}}]\nbudgets: {turns: 9, calls: 6}\n"));
  const { turnsMax, ceilings } = limitsWithin({ turnsMax: 8, ceilings: { usd: 2, children: 1 } }, policy.current);
  const of1 = { usd: 1, tokens: 5, wallMs: 120_000, calls: 6, processes: 10 };
  assert.deepEqual({ ...ceilings }, { ...of1, diskBytes: 3 << 20, egressBytes: 1 << 19, children: 1 });
  assert.equal(turnsMax, 4);
  const { diskBytes, fileBytes, processes } = boxWithin(LIMITS_DEFAULT, policy.current);
  assert.deepEqual([diskBytes, fileBytes, processes], [3 << 20, 3 << 20, 10]);
  assert.deepEqual(boxWithin(LIMITS_DEFAULT, TABLE_ALONE), LIMITS_DEFAULT);
});

test("a checkout's own file keeps a credential off that was known before it was read", async () => {
  const kept = { folder: "/nonexistent", version: "1" };
  const policy = new PolicyInForce([], [], async () => false, kept);
  const { rules } = await parseText("user", "/x/u.yaml", ruleOf(`allow: {credential: KEY, at: "https://a.example"}`));
  const pair = { placeholder: "P", value: new Secret("V"), id: "KEY", source: "env KEY" };
  const all = [{ ...pair, rules: putOnsOf(makePolicy(rules, NO_CEILINGS)) as CredentialRule[] }];
  const vault = vaultWithin({ credentials: () => all } as unknown as Vault, policy);
  const left = () => vault.credentials().map((credential) => credential.rules.length);
  assert.deepEqual(left(), [1]);
  await policy.adopt(Buffer.from("rules: [{deny: {credential: KEY}}]\n"));
  assert.deepEqual(left(), [0]);
});

test("of a checkout's file what allows waits until its very content is approved", async (t) => {
  const kept = { folder: makeFolder(t, "/tmp"), version: "1" };
  const text = `rules:\n  - allow: {net: a.example}\n  - deny: {net: b.example}\nbudgets: {usd: 1}\n`;
  const file = await parseText("project", ".ringfence/policy.yaml", text);
  const adopt = async (approved: string) => {
    const policy = new PolicyInForce([], [], async ({ hash }) => hash === approved, kept);
    const before = policy.digest;
    await policy.adopt(Buffer.from(text));
    assert.notEqual(policy.digest, before);
    const { rules, ceilings } = policy.current;
    return [rules.map(({ verdict }) => verdict), ceilings.usd, policy.adopted?.isApproved];
  };
  assert.deepEqual(await adopt("other"), [["deny"], 1, false]);
  assert.deepEqual(await adopt(file.sha256), [["allow", "deny"], 1, true]);
});

/** A folder that root owns and nobody else writes, as /etc is, where the test is root; else one of the user's own. */
function makeFolder(t: TestContext, parent: string): string {
  const folder = mkdtempSync(join(parent, "ringfence-managed-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  chmodSync(folder, 0o755);
  return folder;
}

test("what the machine's policy lists of a credential bounds paths, methods and header of everybody's rules", async () => {
  const allow = (at: string, more = "") => ruleOf(`allow: {credential: KEY, at: "${at}"${more}}`);
  const managed = await parseText("managed", "/x/p.yaml", allow("https://a.example/v1", ", as: x-key, methods: [GET]"));
  const left = async (text: string) => {
    const { rules } = await parseText("user", "/x/u.yaml", text);
    const policy = makePolicy([...managed.rules, ...rules], NO_CEILINGS);
    const [own] = putOnsOf({ ...policy, rules }) as CredentialRule[];
    assert.ok(own);
    const pair = { placeholder: "P", value: new Secret("V") };
    return boundTo(policy, { ...pair, id: "KEY", source: "env KEY", rules: [own] }).rules.length;
  };
  const exact = ", as: x-key, methods: [GET]";
  assert.equal(await left(allow("https://a.example/v1", exact)), 1);
  assert.equal(await left(allow("https://a.example/v1/x", exact)), 1);
  assert.equal(await left(allow("https://a.example/", exact)), 0);
  assert.equal(await left(allow("https://a.example/v10", exact)), 0);
  assert.equal(await left(allow("https://a.example/v1", ", as: x-key, methods: [GET, POST]")), 0);
  assert.equal(await left(allow("https://a.example/v1", ", as: x-other, methods: [GET]")), 0);
  assert.equal(await left(allow("https://b.example/v1", exact)), 0);
});

test("the machine's policy counts only where root alone can write it and the way to it", async (t) => {
  assert.equal(readPolicyText("managed", "/etc/ringfence-of-no-test/policy.yaml"), null);
  const refused = (path: string) => assert.throws(() => readPolicyText("managed", path), UsageError);
  // In a folder that everybody may write, anybody could have put it there.
  const loose = makeFolder(t, "/tmp");
  writeFileSync(join(loose, "policy.yaml"), "rules: []\n");
  refused(join(loose, "policy.yaml"));
  if (process.getuid?.() !== 0) return;
  const folder = makeFolder(t, "/var/lib");
  const path = join(folder, "policy.yaml");
  writeFileSync(path, "rules: []\n");
  assert.equal(readPolicyText("managed", path), "rules: []\n");
  chmodSync(path, 0o664);
  refused(path);
  chmodSync(path, 0o644);
  chownSync(path, 1, 0);
  refused(path);
  chownSync(path, 0, 0);
  chmodSync(folder, 0o777);
  refused(path);
  chmodSync(folder, 0o755);
  rmSync(path);
  symlinkSync("/etc/hostname", path);
  refused(path);
  rmSync(path);
  mkdirSync(path);
  refused(path);
});

test("a named file is taken from outside the checkout alone, wherever a link leads", (t) => {
  const folder = makeFolder(t, "/tmp");
  mkdirSync(join(folder, "repo"));
  writeFileSync(join(folder, "repo/p.yaml"), "");
  writeFileSync(join(folder, "own.yaml"), "");
  symlinkSync("repo/p.yaml", join(folder, "link.yaml"));
  const find = (file: string) => findNamed(file, join(folder, "repo"), join(folder, "repo"));
  assert.equal(find("../own.yaml"), join(folder, "own.yaml"));
  for (const file of ["p.yaml", "../link.yaml", "../gone.yaml"]) assert.throws(() => find(file), UsageError);
});

test("what is imported from another agent loads as a policy", async () => {
  const claude = JSON.stringify({
    permissions: { deny: ["Bash(npm publish:*)", "Read(./.env)"], ask: ["Edit(src/**)"] },
  });
  const codex =
    'prefix_rule(pattern=["npm", "publish"], decision="forbidden", match=["npm publish -x"], not_match=["npm test"])';
  const gemini = '[[rule]]\ntoolName = "run_shell_command"\ncommandPrefix = "npm publish"\ndecision = "deny"\n';
  const config = `approval_policy = "never"\nsandbox_mode = "workspace-write"\n[sandbox_workspace_write]\nnetwork_access = false\n`;
  const counts: number[] = [];
  for (const [agent, text] of [
    ["claude", claude],
    ["codex", codex],
    ["gemini", gemini],
    ["codex", config],
  ] as const) {
    const { yaml, left } = await importRules(agent, text);
    const { rules } = await parseText("user", "/x/policy.yaml", yaml);
    counts.push(rules.length, left.length);
  }
  assert.deepEqual(counts, [3, 0, 1, 0, 1, 0, 1, 1]);
  await assert.rejects(importRules("claude", "{"), /^Error: the rules of claude cannot be read: they are no JSON/);
  await assert.rejects(importRules("gemini", "[[rule"), UsageError);
  await assert.rejects(importRules("codex", "# mine\nmodel = x"), /the rules of codex cannot be read: Invalid TOML/);
  await assert.rejects(importRules("codex", "prefix_rule(x)"), /the rules of codex cannot be read: line 1/);
});

test("what is kept of a file counts for that very text, tier and program alone, and a managed file is always read", async (t) => {
  const folder = makeFolder(t, "/tmp");
  const read = (tier: Tier, text: string, version = "1") =>
    parseOnce({ folder, version }, tier, "/x/policy.yaml", text);
  const text = ruleOf("deny: {read: a}");
  const first = await read("user", text);
  const [slot = ""] = readdirSync(folder);
  const forge = () => {
    const found = JSON.parse(readFileSync(join(folder, slot), "utf8"));
    writeFileSync(join(folder, slot), JSON.stringify({ ...found, file: { ...found.file, rules: [] } }));
  };
  assert.deepEqual(await read("user", text), first);
  forge();
  // By this it is seen that the kept form is what was read.
  assert.deepEqual((await read("user", text)).rules, []);
  assert.equal((await read("user", `${text}\n`)).rules.length, 1);
  forge();
  assert.equal((await read("user", `${text}\n`, "2")).rules.length, 1);
  writeFileSync(join(folder, slot), "{");
  assert.equal((await read("user", text)).rules.length, 1);
  assert.equal((await read("managed", text)).rules.length, 1);
  assert.deepEqual(readdirSync(folder), [slot]);
  await assert.rejects(read("user", ruleOf("deny: {}")), UsageError);
});
