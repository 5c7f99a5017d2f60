import { recordOf } from "../core/json.ts";
import type { Verdict } from "../core/sinks.ts";
import { aboutCommand, type Imported, left, together, written } from "./policy-import.ts";

const VERDICTS: readonly Verdict[] = ["deny", "ask", "allow"];
const WRITERS = ["Edit", "Write", "MultiEdit", "NotebookEdit"];
/** Settings beside the lists that let an agent do more or less. */
const OTHERS = ["defaultMode", "additionalDirectories", "disableBypassPermissionsMode"];
const ROOT_OTHERS = [
  "hooks",
  "sandbox",
  "enableAllProjectMcpServers",
  "enabledMcpjsonServers",
  "disabledMcpjsonServers",
];

/** Makes a policy of the `permissions` of a settings file of Claude Code. */
export function importClaude(settings: unknown): Imported {
  const root = recordOf(settings);
  const permissions = recordOf(root.permissions);
  const parts = VERDICTS.flatMap((verdict) => {
    const list = permissions[verdict];
    if (list === undefined) return [];
    if (!Array.isArray(list)) return [left(`permissions.${verdict}`, "it is no list")];
    return list.map((entry) => importEntry(verdict, String(entry)));
  });
  const others = [
    ...OTHERS.filter((name) => permissions[name] !== undefined).map((name) => `permissions.${name}`),
    ...ROOT_OTHERS.filter((name) => root[name] !== undefined),
  ];
  return together([...parts, ...others.map((name) => left(name, "there is nothing like it in a policy"))]);
}

function importEntry(verdict: Verdict, entry: string): Imported {
  const what = `${verdict} ${entry}`;
  const [, tool = "", spec = null] = /^(\w+)(?:\((.*)\))?$/s.exec(entry) ?? [];
  if (tool === "Bash") {
    if (spec === null || spec === "*") return left(what, "no rule is about all commands");
    // `npm run:*` and `npm run *` are beginnings. What is written out is one here too.
    return aboutCommand(
      verdict,
      spec
        .replace(/(?::| )\*$/, "")
        .trim()
        .split(/\s+/),
      what,
    );
  }
  if (tool === "WebFetch") return aboutHost(verdict, spec, what);
  if (tool === "Read" || WRITERS.includes(tool)) return aboutPath(verdict, tool === "Read", spec, what);
  return left(what, "there is no such tool here");
}

function aboutHost(verdict: Verdict, spec: string | null, what: string): Imported {
  if (spec === null) return verdict === "allow" ? left(what, "name the hosts") : written(verdict, { net: "*" });
  const [, host] = /^domain:((?:\*\.)?[A-Za-z0-9.-]+)$/.exec(spec) ?? [];
  return host === undefined ? left(what, "only a domain can be named") : written(verdict, { net: host });
}

function aboutPath(verdict: Verdict, isRead: boolean, spec: string | null, what: string): Imported {
  if (spec === null) return left(what, "name the paths");
  if (verdict === "allow")
    return left(what, isRead ? "what the view shows can be read" : "what is written lands when you say so");
  if (/^(?:~|\/\/)/.test(spec))
    return left(what, "outside the checkout nothing of yours is shown to be read, and nothing is written");
  // By a name alone every folder is meant, as in a file of patterns of git's.
  const isAnywhere = !spec.includes("/");
  const glob = isAnywhere ? `**/${spec}` : spec.replace(/^(?:\.\/|\/)/, "");
  if (/[[\]{}\\!]|(?:^|\/)\.\.?(?:\/|$)/.test(glob)) return left(what, "a path has * ? and ** alone");
  if (!isRead) return written(verdict, verdict === "deny" ? { write: glob } : { land: glob });
  return verdict === "deny"
    ? written("deny", { read: glob })
    : left(what, "a path is shown or hidden: there is nothing to ask");
}
