import { UsageError } from "../agent/config.ts";
import type { WantedHunk } from "../agent/hunks.ts";

/** Reads `1,3` or `1@HASH,3@HASH`: the numbers of a diff that was shown, or hashes of `diff --json`. */
export function parseHunks(text: string): WantedHunk[] {
  return text.split(",").map((word) => {
    const [, number = "", hash] = /^([1-9]\d{0,6})(?:@([0-9a-f]{16,64}))?$/.exec(word) ?? [];
    if (number === "")
      throw new UsageError(
        `--hunks takes numbers of ringfence diff, as in 1,3; or NUMBER@HASH with the hash of diff --json; not "${text}"`,
      );
    return { number: Number(number), hash: hash ?? null };
  });
}

/** Takes the numbers from the end of `/land PATH 1,3`; a file of such a name is named by `./1,3`. */
export function splitHunks(words: readonly string[]): {
  readonly paths: readonly string[];
  readonly hunks: string | null;
} {
  const [path, last] = words;
  const isHunks = words.length === 2 && path !== undefined && last !== undefined && /^\d+(?:,\d+)*$/.test(last);
  return isHunks ? { paths: [path], hunks: last } : { paths: words, hunks: null };
}
