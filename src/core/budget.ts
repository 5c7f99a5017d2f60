/** What a session and its children together may use up. */
export const QUANTITIES = [
  "usd",
  "tokens",
  "wallMs",
  "calls",
  "processes",
  "diskBytes",
  "egressBytes",
  "children",
] as const;

export type Quantity = (typeof QUANTITIES)[number];
/** An amount of each, none negative; as a ceiling, Infinity is none. */
export type Amounts = Readonly<Record<Quantity, number>>;

/** A node of the tree of sessions. What a running child was lent counts as gone until it ends. */
export interface Account {
  readonly ceiling: Amounts;
  readonly spent: Amounts;
  readonly lent: ReadonlyMap<string, Amounts>;
}

const NOTHING: Amounts = amounts(() => 0);

/** Opens the account of a session that is nobody's child. A ceiling that is no number is zero. */
export function openAccount(ceiling: Amounts): Account {
  return { ceiling: amounts((name) => sane(ceiling[name], 0)), spent: NOTHING, lent: new Map() };
}

/** Joins ceilings into the tightest of each; what none of them names has no ceiling. */
export function tightest(...ceilings: readonly Partial<Amounts>[]): Amounts {
  return amounts((name) => Math.min(...ceilings.map((ceiling) => ceiling[name] ?? Infinity)));
}

/** Names what a charge took past `part` of its ceiling and had not before. */
export function scarceSince(before: Account, after: Account, part: number): Quantity[] {
  const isScarce = ({ ceiling, spent }: Account, name: Quantity) =>
    ceiling[name] !== Infinity && spent[name] >= ceiling[name] * part;
  return QUANTITIES.filter((name) => isScarce(after, name) && !isScarce(before, name));
}

/** What can still be used up or lent. */
export function leftOf({ ceiling, spent, lent }: Account): Amounts {
  return amounts((name) => {
    if (ceiling[name] === Infinity) return Infinity;
    const away = [...lent.values()].reduce((sum, child) => sum + child[name], 0);
    return Math.max(0, ceiling[name] - spent[name] - away);
  });
}

/** Names what is used up of that which a call needs: it starts only while nothing is, so that at most the last goes past. */
export function lacks(account: Account, needs: readonly Quantity[]): Quantity[] {
  const left = leftOf(account);
  return needs.filter((name) => left[name] <= 0);
}

/** Notes what a call has cost: nothing of what it does not name. A cost that is no number is all that was left. */
export function charge(account: Account, cost: Partial<Amounts>): Account {
  const left = leftOf(account);
  return { ...account, spent: amounts((name) => account.spent[name] + sane(cost[name] ?? 0, left[name])) };
}

/** Lends to a new child what it wants, as far as that is left; null where no child may be had, or one has that id. */
export function lend(
  parent: Account,
  id: string,
  wanted: Amounts,
): { readonly parent: Account; readonly child: Account } | null {
  if (parent.lent.has(id) || leftOf(parent).children < 1) return null;
  const charged = charge(parent, { children: 1 });
  const left = leftOf(charged);
  const child = openAccount(amounts((name) => Math.min(sane(wanted[name], 0), left[name])));
  return { parent: { ...charged, lent: new Map([...charged.lent, [id, child.ceiling]]) }, child };
}

/** Ends a child: what it spent is its parent's spending, and the rest is free again. One that was not lent to, or has ended, changes nothing. */
export function takeBack(parent: Account, id: string, child: Account): Account {
  if (!parent.lent.has(id)) return parent;
  const lent = new Map(parent.lent);
  lent.delete(id);
  return charge({ ...parent, lent }, child.spent);
}

function sane(amount: number, otherwise: number): number {
  return amount >= 0 ? amount : otherwise;
}

function amounts(of: (name: Quantity) => number): Amounts {
  return Object.fromEntries(QUANTITIES.map((name) => [name, of(name)])) as Record<Quantity, number>;
}
