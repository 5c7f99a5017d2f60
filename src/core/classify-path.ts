/** A character that some file system, editor or terminal drops: controls, format characters, lone surrogates, fillers. */
const UNSEEN = /[\p{C}\p{Default_Ignorable_Code_Point}]/gu;
/** Every character of a path whose only spelling it is. */
const PLAIN = /^(?:[a-z0-9_@+-]|\.(?=[a-z0-9_@+-])|\/(?=[^/]))*$/;

/**
 * Spells a path the ways in which some file system may read it: case and Unicode folded, unseen characters and trailing
 * dots and spaces gone, backslashes as separators, NTFS streams cut off. A rule that matches one of them holds the path.
 */
export function spellings(path: string): readonly string[] {
  if (PLAIN.test(path)) return [path];
  const folded = fold(path);
  const split = folded.replaceAll("\\", "/");
  const all = [
    fold(path, false),
    trimNames(folded),
    trimNames(split),
    trimNames(eachName(split, (name) => name.split(":")[0] ?? "")),
  ];
  return [...new Set(all)];
}

/** Says why a path does not name a place inside the checkout, or null when it does. */
export function pathProblem(path: string): string | null {
  if (path.includes("\0")) return "the path holds a NUL byte";
  for (const spelling of [path, ...spellings(path)]) {
    if (/^(?:[/\\]|[a-z]:)/i.test(spelling)) return "the path is absolute, or names a drive";
    const names = spelling.split("/");
    if (names.includes("")) return "a part of the path is empty, or is read as empty by some systems";
    if (names.includes(".") || names.includes(".."))
      return 'a part of the path is "." or "..", or is read so by some systems';
  }
  return null;
}

/** Tells whether git, on any file system, may take the path for its own data: a part of it is a spelling of `.git`. */
export function isGitPath(path: string): boolean {
  return spellings(path).some((spelling) =>
    spelling.split("/").some((name) => name === ".git" || /^git~\d+$/.test(name)),
  );
}

/**
 * Follows a link's target from the link's own folder, by text alone. Returns the place in the checkout ("" is its root),
 * or null when the target is absolute, leaves the checkout, or climbs after a name, which another link could redirect.
 */
export function linkPlace(path: string, target: string): string | null {
  if (target === "" || target.includes("\0") || /^[/\\]/.test(target) || /^[a-z]:/i.test(target)) return null;
  const names = path.split("/").slice(0, -1);
  let hasDescended = false;
  for (const part of target.replaceAll("\\", "/").split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") {
      names.push(part);
      hasDescended = true;
      continue;
    }
    if (hasDescended || names.pop() === undefined) return null;
  }
  return names.join("/");
}

function fold(path: string, isUnseenDropped = true): string {
  const drop = (text: string) => (isUnseenDropped ? text.replace(UNSEEN, "") : text);
  // Upper first: it maps the long s and the dotless i, which lower case alone leaves apart from "s" and "i".
  const cased = drop(path).normalize("NFKC").toUpperCase().toLowerCase();
  return drop(cased.normalize("NFKC").replaceAll("i\u0307", "i"));
}

function trimNames(path: string): string {
  return eachName(path, (name) => {
    let end = name.length;
    while (end > 0 && (name[end - 1] === "." || name[end - 1] === " ")) end -= 1;
    // "." and ".." stay, so that pathProblem names them for what they are.
    return name === "." || name === ".." ? name : name.slice(0, end);
  });
}

function eachName(path: string, change: (name: string) => string): string {
  return path.split("/").map(change).join("/");
}
