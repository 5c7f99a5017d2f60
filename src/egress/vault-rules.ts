import type { CredentialRule, Scheme } from "../core/credential.ts";
import type { Address } from "../core/credential-files.ts";
import type { Tracked } from "../core/git-remote.ts";

const READ = ["GET", "HEAD"];
/** A fetch is a GET and a POST; so is a push, which the rules of the proxy tell apart by its path. */
const GIT = ["GET", "HEAD", "POST"];

/** For git over https: the tracked repository alone. */
export function gitRule({ origin, path }: Tracked, user: string | null): CredentialRule {
  // Only what git asks for, in its own spelling, by which a push is known. Below the rest other repositories may lie,
  // should the path name a group.
  const services = ["info/refs", "git-upload-pack", "git-receive-pack"];
  return {
    scheme: { kind: "basic", user },
    origins: [origin],
    methods: GIT,
    pathPrefixes: services.flatMap((service) => [`/${path}.git/${service}`, `/${path}/${service}`]),
  };
}

/** For a token of a forge: git, and reading what the forge's interface says of the tracked repository. */
export function forgeRules(kind: "github" | "gitlab", host: string, tracked: Tracked | null): CredentialRule[] {
  // A path of one name would be a person or group, and all that is theirs.
  if (tracked === null || tracked.host !== host || !tracked.path.includes("/")) return [];
  const reads = (scheme: Scheme, origin: string, prefix: string) => ({
    scheme,
    origins: [origin],
    methods: READ,
    pathPrefixes: [prefix],
  });
  if (kind === "github") {
    const isPublic = host === "github.com";
    const origin = isPublic ? "https://api.github.com" : tracked.origin;
    return [
      gitRule(tracked, null),
      reads({ kind: "bearer" }, origin, `${isPublic ? "" : "/api/v3"}/repos/${tracked.path}`),
    ];
  }
  const project = `/api/v4/projects/${encodeURIComponent(tracked.path)}`;
  return [
    gitRule(tracked, null),
    reads({ kind: "bearer" }, tracked.origin, project),
    reads({ kind: "header", name: "private-token" }, tracked.origin, project),
  ];
}

/** For an index of packages whose address a tool was given: reading below it. */
export function indexRule({ origin, path }: Pick<Address, "origin" | "path">, scheme: Scheme): CredentialRule {
  // Files lie beside the folder of pages that the address names.
  const base = path.replace(/\/+$/, "").replace(/\/simple$/, "");
  return { scheme, origins: [origin], methods: READ, pathPrefixes: [base === "" ? "/" : base] };
}
