/** What a person approved: the change of this path that has this hash, which covers type, mode, content and base too. */
export interface Approval {
  readonly path: string;
  /** SHA-256, hex, as `diff --json` prints it. */
  readonly hash: string;
}

/** Reads `PATH=HASH`; null when it is not of that form. */
export function parseApproval(text: string): Approval | null {
  const [, path = "", hash = ""] = text.match(/^(.+)=([0-9a-f]{64})$/su) ?? [];
  return path === "" ? null : { path, hash };
}

/** A manifest, the lockfiles that belong to it, and what the person runs once one of those has landed. */
const FAMILIES: readonly { readonly manifest: string; readonly locks: Readonly<Record<string, string>> }[] = [
  {
    manifest: "package.json",
    locks: {
      "package-lock.json": "npm ci",
      "npm-shrinkwrap.json": "npm ci",
      "yarn.lock": "yarn install --frozen-lockfile",
      "pnpm-lock.yaml": "pnpm install --frozen-lockfile",
      "bun.lock": "bun install --frozen-lockfile",
      "bun.lockb": "bun install --frozen-lockfile",
    },
  },
  { manifest: "Cargo.toml", locks: { "Cargo.lock": "cargo fetch --locked" } },
  { manifest: "go.mod", locks: { "go.sum": "go mod download" } },
  {
    manifest: "pyproject.toml",
    locks: {
      "poetry.lock": "poetry install",
      "uv.lock": "uv sync --locked",
      "pdm.lock": "pdm install --frozen-lockfile",
    },
  },
  { manifest: "Pipfile", locks: { "Pipfile.lock": "pipenv sync" } },
  { manifest: "Gemfile", locks: { "Gemfile.lock": "bundle install" } },
  { manifest: "composer.json", locks: { "composer.lock": "composer install" } },
];

/** Names the paths that land together with a manifest or lockfile or not at all. */
export function partnersOf(path: string): string[] {
  const { folder, name } = split(path);
  return FAMILIES.flatMap(({ manifest, locks }) => {
    if (name === manifest) return Object.keys(locks).map((lock) => folder + lock);
    return Object.hasOwn(locks, name) ? [folder + manifest] : [];
  });
}

/** Says what a person has to run, and in which folder, after these paths have landed. */
export function afterLanding(paths: readonly string[]): { readonly folder: string; readonly command: string }[] {
  return paths.flatMap((path) => {
    const { folder, name } = split(path);
    const command = FAMILIES.map(({ locks }) => (Object.hasOwn(locks, name) ? locks[name] : undefined)).find(Boolean);
    return command === undefined ? [] : [{ folder: folder === "" ? "." : folder.slice(0, -1), command }];
  });
}

function split(path: string): { folder: string; name: string } {
  const at = path.lastIndexOf("/") + 1;
  return { folder: path.slice(0, at), name: path.slice(at) };
}
