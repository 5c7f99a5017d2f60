import { originOf } from "./credential.ts";
import { trackedOf } from "./git-remote.ts";
import { parseAuthority } from "./host.ts";
import { READ_ONLY_METHODS, requestFor } from "./net-rules.ts";
import { argvsOf } from "./policy-argv.ts";
import type { Action } from "./policy-match.ts";

/** How actions are written, for whoever wrote one that is none. */
export const ACTION_FORMS =
  '"GET https://host/path", "tunnel host:443", "run: npm publish", "read PATH", "write PATH", "land PATH", "push BRANCH [to ADDRESS]", "credential NAME [to ADDRESS]"';

/** Reads an action as people write it; null when it is none. A method that changes something has a body. */
export function parseAction(text: string): Action | null {
  const [, verb = "", rest = ""] = /^([A-Za-z]+):?\s+(\S.*)$/s.exec(text.trim()) ?? [];
  switch (verb) {
    case "run":
      return { kind: "run", ...argvsOf(rest) };
    case "read":
    case "write":
    case "land":
      return { kind: verb, path: rest };
    case "push":
      return pushOf(rest);
    case "credential":
      return credentialOf(rest);
    case "tunnel": {
      const place = parseAuthority(rest, 443);
      if (!place.ok) return null;
      const { host, port } = place;
      const request = { protocol: "tunnel", host, port, method: "CONNECT", path: "", hasBody: true } as const;
      return { kind: "net", request };
    }
  }
  const request = /^[A-Z]{1,20}$/.test(verb) ? requestFor(rest, verb) : null;
  return request && { kind: "net", request: { ...request, hasBody: !READ_ONLY_METHODS.includes(verb) } };
}

function pushOf(text: string): Action | null {
  const [, branch = "", address] = /^(\S+)(?: to (\S+))?$/.exec(text) ?? [];
  const repository = address === undefined ? null : trackedOf(address);
  return branch === "" || (address !== undefined && repository === null) ? null : { kind: "push", repository, branch };
}

function credentialOf(text: string): Action | null {
  const [, name = "", address] = /^(\w+)(?: to (\S+))?$/.exec(text) ?? [];
  if (name === "") return null;
  if (address === undefined) return { kind: "credential", name, origin: null };
  const request = requestFor(address, "GET");
  if (request === null) return null;
  const protocol = request.protocol === "http" ? "http" : "https";
  return { kind: "credential", name, origin: originOf({ ...request, protocol }) };
}
