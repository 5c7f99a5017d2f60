import { type Amounts, QUANTITIES, type Quantity } from "./budget.ts";
import { counted } from "./text.ts";

/** What is known of a child agent before it starts. */
export interface Wish {
  /** Of what its parent has left; 0 where the parent did not say. */
  readonly percent: number;
  /** What its first reply takes at least, by the length of its prompt. `usd` is null where no price is known. */
  readonly first: { readonly tokens: number; readonly usd: number | null };
}

/** What a reply of a model takes at most; null where its context or its price is not known. */
export interface LargestReply {
  readonly tokens: number | null;
  readonly usd: number | null;
}

export type Forecast =
  /** `shares` are what the child agents are lent, in order; `most` is what all of them together may cost, Infinity where nothing bounds it. */
  | { readonly fits: true; readonly shares: readonly Amounts[]; readonly most: Pick<Amounts, "usd" | "tokens"> }
  | { readonly fits: false; readonly reason: string };

const ALL = 100;
const MICRO = 1e6;

/**
 * Computes what child agents may cost at most before the first of them starts, and whether that fits in what is left.
 *
 * Those without a percentage have equal parts of what the others leave, and their parent keeps one part for itself.
 */
export function forecast(
  left: Amounts,
  wishes: readonly Wish[],
  { repliesMax, largest }: { readonly repliesMax: number; readonly largest: LargestReply },
): Forecast {
  if (wishes.length > left.children)
    return no(`${counted(wishes.length, "child agent")} wanted, and ${left.children} more may be had`);
  if (repliesMax < 1) return no("no reply is left for a child agent");
  const named = wishes.reduce((sum, { percent }) => sum + percent, 0);
  if (named > ALL) return no(`the shares come to ${named} % of what is left; let them come to ${ALL} at most`);
  const unnamed = wishes.filter(({ percent }) => percent === 0).length;
  const part = Math.floor((ALL - named) / (unnamed + 1));
  if (unnamed > 0 && part < 1)
    return no(`of the shares, which come to ${named} %, nothing is left for ${unnamed} more`);
  const shares = wishes.map(({ percent }) => shareOf(left, percent || part, wishes.length));
  for (const [at, { first }] of wishes.entries()) {
    const share = shares[at];
    if (share === undefined) continue;
    const needs = { calls: 1, tokens: first.tokens, usd: first.usd ?? 0, wallMs: 1 };
    const short = (Object.keys(needs) as (keyof typeof needs)[]).find((name) => share[name] < needs[name]);
    if (short !== undefined) return no(tooLittle(short, needs[short], share[short], left[short]));
  }
  const sum = (name: "usd" | "tokens") =>
    shares.reduce((so, share) => so + Math.min(share[name], (largest[name] ?? Infinity) * repliesMax), 0);
  return { fits: true, shares, most: { usd: sum("usd"), tokens: sum("tokens") } };
}

function shareOf(left: Amounts, percent: number, count: number): Amounts {
  const share = (name: Quantity) => {
    const all = name === "children" ? left.children - count : left[name];
    // Whole numbers, of money millionths: a sum of parts is then never more than the whole.
    return name === "usd" ? Math.floor((all * MICRO * percent) / ALL) / MICRO : Math.floor((all * percent) / ALL);
  };
  return Object.fromEntries(QUANTITIES.map((name) => [name, share(name)])) as Record<Quantity, number>;
}

function tooLittle(name: "calls" | "tokens" | "usd" | "wallMs", needed: number, share: number, left: number): string {
  const say = (amount: number) => (name === "usd" ? `$${amount.toFixed(6)}` : `${amount} ${WORDS[name]}`);
  return `a child agent needs ${say(needed)} to begin, and its share is ${say(share)} of the ${say(left)} that are left`;
}

const WORDS = { calls: "calls", tokens: "tokens", wallMs: "ms" } as const;

function no(reason: string): Forecast {
  return { fits: false, reason };
}

/** Says in words what child agents may cost at most. */
export function forecastText(count: number, most: Pick<Amounts, "usd" | "tokens">, repliesMax: number): string {
  const money = most.usd === Infinity ? [] : [`$${most.usd.toFixed(4)}`];
  const tokens = most.tokens === Infinity ? [] : [`${most.tokens} tokens`];
  const bounds = [...money, ...tokens, `${counted(repliesMax, "reply", "replies")}${count > 1 ? " each" : ""}`];
  return `${count === 1 ? "a child agent" : `${count} child agents`} may cost at most ${bounds.join(", ")}`;
}
