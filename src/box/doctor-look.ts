import { existsSync, readFileSync } from "node:fs";
import { quote } from "./commands.ts";
import type { Place } from "./doctor-place.ts";

/** Writes shell text that holds when a folder shows no name but these. */
export function onlyNames(folder: string, names: string): string {
  return (
    `known=${quote(` ${names} `)}; extra=; count=0; for name in $(ls -A ${quote(folder)}); do count=$((count+1)); ` +
    `case "$known" in *" $name "*) ;; *) extra="$extra $name";; esac; done; ` +
    `[ -z "$extra" ] && echo "HELD $count names, all of the box" || echo "REACHED$extra"`
  );
}

/** Writes shell text that holds when a folder has none of these names. */
export function findAny(folder: string, names: readonly string[]): string {
  return (
    `found=; for name in ${names.map(quote).join(" ")}; do [ -e ${quote(folder)}/"$name" ] && found="$found $name"; done; ` +
    `[ -z "$found" ] && echo "HELD none of ${names.length} names is there" || echo "REACHED$found"`
  );
}

/** Says so when the host sees a file that was to be kept from being made. */
export function fileIsThere(path: string): string | null {
  return existsSync(path) ? `${path} is there` : null;
}

/** Says so when the file beside the throw-away checkout is not what it was. */
export function besideHarm({ beside, besideText }: Place): string | null {
  return readFileSync(beside, "utf8") === `${besideText}\n` ? null : "the file beside the checkout was changed";
}
