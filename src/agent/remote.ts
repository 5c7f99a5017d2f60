import type { Box } from "../box/box.ts";
import { readFacts } from "../box/folder.ts";
import type { Environment } from "../box/identity.ts";
import { findPrograms } from "../box/programs.ts";
import { findKnown, packPush } from "../box/remote.ts";
import { openSsh } from "../box/ssh.ts";
import { readNetrc } from "../core/credential-files.ts";
import type { Effect } from "../core/effect.ts";
import { addressOfTracked, isSameRepository, type Remote, type Tracked, trackedOf } from "../core/git-remote.ts";
import type { Listed, NetRequest } from "../core/net-rules.ts";
import { type GitCall, GitRemote } from "../egress/git.ts";
import { GitSsh } from "../egress/git-ssh.ts";
import type { Vault } from "../egress/vault.ts";
import type { PushRule } from "./config-net.ts";
import type { AskedEffect } from "./questions.ts";

/** The repository that the person's branch tracks, for the requests of git in the box. */
export interface TrackedRemote {
  readonly remote: Remote;
  readonly tracked: Tracked;
  readonly port: number;
  readonly git: GitRemote;
}

/** Makes ready for git in the box to fetch from the tracked repository and push to it; null where nothing is tracked. */
export function openRemote(
  { remote, files }: Vault,
  box: Box,
  person: { readonly environment: Environment; readonly home: string },
): TrackedRemote | null {
  const tracked = trackedOf(remote?.url ?? null);
  if (remote === null || tracked === null) return null;
  const { protocol, port } = new URL(tracked.origin);
  const facts = readFacts(box.folder.path);
  const programs = findPrograms();
  const git = new GitRemote({
    tracked,
    ssh:
      tracked.ssh &&
      new GitSsh(
        tracked.ssh,
        openSsh({ place: tracked.ssh, command: remote.sshCommand, checkout: facts.checkout, ...person }),
      ),
    authorization: authorizationIn(files.find(({ path }) => path === ".netrc")?.content ?? "", tracked),
    known: (ids) => findKnown(facts, programs, ids),
    pack: (command, shown) => {
      // Under its own name too, but for the branch that is checked out and tracks it by another.
      const from = command.ref === remote.tracks && remote.branch !== null ? remote.branch : command.ref;
      return packPush(facts, programs, { command, from, shown });
    },
  });
  return { remote, tracked, port: Number(port) || (protocol === "http:" ? 80 : 443), git };
}

/** What a request of git's is to the gate; `git` is null for one that would push to another repository. */
export function gitEffect(
  request: NetRequest,
  git: GitCall | null,
  context: {
    readonly ruled: Listed;
    readonly rules: readonly PushRule[];
    readonly upstream: TrackedRemote | null;
    readonly command: number | null;
  },
): AskedEffect {
  const { ruled, rules, upstream, command } = context;
  const denied = ruled.verdict === "deny" ? ruled.rule.id : null;
  if (git?.kind === "fetch") {
    const listed = denied === null ? "allow" : "deny";
    const why = { listed, rule: denied ?? "tracked remote", origin: "fetch" } as const;
    return { kind: "request", ...request, ...why, command, approvedBy: "none", shown: null };
  }
  const { command: push, found, digest } = git ?? NOWHERE;
  const named = rules.find(
    ({ repository, ref }) => ref === push.ref && upstream !== null && isSameRepository(repository, upstream.tracked),
  );
  return {
    kind: "push",
    ...request,
    ...push,
    remote: git !== null && upstream?.remote.isPushedTo ? "tracked" : "other",
    found,
    digest,
    rule: denied ?? named?.id ?? null,
    isDenied: denied !== null,
    command,
    approvedBy: "none",
    shownAt: null,
  };
}

/** What a person does to have a push allowed: the line of the configuration, or their own command. */
export function pushHint({ ref, rule }: Effect & { readonly kind: "push" }, { tracked }: TrackedRemote): string {
  if (rule !== null) return "ringfence exec -- git push does it for them";
  const branch = ref.slice("refs/heads/".length);
  return `add {at: "${addressOfTracked(tracked)}", branch: "${branch}"} to net.push in config.yaml`;
}

const NOWHERE = { command: { ref: "", oldId: "", newId: "" }, found: "absent", digest: "" } as const;

/** What git in the box sends for the login that it finds in its netrc. */
function authorizationIn(netrc: string, { host }: Tracked): string | null {
  const login = readNetrc(netrc).find((each) => each.host === host);
  return login === undefined ? null : `Basic ${Buffer.from(`${login.user}:${login.password}`).toString("base64")}`;
}
