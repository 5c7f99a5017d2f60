import { recordOf } from "../core/json.ts";
import type { Verdict } from "../core/sinks.ts";
import { aboutCommand, type Imported, left, together, written } from "./policy-import.ts";

const VERDICT_OF: Readonly<Record<string, Verdict>> = { allow: "allow", deny: "deny", ask_user: "ask" };
/** Conditions that no rule here has. */
const CONDITIONS = ["argsPattern", "commandRegex", "modes", "mcpName", "toolAnnotations", "interactive"];

/** Makes a policy of a parsed policy file of gemini-cli. */
export function importGemini(file: unknown): Imported {
  const { rule = [] } = recordOf(file);
  if (!Array.isArray(rule)) return left("rule", "it is no list");
  const parts = rule.map((entry, index) => importRule(recordOf(entry), `rule ${index + 1}`));
  const hasPriority = rule.some((entry) => recordOf(entry).priority !== undefined);
  const order = hasPriority
    ? [left("priority", "here denying is stronger than asking, and that than allowing, whatever the order")]
    : [];
  return together([...parts, ...order]);
}

function importRule(rule: Readonly<Record<string, unknown>>, where: string): Imported {
  const tools = textsOf(rule.toolName);
  const prefixes = textsOf(rule.commandPrefix);
  const what = `${where}, ${String(rule.decision)} ${tools.join(", ") || "all tools"}`;
  const verdict = VERDICT_OF[String(rule.decision)];
  if (verdict === undefined) return left(what, "its decision is none that is known");
  const condition = CONDITIONS.find((name) => rule[name] !== undefined);
  if (condition !== undefined) return left(what, `${condition} has nothing like it here`);
  const because =
    typeof rule.denyMessage === "string" && rule.denyMessage !== "" ? rule.denyMessage.slice(0, 1000) : null;
  const isShell = tools.length === 1 && tools[0] === "run_shell_command";
  if (prefixes.length > 0)
    return isShell || tools.length === 0
      ? together(
          prefixes.map((prefix) => aboutCommand(verdict, prefix.trim().split(/\s+/), `${what}: ${prefix}`, because)),
        )
      : left(what, "a command belongs to run_shell_command");
  if (tools.length === 1 && tools[0] === "web_fetch" && verdict !== "allow")
    return written(verdict, { net: "*" }, because);
  return left(
    what,
    isShell ? "no rule is about all commands" : "there is no rule about a tool here, but about what it does",
  );
}

function textsOf(value: unknown): string[] {
  return (Array.isArray(value) ? value : [value]).filter((text) => typeof text === "string");
}
