import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import {
  aptConfigured,
  berryAddresses,
  type Configured,
  cargoAddress,
  cargoAddresses,
  configured,
  gather,
  goConfigured,
  lineAddresses,
  mavenAddresses,
  npmAddresses,
  pipAddresses,
  pipBuiltIn,
  uvAddresses,
  withGemIndex,
  withPypiJson,
} from "../core/registries-config.ts";
import { findProgram, findPrograms } from "./programs.ts";

/** How a tool is asked. */
export interface Asking {
  readonly home: string;
  readonly env: Readonly<Record<string, string>>;
  /** An empty folder of ours, for a tool that answers only in a project. */
  readonly folder: string;
  /** Finds a program of the person's; null when there is none. */
  readonly find: (name: string) => string | null;
}

export interface Tool {
  readonly name: string;
  readonly programs: readonly string[];
  /** Configuration files, there or not. */
  readonly files: (asking: Asking) => readonly string[];
  readonly ask: (asking: Asking) => Promise<Configured>;
}

const READ_ONLY = ["--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--unshare-all", "--die-with-parent"];
const ASK_MS_MAX = 10_000;
const SAID_CHARS_MAX = 4 << 20;
const FILE_BYTES_MAX = 1 << 20;
const NOTHING: Configured = { registries: [], notes: [] };

/** Every tool whose registry is looked for. */
export const TOOLS: readonly Tool[] = [
  {
    name: "npm",
    programs: ["npm"],
    files: ({ home }) => [join(home, ".npmrc"), "/etc/npmrc", "/usr/etc/npmrc", "/usr/local/etc/npmrc"],
    ask: (asking) => askNpm(asking, "npm"),
  },
  {
    name: "pnpm",
    programs: ["pnpm"],
    files: (asking) => [join(asking.home, ".npmrc"), join(configFolder(asking), "pnpm/rc")],
    ask: (asking) => askNpm(asking, "pnpm"),
  },
  {
    name: "yarn",
    programs: ["yarn", "yarnpkg"],
    files: ({ home }) => [".yarnrc", ".yarnrc.yml", ".npmrc"].map((name) => join(home, name)),
    ask: askYarn,
  },
  {
    name: "pip",
    programs: ["pip3", "pip"],
    files: (asking) => [
      ...["pip/pip.conf"].map((name) => join(configFolder(asking), name)),
      ...[".pip/pip.conf", ".pyenv/version"].map((name) => join(asking.home, name)),
      ...["/etc/pip.conf", "/etc/xdg/pip/pip.conf"],
    ],
    ask: askPip,
  },
  {
    name: "uv",
    programs: ["uv"],
    files: uvFiles,
    ask: async (asking) => {
      if (asking.find("uv") === null) return NOTHING;
      const { stdout } = await run(asking, "uv", ["help", "pip", "install"]);
      const variables = ["UV_INDEX", "UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL"];
      const set = variables.flatMap((name) =>
        (asking.env[name] ?? "").split(/\s+/).map((url) => url.replace(/^[\w-]+=/, "")),
      );
      return withPypiJson(
        configured("uv", "pypi", [...lineAddresses(set.join("\n")), ...uvAddresses(uvFiles(asking).map(read), stdout)]),
      );
    },
  },
  { name: "cargo", programs: ["cargo", "rustup"], files: cargoFiles, ask: askCargo },
  {
    name: "go",
    programs: ["go"],
    files: (asking) => [join(configFolder(asking), "go/env")],
    ask: async (asking) => goConfigured((await run(asking, "go", ["env", "-json", "GOPROXY", "GOSUMDB"])).stdout),
  },
  { name: "maven", programs: ["mvn"], files: mavenFiles, ask: askMaven },
  {
    name: "gem",
    programs: ["gem"],
    files: ({ home }) => [".gemrc", ".bundle/config"].map((name) => join(home, name)),
    ask: async (asking) =>
      configured(
        "gem",
        "rubygems",
        withGemIndex(lineAddresses((await run(asking, "gem", ["sources", "--list"])).stdout)),
      ),
  },
  {
    name: "composer",
    programs: ["composer"],
    files: (asking) => [join(configFolder(asking), "composer/config.json"), join(asking.home, ".composer/config.json")],
    ask: askComposer,
  },
  {
    name: "apt",
    programs: ["apt-get"],
    files: () => ["/etc/apt/sources.list.d", ...aptFiles()],
    ask: async (asking) =>
      asking.find("apt-get") === null ? NOTHING : gather(aptFiles().map((file) => aptConfigured(read(file)))),
  },
];

async function askNpm(asking: Asking, tool: "npm" | "pnpm"): Promise<Configured> {
  const { stdout } = await run(asking, tool, ["config", "list", "--json"]);
  const set = asking.env.npm_config_registry ?? asking.env.NPM_CONFIG_REGISTRY;
  const own = [set === undefined ? "" : `registry=${set}`, read(join(asking.home, ".npmrc"))];
  return configured(tool, "npm", npmAddresses(stdout, own));
}

async function askYarn(asking: Asking): Promise<Configured> {
  const program = asking.find("yarn") === null ? "yarnpkg" : "yarn";
  const { stdout: version } = await run(asking, program, ["--version"]);
  const key = version.startsWith("1.") ? "registry" : "npmRegistryServer";
  const { stdout } = version === "" ? { stdout: "" } : await run(asking, program, ["config", "get", key]);
  const scopes = berryAddresses(read(join(asking.home, ".yarnrc.yml")));
  return configured("yarn", "npm", [...lineAddresses(stdout), ...(version.startsWith("1.") ? [] : scopes)]);
}

async function askPip(asking: Asking): Promise<Configured> {
  const program = asking.find("pip3") === null ? "pip" : "pip3";
  const [version, list] = await Promise.all([
    run(asking, program, ["--version"]),
    run(asking, program, ["config", "list"]),
  ]);
  const place = version.stdout.match(/^pip \S+ from (\/.+) \(python /m)?.[1];
  if (place === undefined) return NOTHING;
  const builtIn = pipBuiltIn(read(join(place, "_internal/models/index.py")));
  return withPypiJson(configured("pip", "pypi", pipAddresses(list.stdout, builtIn)));
}

/**
 * Cargo tells nobody where its index is. So it is let look for a package with a proxy at which nothing listens, and what
 * it says then names the place; with all its configuration, but in a home of its own.
 */
async function askCargo(asking: Asking): Promise<Configured> {
  if (asking.find("cargo") === null) return NOTHING;
  const { folder } = asking;
  mkdirSync(join(folder, "src"));
  writeFileSync(join(folder, "src/lib.rs"), "");
  writeFileSync(
    join(folder, "Cargo.toml"),
    '[package]\nname = "probe"\nversion = "0.0.0"\n[dependencies]\nringfence-probe = "*"\n',
  );
  const settings = cargoFiles(asking).filter(existsSync);
  const nowhere = ["http.proxy='http://127.0.0.1:1'", "net.retry=0", "net.offline=false"];
  const flags = [...settings, ...nowhere].flatMap((value) => ["--config", value]);
  const env = {
    ...asking.env,
    CARGO_HOME: join(folder, "home"),
    RUSTUP_HOME: asking.env.RUSTUP_HOME ?? join(asking.home, ".rustup"),
  };
  const { stderr } = await run({ ...asking, env }, "cargo", [...flags, "generate-lockfile"], folder);
  const main = cargoAddress(stderr);
  const variables = Object.entries(asking.env).flatMap(([name, url]) =>
    /^CARGO_REGISTRIES_\w+_INDEX$/.test(name) ? [url] : [],
  );
  const further = [
    ...settings.flatMap((file) => cargoAddresses(read(file))),
    ...variables.filter((url) => url.startsWith("sparse+")),
  ];
  const found = configured("cargo", "cargo", [...(main === null ? [] : [main]), ...further]);
  const notes =
    main === null
      ? [
          "cargo keeps its index in git, or did not say where it is: of cargo only registries that its configuration adds are reached",
        ]
      : [];
  return gather([found, { registries: [], notes }]);
}

async function askMaven(asking: Asking): Promise<Configured> {
  const program = asking.find("mvn");
  if (program === null) return NOTHING;
  const library = join(dirname(dirname(realpathSync(program))), "lib");
  const jar = existsSync(library)
    ? readdirSync(library).find((name) => /^maven-model-builder-.*\.jar$/.test(name))
    : undefined;
  const model = jar === undefined ? "" : await unzip(join(library, jar), "org/apache/maven/model/pom-4.0.0.xml");
  return configured("maven", "maven", mavenAddresses(mavenFiles(asking).map(read), model));
}

async function askComposer(asking: Asking): Promise<Configured> {
  if (asking.find("composer") === null) return NOTHING;
  // Asked for its global configuration alone, it would write a file into the home that is not there yet, and cannot.
  writeFileSync(join(asking.folder, "composer.json"), "{}");
  const { stdout } = await run(asking, "composer", ["config", "--no-interaction", "--list"], asking.folder);
  const found = [...stdout.matchAll(/^\[repositories\.[^\]]*\.url\] (\S+)$/gm)].map(([, url = ""]) => url);
  return configured("composer", "composer", lineAddresses(found.join("\n")));
}

function configFolder({ home, env }: Asking): string {
  return env.XDG_CONFIG_HOME?.startsWith("/") ? env.XDG_CONFIG_HOME : join(home, ".config");
}

function uvFiles(asking: Asking): string[] {
  return [join(configFolder(asking), "uv/uv.toml"), "/etc/uv/uv.toml", "/etc/xdg/uv/uv.toml"];
}

function cargoFiles({ home, env }: Asking): string[] {
  const folder = env.CARGO_HOME?.startsWith("/") ? env.CARGO_HOME : join(home, ".cargo");
  return ["config.toml", "config"].map((name) => join(folder, name));
}

function mavenFiles(asking: Asking): string[] {
  const program = asking.find("mvn");
  const own = program === null ? [] : [join(dirname(dirname(realpathSync(program))), "conf/settings.xml")];
  return [join(asking.home, ".m2/settings.xml"), ...own];
}

function aptFiles(): string[] {
  const folder = "/etc/apt/sources.list.d";
  const names = existsSync(folder) ? readdirSync(folder).filter((name) => /\.(?:list|sources)$/.test(name)) : [];
  return ["/etc/apt/sources.list", ...names.sort().map((name) => join(folder, name))];
}

/** Reads a file of the person's or the system's; "" when it is not there or too large. */
function read(file: string): string {
  try {
    return statSync(file).size > FILE_BYTES_MAX ? "" : readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

function unzip(jar: string, name: string): Promise<string> {
  const program = 'my $out = ""; unzip($ARGV[0] => \\$out, Name => $ARGV[1]) or die; print $out';
  const perl = findProgram("perl");
  return perl === null
    ? Promise.resolve("")
    : call(perl, ["-MIO::Uncompress::Unzip=unzip", "-e", program, jar, name], {}).then(({ stdout }) => stdout);
}

interface Said {
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs a tool of the person's; one that is not there says nothing.
 *
 * It reads what they have and writes nothing: many a tool leaves a log or a cache behind when it is only asked. Nor does it
 * reach a network.
 */
function run(asking: Asking, name: string, args: readonly string[], cwd = "/"): Promise<Said> {
  const program = asking.find(name);
  // Corepack's yarn and pnpm would fetch the real ones.
  const env = {
    ...asking.env,
    COREPACK_ENABLE_NETWORK: "0",
    COREPACK_ENABLE_PROJECT_SPEC: "0",
    YARN_IGNORE_PATH: "1",
    GOTOOLCHAIN: "local",
    RUSTUP_AUTO_INSTALL: "0",
    TMPDIR: asking.folder,
    XDG_CACHE_HOME: asking.folder,
  };
  if (program === null) return Promise.resolve({ stdout: "", stderr: "" });
  const ours = ["--bind", asking.folder, asking.folder];
  return call(findPrograms().bwrap, [...READ_ONLY, ...ours, "--chdir", cwd, "--", program, ...args], env);
}

/** What a program says, whatever its status: some say what is wanted in a complaint. One that takes too long says nothing. */
function call(program: string, args: readonly string[], env: Readonly<Record<string, string>>): Promise<Said> {
  return new Promise((resolve) => {
    // A group of its own, since what a wrapper started would hold the pipes open after it.
    const child = spawn(program, args, { cwd: "/", env, stdio: ["ignore", "pipe", "pipe"], detached: true });
    const said = { stdout: "", stderr: "" };
    let isBroken = false;
    const stop = () => {
      isBroken = true;
      if (child.pid !== undefined) killGroup(child.pid);
    };
    for (const name of ["stdout", "stderr"] as const) {
      child[name].setEncoding("utf8").on("data", (text: string) => {
        said[name] += text;
        if (said[name].length > SAID_CHARS_MAX) stop();
      });
    }
    const timer = setTimeout(stop, ASK_MS_MAX);
    const end = () => {
      clearTimeout(timer);
      resolve(isBroken ? { stdout: "", stderr: "" } : said);
    };
    child.on("error", end).on("close", end);
  });
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It is gone already.
  }
}
