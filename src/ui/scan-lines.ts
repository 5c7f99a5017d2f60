import { once } from "node:events";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import type { DetectModel } from "../core/detect-model.ts";
import { inspect } from "../core/inspect.ts";

const LINE_CHARS_MAX = 32 << 20;
const OUT_CHARS = 1 << 16;

/** Answers lines of `{"id","text","channel"?}` in their order; a line that is none gets an error, and exit status 1 in the end. */
export async function answerLines(
  model: DetectModel,
  pieces: AsyncIterable<string | Buffer>,
  out: NodeJS.WriteStream,
): Promise<number> {
  let isWrong = false;
  let waiting = "";
  const write = async () => {
    const isFull = !out.write(waiting);
    waiting = "";
    if (isFull) await once(out, "drain");
  };
  for await (const line of createInterface({ input: Readable.from(pieces), crlfDelay: Number.POSITIVE_INFINITY })) {
    if (line.trim() === "") continue;
    const answer = answerTo(model, line);
    isWrong ||= "error" in answer;
    waiting += `${JSON.stringify(answer)}\n`;
    if (waiting.length > OUT_CHARS) await write();
  }
  await write();
  return isWrong ? 1 : 0;
}

function answerTo(model: DetectModel, line: string): object {
  const record = parsed(line);
  if (record === null)
    return { id: null, error: `not a line of JSON with "id" and "text", or more than ${LINE_CHARS_MAX} characters` };
  const { id, text, channel } = record;
  if (typeof text !== "string" || (channel !== undefined && channel !== null && typeof channel !== "string"))
    return { id: id ?? null, error: '"text" is no string, or "channel" is neither left out nor a string' };
  const { score, verdict, spans } = inspect(model, text, channel ?? null);
  return { id: id ?? null, score: Number(score.toFixed(6)), verdict, spans };
}

function parsed(line: string): { id?: unknown; text?: unknown; channel?: unknown } | null {
  if (line.length > LINE_CHARS_MAX) return null;
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}
