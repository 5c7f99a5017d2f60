import { isAbsolute, join, relative, resolve } from "node:path";
import { UsageError } from "../agent/config.ts";
import type { Checkout } from "../agent/config-checkout.ts";
import type { Collected } from "../box/collect.ts";

/** Where a person stands, which some names that they type count from. */
export type Standing = Checkout;

/**
 * Chooses the changes that names of a person mean: a file, or all below a folder.
 *
 * A name counts from the root of the checkout, as every name that is printed does; where none is there, from where the
 * person stands. One that begins with a dot counts from there at once, and an absolute one from nowhere.
 */
export function choosePaths(collected: Collected, names: readonly string[], standing: Standing): string[] {
  const known = collected.changes.map(({ change }) => change.path);
  const isBelow = (folder: string) => (path: string) =>
    folder === "" || path === folder || path.startsWith(`${folder}/`);
  const unknown: string[] = [];
  const places = names.map((name) => {
    const found = placesOf(name, standing).find((place) => known.some(isBelow(place)));
    if (found === undefined) unknown.push(name);
    return found ?? "";
  });
  if (unknown.length > 0)
    throw new UsageError(
      `the session did not change ${unknown.join(", ")}; paths count from the root of the checkout, see ringfence diff --stat`,
    );
  return known.filter((path) => places.some((place) => isBelow(place)(path)));
}

/** What a name may mean, the likeliest first; "" is the whole checkout. Nothing is looked at: a link is no way to a file. */
function placesOf(name: string, { path: root, below }: Standing): string[] {
  const here = resolve(root, below);
  const isDotted = /^\.\.?(?:\/|$)/.test(name);
  const absolute = isAbsolute(name)
    ? [resolve(name)]
    : isDotted
      ? [resolve(here, name)]
      : [join(root, name), resolve(here, name)];
  return absolute.flatMap((path) => {
    const place = relative(root, path);
    return place === ".." || place.startsWith("../") ? [] : [place.replace(/\/+$/, "")];
  });
}
