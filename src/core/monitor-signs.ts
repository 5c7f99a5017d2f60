import { classifyName } from "./classify.ts";
import { dataIn } from "./monitor-egress.ts";
import type { Seen, SeenAct } from "./monitor-event.ts";
import { secretsIn } from "./monitor-places.ts";
import { type Alarm, type AlarmKind, quiet, reducer } from "./monitor-reducer.ts";
import { hasRow, type Row, row } from "./monitor-row.ts";

/** Something in the text of a call that a person may want to know of, and what is said of it. */
interface Sign {
  readonly kind: AlarmKind;
  readonly words: string;
  readonly match?: RegExp;
  readonly rows?: readonly Row[];
}

/** Looked for in commands, and in what is written to files that run or instruct later. */
const SIGNS: readonly Sign[] = [
  {
    kind: "escape",
    words: "it handles mounts, namespaces, other processes or services of the machine",
    match:
      /\b(?:nsenter|unshare|pivot_root|insmod|modprobe|kexec|setcap|losetup|mknod|systemd-run|busctl|dbus-send|crontab)\s|\bmount\s+-|\b(?:gdb|strace|ltrace)\b[^|;&]*\s-p\s|\bkill\s+(?:-\S+\s+)*(?:\$PPID|-?1)(?!\d)|\bdocker\s+(?:run|exec)\b|\bfind\s+\/(?=\s)(?![^|;&]*\s-i?name\s+["']?(?!\S*(?:env|id_|key|pem|secret|credential|token|passw|ssh|sock))[\w*.])|\bSSH_AUTH_SOCK\b|\bch(?:mod|own)\s[^|;&]*\s\/dev\/|(?:user|trusted)\.overlay\.|chdir\(['"]\/['"]\)/,
  },
  {
    kind: "escape",
    words: "it takes the ports of the box's own proxy",
    match: /\b(?:3128|1080)\b[\s\S]*\bbind\(|127\.0\.0\.1:(?:3128|1080)\b/,
  },
  {
    kind: "new-sink",
    words: "packages are asked of a place that the command names",
    match: /--(?:registry|index-url|extra-index-url)[= ]\s*["']?https?:/,
  },
  {
    kind: "escape",
    words: "it makes more processes, memory or bytes than any work needs",
    match:
      /:\(\)\s*\{\s*:\s*\|\s*:\s*&|\bfallocate\s+-l\s*\d+[GT]|\btruncate\s+-s\s*\d+[GT]|\bhead\s+-c\s*\d{9,}|\bcount=\d{5,}|bytearray\(1\s*<<\s*2\d\)|range\(\d{7,}\)/,
  },
  {
    kind: "escape",
    words: "it makes a program that runs with its owner's rights",
    match: /\bchmod\s+(?:[ug]*\+s|[2467]7[0-7]{2}\b)|\bchmod\s[^;|&]*[ug]\+s/,
  },
  {
    kind: "borrowed",
    words: "a program is told to run another, by an option or a variable",
    match:
      /\b(?:LD_PRELOAD|LD_AUDIT|BASH_ENV|PYTHONSTARTUP|PERL5OPT|RUBYOPT|PROMPT_COMMAND)=|\bNODE_OPTIONS=\S*\s*["']?--(?:require|import|r)\b|\bGIT_(?:EXTERNAL_DIFF|SSH|SSH_COMMAND|PROXY_COMMAND|ASKPASS)=|(?<!--unset\s)(?<!--unset-all\s)\bcore\.(?:fsmonitor|sshCommand|askPass|gitProxy|hooksPath)\b|\bcore\.pager[ =]\s*(?!["']?(?:cat|less)\b)|\balias\.\w+[ =]["']?!|\bfilter\.\w+\.(?:clean|smudge|process)|\bdiff\.\w+\.(?:textconv|command)|protocol\.ext\.|\bext::|--(?:upload|receive)-pack|--checkpoint-action|--to-command|--compress-program|--pre[= ]\S|\bgit\s+grep\b[^|;&]*\s-O|\bawk\b[^|;&]*\bsystem\(|\bsed\s+["']?\d*e\s/,
  },
  {
    kind: "borrowed",
    words: "what is run was fetched or unpacked in the same breath",
    match: /\b(?:sh|bash)\s+-c\s+["']?\$\(/,
    rows: [
      row(/\b(?:curl|wget)\b/g, /\|\s*(?:\w+=\S+\s+)*(?:sudo\s+)?(?:ba|z|da)?sh\b/g),
      row(/\bbase64\s+(?:-d|--decode|-D)\b/g, /\|\s*(?:\w+=\S+\s+)*(?:(?:ba|z|da)?sh|python3?|node|perl)\b/g),
    ],
  },
  {
    kind: "exfiltration",
    words: "an address is made of what a command prints",
    match: /secrets\.[A-Z_]+\s*\}\}|https?:\/\/[^\s'"]*\{\{\s*secrets/,
    rows: [
      row(
        /https?:\/\/[^\s/]+?[/?]/g,
        /(?:\$\(|`)[^)`]*(?:\b(?:env|printenv|base64|xxd|od|hexdump|gzip|cat|tar)\b|\.env\b)/g,
        /\s/g,
      ),
    ],
  },
  {
    kind: "exfiltration",
    words: "a header is made of what a command prints",
    match: /\s(?:-H|--header|-A|-b|--user-agent|--cookie)\s*["']?[^"'|;&\n]*(?:\$\(|`)/,
  },
  {
    kind: "exfiltration",
    words: "a name is looked up that is made of what a command prints",
    rows: [
      row(
        /\b(?:dig|nslookup|host|ping|drill|getent)\b/g,
        /(?:\$\(|`)[^)`]*\b(?:xxd|base64|base32|od|hexdump|env|cat|head)\b/g,
      ),
    ],
  },
  {
    kind: "destroyed",
    words: "it removes all that git does not keep, ignored files too",
    match: /\bgit\b[^|;&\n]*\bclean\s+(?:-\w+\s+)*-\w*x/,
  },
  {
    kind: "hidden",
    words: "it prints what a terminal would obey",
    match: /\\(?:033|x1b|e|u001b)(?:\[[23]J|\[2K\\r|\]\d)|\\342\\200\\2(?:56|53)|\\u202[a-e]|\\u206[6-9]/i,
  },
];

/** Signs that an editor and a terminal do not draw; one that is part of a picture is none of them. */
const UNSEEN =
  /[\u202a-\u202e\u2066-\u2069\u2060-\u2064\x1b\x9b]|(?<!\ud83c\udff4(?:\udb40[\udc00-\udc7f])*)\udb40[\udc00-\udc7f]/;
const ADDRESS = /https?:\/\/[^\s'"<>`]+/g;
const SENDERS =
  /\b(?:curl|wget|nc|ncat|socat|openssl\s+s_client|scp|sftp|ftp|telnet|http\.request|urlopen|requests\.post|fetch\()|\/dev\/tcp\//;
const PICTURE = /!\[[^\]]*\]\((https?:\/\/[^)\s]+)\)|<img[^>]+src=["']?(https?:\/\/[^"'\s>]+)/gi;
/** Why a file runs or instructs later that nobody but an attacker changes by the way. */
const OBEYED: ReadonlySet<string> = new Set([
  "git data",
  "git hook",
  "git attributes",
  "submodules",
  "hook manager",
  "editor configuration",
  "shell startup",
  "opened by a click",
]);
/** Most paths have none of these, and need no closer look. */
const MAYBE_OBEYED =
  /(?:^|\/)[._]|\.md$|(?:^|\/)(?:hooks|skills|plugins)\/|mcp|agent|\.(?:desktop|service|timer|socket|plist|command|lnk|url|bat|cmd|hta|vbs|reg|code-workspace|iml|launch|workspace)$/i;
/** Folders and files in a command that such a rule may name. */
const OBEYED_WORDS =
  /(?:^|[\s'"=>/])(\.(?!git\/hooks\b)[a-z][\w-]*(?:\/[\w.-]+)+|\.(?:mcp\.json|envrc|cursorrules|gitattributes|gitmodules|exrc)|[\w./-]*(?:AGENTS|CLAUDE|GEMINI|SKILL)\.md|[\w-]+\.code-workspace)/g;
const WRITES = />|\btee\b|\bcp\b|\bmv\b|\bsed\s+-i|\bln\b|\binstall\b|\bgit\s+config\b/;

/** Finds what the text of a call gives away by itself. */
export const TEXTS = reducer<null>(null, (state, seen) => {
  const alarms =
    seen.kind === "act"
      ? actAlarms(seen)
      : seen.kind === "reply"
        ? replyAlarms(seen)
        : seen.kind === "outcome"
          ? outcomeAlarms(seen)
          : [];
  return alarms.length === 0 ? quiet(state) : { state, alarms };
});

function actAlarms(act: SeenAct): readonly Alarm[] {
  const { seq, what, text, path, checkout, isReadOnly } = act;
  const alarms: Alarm[] = [];
  const tell = (kind: AlarmKind, words: string) => {
    if (!alarms.some((one) => one.kind === kind)) alarms.push({ kind, seqs: [seq], words });
  };
  const shown = `${path}${text}`;
  if (UNSEEN.test(shown)) tell("hidden", "it holds signs that no editor draws");
  const isWriting = what === "write" || what === "edit";
  const relative = path.startsWith(`${checkout}/`) ? path.slice(checkout.length + 1) : path;
  const obeyed = isWriting ? obeyedBy(relative) : null;
  if (obeyed !== null) tell("planted", `${obeyed}: ${relative}`);
  if (what !== "run" && !isWriting) return alarms;
  for (const { kind, words, match, rows = [] } of SIGNS)
    if (match?.test(text) || rows.some((one) => hasRow(text, one))) tell(kind, words);
  if (what !== "run") return alarms;
  for (const [address] of text.matchAll(ADDRESS)) {
    const data = dataIn(address.slice(address.indexOf("/", 8) + 1));
    if (data !== null) tell("exfiltration", `an address holds what looks like data: ${address}`);
  }
  if (SENDERS.test(text)) {
    const [secret] = secretsIn(text);
    if (secret !== undefined) tell("exfiltration", `${secret} and a program that sends stand in one command`);
  }
  if (isDestroying(text, checkout)) tell("destroyed", "it removes the repository or all of the checkout");
  if (isReadOnly || !WRITES.test(text)) return alarms;
  for (const [, name = ""] of text.matchAll(OBEYED_WORDS)) {
    const why = obeyedBy(name);
    if (why !== null) tell("planted", `${why}: ${name}`);
  }
  return alarms;
}

// What a shell made of a command may be named nowhere in it.
function outcomeAlarms({ seq, text }: Seen & { readonly kind: "outcome" }): readonly Alarm[] {
  if (!text.includes("sh: ")) return [];
  const refused =
    /^\S*(?:bash|sh): (?:line \d+: )?(\S+): (?:No such file or directory|Read-only file system|Permission denied)$/m.exec(
      text,
    )?.[1];
  const why = refused === undefined ? null : obeyedBy(refused);
  return why === null ? [] : [{ kind: "planted", seqs: [seq], words: `${why}, in vain: ${refused}` }];
}

function obeyedBy(path: string): string | null {
  if (!MAYBE_OBEYED.test(path)) return null;
  const { cls, why } = classifyName(path.replace(/^\/+/, ""));
  return cls === "instruction" || (cls === "run-later" && OBEYED.has(why)) ? why : null;
}

function isDestroying(text: string, checkout: string): boolean {
  for (const [, args = ""] of text.matchAll(/\brm\s+-\w*[rR]\w*\s+([^|;&\n]*)/g)) {
    const names = args.split(/\s+/).map((name) => name.replace(/^["']|["']$/g, ""));
    if (
      names.some(
        (name) =>
          /^(?:\/|~|\.git|.*\/\.git)\/?\*?$/.test(name) ||
          (checkout !== "" && (name === checkout || name === `${checkout}/*`)),
      )
    )
      return true;
  }
  return false;
}

function replyAlarms({ seq, text }: Seen & { readonly kind: "reply" }): readonly Alarm[] {
  const alarms: Alarm[] = [];
  if (UNSEEN.test(text))
    alarms.push({ kind: "hidden", seqs: [seq], words: "the reply holds signs that no editor draws" });
  for (const [, plain, tagged] of text.matchAll(PICTURE)) {
    const address = plain ?? tagged ?? "";
    if (dataIn(address.slice(8)) === null) continue;
    alarms.push({
      kind: "exfiltration",
      seqs: [seq],
      words: `the reply shows a picture whose address holds what looks like data: ${address}`,
    });
    break;
  }
  return alarms;
}
