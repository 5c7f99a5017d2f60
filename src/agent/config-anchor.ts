import { existsSync, realpathSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { isWithin } from "../box/toolchains.ts";
import { UsageError } from "./config.ts";
import { type AnchorPlace, placeOf } from "./config-log.ts";

/** Says where an anchor is, for people and logs. What stands behind the path of an address may be a password. */
export function placeWords(place: AnchorPlace): string {
  switch (place.kind) {
    case "file":
      return place.path;
    case "git":
      return `${place.repository}#${place.ref}`;
    case "url": {
      const { origin, pathname } = new URL(place.url);
      return `${origin}${pathname}`;
    }
  }
}

/** Reads an anchor as a person types it: a file, REPOSITORY#REF or an address. Throws UsageError. */
export function anchorTyped(word: string): AnchorPlace {
  const [, repository = "", ref] = /^(.+)#(refs\/.*)$/.exec(word) ?? [];
  try {
    if (/^https?:\/\//.test(word)) return placeOf("url", { url: word });
    if (/^[a-z]+:\/\//.test(word)) throw new Error("an address begins with https:// or http://");
    if (ref === undefined && statSync(word, { throwIfNoEntry: false })?.isDirectory())
      throw new Error("of a repository the ref belongs to it, as in anchors.git#refs/heads/ringfence");
    return ref === undefined
      ? placeOf("file", { file: resolve(word) })
      : placeOf("git", { git: resolve(repository), ref });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new UsageError(`--anchor is FILE, REPOSITORY#REF or an address, not "${word}": ${why}`);
  }
}

/** Says why an anchor is none for sessions of a checkout, or null: what lies in it is not out of their reach. */
export function anchorWithin(anchor: AnchorPlace, checkout: string): string | null {
  if (anchor.kind === "url") return null;
  const path = anchor.kind === "file" ? anchor.path : anchor.repository;
  if (!isWithin(real(path), checkout)) return null;
  return `log.anchor of config.yaml is ${placeWords(anchor)}, which lies in the checkout: name a place outside`;
}

// As far as it is there already.
function real(path: string): string {
  let there = path;
  while (!existsSync(there) && there !== dirname(there)) there = dirname(there);
  return join(realpathSync(there), path.slice(there.length));
}
