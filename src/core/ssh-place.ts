/** Where a repository is that is reached by ssh, as the person's own configuration names it. */
export interface SshPlace {
  /** Null where their ssh's configuration, or their name, says it. */
  readonly user: string | null;
  /** As it was written: it may be a name of their ssh's configuration alone. */
  readonly host: string;
  readonly port: number | null;
  /** As the far side is asked for it. */
  readonly path: string;
}

/** How the far side's program ended, and what was said beside. */
export interface SshEnd {
  /** 255 where ssh itself failed; null where it was killed, or could not be started. */
  readonly status: number | null;
  /** The end of what ssh and the far side wrote for people. */
  readonly told: string;
}

const URL_FORM = /^ssh:\/\/(?:([^/@]*)@)?([^/:@]+)(?::(\d{1,5}))?\/(.+)$/is;
const SHORT_FORM = /^(?:([^/@:]*)@)?([^/:@]+):(?!\/\/)(.+)$/s;
// None of them can begin as an option does, and none of their signs means anything to a shell.
const USER = /^[a-z0-9_][\w.+-]*$/i;
const HOST = /^[a-z0-9](?:[\w.-]{0,251}[a-z0-9])?$/i;
const PATH = /^[\w.~/+@][\w.~/+@=,-]{0,1023}$/;
const TOLD_CHARS_MAX = 200;

/** Reads an address of git's that leads over ssh; null when it does not, or has what could mean more than an address. */
export function readSshPlace(text: string): SshPlace | null {
  const [, urlUser, urlHost, digits, rest] = URL_FORM.exec(text) ?? [];
  const [, shortUser, shortHost, shortPath] = (urlHost === undefined && SHORT_FORM.exec(text)) || [];
  const host = urlHost ?? shortHost ?? "";
  const user = urlUser ?? shortUser ?? null;
  // As git has it: in a URL the path is from the root, but for one of a home.
  const path = rest === undefined ? (shortPath ?? "") : rest.startsWith("~") ? rest : `/${rest}`;
  const port = digits === undefined ? null : Number(digits);
  if (!HOST.test(host) || !PATH.test(path) || (user !== null && !USER.test(user))) return null;
  if (port !== null && (port < 1 || port > 65_535)) return null;
  // As the path of a web address it would be another one.
  if (/(?:^|\/)\.{0,2}(?:\/|$)/.test(path.replace(/^\/|\/$/g, ""))) return null;
  return { user, host, port, path };
}

/** The address as people write it. */
export function sshAddress({ user, host, port, path }: SshPlace): string {
  const who = user === null ? "" : `${user}@`;
  if (port === null) return `${who}${host}:${path}`;
  return `ssh://${who}${host}:${port}${path.startsWith("~") ? "/" : ""}${path}`;
}

/**
 * Says in a sentence why a program of the far side did not answer, and what the person does about it.
 *
 * What ssh itself says names files of theirs, so that none of it is told on; what the far side says is shown as text.
 */
export function explainSsh({ status, told }: SshEnd, place: SshPlace, show: (text: string) => string): string {
  const who = place.user === null ? place.host : `${place.user}@${place.host}`;
  const command = `ssh -T ${place.port === null ? "" : `-p ${place.port} `}${who}`;
  const last =
    told
      .trimEnd()
      .split(/[\r\n]+/)
      .at(-1)
      ?.trim() ?? "";
  if (status !== 255) {
    const said = last === "" ? "" : `: ${show(last).slice(0, TOLD_CHARS_MAX)}`;
    return `the program of git's there ended before it had answered${said}`;
  }
  const [, why = "your ssh could not connect"] = CAUSES.find(([sign]) => sign.test(told)) ?? [];
  return `${why}: run "${command}" outside the box, then try again`;
}

const CAUSES: readonly (readonly [RegExp, string])[] = [
  [/REMOTE HOST IDENTIFICATION HAS CHANGED/, "the key of that host is another one than your ssh knows"],
  [/Host key verification failed|host key is known/i, "your ssh does not know the key of that host"],
  [
    /Permission denied|Too many authentication|sign_and_send|passphrase/i,
    "that host took none of your keys, and no passphrase is asked for here (ssh-add keeps one)",
  ],
  [/Could not resolve hostname/i, "your ssh finds no address for that host"],
  [/refused|timed out|unreachable|No route|reset by|closed by/i, "that host does not answer your ssh"],
];
