/**
 * Says whether a glob means a path of the checkout: by whole names from its root, `*` and `?` within a name, `**` for any
 * folders between. What means a folder means all below it.
 *
 * Steps are at most names times names, whatever stands in either: both may be a stranger's.
 */
export function matchesGlob(glob: string, path: string): boolean {
  const names = namesOf(path);
  const patterns = namesOf(glob);
  let at = 0;
  let name = 0;
  let starAt = -1;
  let starName = 0;
  while (name < names.length) {
    // The pattern is used up: a folder above was meant.
    if (at === patterns.length) return true;
    if (patterns[at] === "**") {
      starAt = at++;
      starName = name;
    } else if (matchesName(patterns[at] ?? "", names[name] ?? "")) {
      at += 1;
      name += 1;
    } else if (starAt >= 0) {
      at = starAt + 1;
      name = ++starName;
    } else return false;
  }
  return patterns.slice(at).every((pattern) => pattern === "**");
}

/** Says whether `*` for any characters and `?` for one make a name of a pattern. */
export function matchesName(pattern: string, name: string): boolean {
  let at = 0;
  let char = 0;
  let starAt = -1;
  let starChar = 0;
  while (char < name.length) {
    if (pattern[at] === "*") {
      starAt = at++;
      starChar = char;
    } else if (at < pattern.length && (pattern[at] === "?" || pattern[at] === name[char])) {
      at += 1;
      char += 1;
    } else if (starAt >= 0) {
      at = starAt + 1;
      char = ++starChar;
    } else return false;
  }
  return /^\**$/.test(pattern.slice(at));
}

/** The names of a path as it would be walked: without `.` and empty ones, and `..` takes one back. */
function namesOf(path: string): string[] {
  const names: string[] = [];
  for (const name of path.split("/")) {
    if (name === "..") names.pop();
    else if (name !== "" && name !== ".") names.push(name);
  }
  return names;
}
