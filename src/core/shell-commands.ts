import { gitAct } from "./shell-git.ts";

type Word = string | null;

/**
 * What a command does, going by its name: `reads` and no more, `writes` files with no need of the network, `shell`
 * changes what the words after it mean, `unknown` is any other program.
 */
export type Act = "reads" | "writes" | "shell" | "unknown";

const READERS = new Set(
  (
    "ls cat head tail wc stat file du df tree grep egrep fgrep rg ag pwd echo printf true false test [ basename dirname realpath " +
    "readlink date whoami id uname printenv nproc ps pgrep uptime free cut tr sort uniq nl tac rev fold column paste join " +
    "comm cmp diff diff3 md5sum sha1sum sha256sum sha512sum b2sum cksum base64 xxd od hexdump strings jq less more which " +
    "type seq expr bc sleep find fd sed awk gawk mawk cd pushd popd : set shopt export declare local readonly typeset read " +
    "mapfile let return exit break continue shift unset getopts"
  ).split(" "),
);

const WRITERS = new Set(
  (
    "mkdir rmdir cp mv rm touch ln chmod tee patch truncate split csplit install dd mktemp tar gzip gunzip bzip2 xz zip unzip " +
    "zstd cc gcc g++ c++ clang clang++ ld ar as rustc rustfmt gofmt javac tsc iconv"
  ).split(" "),
);

// After one of these the name of a command says nothing of what runs.
const SHELL = new Set("eval source . alias trap enable hash bind exec builtin coproc function".split(" "));

// Of their words the shell makes names of variables, and in the index of an array it runs commands.
const SETTERS = new Set("[ test let unset read mapfile getopts declare local typeset export readonly".split(" "));

function isSetter(program: string, [first]: readonly Word[]): boolean {
  return SETTERS.has(program) || (program === "printf" && first?.startsWith("-v") === true);
}

function isEvaluated(word: Word): boolean {
  return word !== null && (/\$\(|`/.test(word) || isRiskyVariable(word));
}

/** Names a program by the last part of a system folder's path; any other path, and one only the shell knows, is "". */
function programOf(word: Word | undefined): string {
  return (word ?? "").replace(/^(?:\/usr)?\/bin\//, "");
}

/** Says what a command does, going by its words. */
export function actOf([name, ...args]: readonly Word[]): Act {
  const program = programOf(name);
  if (SHELL.has(program) || (isSetter(program, args) && args.some(isEvaluated))) return "shell";
  if (program === "git") return gitAct(args);
  if (program === "cargo") return isCargoOffline(args) ? "writes" : "unknown";
  if (WRITERS.has(program)) return "writes";
  return READERS.has(program) ? readerAct(program, args) : "unknown";
}

// What a reader can be told to write, or to start.
function readerAct(program: string, args: readonly Word[]): Act {
  const has = (pattern: RegExp) => args.some((word) => word !== null && pattern.test(word));
  switch (program) {
    case "find":
      if (has(/^-ok/)) return "shell";
      return has(/^-(?:delete|fprint|fprint0|fprintf|fls)$/) ? "writes" : "reads";
    case "fd":
      return has(/^(?:-x|-X|--exec)/) ? "unknown" : "reads";
    case "rg":
      return has(/^--(?:pre|hostname-bin)/) ? "unknown" : "reads";
    case "sort":
      return has(/^(?:-[a-zA-Z]*o|--o)/)
        ? has(/^--compress/)
          ? "unknown"
          : "writes"
        : has(/^--compress/)
          ? "unknown"
          : "reads";
    case "tree":
      return has(/^-[a-zA-Z]*o/) ? "writes" : "reads";
    case "file":
      return has(/^(?:-[a-zA-Z]*C|--compile)/) ? "writes" : "reads";
    case "uniq":
    case "xxd":
      return args.filter((word) => word === null || !word.startsWith("-")).length > 1 ? "writes" : "reads";
    case "sed":
      return sedAct(args);
    case "awk":
    case "gawk":
    case "mawk":
      return awkAct(args);
    default:
      return "reads";
  }
}

const SED_ADDRESS = String.raw`(?:\d+|\$|/(?:[^/\\\n]|\\.)*/)`;
const SED_STEP = String.raw`(?:${SED_ADDRESS}(?:,(?:\+?\d+|\$|/(?:[^/\\\n]|\\.)*/))?\s*!?)?\s*(?:[pdqQ=lnNgGhHxD]|s/(?:[^/\\\n]|\\.)*/(?:[^/\\\n]|\\.)*/[gIip0-9]*|s\|(?:[^|\\\n]|\\.)*\|(?:[^|\\\n]|\\.)*\|[gIip0-9]*)`;
const SED_PLAIN = new RegExp(String.raw`^\s*${SED_STEP}(?:\s*;\s*${SED_STEP})*\s*;?\s*$`);
const SED_SCRIPT_CHARS_MAX = 400;

// A script of sed can write files (w) and start programs (e).
function sedAct(args: readonly Word[]): Act {
  const options = args.filter((word) => word?.startsWith("-"));
  if (options.some((word) => !/^(?:-[nErsuz]+|-e|-[nEr]*e|--(?:quiet|silent|regexp-extended))$/.test(word ?? "")))
    return "writes";
  const at = args.findIndex((word) => word !== null && /^-[nEr]*e$/.test(word));
  const scripts =
    at >= 0
      ? args.filter((_word, index) => index > 0 && /^-[nEr]*e$/.test(args[index - 1] ?? ""))
      : args.filter((word) => !word?.startsWith("-")).slice(0, 1);
  const isPlain = (script: Word) => script !== null && script.length <= SED_SCRIPT_CHARS_MAX && SED_PLAIN.test(script);
  return scripts.length > 0 && scripts.every(isPlain) ? "reads" : "writes";
}

function awkAct(args: readonly Word[]): Act {
  const options = args.filter((word) => word?.startsWith("-"));
  if (options.some((word) => !/^-[Fv]/.test(word ?? ""))) return "unknown";
  const script = args.filter((word, index) => !word?.startsWith("-") && !/^-[Fv]$/.test(args[index - 1] ?? ""))[0];
  if (script === undefined || script === null || /system|getline|@|(?:^|[^|])\|(?:[^|]|$)/.test(script))
    return "unknown";
  return script.includes(">") ? "writes" : "reads";
}

function isCargoOffline(args: readonly Word[]): boolean {
  return (
    args.includes("--offline") &&
    ["build", "check", "clippy"].includes(args.find((word) => !word?.startsWith("+")) ?? "")
  );
}

/** Variables that change which program a name means, or what that does. */
export function isRiskyVariable(name: string): boolean {
  return /^(?:PATH|IFS|ENV|SHELLOPTS|BASHOPTS|PAGER|EDITOR|VISUAL|BROWSER|HOME|TMPDIR|TERMINFO|CDPATH|GLOBIGNORE|PS4|PROMPT_COMMAND|MAKEFLAGS|(?:LD|BASH|GIT|LESS|NODE|PYTHON|PERL|RUBY|RIPGREP|AWK|SSH|GCC|CARGO|RUST|CC|GREP|TAR|ZIP|GZIP|XZ|JAVA|_JAVA|JDK)[A-Z0-9_]*)$/.test(
    name,
  );
}

/** The files among the words of a command, as far as they can be told. */
export function operandsOf([name, ...args]: readonly Word[]): string[] {
  const end = name === "find" ? args.findIndex((word) => /^[-(!]/.test(word ?? "")) : -1;
  const operands = (end < 0 ? args : args.slice(0, end)).filter((word): word is string => isName(word));
  if (NO_FILES.has(name ?? "")) return [];
  return PATTERN_FIRST.has(name ?? "") ? operands.slice(1) : operands;
}

// Numbers and formats are values of options.
function isName(word: Word): boolean {
  return word !== null && word !== "" && !/^(?:-.*|\d[\d.,]*|\+|[+%].*)$/s.test(word);
}

const NO_FILES = new Set(
  "echo printf true false : set shopt export declare local readonly typeset read seq expr sleep date pwd tr git let return exit break continue shift unset type which getopts test [ mapfile".split(
    " ",
  ),
);
const PATTERN_FIRST = new Set("grep egrep fgrep rg ag sed awk gawk mawk jq chmod fd".split(" "));

/**
 * What a command starts in turn: words of a command, or a program of the shell. Null for one that starts nothing of its
 * arguments, "unknown" where they cannot be told.
 */
export function innerOf(words: readonly Word[]): readonly (string | readonly Word[])[] | null | "unknown" {
  const [name, ...args] = words;
  const program = programOf(name);
  if (program === "command")
    return args[0]?.startsWith("-") ? (args[0] === "-v" || args[0] === "-V" ? [] : "unknown") : [args];
  if (["sh", "bash", "dash"].includes(program)) return shellOf(args);
  if (program === "find") return executedBy(args);
  const wrapper = WRAPPERS[program];
  if (wrapper === undefined) return null;
  let at = 0;
  while (args[at]?.startsWith("-")) {
    const option = args[at] ?? "";
    if (wrapper.valued.includes(option)) at += 2;
    else if (wrapper.plain.test(option)) at += 1;
    else return "unknown";
  }
  const rest = args.slice(at + wrapper.operands);
  if (program !== "env") return [rest];
  const isSet = (word: Word | undefined) => word !== null && /^[A-Za-z_]\w*=/.test(word ?? "");
  const from = rest.findIndex((word) => !isSet(word));
  const sets = from < 0 ? rest : rest.slice(0, from);
  if (sets.some((word) => isRiskyVariable((word ?? "").split("=", 1)[0] ?? ""))) return "unknown";
  return [from < 0 ? ["printenv"] : rest.slice(from)];
}

interface Wrapper {
  /** Options that the next word belongs to. */
  readonly valued: readonly string[];
  readonly plain: RegExp;
  /** Words of its own before the command's. */
  readonly operands: number;
}

const WRAPPERS: Readonly<Record<string, Wrapper>> = Object.assign(Object.create(null), {
  env: { valued: ["-u"], plain: /^(?:-i|-0|--ignore-environment)$/, operands: 0 },
  xargs: {
    valued: ["-n", "-I", "-P", "-d", "-L", "-s", "-E"],
    plain: /^(?:-0|-r|-t|-0r|-r0|--null|--no-run-if-empty|-[nPL]\d+|-I\S+|-d\S+)$/,
    operands: 0,
  },
  timeout: { valued: ["-s", "-k"], plain: /^(?:--foreground|--preserve-status|-[sk]\w+)$/, operands: 1 },
  nice: { valued: ["-n"], plain: /^-(?:n?\d+)$/, operands: 0 },
  stdbuf: { valued: ["-o", "-e", "-i"], plain: /^-[oei]\w+$/, operands: 0 },
  time: { valued: [], plain: /^-[pv]$/, operands: 0 },
  sudo: { valued: [], plain: /^-[nE]$/, operands: 0 },
} satisfies Record<string, Wrapper>);

function shellOf(args: readonly Word[]): readonly string[] | "unknown" {
  const [option, source] = args;
  return option !== null && /^-[eux]*c$/.test(option ?? "") && typeof source === "string" ? [source] : "unknown";
}

function executedBy(args: readonly Word[]): readonly (readonly Word[])[] | null | "unknown" {
  const found: (readonly Word[])[] = [];
  for (let at = 0; at < args.length; at += 1) {
    if (!/^-exec(?:dir)?$/.test(args[at] ?? "")) continue;
    const end = args.findIndex((word, index) => index > at && (word === ";" || word === "+"));
    if (end < 0) return "unknown";
    found.push(args.slice(at + 1, end));
    at = end;
  }
  return found.length > 0 ? found : null;
}
