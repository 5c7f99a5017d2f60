// Does what editors and coding agents do when a person opens the folder it is started in and trusts it: runs what its files name.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";

const STEP_MS_MAX = 5000;

function run(command, args = []) {
  if (typeof command !== "string") return;
  spawnSync("bash", ["-c", [command, ...args].join(" ")], { stdio: "ignore", timeout: STEP_MS_MAX });
}

function json(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    // Absent, or not what an editor can read.
    return {};
  }
}

function runTasks(tasks) {
  for (const task of tasks ?? []) if (task.runOptions?.runOn === "folderOpen") run(task.command, task.args);
}

runTasks(json(".vscode/tasks.json").tasks);
for (const file of readdirSync(".").filter((name) => name.endsWith(".code-workspace")))
  runTasks(json(file).tasks?.tasks);
run(json(".devcontainer/devcontainer.json").initializeCommand);
for (const file of [".mcp.json", ".cursor/mcp.json", ".vscode/mcp.json"])
  for (const { command, args } of Object.values(json(file).mcpServers ?? json(file).servers ?? {}))
    run(
      command,
      (args ?? []).map((arg) => `'${arg}'`),
    );
for (const group of json(".claude/settings.json").hooks?.SessionStart ?? [])
  for (const { command } of group.hooks ?? []) run(command);
const runs = existsSync(".idea/workspace.xml") ? readFileSync(".idea/workspace.xml", "utf8") : "";
for (const [, script] of runs.matchAll(/name="SCRIPT_TEXT" value="([^"]*)"/g)) run(script);
