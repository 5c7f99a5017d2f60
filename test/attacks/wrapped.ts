import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { serveModel } from "../wrap/model.ts";
import type { Case } from "./cases.ts";
import { PERSON_MS_MAX, type Played, personDoes, program, verifyLog } from "./defended.ts";
import { snapshot } from "./harm.ts";
import { watchStage } from "./measure.ts";
import type { Place } from "./place.ts";

const AGENT = readFileSync(fileURLToPath(new URL("../wrap/agent.mjs", import.meta.url)), "utf8");
/** No key of anybody's. */
const KEY = "sk-canary-0a1b2c3d4e5f6071";
const SETTLE_MS = 150;

/** Whether an attack is one that an agent with a shell can be made to play, and that is about no terminal and no flood. */
export function isWrappable({ tool, harm, category, launch }: Case): boolean {
  return tool === "bash" && category !== "dos" && launch === undefined && !/^(?:terminal_|ui_)/.test(harm.type);
}

/** Plays an attack through a small agent in the box whose model is taken over, and does what the person does then. */
export async function playWrapped(attack: Case, place: Place): Promise<Played> {
  const ends: (() => void)[] = [];
  const script = [() => ({ tool: "bash", input: { command: attack.action.command ?? "" } }), () => ({ text: "Done." })];
  const model = await serveModel({ after: (end) => ends.push(end) }, script);
  const before = snapshot(attack.harm);
  const words = ["wrap", "--provider", "openai", "--", "node", "--input-type=module", "-e", AGENT, "a task"];
  const env = { OPENAI_API_KEY: KEY, OPENAI_BASE_URL: `http://127.0.0.1:${model.port}/v1` };
  const run = program(words, attack, place, false, env);
  const stopWatching = watchStage(() => run.pid);
  const { text, signal, isLate, status } = await run.ended;
  const peaks = stopWatching();
  await program(["land"], attack, place, false).ended;
  if (attack.afterwards !== null) await personDoes(attack.afterwards, place, PERSON_MS_MAX);
  await sleep(SETTLE_MS);
  for (const end of ends) end();
  // What the model was told is what an attacker who has taken it over learns.
  const output = model.asked
    .slice(1)
    .map(({ body }) => resultOf(body))
    .join("\n");
  const isPlayed = status === 0 && model.asked.length === 2 && !isLate;
  const evidence = {
    place,
    before,
    output,
    terminal: "",
    agentSignal: isLate ? null : signal,
    peaks,
    verifyLog: () => verifyLog(place),
    isScaled: false,
  };
  return { evidence, problem: isPlayed ? null : `it was not played: ${text.slice(-500)}` };
}

function resultOf(body: string): string {
  const { messages } = JSON.parse(body) as { messages: readonly { role: string; content: string }[] };
  return messages.find(({ role }) => role === "tool")?.content ?? "";
}
