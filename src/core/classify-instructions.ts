import type { Rule } from "./classify-match.ts";

const READ = "a coding agent reads it and does what it says, in the next session that opens this folder";

/** Files that tell an agent what to do, or grant it tools. */
export const INSTRUCTION_RULES: readonly Rule[] = [
  {
    name: "agent instructions",
    cls: "instruction",
    runs: READ,
    paths: `agents.md agents.*.md agent.md claude.md claude.*.md gemini.md gemini.*.md qwen.md crush.md warp.md codex.md
      replit.md conventions.md memory.md memories.md memory-bank/ .memory/ .agents/ .agent/ .rules .agentignore
      .github/copilot-instructions.md .github/instructions/ .github/prompts/ .github/chatmodes/ .github/agents/`,
  },
  {
    name: "configuration of an agent",
    cls: "instruction",
    runs: "the agent of this name reads it at its next start in this folder, and may run the hooks and commands in it",
    paths: `.claude/ .claude.json .claude-plugin/ .claudeignore .gemini/ .geminiignore .codex/ .opencode/ opencode.json
      opencode.jsonc .cursor/ .cursorrules .cursorignore .cursorindexingignore .windsurf/ .windsurfrules .codeium/
      .codeiumignore .clinerules* .clinerules/ .cline/ .clineignore .roo/ .roorules* .roomodes .rooignore .kilocode/
      .kilocodemodes .aider* .continue/ .continuerules .continueignore .amazonq/ .kiro/ .junie/ .augment* .augment/
      .goosehints .goose/ .trae/ .qwen/ .crush* .crush/ .factory/ .openhands/ .serena/ .tabnine/ .cody/ .sourcegraph/
      .copilot/ .copilotignore .rovodev/ .zencoder/ .specify/ .devin/ .aiassistant/ .aiexclude .ringfence/`,
  },
  {
    name: "tool servers of an agent",
    cls: "instruction",
    runs: "an agent starts the programs that it names, at its next start in this folder",
    paths: ".mcp.json mcp.json .mcp/ mcp.config.json mcp_config.json mcp-config.json claude_desktop_config.json",
  },
  {
    name: "skills",
    cls: "instruction",
    runs: "a coding agent loads it as a skill, follows its text and may run its scripts",
    paths: "skill.md skill.*.md /skills/ /plugins/*/skills/ *.skill",
  },
];
