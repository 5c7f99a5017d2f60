import assert from "node:assert/strict";
import { test } from "node:test";
import { type Remote, trackedOf } from "../core/git-remote.ts";
import type { Listed, NetRequest } from "../core/net-rules.ts";
import { type GitCall, GitRemote } from "../egress/git.ts";
import type { PushRule } from "./config-net.ts";
import { gitEffect, pushHint, type TrackedRemote } from "./remote.ts";

const URL = "https://git.example/group/thing.git";
const MAIN = "refs/heads/main";

function trackedAt(url: string) {
  const tracked = trackedOf(url);
  assert.ok(tracked);
  return tracked;
}

const tracked = trackedAt(URL);
const remote: Remote = { url: URL, written: URL, branch: MAIN, tracks: MAIN, isPushedTo: true, sshCommand: null };
const git = new GitRemote({
  tracked,
  ssh: null,
  authorization: null,
  known: async () => new Set(),
  pack: async () => ({ found: "absent" }),
});
const upstream: TrackedRemote = { remote, tracked, port: 443, git };
const request: NetRequest = {
  protocol: "https",
  host: "git.example",
  port: 443,
  method: "POST",
  path: "/group/thing.git/git-receive-pack",
  hasBody: true,
};
const unlisted: Listed = { verdict: "unlisted", why: "" };
const command = { ref: MAIN, oldId: "a".repeat(40), newId: "b".repeat(40) };
const push: GitCall = { kind: "push", command, found: "landed", digest: "c", summary: "" };
const rule = (at: string, ref: string): PushRule => ({ id: `${at} ${ref}`, repository: trackedAt(at), ref });
const effectOf = (call: GitCall | null, more: Partial<Parameters<typeof gitEffect>[2]> = {}) =>
  gitEffect(request, call, { ruled: unlisted, rules: [], upstream, command: 3, ...more });

test("a push is by the rule that names both its repository and its branch, however that spells the address", () => {
  const rules = [
    rule("https://git.example/group/other.git", MAIN),
    rule("https://other.example/group/thing.git", MAIN),
    rule("http://git.example/group/thing.git", MAIN),
    rule(URL, "refs/heads/topic"),
  ];
  const asked = effectOf(push, { rules });
  assert.ok(asked.kind === "push");
  assert.equal(pushHint(asked, upstream), `add {at: "${URL}", branch: "main"} to net.push in config.yaml`);
  assert.deepEqual(asked, {
    kind: "push",
    ...request,
    ...command,
    remote: "tracked",
    found: "landed",
    digest: "c",
    rule: null,
    isDenied: false,
    command: 3,
    approvedBy: "none",
    shownAt: null,
  });
  for (const at of [URL, "https://git.example/group/thing", "git@git.example:group/thing.git"]) {
    const named = effectOf(push, { rules: [...rules, rule(at, MAIN)] });
    assert.equal(named.kind === "push" && named.rule, `${at} ${MAIN}`);
  }
});

test("a push elsewhere is none to the tracked repository, nor is one where pushes go to another address", () => {
  const rules = [rule(URL, MAIN)];
  const isPushedTo = { ...upstream, remote: { ...remote, isPushedTo: false } };
  for (const effect of [
    effectOf(null, { rules }),
    effectOf(push, { rules, upstream: null }),
    effectOf(push, { rules, upstream: isPushedTo }),
  ])
    assert.equal(effect.kind === "push" && effect.remote, "other");
});

test("a denial of the person's is named, for a fetch and for a push, before any rule that allows", () => {
  const denied: Listed = {
    verdict: "deny",
    rule: {
      ...{ id: "net.deny[0]", host: "git.example", ports: [443], methods: null, paths: null },
      ...{ body: false, tls: "terminate", private: false },
    },
  };
  const pushed = effectOf(push, { ruled: denied, rules: [rule(URL, MAIN)] });
  assert.deepEqual(pushed.kind === "push" && [pushed.rule, pushed.isDenied], ["net.deny[0]", true]);
  const fetched = effectOf({ kind: "fetch" }, { ruled: denied });
  assert.deepEqual(fetched.kind === "request" && [fetched.listed, fetched.rule, fetched.origin], [
    "deny",
    "net.deny[0]",
    "fetch",
  ]);
  const allowed = effectOf({ kind: "fetch" });
  assert.deepEqual(allowed.kind === "request" && [allowed.listed, allowed.rule], ["allow", "tracked remote"]);
});
