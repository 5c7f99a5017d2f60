import assert from "node:assert/strict";
import { test } from "node:test";
import { itemKind } from "./trust-items.ts";

test("what instructs or configures agents, tool servers, hooks and editors is an item in every spelling, and source is none", () => {
  for (const path of [
    "AGENTS.md",
    "deep/er/claude.MD",
    "GEMINI.md",
    ".mcp.json",
    ".claude/commands/x.md",
    "tools/SKILL.md",
    ".husky/pre-commit",
    ".vscode/tasks.json",
    ".ringfence/policy.yaml",
    ".RINGFENCE/policy.yml",
    "A\u200bGENTS.md",
  ])
    assert.notEqual(itemKind(path), null, path);
  for (const path of ["src/a.ts", "README.md", "package.json", "docs/agents", "../AGENTS.md", "/AGENTS.md"])
    assert.equal(itemKind(path), null, path);
});
