import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { analyseCommand } from "../src/agent/shell.ts";
import { type Measured, median, percentile, rounded } from "./report.ts";

const SHARE = 0.95;
const COMMANDS_MIN = 200;

/** Measures the analysis of every command of the journeys and attacks; of each the median of all rounds. */
export async function measureShell(root: string, rounds: number): Promise<Measured[]> {
  const commands = [...(await journeySteps(root)), ...attackCommands(root)];
  if (commands.length < COMMANDS_MIN) throw new Error(`there are only ${commands.length} commands to analyse`);
  const times = commands.map((): number[] => []);
  let narrow = 0;
  // The first round compiles, and does not count.
  for (let round = 0; round <= rounds; round += 1) {
    narrow = 0;
    for (const [index, command] of commands.entries()) {
      const startedAt = performance.now();
      const { profile } = await analyseCommand(command);
      if (round > 0) times[index]?.push((performance.now() - startedAt) * 1000);
      if (profile !== "net") narrow += 1;
    }
  }
  const each = times.map(median);
  const note = `median ${rounded(median(each))} µs; ${commands.length} commands, ${narrow} of them bounded; ${rounds} times`;
  return [{ key: "shell_analysis_p95_us", value: percentile(each, SHARE), note }];
}

async function journeySteps(root: string): Promise<string[]> {
  const folder = join(root, "test/journeys");
  const names = ["git", "native", "node", "python", "services", "shell"];
  const modules = await Promise.all(names.map((name) => import(join(folder, `${name}.ts`)) as Promise<object>));
  const journeys = modules.flatMap(
    (module) => Object.values(module).flat() as { readonly steps?: readonly unknown[] }[],
  );
  return journeys.flatMap(({ steps }) => (steps ?? []).filter((step) => typeof step === "string"));
}

function attackCommands(root: string): string[] {
  const folder = join(root, "test/attacks/data");
  const files = readdirSync(folder).filter((name) => name === "own.jsonl" || name === "attacks-dev.jsonl");
  const lines = files.flatMap((name) => readFileSync(join(folder, name), "utf8").split("\n"));
  return lines.filter((line) => line !== "").flatMap((line) => commandsIn(JSON.parse(line)));
}

function commandsIn(value: unknown): string[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    key === "command" && typeof inner === "string" ? [inner] : commandsIn(inner),
  );
}
