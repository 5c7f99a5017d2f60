import { open } from "node:fs/promises";
import type { Json } from "../core/json.ts";
import type { Message, ReplyPart } from "../core/message.ts";
import { field, printable } from "./fault.ts";
import { type Model, type ModelEvent, type ModelRequest, UnusableModel } from "./port.ts";

/**
 * Opens a model that plays a file, for demos and tests. The format is public and stable:
 *
 *     {"turns": [
 *       {"text": "I look first.", "calls": [{"tool": "run", "input": {"command": "ls"}}], "usage": {"input": 9, "output": 4}},
 *       {"text": "Done."}
 *     ]}
 *
 * Each turn is one reply, in order, from the first whenever the model is opened; after the last, replies are empty.
 * Every field but `turns` and a call's `tool` may be left out. `input` is an object, or a string that is sent as it
 * stands, so that malformed arguments can be played. Results of calls are ignored. Call ids are `call_1`, `call_2` and
 * so on through a conversation. `usage` counts tokens, with `usd` also what they are said to cost, and is zero when left out. At most 64 MB.
 */
export async function openScripted(file: string): Promise<Model> {
  const turns = parseTurns(file, await readBounded(file));
  let next = 0;
  return {
    name: `scripted:${file}`,
    contextTokensMax: null,
    hasPrice: true,
    // What a reply costs is what the file says of it.
    usdFor: () => null,
    async *reply(request: ModelRequest, signal: AbortSignal): AsyncGenerator<ModelEvent> {
      signal.throwIfAborted();
      const turn = turns[next] ?? EMPTY;
      next += 1;
      if (turn.text !== "") yield { type: "text", text: turn.text };
      signal.throwIfAborted();
      const first = request.messages.reduce((count, message) => count + callsIn(message), 1);
      const calls = turn.calls.map((call, index) => ({ kind: "call" as const, id: `call_${first + index}`, ...call }));
      const text: ReplyPart[] = turn.text === "" ? [] : [{ kind: "text", text: turn.text }];
      const usage = { input: turn.input, cachedInput: 0, output: turn.output, usd: turn.usd };
      yield { type: "done", parts: [...text, ...calls], stop: calls.length > 0 ? "calls" : "stop", usage };
    },
  };
}

interface Turn {
  readonly text: string;
  readonly calls: readonly { readonly name: string; readonly input: string }[];
  readonly input: number;
  readonly output: number;
  readonly usd: number;
}

const EMPTY: Turn = { text: "", calls: [], input: 0, output: 0, usd: 0 };
const FILE_BYTES_MAX = 64 * 1024 * 1024;

function callsIn(message: Message): number {
  return message.role === "assistant" ? message.parts.filter((part) => part.kind === "call").length : 0;
}

async function readBounded(file: string): Promise<string> {
  const handle = await open(file).catch((error: unknown) => {
    throw failure(file, `cannot be opened (${String(field(error, "code"))})`);
  });
  try {
    const stat = await handle.stat();
    if (!stat.isFile()) throw failure(file, "is not a file");
    if (stat.size > FILE_BYTES_MAX) throw failure(file, `is over ${FILE_BYTES_MAX} bytes`);
    return await handle.readFile("utf8");
  } finally {
    await handle.close();
  }
}

function parseTurns(file: string, text: string): readonly Turn[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw failure(file, `is not JSON: ${printable(String(field(error, "message")))}`);
  }
  const turns = field(parsed, "turns");
  if (!Array.isArray(turns)) throw failure(file, 'has no "turns" list');
  return turns.map((turn: unknown, index) => parseTurn(file, `turns[${index}]`, turn));
}

function parseTurn(file: string, at: string, turn: unknown): Turn {
  if (typeof turn !== "object" || turn === null || Array.isArray(turn)) throw failure(file, `${at} is not an object`);
  const text = field(turn, "text") ?? "";
  if (typeof text !== "string") throw failure(file, `${at}.text is not a string`);
  const calls = field(turn, "calls") ?? [];
  if (!Array.isArray(calls)) throw failure(file, `${at}.calls is not a list`);
  const usage = field(turn, "usage") ?? {};
  return {
    text,
    calls: calls.map((call: unknown, index) => parseCall(file, `${at}.calls[${index}]`, call)),
    input: parseCount(file, `${at}.usage.input`, field(usage, "input")),
    output: parseCount(file, `${at}.usage.output`, field(usage, "output")),
    usd: parseUsd(file, `${at}.usage.usd`, field(usage, "usd")),
  };
}

function parseCall(file: string, at: string, call: unknown): { name: string; input: string } {
  const name = field(call, "tool");
  if (typeof name !== "string") throw failure(file, `${at}.tool is not a string`);
  const input = field(call, "input") ?? {};
  if (typeof input === "string") return { name, input };
  if (typeof input !== "object" || Array.isArray(input)) throw failure(file, `${at}.input is not an object or string`);
  return { name, input: JSON.stringify(input as Json) };
}

function parseCount(file: string, at: string, count: unknown): number {
  if (count === undefined) return 0;
  if (typeof count === "number" && Number.isSafeInteger(count) && count >= 0) return count;
  throw failure(file, `${at} is not a count`);
}

function parseUsd(file: string, at: string, usd: unknown): number {
  if (usd === undefined) return 0;
  if (typeof usd === "number" && Number.isFinite(usd) && usd >= 0) return usd;
  throw failure(file, `${at} is not an amount`);
}

function failure(file: string, problem: string): UnusableModel {
  return new UnusableModel(`scripted: ${file} ${problem}`);
}
