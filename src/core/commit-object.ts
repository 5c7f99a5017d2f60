/** What a commit that is made anew has in place of the old: parents that were made anew before it, and who commits. */
export interface Remade {
  readonly parents: ReadonlyMap<string, string>;
  /** As git writes it: `NAME <EMAIL> SECONDS ZONE`. */
  readonly committer: string;
}

/**
 * Rewrites a commit object, byte for byte but for its parents, its committer and a signature that it had.
 *
 * Takes and returns latin-1 text, so that no byte of a message in another encoding is lost. Null for what is no commit.
 */
export function remakeCommit(raw: string, { parents, committer }: Remade): string | null {
  const end = raw.indexOf("\n\n");
  if (end < 0) return null;
  // A line that begins with a space goes on with the header before it.
  const headers = raw.slice(0, end).split(/\n(?! )/);
  const names = headers.map((header) => header.split(" ", 1)[0]);
  if (names[0] !== "tree" || names.filter((name) => name === "committer").length !== 1) return null;
  const remade = headers.flatMap((header, at) => {
    const name = names[at];
    if (name === "gpgsig" || name === "gpgsig-sha256") return [];
    if (name === "committer") return [`committer ${committer}`];
    const parent = name === "parent" ? header.slice("parent ".length) : "";
    return parent === "" ? [header] : [`parent ${parents.get(parent) ?? parent}`];
  });
  return remade.join("\n") + raw.slice(end);
}

/** Puts a signature of a commit object into it, as the last header. */
export function addSignature(payload: string, signature: string): string {
  const end = payload.indexOf("\n\n");
  const lines = signature.replace(/\r/g, "").replace(/\n$/, "").split("\n");
  return `${payload.slice(0, end)}\ngpgsig ${lines.join("\n ")}${payload.slice(end)}`;
}
