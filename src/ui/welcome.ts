import type { Start } from "../agent/workplace.ts";
import { detectOllama } from "../model/ollama.ts";
import { type Terminal, writeSafe } from "./terminal.ts";

/** For each variable with a key what to name as the model. */
const MODELS = [
  ["ANTHROPIC_API_KEY", "anthropic/claude-sonnet-4-5"],
  ["OPENAI_API_KEY", "openai/NAME"],
  ["GOOGLE_API_KEY", "google/NAME"],
] as const;

/** Says in five lines how to get a model; returns the exit status for a missing one. */
export async function welcome(start: Start, terminal: Terminal): Promise<number> {
  const address = start.environment.OLLAMA_BASE_URL ?? "http://127.0.0.1:11434";
  const ollama = await detectOllama(address);
  const local = ollama.found
    ? `  local    Ollama answers here: ringfence --model ollama/${ollama.models[0] ?? "NAME"}`
    : "  local    no Ollama found at 127.0.0.1:11434; any OpenAI-compatible server works: OPENAI_COMPATIBLE_BASE_URL=…";
  const key = MODELS.find(([variable]) => start.environment[variable]);
  const lines = [
    "Ringfence needs a model:",
    key === undefined
      ? "  key      export ANTHROPIC_API_KEY=… (or OPENAI_, GOOGLE_) and: ringfence --model anthropic/claude-sonnet-4-5"
      : `  key      ${key[0]} is set: ringfence --model ${key[1]}`,
    local,
    "  always   model: PROVIDER/NAME in ~/.config/ringfence/config.yaml",
    "  demo     ringfence demo shows the whole thing offline, on a scripted model",
  ];
  writeSafe(terminal.stderr, `${lines.join("\n")}\n`);
  return 40;
}
