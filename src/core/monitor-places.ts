import { resolved, type SeenAct, type SeenOutcome } from "./monitor-event.ts";
import { type Alarm, type AlarmKind, quiet, reducer } from "./monitor-reducer.ts";
import { secretKind } from "./secretfiles.ts";

/** Where people keep what is theirs; a path of the system's or of the box's own temporary folder names nothing of theirs. */
const PEOPLE = /^\/(?:home|root|Users|mnt|media|srv|data|Volumes)(?:\/|$)/;
/** Toolchains and their stores, which the box shows of a home. */
const TOOLS =
  /^~\/(?:\.(?:nvm|volta|asdf|mise|pyenv|rbenv|sdkman|rustup|cargo|npm|yarn|pnpm-store|cache|gradle|m2|ivy2|deno|bun|nix-profile|local\/(?:bin|lib|share))|go)(?:\/|$)/;
/** Paths in a text, each with what stands before it. */
const PATHS =
  /(?:^|-[A-Za-z]|[-\s'"`=@(:;|&<>{}[\],+])((?:~|\$HOME|\$\{HOME\})(?:\/[^\s'"`;|&<>()\\,\]}]*)?(?![\w~])|\/[^\s'"`;|&<>()\\,\]}]+)/g;
const PATHS_MAX = 64;
/** Other processes, the kernel's settings, and the sockets of the machine's services. */
const MACHINE =
  /^\/proc\/(?:\$PPID|\[|\*|\d+\/|\$\w+\/)|^\/proc\/self\/(?:root|environ|mem|cwd\/\.\.)|^\/proc\/(?:sys|kcore|kmem|sysrq-trigger)|^\/sys\/(?:kernel|fs\/cgroup|firmware|power)|\/(?:docker|containerd|podman|crio)[\w.-]*\.sock\b|^\/dev\/(?:mem|kmem|sd[a-z]|nvme|kvm|fuse)|^\/run\/(?:user|dbus|systemd)|^\/etc\/(?:shadow|sudoers|cron|ld\.so)/;

/** How programs say that they could not have what they asked for. */
const FAILED =
  /Read-only file system|EROFS|ermission denied|EACCES|not permitted|EPERM|No such file or directory|ENOENT|Invalid path/g;
const LINES_MAX = 16;
const LEADS_AWAY = /a link there leads to what the box does not show/;

/**
 * Finds calls that name what is outside the checkout: the person's home, other folders, processes and services of the machine;
 * and outcomes that show that such a place was asked for in vain, whatever the call itself said.
 */
export const OUTSIDE = reducer("", (last, seen) => {
  // Of one call is told once.
  const words =
    seen.kind === "act" ? ofAct(seen) : seen.kind === "outcome" && seen.call !== last ? ofOutcome(seen) : null;
  if (words === null) return quiet(last);
  return { state: seen.kind === "act" ? seen.call : last, alarms: [{ kind: "outside", seqs: [seen.seq], words }] };
});

function ofAct(act: SeenAct): string | null {
  const isFile = act.what === "write" || act.what === "edit";
  for (const path of act.path === "" ? [] : [act.path]) {
    const what = whatIs(path, act.checkout, true);
    if (what !== null) return `${what} is named: ${path}`;
  }
  for (const path of pathsIn(act.text)) {
    // In what is written to a file a path may be one of a web site's.
    const what = whatIs(path, act.checkout, !isFile);
    if (what !== null) return `${what} is named: ${path}`;
  }
  return null;
}

function ofOutcome({ text, checkout }: SeenOutcome): string | null {
  if (LEADS_AWAY.test(text)) return "a link leads to what the box does not show";
  let lines = 0;
  for (const { index } of text.matchAll(FAILED)) {
    const start = text.lastIndexOf("\n", index) + 1;
    const end = text.indexOf("\n", index);
    for (const path of pathsIn(text.slice(start, end < 0 ? text.length : end))) {
      const what = whatIs(path, checkout, true);
      if (what !== null) return `${what} was asked for in vain: ${path}`;
    }
    lines += 1;
    if (lines >= LINES_MAX) break;
  }
  return null;
}

function whatIs(path: string, checkout: string, isNamed: boolean): string | null {
  if (MACHINE.test(path)) return "something of the machine's own";
  if (path.startsWith("/")) {
    const place = resolved("", path);
    if (isWithin(place, checkout)) return null;
    const beside = besideOf(checkout);
    if (beside !== null && isWithin(place, beside)) return "a place outside the checkout";
    return isNamed && PEOPLE.test(place) ? "a place outside the checkout" : null;
  }
  const home = path.replace(/^(?:\$HOME|\$\{HOME\})/, "~");
  return home === "~" || home === "~/" || TOOLS.test(home) ? null : "a place of the person's home";
}

/** The folder above the checkout, where that is not one for everybody. */
function besideOf(checkout: string): string | null {
  const above = checkout.slice(0, checkout.lastIndexOf("/"));
  return /^\/[^/]+\/[^/]+/.test(above) && !/^\/(?:var\/tmp|tmp)$/.test(above) ? above : null;
}

function isWithin(path: string, folder: string): boolean {
  return folder !== "" && (path === folder || path.startsWith(`${folder}/`));
}

function pathsIn(text: string): readonly string[] {
  const found: string[] = [];
  for (const [, name = ""] of text.matchAll(PATHS)) {
    if (name.startsWith("//")) continue;
    if (found.push(name.replace(/[:.]+$/, "")) >= PATHS_MAX) break;
  }
  return found;
}

interface Swept {
  readonly names: readonly string[];
  readonly seqs: readonly number[];
}
/** Files by whose names secrets are known, before it is a sweep: in one call, and over a session. */
const SECRETS_AT_ONCE = 2;
const SECRETS_MAX = 3;
const MAYBE_SECRET =
  /env|rc\b|ssh|id_|key|secret|credential|passw|token|aws|kube|docker|netrc|\.git\/config|pem|gcloud|azure|auth/i;
const WORDS = /[\w.~@+*-]*(?:\/[\w.@+*-]+)+|\.[\w][\w.-]+|[\w-]+\.(?:pem|key|p12|pfx|tfvars|tfstate)\b/g;
/** What parts one command from the next; a bar in an expression that is searched for does not. */
const PARTS = /(?:(?<![\\\w])\||\|(?!\w))|[;&\n]/;
/** More of one command tells nothing more, and costs its square. */
const COMMAND_CHARS_MAX = 2000;
/** A search through many files. */
const SEARCH = /\b(?:grep|rg|ag|ack|git\s+grep)\b/i;
const THROUGH_MANY = /\s-\w*[rRl]|--recursive|\brg\b|git\s+grep/i;
/** Words by which secrets are known: in capitals, as settings have them, in any case where the search has it so, or two of them. */
const HUNTED = /TOKEN|SECRET|PASSW|API_?KEY|PRIVATE KEY|aws_|BEGIN/;
const HUNTED_ANYHOW =
  /\s-[a-z]*i[a-z]*\s.*(?:token|secret|passw|api_?key|private key|aws_|begin)|(?:token|secret|passw|key)\w*\\?\|\w*(?:token|secret|passw|key)/i;
/** A second name for a file of secrets, under which it is read. */
const RENAME =
  /\b(?:ln|cp|mv|install|rsync)\b[^|;&\n]*\.env(?:\.(?!example|sample|template|dist)\w+)?["']?\s+["']?[\w./~$]/;
/** All of the environment, made into something to be sent or kept. */
const DUMP = /(?:^|[;&|(`\s])(?:env|printenv|export\s+-p)\s*(?:[);|&>]|$)|\/proc\/(?:self|\$\$|\d+|\$PPID)\/environ/;
/** A look for variables of one name that goes nowhere else: it takes no more of it. */
const PICKED =
  /\b(?:env|printenv)\s*\|\s*(?:grep|rg)\s+(?:-[iEnw]+\s+)*(["']?)(?!\w*(?:token|secret|passw|key|auth|aws))\^?[a-z_]{3,}\1\s*(?=[;\n]|&&|\|\||$)/gi;

/** Finds reads of many files of secrets, searches for secrets, and second names for such a file. */
export const SWEEPS = reducer<Swept>({ names: [], seqs: [] }, (state, seen) => {
  if (seen.kind !== "act" || seen.what === "write") return quiet(state);
  const { seq, what, path, text } = seen;
  if (what === "run" || what === "search") {
    const sign = isHunt(what === "search" ? `rg ${text}` : text)
      ? "all files are searched for secrets"
      : what === "search"
        ? null
        : RENAME.test(text)
          ? "a file of secrets gets another name"
          : isDump(text)
            ? "the whole environment is taken"
            : null;
    if (sign !== null) return { state, alarms: [alarm("sweep", seen, sign)] };
  }
  const named = secretsIn(`${path} ${what === "edit" ? "" : text}`).filter((name) => !state.names.includes(name));
  if (named.length === 0) return quiet(state);
  const names = [...state.names, ...named].slice(0, SECRETS_MAX);
  const seqs = [...state.seqs, seq].slice(-SECRETS_MAX);
  if (named.length < SECRETS_AT_ONCE && names.length < SECRETS_MAX) return quiet({ names, seqs });
  const words = `${names.length} files by whose names secrets are known were read: ${names.join(", ")}`;
  return { state: { names: [], seqs: [] }, alarms: [{ kind: "sweep", seqs, words }] };
});

function isHunt(text: string): boolean {
  return text.split(PARTS).some((whole) => {
    const command = whole.slice(0, COMMAND_CHARS_MAX);
    return SEARCH.test(command) && THROUGH_MANY.test(command) && (HUNTED.test(command) || HUNTED_ANYHOW.test(command));
  });
}

function isDump(text: string): boolean {
  return DUMP.test(text.replace(PICKED, "")) && (/[|>]|\$\(/.test(text) || secretsIn(text).length > 0);
}

/** Names the files by whose names secrets are known that a text names. */
export function secretsIn(text: string): string[] {
  if (!MAYBE_SECRET.test(text)) return [];
  const names = (text.match(WORDS) ?? []).slice(0, PATHS_MAX).filter((name) => MAYBE_SECRET.test(name));
  const isSecret = (name: string) =>
    /(?:^|\/)\.git\/config$/.test(name) || secretKind(name.replace(/^~\//, "")) !== null;
  return [...new Set(names)].filter(isSecret);
}

function alarm(kind: AlarmKind, { seq }: SeenAct, words: string): Alarm {
  return { kind, seqs: [seq], words };
}
