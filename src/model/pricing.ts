/** USD for a million tokens. */
export interface Price {
  readonly input: number;
  readonly cachedInput: number;
  /** Input that the vendor also put in its cache. */
  readonly cacheWrite: number;
  readonly output: number;
}

/** Counts of one reply; `input` is all input, of which `cachedInput` and `cacheWrite` are parts. */
export interface Tokens {
  readonly input: number;
  readonly cachedInput: number;
  readonly cacheWrite: number;
  readonly output: number;
}

/** Gives the list price at the standard tier, or null where we do not know it: a guess would feed a spending limit. */
export function priceOf(provider: string, name: string): Price | null {
  if (LOCAL.has(provider)) return { input: 0, cachedInput: 0, cacheWrite: 0, output: 0 };
  const row = PRICES.get(provider)?.get(undated(name));
  if (row === undefined) return null;
  const [input, cachedInput, output] = row;
  return { input, cachedInput, cacheWrite: provider === "anthropic" ? input * 1.25 : input, output };
}

/** Says whether the price of any model of a provider is known. */
export function hasPrices(provider: string): boolean {
  return LOCAL.has(provider) || PRICES.has(provider);
}

/** Computes what a reply cost, or null where the price is not known. */
export function usdOf(price: Price | null, tokens: Tokens): number | null {
  if (price === null) return null;
  const fresh = Math.max(0, tokens.input - tokens.cachedInput - tokens.cacheWrite);
  const sum =
    fresh * price.input +
    tokens.cachedInput * price.cachedInput +
    tokens.cacheWrite * price.cacheWrite +
    tokens.output * price.output;
  return sum / 1_000_000;
}

/** Gives the context of a well-known model family, or null. Understates rather than overstates. */
export function contextTokensOf(provider: string, name: string): number | null {
  return CONTEXTS[provider]?.find(([prefix]) => name.startsWith(prefix))?.[1] ?? null;
}

const LOCAL: ReadonlySet<string> = new Set(["ollama", "llamacpp", "vllm"]);

/** Vendors sell one model under its name, its name with a date, and an alias; they cost the same. */
function undated(name: string): string {
  return name.replace(/(-\d{8}|-\d{4}-\d{2}-\d{2}|-latest|-0)$/, "");
}

type Row = readonly [input: number, cachedInput: number, output: number];

// Exact names on purpose: the next model of a family has another price. Long-prompt surcharges are not in it.
const PRICES: ReadonlyMap<string, ReadonlyMap<string, Row>> = tables({
  anthropic: {
    "claude-fable-5-1": [10, 0.25, 50],
    "claude-sonnet-5-5": [2, 0.1, 10],
    "claude-sonnet-5": [2, 0.2, 10],
    "claude-haiku-5-5": [0.1, 0.01, 0.5],
    "claude-opus-4-6": [5, 0.5, 25],
    "claude-opus-4-5": [5, 0.5, 25],
    "claude-opus-4-1": [15, 1.5, 75],
    "claude-sonnet-4-6": [3, 0.3, 15],
    "claude-sonnet-4-5": [3, 0.3, 15],
    "claude-haiku-4-5": [1, 0.1, 5],
  },
  openai: {
    "gpt-6.1-sol": [2, 0.1, 10],
    "gpt-6.1-terra": [1, 0.05, 5],
    "gpt-6-sol": [2, 0.2, 10],
    "gpt-5.4": [2.5, 0.25, 15],
    "gpt-5.4-mini": [0.75, 0.075, 4.5],
    "gpt-5.2": [1.75, 0.175, 14],
    "gpt-5.1": [1.25, 0.125, 10],
    "gpt-5": [1.25, 0.125, 10],
    "gpt-5-mini": [0.25, 0.025, 2],
    "gpt-5-nano": [0.05, 0.005, 0.4],
    "gpt-4.1": [2, 0.5, 8],
    "gpt-4.1-mini": [0.4, 0.1, 1.6],
  },
  google: {
    "gemini-2.5-pro": [1.25, 0.125, 10],
    "gemini-2.5-flash": [0.3, 0.03, 2.5],
    "gemini-2.5-flash-lite": [0.1, 0.01, 0.4],
  },
});

/** A map has no inherited keys, and names come from outside. */
function tables(rows: Record<string, Record<string, Row>>): ReadonlyMap<string, ReadonlyMap<string, Row>> {
  return new Map(Object.entries(rows).map(([provider, prices]) => [provider, new Map(Object.entries(prices))]));
}

const CONTEXTS: Readonly<Record<string, readonly (readonly [prefix: string, tokens: number])[]>> = {
  anthropic: [["claude-", 200_000]],
  openai: [
    ["gpt-4.1", 1_000_000],
    ["gpt-4o", 128_000],
    // 400,000 in all, of which 128,000 are kept for the reply.
    ["gpt-5", 272_000],
    ["gpt-6", 272_000],
    ["o3", 200_000],
    ["o4", 200_000],
  ],
  google: [["gemini-", 1_000_000]],
};
