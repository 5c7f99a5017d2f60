import { field, recordOf } from "../core/json.ts";
import { type Imported, left, together, written } from "./policy-import.ts";

type Fields = Readonly<Record<string, unknown>>;

const INHERITED_MAX = 8;
const HOST = /^(?:\*{1,2}\.)?[A-Za-z0-9][A-Za-z0-9.-]*$/;
const NOTHING: Imported = { rules: [], left: [] };
const NOTHING_WRITTEN = written("deny", { write: "**" });
/** Keys that let an agent do more or less, and why there is no rule for each. */
const OTHERS: Readonly<Record<string, string>> = {
  approval_policy: "what is asked here is decided by what was seen before, and by rules that ask",
  approvals_reviewer: "a person answers questions here",
  shell_environment_policy: "the box has an environment of its own",
  mcp_servers: "there are no tool servers yet",
  projects: "a repository is trusted by its content: ringfence trust",
  profiles: "name one policy a session with --policy",
  hooks: "nothing is run by a policy",
  notify: "nothing is run by a policy",
  web_search: "a page is asked for by its address, which rules of net let through",
};

/** Makes a policy of a parsed `config.toml` of Codex: of its sandbox, and of the permission profile that it names. */
export function importCodexConfig(config: unknown): Imported {
  const root = recordOf(config);
  const others = Object.keys(OTHERS).filter((key) => root[key] !== undefined);
  const read = ["sandbox_mode", "sandbox_workspace_write", "default_permissions", "permissions"];
  const rest = Object.keys(root).filter((key) => !read.includes(key) && !Object.hasOwn(OTHERS, key));
  // With a mode of the sandbox no profile counts.
  const isByMode = root.sandbox_mode !== undefined;
  return together([
    ...(isByMode ? [importMode(root)] : []),
    importProfiles(root, isByMode),
    ...others.map((key) => left(key, OTHERS[key] ?? "")),
    ...(rest.length === 0 ? [] : [left(rest.join(", "), "that is not about what may be done")]),
  ]);
}

function importMode(root: Fields): Imported {
  const mode = String(root.sandbox_mode);
  const what = `sandbox_mode ${mode}`;
  if (mode === "read-only") return NOTHING_WRITTEN;
  if (mode !== "workspace-write") return left(what, "there is no session without a box");
  const { network_access: network, ...more } = recordOf(root.sandbox_workspace_write);
  return together([
    network === true ? left("sandbox_workspace_write.network_access", "name the hosts") : networkOff(network),
    ...Object.keys(more).map((key) =>
      left(`sandbox_workspace_write.${key}`, "outside the checkout a session has folders of its own alone"),
    ),
  ]);
}

function importProfiles(root: Fields, isByMode: boolean): Imported {
  const all = recordOf(root.permissions);
  const named = isByMode ? undefined : root.default_permissions;
  const used = typeof named === "string" ? inherited(all, named) : [];
  const unused = Object.keys(all).filter((name) => !used.some((profile) => profile.name === name));
  const first = used.at(-1);
  return together([
    ...(named === undefined || first !== undefined
      ? []
      : [left(`default_permissions ${String(named)}`, "there is no such profile")]),
    first === undefined ? NOTHING : importProfile(used),
    ...unused.map((name) =>
      left(`permissions.${name}`, isByMode ? "sandbox_mode is in its place" : "it is not the one in use"),
    ),
  ]);
}

interface Profile {
  readonly name: string;
  readonly fields: Fields;
}

/** A profile and those that it extends, the one that is extended first. */
function inherited(all: Fields, name: string): readonly Profile[] {
  const chain: Profile[] = [];
  for (let next: unknown = name; typeof next === "string" && chain.length < INHERITED_MAX; ) {
    const found = next.startsWith(":") ? {} : field(all, next);
    if (found === undefined) return chain;
    chain.unshift({ name: next, fields: recordOf(found) });
    next = recordOf(found).extends;
  }
  return chain;
}

function importProfile(chain: readonly Profile[]): Imported {
  const name = chain.at(-1)?.name ?? "";
  const of = (key: string) => Object.assign({}, ...chain.map(({ fields }) => recordOf(fields[key]))) as Fields;
  const [root] = chain;
  const isReadOnly = root?.name === ":read-only";
  const files = chain.map(({ fields }) => recordOf(fields.filesystem));
  const below = Object.assign(
    {},
    ...files.map((each) => recordOf(each[":project_roots"])),
    ...files.map((each) => recordOf(each[":workspace_roots"])),
  ) as Fields;
  const outside = Object.keys(Object.assign({}, ...files)).filter((key) => !/^:(?:workspace|project)_roots$/.test(key));
  const known = ["filesystem", "network", "extends", "description"];
  const more = chain.flatMap(({ name: of, fields }) =>
    Object.keys(fields)
      .filter((key) => !known.includes(key))
      .map((key) => `permissions.${of}.${key}`),
  );
  return together([
    root?.name === ":danger-full-access" ? left(":danger-full-access", "there is no session without a box") : NOTHING,
    isReadOnly && below["."] === undefined ? NOTHING_WRITTEN : NOTHING,
    ...Object.entries(below).map(([path, access]) => importPath(path, String(access), below)),
    ...outside.map((path) =>
      left(`${name}: ${path}`, "outside the checkout nothing of yours is shown to be read, and nothing is written"),
    ),
    importNetwork(
      name,
      of("network"),
      chain.map(({ fields }) => recordOf(recordOf(fields.network).domains)),
    ),
    ...more.map((key) => left(key, "there is nothing like it in a policy")),
  ]);
}

function importPath(path: string, access: string, all: Fields): Imported {
  const what = `${access} ${path}`;
  const glob = path === "." ? "**" : path.replace(/^\.\//, "").replace(/\/$/, "");
  if (/^[/~]|[[\]{}\\!]|(?:^|\/)\.\.?(?:\/|$)/.test(glob) || glob === "")
    return left(what, "a path has * ? and ** alone");
  switch (access) {
    case "deny":
    case "none":
      return together([written("deny", { read: glob }), written("deny", { write: glob })]);
    case "read":
      return written("deny", { write: glob });
    case "write":
      return path !== "." && Object.entries(all).some(([other, given]) => other !== path && given === "read")
        ? left(what, "a rule that denies is stronger here, also about a folder above")
        : NOTHING;
    default:
      return left(what, "it is none of read, write and deny");
  }
}

function importNetwork(name: string, { enabled, domains: _, mode, ...more }: Fields, all: readonly Fields[]): Imported {
  const domains = Object.entries(Object.assign({}, ...all) as Fields);
  const others = Object.keys(more).map((key) =>
    left(`permissions.${name}.network.${key}`, "there is nothing like it in a policy"),
  );
  if (enabled !== true) return together([networkOff(enabled), ...others]);
  return together([
    ...(domains.length === 0 ? [left(`permissions.${name}.network`, "name the hosts")] : []),
    ...domains.map(([host, verdict]) => importHost(host, String(verdict))),
    ...(mode === "limited" || domains.length === 0
      ? []
      : [left(`permissions.${name}.network.mode`, "a rule allows reading alone until it names methods")]),
    ...others,
  ]);
}

// Where nothing is said of it, what nobody lists is not reached here either.
function networkOff(said: unknown): Imported {
  return said === false ? written("deny", { net: "*" }) : NOTHING;
}

function importHost(host: string, verdict: string): Imported {
  const what = `${verdict} ${host}`;
  if (verdict !== "allow" && verdict !== "deny") return left(what, "it is neither allow nor deny");
  if (host === "*") return verdict === "deny" ? written("deny", { net: "*" }) : left(what, "name the hosts");
  if (!HOST.test(host)) return left(what, "only a domain can be named");
  // Two stars mean the domain itself as well.
  const [bare, isBoth] = [host.replace(/^\*\*\./, ""), host.startsWith("**.")];
  return isBoth
    ? together([written(verdict, { net: bare }), written(verdict, { net: `*.${bare}` })])
    : written(verdict, { net: bare });
}
