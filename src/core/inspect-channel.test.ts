import assert from "node:assert/strict";
import { test } from "node:test";
import type { Effect } from "./effect.ts";
import { placeOf } from "./inspect-channel.ts";

const run = (command: string): Effect => ({ kind: "run", command, timeoutMs: 1, background: false, profile: "net" });
const read = (path: string): Effect => ({ kind: "read", path, offset: 7, limit: 1 });

for (const [title, effect, channel, name] of [
  ["a file", read("src/a.ts"), "file", "src/a.ts"],
  ["a file for agents", read(".claude/skills/x/SKILL.md"), "skill-file", ".claude/skills/x/SKILL.md"],
  ["a printed file", run("cd src && cat a.ts | head -3"), "file", "the output of cd src && cat a.ts | head -3"],
  ["messages of commits", run("git log -3; cat a"), "commit-message", "the output of git log -3; cat a"],
  ["an issue", run("gh issue view 3"), "issue", "the output of gh issue view 3"],
  ["an installation", run("npm ci"), "npm-log", "the output of npm ci"],
  ["another command", run("make concatenate"), "tool-output", "the output of make concatenate"],
  ["a page", { kind: "fetch", url: "https://a.example/" }, "webpage", "https://a.example/"],
  ["names of files", { kind: "list", path: "", glob: null }, "file-name", "the names of files"],
] as const satisfies readonly (readonly [string, Effect, string, string])[])
  test(`${title} is of the channel ${channel}`, () => {
    const line = effect.kind === "read" ? 7 : null;
    assert.deepEqual(placeOf(effect), { channel, name, line });
  });

test("what says only words of this program is not looked at", () => {
  assert.equal(placeOf({ kind: "write", path: "a", content: "b" }), null);
  assert.equal(placeOf({ kind: "kill", id: "bg1" }), null);
});
