import { accessSync, constants, lstatSync, realpathSync, statSync } from "node:fs";
import { join, sep } from "node:path";

/**
 * Leaf folders and files below the home that hold programs and nothing else. They come in read-only, at their own paths.
 * Never a parent: secrets lie beside them (`~/.cargo/credentials.toml`, `~/.config/mise`, …).
 */
const HOME_TOOLCHAINS = [
  ".nvm/versions",
  ".nvm/alias",
  ".nvm/nvm.sh",
  ".nvm/nvm-exec",
  ".local/share/fnm/node-versions",
  ".local/share/fnm/aliases",
  ".fnm/node-versions",
  ".volta/bin",
  ".volta/tools",
  ".pyenv/bin",
  ".pyenv/libexec",
  ".pyenv/shims",
  ".pyenv/versions",
  ".pyenv/plugins",
  ".pyenv/pyenv.d",
  ".pyenv/version",
  ".local/share/uv/python",
  ".local/share/uv/tools",
  ".local/share/mise/installs",
  ".local/share/mise/shims",
  ".asdf/installs",
  ".asdf/shims",
  ".asdf/bin",
  ".asdf/lib",
  ".asdf/plugins",
  ".asdf/asdf.sh",
  ".asdf/libexec",
  ".rustup/toolchains",
  ".rustup/settings.toml",
  ".cargo/bin",
  ".cargo/env",
  "go/bin",
  ".go/bin",
  ".goenv/versions",
  ".goenv/shims",
  ".goenv/bin",
  ".goenv/libexec",
  ".sdkman/candidates",
  ".jenv/versions",
  ".jenv/shims",
  ".rbenv/versions",
  ".rbenv/shims",
  ".rbenv/bin",
  ".rbenv/libexec",
  ".bun/bin",
  ".deno/bin",
  ".dotnet/sdk",
  ".dotnet/shared",
  ".dotnet/host",
  ".dotnet/dotnet",
  ".npm-global/bin",
  ".npm-global/lib",
  ".local/bin",
] as const;

/** Folders outside the home and outside `/usr` that programs are commonly installed in. */
const SYSTEM_TOOLCHAINS = ["/opt", "/nix/store", "/snap", "/home/linuxbrew/.linuxbrew"] as const;

const PATH_DEFAULT = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

export interface Toolchains {
  /** Absolute paths, bound read-only at the same path. */
  readonly roots: readonly string[];
  /** The PATH inside, in the person's order. */
  readonly path: string;
}

/** Finds the person's toolchains and builds the PATH inside from them; entries that lead into the checkout are dropped. */
export function findToolchains(home: string, checkout: string, path: string, uid: number): Toolchains {
  const inHome = HOME_TOOLCHAINS.map((name) => join(home, name)).filter((root) => isOwn(root, uid));
  const entries = path.split(":").filter((entry) => entry.startsWith("/"));
  const inSystem = SYSTEM_TOOLCHAINS.filter((root) => {
    const isWanted = root === "/opt" || entries.some((entry) => isWithin(entry, root));
    return isWanted && isFolder(root) && !isWithin(checkout, root) && !isWithin(home, root);
  });
  const roots = [...inHome, ...inSystem].filter((root) => !isWithin(checkout, root) && !isWithin(root, checkout));
  const visible = [...roots, "/usr", "/bin", "/sbin"];
  const kept: string[] = [];
  for (const entry of entries) {
    const real = resolve(entry);
    if (!real || isWithin(real, checkout) || isWithin(entry, checkout)) continue;
    // A version manager's per-shell link (fnm, nvm) is replaced by what it points to.
    const shown = visible.some((root) => isWithin(entry, root)) ? entry : real;
    if (visible.some((root) => isWithin(shown, root)) && !kept.includes(shown)) kept.push(shown);
  }
  for (const entry of PATH_DEFAULT) if (!kept.includes(entry)) kept.push(entry);
  return { roots, path: kept.join(":") };
}

/** Says whether a path is a folder or lies below it. Both absolute and normal. */
export function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}

/** Keeps the entries of a PATH that are a person's own: absolute, and no project's `node_modules/.bin`. */
export function personsPath(path: string): string[] {
  return path.split(":").filter((entry) => entry.startsWith("/") && !entry.includes("/node_modules/"));
}

/** Finds a program in the folders of a PATH, or null. */
export function findOnPath(name: string, path: readonly string[]): string | null {
  for (const folder of path) {
    const file = join(folder, name);
    try {
      accessSync(file, constants.X_OK);
      if (statSync(file).isFile()) return file;
    } catch {
      // Not here; the next folder may have it.
    }
  }
  return null;
}

// A link or somebody else's folder could lead anywhere, so neither is bound.
function isOwn(path: string, uid: number): boolean {
  try {
    const stat = lstatSync(path);
    return !stat.isSymbolicLink() && (stat.uid === uid || stat.uid === 0) && realpathSync(path) === path;
  } catch {
    return false;
  }
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

function resolve(path: string): string | null {
  try {
    return realpathSync(path);
  } catch {
    return null;
  }
}
