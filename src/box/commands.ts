import type { Effect } from "../core/effect.ts";
import { PROXY_USER } from "../core/net-rules.ts";
import { visible } from "../core/text.ts";
import type { Limits } from "./limits.ts";
import { CWD_FILE, SCRATCH_FOLDER, TOOLS_FOLDER } from "./profile.ts";

/** Where the proxy listens in the box. */
export const HTTP_PORT = 3128;
export const SOCKS_PORT = 1080;
/** Most bytes that one file tool reads. */
export const READ_BYTES_MAX = 512 * 1024;
export const IMAGE_BYTES_MAX = 3_750_000;
export const NO_SUCH_FILE = 91;
export const NOT_A_FILE = 92;
export const IS_FOLDER = 93;
export const LEADS_AWAY = 94;
/** Where a name leads out of the folders that may be written in. */
export const NOT_WITHIN = 95;
/** The exit status of wrong usage (README.md). */
const WRONG_FOLDER = 2;

const IMAGE_NAME = /\.(png|jpe?g|gif|webp)$/i;

/** Quotes a string for the shell. */
export function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/**
 * The shell program of a `run`: it goes on where the call before ended, and both outputs share one pipe to keep their order.
 *
 * The first starts in `below` the root of the checkout, or at the root where that folder is hidden or gone.
 */
export function runProgram(command: string, below = ""): string {
  return `ringfence_start${below === "" ? "" : ` ${quote(`./${below}`)}`}; set --\n${command}`;
}

/** Has the person's own command start where they stand, or not at all: elsewhere it could do something else than they meant. */
export function startIn(below: string, program: string): string {
  if (below === "") return program;
  const refusal = `ringfence: ${visible(below)} is hidden in the box, or gone: start in another folder`;
  return `cd -- ${quote(`./${below}`)} 2>/dev/null || { printf '%s\\n' ${quote(refusal)} >&2; exit ${WRONG_FOLDER}; }; ${program}`;
}

interface Size {
  readonly rows: number;
  readonly columns: number;
}

/** The shell program that gives a command a terminal of its own, inside the box. */
export function terminalProgram(command: string, size: Size): string {
  return `exec script -qefc ${quote(`stty rows ${size.rows} cols ${size.columns} 2>/dev/null; ${command}`)} /dev/null`;
}

/** The shell program that gives the terminal of a `terminalProgram`, the first of its session, another size. */
export function sizeProgram({ rows, columns }: Size): string {
  return `exec stty -F /dev/pts/0 rows ${rows} cols ${columns}`;
}

// In an overlay rename(2) of a folder of the checkout fails (EXDEV), which mv copes with and git does not; and a hard link
// to a file of the checkout shows another inode number than the file, at which a local clone gives up. With several
// sources a failed move would leave some of them moved, so those are not tried first.
const GIT_FUNCTION = [
  "git() { case ${1-} in mv) ;;",
  'clone) shift; command git clone --no-hardlinks "$@"; return ;;',
  '*) command git "$@"; return ;; esac;',
  "local said='Invalid cross-device link' s=0 a copy;",
  '[ $# -gt 3 ] || said=$(LC_ALL=C.UTF-8 command git "$@" 2>&1) || s=$?;',
  `case $said in *'Invalid cross-device link'*) ;; *) [ -z "$said" ] || printf '%s\\n' "$said" >&2; return $s ;; esac;`,
  // The last word is where they go.
  'for a in "${@:2:$#-2}"; do a=${a%/}; [ -d "$a" ] && [ ! -L "$a" ] || continue;',
  'copy=$(mktemp -d -- "$a.XXXXXX") && cp -a -- "$a/." "$copy" && rm -rf -- "$a" && mv -T -- "$copy" "$a" && continue;',
  '[ ! -d "$a" ] || rm -rf -- "$copy"; return 1; done;',
  'command git "$@"; }',
].join(" ");

const START_FUNCTION = [
  "ringfence_start() {",
  "exec 2>&1; local cwd;",
  `IFS= read -r -d '' cwd 2>/dev/null <${CWD_FILE}; cd -- "\${cwd:-\${1:-.}}" 2>/dev/null;`,
  `trap 'printf %s "$PWD" >${CWD_FILE}' EXIT; unset -f ringfence_start; }`,
].join(" ");

// Tools take a proxy from the environment, and Java from its options; it leaves the loopback out by itself. ALL_PROXY names the same one: several clients fail at the sight of SOCKS there.
const NET_FUNCTION = [
  `ringfence_net() { local p=http://${PROXY_USER}:$1@127.0.0.1:${HTTP_PORT};`,
  "export http_proxy=$p https_proxy=$p all_proxy=$p HTTP_PROXY=$p HTTPS_PROXY=$p ALL_PROXY=$p;",
  `local j="-Dhttp.proxyHost=127.0.0.1 -Dhttp.proxyPort=${HTTP_PORT} -Dhttps.proxyHost=127.0.0.1 -Dhttps.proxyPort=${HTTP_PORT}";`,
  'export MAVEN_OPTS="$MAVEN_OPTS $j" GRADLE_OPTS="$GRADLE_OPTS $j";',
  "export no_proxy=localhost,127.0.0.1,::1 NO_PROXY=localhost,127.0.0.1,::1 NODE_USE_ENV_PROXY=1; }",
].join(" ");

/**
 * What every one-shot knows before its command comes: a shell reads a command from a pipe byte by byte, so that one is
 * kept short. One line, because bash counts the lines of the command from where this ends.
 */
export const SHELL_FUNCTIONS = `${GIT_FUNCTION}; ${START_FUNCTION}; ${NET_FUNCTION}; `;

/**
 * The program of a warm one-shot: sets the limits, reads from standard input the token of the network up to a blank and
 * one command up to a NUL, and runs that with what is left of standard input, in the checkout's folder or, where a command closed that to everybody, at the root.
 */
export function launcher(limits: Limits, countsProcesses: boolean, umask: number, folder: string): string {
  const processes = countsProcesses ? "" : `ulimit -u ${limits.processes}; `;
  const blocks = Math.floor(limits.fileBytes / 1024);
  return (
    `${SHELL_FUNCTIONS}umask ${umask.toString(8)}; ulimit -c 0; ulimit -f ${blocks}; ulimit -t ${limits.cpuSecondsPerProcess}; ${processes}` +
    `IFS= read -r -d ' ' RINGFENCE_COMMAND || exit 125; [ "$RINGFENCE_COMMAND" = - ] || ringfence_net "$RINGFENCE_COMMAND"; ` +
    `IFS= read -r -d '' RINGFENCE_COMMAND || exit 125; set -- "$RINGFENCE_COMMAND"; unset -f ringfence_net; unset RINGFENCE_COMMAND; ` +
    `[ -w /tmp ] || TMPDIR=${SCRATCH_FOLDER}; ` +
    `cd -- ${quote(folder)}; eval "$1"`
  );
}

/**
 * Tells a link whose end is not there and lies outside the checkout: the box does not show what it leads to. One that leads
 * within names a file that can be made.
 */
function leadsAway(name: string): string {
  return `{ [ -L "${name}" ] && [ ! -e "${name}" ] && case $(command -p realpath -m -- "${name}") in "$(pwd -P)"/*) false ;; esac; }`;
}

const CHECK_FILE = `[ -d "$p" ] && exit ${IS_FOLDER}; [ -e "$p" ] || { ${leadsAway("$p")} && exit ${LEADS_AWAY}; exit ${NO_SUCH_FILE}; }; [ -f "$p" ] || exit ${NOT_A_FILE}; `;

/** The shell program of a `read`. Images are read whole, text from the asked line on. */
export function readProgram(effect: Effect & { readonly kind: "read" }): string {
  const start = `p=${quote(effect.path)}; ${CHECK_FILE}`;
  if (isImageName(effect.path)) return `${start}exec head -c ${IMAGE_BYTES_MAX + 1} -- "$p"`;
  if (effect.offset <= 1) return `${start}exec head -c ${READ_BYTES_MAX} -- "$p"`;
  return `${start}tail -n +${effect.offset} -- "$p" | head -c ${READ_BYTES_MAX}`;
}

export function isImageName(path: string): boolean {
  return IMAGE_NAME.test(path);
}

// A link can lead a name anywhere, and a second name of a file be anywhere. What is resolved is what is opened after.
function checkWithin(folders: readonly string[] | undefined): string {
  if (folders === undefined) return "";
  const patterns = folders.map((folder) => `"$PWD"/${quote(folder)}*`).join("|");
  return (
    `p=$(command -p realpath -m -- "$p" && printf .) || exit ${NOT_WITHIN}; p=\${p%?.}; cd -P -- . || exit ${NOT_WITHIN}; ` +
    `case $p in ${patterns || "''"}) ;; *) exit ${NOT_WITHIN} ;; esac; ` +
    `[ ! -f "$p" ] || [ "$(command -p stat -c %h -- "$p")" = 1 ] || exit ${NOT_WITHIN}; `
  );
}

/** The shell program of a `write`; the content is its input. Folders on the way are made. */
export function writeProgram({ path, within }: Pick<Effect & { readonly kind: "write" }, "path" | "within">): string {
  return `p=${quote(path)}; ${checkWithin(within)}[ -d "$p" ] && exit ${IS_FOLDER}; d=\${p%/*}; for l in "$p" "$d"; do ${leadsAway("$l")} && exit ${LEADS_AWAY}; done; [ "$d" = "$p" ] || [ -z "$d" ] || [ -d "$d" ] || mkdir -p -- "$d" || exit; exec cat >"$p"`;
}

/**
 * The shell program of an `edit`: it prints the file and a mark that the file cannot hold, then waits; one byte says go,
 * and what follows is the new content.
 */
export function editProgram(
  { path, within }: Pick<Effect & { readonly kind: "edit" }, "path" | "within">,
  mark: string,
  bytesMax: number,
): string {
  return `p=${quote(path)}; ${checkWithin(within)}${CHECK_FILE}head -c ${bytesMax} -- "$p"; printf ${mark}; IFS= read -r -N 1 go || exit 0; exec cat >"$p"`;
}

// Among globs the last that matches wins.
const NO_GIT = "-g '!.git'";

export function searchProgram(effect: Effect & { readonly kind: "search" }): string {
  const glob = effect.glob === null ? "" : ` -g ${quote(effect.glob)}`;
  return (
    `exec ${TOOLS_FOLDER}/rg --no-config --line-number --no-heading --with-filename --color never --hidden --sort path ` +
    `--max-columns 400 --max-columns-preview${glob} ${NO_GIT} -e ${quote(effect.pattern)} -- ${quote(dotted(effect.path))} </dev/null`
  );
}

export function listProgram(effect: Effect & { readonly kind: "list" }): string {
  const path = quote(dotted(effect.path));
  if (effect.glob === null) return `LC_ALL=C.UTF-8 exec ls -1Ap -- ${path}`;
  return `cd -- ${path} && exec ${TOOLS_FOLDER}/rg --no-config --files --hidden -g ${quote(effect.glob)} ${NO_GIT} --sort path ./ </dev/null`;
}

/** The shell program that lists every identifier of the text files of the checkout, up to so many bytes. */
export function namesProgram(bytesMax: number): string {
  return `${TOOLS_FOLDER}/rg --no-config --no-filename --no-line-number --only-matching --no-messages --color never -e '\\b[A-Za-z_][0-9A-Za-z_]{2,63}\\b' ./ </dev/null | LC_ALL=C sort -u | head -c ${bytesMax}`;
}

/** The shell program that tells where a path leads, whether anything lies there or not; a NUL ends it. */
export function resolveProgram(path: string): string {
  return `exec realpath -z -m -- ${quote(path)}`;
}

function dotted(path: string): string {
  return path === "" ? "./" : path;
}
