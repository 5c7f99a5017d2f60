import { field, parseJson, recordOf } from "./json.ts";
import type { ModelProtocol } from "./model-endpoint.ts";

/** Tokens of one reply; `input` is all input, of which `cachedInput` and `cacheWrite` are parts. */
export interface ModelTokens {
  readonly input: number;
  readonly cachedInput: number;
  readonly cacheWrite: number;
  readonly output: number;
}

/** Of one event or of a whole reply that is no stream. A longer one is passed on and not read. */
const PIECE_CHARS_MAX = 16 << 20;

/** Reads from a reply on its way, JSON or server-sent events, what it says that it took. */
export class UsageReader {
  readonly #protocol: ModelProtocol;
  readonly #isStream: boolean;
  readonly #decoder = new TextDecoder();
  #pieces: string[] = [];
  #chars = 0;
  #isTooLong = false;
  #tokens: ModelTokens | null = null;

  constructor(protocol: ModelProtocol, contentType: string) {
    this.#protocol = protocol;
    this.#isStream = /^\s*text\/event-stream\b/i.test(contentType);
  }

  push(bytes: Uint8Array): void {
    this.#take(this.#decoder.decode(bytes, { stream: true }));
  }

  /** What the reply said so far; null when it said nothing. */
  end(): ModelTokens | null {
    this.#take(this.#decoder.decode());
    const rest = this.#pieces.join("");
    this.#pieces = [];
    if (!this.#isTooLong) this.#read(rest);
    return this.#tokens;
  }

  #take(text: string): void {
    let from = 0;
    const first = this.#isStream ? indexOfBreak(text, 0) : -1;
    for (let at = first; at >= 0; at = indexOfBreak(text, from)) {
      this.#keep(text.slice(from, at));
      if (!this.#isTooLong) this.#read(this.#pieces.join(""));
      this.#pieces = [];
      this.#chars = 0;
      this.#isTooLong = false;
      from = at + 1;
    }
    this.#keep(text.slice(from));
  }

  #keep(text: string): void {
    this.#chars += text.length;
    if (this.#chars > PIECE_CHARS_MAX) {
      this.#isTooLong = true;
      this.#pieces = [];
    } else if (text !== "") this.#pieces.push(text);
  }

  #read(piece: string): void {
    const [, data] = this.#isStream ? (/^data: ?(.*)$/s.exec(piece) ?? []) : [null, piece];
    // Most events say nothing of it, and parsing them all would take longer than passing them on.
    if (!data || !/usage/i.test(data)) return;
    const parsed = parseJson(data);
    for (const value of Array.isArray(parsed) ? parsed : [parsed]) {
      const tokens = READERS[this.#protocol](recordOf(value), this.#tokens);
      if (tokens !== null) this.#tokens = tokens;
    }
  }
}

function indexOfBreak(text: string, from: number): number {
  const ends = /[\r\n]/g;
  ends.lastIndex = from;
  return ends.exec(text)?.index ?? -1;
}

type Fields = Readonly<Record<string, unknown>>;

const READERS: Readonly<Record<ModelProtocol, (event: Fields, before: ModelTokens | null) => ModelTokens | null>> = {
  openai: (event) => {
    const usage = at(at(event, "response"), "usage") ?? at(event, "usage");
    if (usage === null) return null;
    const details = at(usage, "input_tokens_details") ?? at(usage, "prompt_tokens_details") ?? {};
    return {
      input: count(usage, "input_tokens") || count(usage, "prompt_tokens"),
      cachedInput: count(details, "cached_tokens"),
      cacheWrite: 0,
      output: count(usage, "output_tokens") || count(usage, "completion_tokens"),
    };
  },
  // Counted in two places: the input when a reply begins, the output as it goes on.
  anthropic: (event, before) => {
    const usage = at(at(event, "message"), "usage") ?? at(event, "usage");
    if (usage === null) return null;
    const cachedInput = count(usage, "cache_read_input_tokens");
    const cacheWrite = count(usage, "cache_creation_input_tokens");
    const input = count(usage, "input_tokens") + cachedInput + cacheWrite;
    return {
      input: Math.max(input, before?.input ?? 0),
      cachedInput: Math.max(cachedInput, before?.cachedInput ?? 0),
      cacheWrite: Math.max(cacheWrite, before?.cacheWrite ?? 0),
      output: Math.max(count(usage, "output_tokens"), before?.output ?? 0),
    };
  },
  google: (event) => {
    const usage = at(event, "usageMetadata");
    if (usage === null) return null;
    return {
      input: count(usage, "promptTokenCount") + count(usage, "toolUsePromptTokenCount"),
      cachedInput: count(usage, "cachedContentTokenCount"),
      cacheWrite: 0,
      output: count(usage, "candidatesTokenCount") + count(usage, "thoughtsTokenCount"),
    };
  },
};

function at(fields: Fields | null, key: string): Fields | null {
  const value = fields === null ? undefined : field(fields, key);
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : null;
}

function count(fields: Fields, key: string): number {
  const value = field(fields, key);
  return typeof value === "number" && Number.isSafeInteger(value) && value > 0 ? value : 0;
}
