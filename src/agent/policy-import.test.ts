import assert from "node:assert/strict";
import { test } from "node:test";
import { parse } from "smol-toml";
import { importClaude } from "./policy-import-claude.ts";
import { importCodex } from "./policy-import-codex.ts";
import { importCodexConfig } from "./policy-import-codex-config.ts";
import { importGemini } from "./policy-import-gemini.ts";
import { readCalls } from "./starlark.ts";

test("settings of Claude Code become rules about what they bound, and the rest is told", () => {
  const { rules, left } = importClaude({
    permissions: {
      allow: ["Bash(npm run test:*)", "WebFetch(domain:docs.example.com)", "Read(src/**)", "mcp__files__read"],
      ask: ["Bash(git push:*)", "Edit(/src/crypto/**)", "Read(./notes)"],
      deny: [
        "Bash(npm publish *)",
        "Read(./.env)",
        "Read(*.pem)",
        "Edit(vendor/**)",
        "WebFetch",
        "Read(~/.ssh/**)",
        "Bash",
        "Bash(a * b)",
      ],
      defaultMode: "acceptEdits",
    },
    hooks: {},
  });
  assert.deepEqual(rules, [
    { deny: { run: ["npm", "publish"] } },
    { deny: { read: ".env" } },
    { deny: { read: "**/*.pem" } },
    { deny: { write: "vendor/**" } },
    { deny: { net: "*" } },
    { ask: { run: ["git", "push"] } },
    { ask: { land: "src/crypto/**" } },
    { allow: { net: "docs.example.com" } },
  ]);
  assert.deepEqual(
    left.map((what) => what.split(": ")[0]),
    [
      "deny Read(~/.ssh/**)",
      "deny Bash",
      "deny Bash(a * b)",
      "ask Read(./notes)",
      "allow Bash(npm run test:*)",
      "allow Read(src/**)",
      "allow mcp__files__read",
      "permissions.defaultMode",
      "hooks",
    ],
  );
});

const CODEX = `# a comment
prefix_rule(
    pattern = ["gh", ["pr", "issue"], "view"],  # alternatives
    decision = "prompt",
    justification = "look first",
    match = ["gh pr view 7", ["gh", "issue", "view"], "gh pr view $(x)"],
    not_match = ["gh repo view"],
)
prefix_rule(pattern=["ls"])
prefix_rule(pattern=["rm", "-rf"], decision="forbidden")
network_rule(host="api.example.com", protocol="https", decision="allow")
host_executable(name="git", paths=["/usr/bin/git"])
`;

test("rules of Codex become rules about the beginning of commands, with the examples that can be tried", () => {
  const { rules, left } = importCodex(CODEX);
  const not = ["run: gh repo view"];
  assert.deepEqual(rules, [
    { ask: { run: ["gh", "pr", "view"] }, because: "look first", examples: { match: ["run: gh pr view 7"], not } },
    { ask: { run: ["gh", "issue", "view"] }, because: "look first", examples: { match: ["run: gh issue view"], not } },
    { deny: { run: ["rm", "-rf"] } },
    { allow: { net: "api.example.com" } },
  ]);
  assert.deepEqual(left, [
    "line 9, prefix_rule ls: a command needs no allow: the box bounds each",
    "line 12, host_executable: there is nothing like it in a policy",
  ]);
});

const PROFILE = `
model = "gpt-5-codex"
approval_policy = "on-request"
default_permissions = "edit"
[permissions.base]
extends = ":workspace"
[permissions.base.filesystem]
"~/.ssh" = "deny"
":workspace_roots" = { "." = "write", "**/*.env" = "none", docs = "read" }
[permissions.base.network]
enabled = false
[permissions.edit]
extends = "base"
[permissions.edit.filesystem]
":workspace_roots" = { docs = "write", "vendor/" = "read", "../x" = "deny" }
[permissions.edit.network]
enabled = true
proxy_url = "http://127.0.0.1:1"
[permissions.edit.network.domains]
"api.example.com" = "allow"
"**.example.org" = "allow"
"ads.example.com" = "deny"
"*" = "allow"
"a b" = "allow"
[permissions.other.network]
enabled = true
[mcp_servers.files]
command = "x"
`;

test("a profile of Codex becomes rules about paths and hosts, with what it extends, and the rest is told", () => {
  const { rules, left } = importCodexConfig(parse(PROFILE));
  assert.deepEqual(rules, [
    { deny: { read: "**/*.env" } },
    { deny: { write: "**/*.env" } },
    { deny: { write: "vendor" } },
    { allow: { net: "api.example.com" } },
    { allow: { net: "example.org" } },
    { allow: { net: "*.example.org" } },
    { deny: { net: "ads.example.com" } },
  ]);
  assert.deepEqual(
    left.map((what) => what.split(": ").slice(0, -1).join(": ")),
    [
      "write docs",
      "deny ../x",
      "edit: ~/.ssh",
      "allow *",
      "allow a b",
      "permissions.edit.network.mode",
      "permissions.edit.network.proxy_url",
      "permissions.other",
      "approval_policy",
      "mcp_servers",
      "model",
    ],
  );
});

test("a sandbox mode of Codex is carried over where it takes away, and never where it gives", () => {
  const of = (text: string) => importCodexConfig(parse(text));
  const off = { deny: { net: "*" } };
  assert.deepEqual(of('sandbox_mode = "read-only"').rules, [{ deny: { write: "**" } }]);
  assert.deepEqual(of('default_permissions = ":read-only"').rules, [{ deny: { write: "**" } }]);
  assert.deepEqual(of('[permissions.a]\nextends = "a"').left, ["permissions.a: it is not the one in use"]);
  assert.deepEqual(of('default_permissions = "a"\n[permissions.a]\nextends = "a"').rules, []);
  assert.deepEqual(of('default_permissions = "a"\n[permissions.a.network]\nenabled = false').rules, [off]);
  assert.deepEqual(of('sandbox_mode = "workspace-write"\n[sandbox_workspace_write]\nnetwork_access = false').rules, [
    off,
  ]);
  for (const [text, said] of [
    ['sandbox_mode = "danger-full-access"', "sandbox_mode danger-full-access"],
    ['default_permissions = ":danger-full-access"', ":danger-full-access"],
    ['default_permissions = "gone"', "default_permissions gone"],
    [
      'sandbox_mode = "workspace-write"\n[sandbox_workspace_write]\nnetwork_access = true',
      "sandbox_workspace_write.network_access",
    ],
    [
      'sandbox_mode = "workspace-write"\n[sandbox_workspace_write]\nwritable_roots = ["/"]',
      "sandbox_workspace_write.writable_roots",
    ],
  ] as const) {
    const { rules, left } = of(text);
    assert.deepEqual([rules, left.map((what) => what.split(": ")[0])], [[], [said]], text);
  }
});

test("of a file that is more than calls with literals nothing is read, and the line is named", () => {
  for (const [text, said] of [
    ["x = 1\n", /^Error: line 1/],
    ["a()\nfor i in x: pass\n", /line 2/],
    ['a(b = "x" + "y")', /line 1/],
    ["a(b = c)", /line 1/],
    [`a(b = ${"[".repeat(50)})`, /deeper than 8/],
    ['a(b = "open)', /line 1/],
    ["a(b = [1, 2", /line last/],
  ] as const)
    assert.throws(() => readCalls(text), said, text);
  assert.deepEqual(readCalls(`\nf(a = 'it\\'s', b = [True, None, -2.5,],)`), [
    { name: "f", args: { a: "it's", b: [true, null, -2.5] }, line: 2 },
  ]);
});

test("rules of gemini-cli become rules about commands, and what they say of tools is told", () => {
  const rule = [
    { toolName: "run_shell_command", commandPrefix: ["git push", "npm publish"], decision: "ask_user", priority: 1 },
    { toolName: "run_shell_command", commandPrefix: "rm -rf", decision: "deny", denyMessage: "never" },
    { toolName: "run_shell_command", commandPrefix: "ls", decision: "allow" },
    { toolName: "run_shell_command", commandRegex: "x.*", decision: "deny" },
    { toolName: "web_fetch", decision: "deny" },
    { toolName: ["write_file", "replace"], decision: "deny" },
    { toolName: "run_shell_command", commandPrefix: "a $(b)", decision: "deny" },
    { toolName: "x", decision: "maybe" },
  ];
  const { rules, left } = importGemini({ rule });
  assert.deepEqual(rules, [
    { ask: { run: ["git", "push"] } },
    { ask: { run: ["npm", "publish"] } },
    { deny: { run: ["rm", "-rf"] }, because: "never" },
    { deny: { net: "*" } },
  ]);
  assert.deepEqual(
    left.map((what) => what.split(/[,:]/)[0]),
    ["rule 3", "rule 4", "rule 6", "rule 7", "rule 8", "priority"],
  );
});
