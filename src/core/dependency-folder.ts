/** Folders that a package manager fills and that nobody commits. */
const NAMES: ReadonlySet<string> = new Set(["node_modules", "bower_components", ".venv", "__pypackages__"]);

/** Finds the outermost folder of dependencies that a path lies in, with a slash at its end; null for none. */
export function dependencyFolder(path: string): string | null {
  const segments = path.split("/");
  const at = segments.slice(0, -1).findIndex((segment) => NAMES.has(segment));
  return at < 0 ? null : `${segments.slice(0, at + 1).join("/")}/`;
}

/** Counts what lies in each folder of dependencies among the paths. */
export function countDependencies(paths: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const path of paths) {
    const folder = dependencyFolder(path);
    if (folder !== null) counts.set(folder, (counts.get(folder) ?? 0) + 1);
  }
  return counts;
}
