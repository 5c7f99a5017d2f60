import { type Place, ringfence } from "./program.ts";

/** What `diff --json` says. */
export interface Shown {
  readonly session: { readonly id: string };
  readonly changes: readonly {
    readonly path: string;
    readonly class: string;
    readonly renamed_from: string | null;
    readonly renamed_to: string | null;
    readonly hunks: readonly { readonly number: number; readonly header: string; readonly hash: string }[] | null;
  }[];
}

/** Makes three hunks. */
export const THREE = "sed -i '3s/$/ one/; 20s/$/ two/; 37s/$/ three/' a.txt";

/** Asks for the diff as JSON. */
export async function shownOf(place: Place, ...args: string[]): Promise<Shown> {
  return JSON.parse((await ringfence(place, ["diff", "--json", ...args])).stdout) as Shown;
}
