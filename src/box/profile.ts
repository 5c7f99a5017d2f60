import type { Pin } from "./pins.ts";
import { TRUST_VARIABLES } from "./trust.ts";

/** What a one-shot sees. Sources are paths in the holder's root, targets are paths in the box. */
export interface Profile {
  readonly home: string;
  /** Toolchain roots, in the order in which the holder bound them. */
  readonly toolchains: readonly string[];
  /** Our own programs, shown under TOOLS_FOLDER: name and number of the holder's bind. */
  readonly tools: readonly { readonly name: string; readonly bind: number }[];
  readonly pins: readonly Pin[];
  readonly etcBind: number;
  readonly trustBind: number;
  /** `/bin` and its kin: what each links to, or null where it is a folder of its own. */
  readonly systemLinks: readonly { readonly name: string; readonly target: string | null }[];
  /** System folders and toolchains that no overlay may cover, since it would hide a mount below, or need not. */
  readonly uncovered: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

export const TOOLS_FOLDER = "/var/lib/ringfence";
const TRUST_FOLDER = `${TOOLS_FOLDER}/trust`;
/** The authorities that programs in the box trust; for Java in its own kind of file. */
export const CA_BUNDLE = `${TRUST_FOLDER}/ca-bundle.pem`;
export const JAVA_CACERTS = `${TRUST_FOLDER}/cacerts`;

/** What every sandbox has, of a session or not: namespaces of its own, no capability, no nested user namespace. */
export const ISOLATION: readonly string[] = [
  "--unshare-user",
  "--unshare-pid",
  "--unshare-ipc",
  "--unshare-uts",
  "--unshare-cgroup-try",
  "--disable-userns",
  "--cap-drop",
  "ALL",
  "--uid",
  "1000",
  "--gid",
  "1000",
  "--hostname",
  "box",
  "--new-session",
];

/** A piece of the root that the holder builds: a mount of a path of its own root, a link, or an empty folder. */
export interface Piece {
  /** `covered` is a folder read through an overlay, by which no unix socket in it can be reached; a file is bound. */
  readonly kind: "read" | "covered" | "write" | "link" | "folder";
  /** Path in the holder's root; of a link, what it points to. */
  readonly source: string;
  /** Absolute path in the box. */
  readonly path: string;
}

/** Lays out the root of every one-shot of a session, in the order of making. The holder adds `/dev` and, last, the view. */
export function rootLayout(profile: Profile): Piece[] {
  const { home, pins, toolchains, tools, etcBind, trustBind, systemLinks, uncovered } = profile;
  const shown = (path: string, source = path): Piece => ({
    kind: uncovered.includes(path) ? "read" : "covered",
    source,
    path,
  });
  return [
    shown("/usr"),
    ...systemLinks.map(
      ({ name, target }): Piece =>
        target === null ? shown(`/${name}`) : { kind: "link", source: target, path: `/${name}` },
    ),
    shown("/etc", `/bind/${etcBind}`),
    { kind: "folder", source: "/empty", path: "/proc" },
    { kind: "write", source: "/s/tmp", path: "/tmp" },
    { kind: "write", source: "/s/run", path: "/run" },
    { kind: "write", source: "/s/vartmp", path: "/var/tmp" },
    { kind: "write", source: "/s/cwd", path: CWD_FILE },
    { kind: "link", source: "/run", path: "/var/run" },
    { kind: "link", source: "/run/lock", path: "/var/lock" },
    // One above the home would hide it.
    ...pinned(pins.filter(({ target }) => !target.startsWith(`${home}/`))),
    { kind: "write", source: "/home", path: home },
    ...pinned(pins.filter(({ target }) => target.startsWith(`${home}/`))),
    ...toolchains.map((path, number) => shown(path, `/bind/${number}`)),
    // Not through an overlay, since it changes while it is shown; only the host writes there, and no sockets.
    { kind: "read", source: `/bind/${trustBind}`, path: TRUST_FOLDER },
    ...tools.map(
      ({ name, bind }): Piece => ({ kind: "read", source: `/bind/${bind}`, path: `${TOOLS_FOLDER}/${name}` }),
    ),
  ];
}

function pinned(pins: readonly Pin[]): Piece[] {
  return pins.map(({ source, target }): Piece => ({ kind: "write", source, path: target }));
}

/** Builds the arguments of bubblewrap for every one-shot of a session. */
export function sandboxArguments({ environment }: Pick<Profile, "environment">): string[] {
  // The root carries each mount's own flags, read-only and devices with them.
  const args = [...ISOLATION, "--dev-bind", "/t", "/", "--proc", "/proc"];
  // Real root could otherwise write the host's /proc/sys from inside.
  args.push("--remount-ro", "/proc", "--chdir", "/", "--clearenv");
  for (const [name, value] of Object.entries(environment)) args.push("--setenv", name, value);
  return args;
}

/** Where the shell of one call leaves its working directory for the next: a mount of its own, which nothing can replace. */
export const CWD_FILE = `${TOOLS_FOLDER}/cwd`;

/** The one folder that a read-only command can write: its own, and gone with it. */
export const SCRATCH_FOLDER = "/dev/shm";

const PASSED = ["LANG", "LANGUAGE", "TZ", "TERM", "COLORTERM", "NO_COLOR", "FORCE_COLOR", "JAVA_HOME", "CI"] as const;

/** Builds the environment inside from an allowlist; no other variable of the person's is in the box. */
export function sandboxEnvironment(
  outer: Readonly<Record<string, string | undefined>>,
  person: { readonly name: string; readonly home: string; readonly path: string },
): Record<string, string> {
  const inner: Record<string, string> = {
    PATH: person.path,
    HOME: person.home,
    USER: person.name,
    LOGNAME: person.name,
    SHELL: "/bin/bash",
    TMPDIR: "/tmp",
    // Neither setting can be left to the repository: the first would start a daemon, the second costs seconds in a large one.
    GIT_CONFIG_COUNT: "2",
    GIT_CONFIG_KEY_0: "core.fsmonitor",
    GIT_CONFIG_VALUE_0: "false",
    GIT_CONFIG_KEY_1: "core.checkStat",
    GIT_CONFIG_VALUE_1: "minimal",
    GIT_TERMINAL_PROMPT: "0",
    GIT_PAGER: "cat",
    // Else each asks a registry for its own newest version, and the person is asked about a thing that nobody wants to know.
    npm_config_update_notifier: "false",
    PIP_DISABLE_PIP_VERSION_CHECK: "1",
    // Else it tells the proxy whose request it is only when that asks.
    GIT_HTTP_PROXY_AUTHMETHOD: "basic",
    PAGER: "cat",
    RINGFENCE: "1",
    // Leak checking needs ptrace, which the box refuses.
    ASAN_OPTIONS: "detect_leaks=0",
    // Most tools read the system's own file, which is this one too; each of these has its own idea.
    ...Object.fromEntries(TRUST_VARIABLES.map((name) => [name, CA_BUNDLE])),
    // Of a Java outside the system's folders. One variable tells every Java, but each then says so on its error output.
    MAVEN_OPTS: `-Djavax.net.ssl.trustStore=${JAVA_CACERTS}`,
    GRADLE_OPTS: `-Djavax.net.ssl.trustStore=${JAVA_CACERTS}`,
    // Hard links out of a bound cache fail across mounts; pnpm copies by itself then.
    UV_LINK_MODE: "copy",
  };
  for (const [name, value] of Object.entries(outer)) {
    if (value !== undefined && (isPassed(name) || name.startsWith("LC_"))) inner[name] = value;
  }
  inner.TERM ??= "dumb";
  return inner;
}

function isPassed(name: string): boolean {
  return (PASSED as readonly string[]).includes(name);
}
