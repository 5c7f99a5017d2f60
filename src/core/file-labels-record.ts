import type { FileLabels } from "./file-labels.ts";
import type { JsonObject } from "./json.ts";
import { type Label, parseLabel } from "./label.ts";

/** Writes what is known of files as it is kept between sessions; what the person endorsed is kept with their trust. */
export function fileLabelsJson({ byPath, byHash, rest }: FileLabels): JsonObject {
  const rows = (map: ReadonlyMap<string, Label>) =>
    [...map].map(([key, { integrity, secrecy }]) => [key, integrity, secrecy]);
  return { paths: rows(byPath), hashes: rows(byHash), rest: [rest.integrity, rest.secrecy] };
}

/** Reads it; a label of unknown words is the highest. Throws for what has another form. */
export function parseFileLabels(value: unknown): FileLabels {
  const { paths, hashes, rest } = (value ?? {}) as Readonly<Record<string, unknown>>;
  if (!Array.isArray(rest)) throw new Error("it has no rest");
  return {
    byPath: mapOf(paths),
    byHash: mapOf(hashes),
    endorsed: new Set(),
    rest: parseLabel(rest[0], rest[1]),
  };
}

function mapOf(rows: unknown): ReadonlyMap<string, Label> {
  if (!Array.isArray(rows)) throw new Error("it has no list of files");
  return new Map(
    rows.map((row: unknown) => {
      const [key, integrity, secrecy] = Array.isArray(row) ? row : [];
      if (typeof key !== "string") throw new Error("a file has no name");
      return [key, parseLabel(integrity, secrecy)];
    }),
  );
}
