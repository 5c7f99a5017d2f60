import { lookup } from "node:dns/promises";
import type { LookupFunction } from "node:net";
import { addressKind } from "../core/address.ts";
import { isAddress } from "../core/host.ts";

/** Where a host may be: on the internet alone, in a private network too, or wherever a rule names the address itself. */
export type Reach = "public" | "private" | "any";

export interface Address {
  readonly address: string;
  readonly family: 4 | 6;
}

export type Resolved =
  | { readonly ok: true; readonly addresses: readonly Address[] }
  | { readonly ok: false; readonly reason: string };

/** Asks for all addresses of a name. */
export type Lookup = (name: string) => Promise<readonly string[]>;

const FRESH_MS = 30_000;
const NAMES_MAX = 1000;

/**
 * Finds the addresses that are dialled for a host: asked once, checked, and used as it is for a while.
 *
 * A name of which one address lies where it must not is refused whole: the next answer could give that one alone.
 */
export class Resolver {
  readonly #lookup: Lookup;
  readonly #now: () => number;
  readonly #known = new Map<string, { readonly addresses: Promise<readonly string[]>; readonly until: number }>();

  constructor(ask: Lookup = askSystem, now: () => number = Date.now) {
    this.#lookup = ask;
    this.#now = now;
  }

  async resolve(host: string, reach: Reach): Promise<Resolved> {
    const addresses = isAddress(host) ? [host.replace(/^\[(.*)\]$/, "$1")] : await this.#ask(host).catch(() => []);
    if (addresses.length === 0) return { ok: false, reason: `${host} has no address` };
    const wrong = addresses.find((address) => !isWithin(address, reach));
    if (wrong !== undefined)
      return { ok: false, reason: `${host} is at ${wrong}, which is a ${addressKind(wrong)} address` };
    return {
      ok: true,
      addresses: addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 })),
    };
  }

  #ask(host: string): Promise<readonly string[]> {
    const known = this.#known.get(host);
    if (known && known.until > this.#now()) return known.addresses;
    if (this.#known.size >= NAMES_MAX) this.#known.clear();
    const addresses = this.#lookup(host);
    this.#known.set(host, { addresses, until: this.#now() + FRESH_MS });
    addresses.catch(() => this.#known.delete(host));
    return addresses;
  }
}

/** What Node asks instead of the resolver, so that it dials what was checked. */
export function pinned(addresses: readonly Address[]): LookupFunction {
  return (_host, options, answer) => {
    const [first] = addresses;
    if (options.all) answer(null, [...addresses]);
    else answer(null, first?.address ?? "", first?.family);
  };
}

function isWithin(address: string, reach: Reach): boolean {
  const kind = addressKind(address);
  return kind === "public" || reach === "any" || (reach === "private" && (kind === "private" || kind === "loopback"));
}

async function askSystem(name: string): Promise<readonly string[]> {
  // The last dot keeps the resolver's search list out: a host is a whole name.
  const found = await lookup(`${name}.`, { all: true, order: "verbatim" }).catch(() =>
    lookup(name, { all: true, order: "verbatim" }),
  );
  return found.map(({ address }) => address);
}
