import { field, parseJson, recordOf } from "./json.ts";
import { parseBase, type Registry } from "./registry.ts";

/** What a tool's own configuration says: its registries, and a sentence for each address that is left out. */
export interface Configured {
  readonly registries: readonly Registry[];
  readonly notes: readonly string[];
}

type PlainKind = Exclude<Registry["kind"], "crates" | "apt">;

const ADDRESSES_MAX = 100;

/** Makes registries of addresses; one that is no plain address of http or https is left out, and said so without its text. */
export function configured(tool: string, kind: PlainKind, addresses: readonly string[]): Configured {
  return gather(
    [...new Set(addresses)].slice(0, ADDRESSES_MAX).map((address) => {
      const base = parseBase(address);
      return base === null ? leftOut(tool) : { registries: [{ kind, tool, base }], notes: [] };
    }),
  );
}

export function gather(all: readonly Configured[]): Configured {
  return {
    registries: all.flatMap(({ registries }) => registries),
    notes: [...new Set(all.flatMap(({ notes }) => notes))],
  };
}

/** Never with the address: a password may be in it. */
function leftOut(tool: string): Configured {
  return {
    registries: [],
    notes: [`${tool} has a registry at what is no plain http or https address: it is left out`],
  };
}

/**
 * Reads `npm config list --json`, or pnpm's: the registry, and those of scopes.
 *
 * An address with a password in it is kept back there: then `own` are the places that may say it, the first before others.
 */
export function npmAddresses(text: string, own: readonly string[]): string[] {
  const listed = Object.entries(recordOf(parseJson(text))).flatMap(([key, value]) =>
    typeof value === "string" && isNpmKey(key) ? [[key, value] as const] : [],
  );
  const lines = own.flatMap((file) => [...file.matchAll(/^\s*([^\s=#;]+)\s*=\s*"?([^\s"]+)"?\s*$/gm)]);
  const found = new Map(listed);
  if (text !== "")
    for (const [, key = "", value = ""] of lines) if (isNpmKey(key) && !found.has(key)) found.set(key, value);
  return [...found.values()];
}

function isNpmKey(key: string): boolean {
  return key === "registry" || /^@[^:]+:registry$/.test(key);
}

/** Reads the registries of scopes in the configuration file of later yarns. */
export function berryAddresses(text: string): string[] {
  return [...text.matchAll(/^\s*npmRegistryServer:\s*["']?(https?:[^"'\s]+)/gm)].map(([, url = ""]) => url);
}

/** Reads `pip config list`. The built-in index counts where none is set in its place. */
export function pipAddresses(text: string, builtIn: string | null): string[] {
  const values = (key: string) =>
    [...text.matchAll(new RegExp(`^[^\\s=]*\\.${key}='(.*)'$`, "gm"))].flatMap(([, value = ""]) =>
      value.split(/\\n|\s+/),
    );
  const main = values("index-url");
  return [...(main.length > 0 || builtIn === null ? main : [builtIn]), ...values("extra-index-url")].filter(isRemote);
}

/** Finds the built-in index in pip's own module. */
export function pipBuiltIn(module: string): string | null {
  const [, root] = module.match(/^PyPI = PackageIndex\(\s*"(https?:\/\/[^"]+)"/m) ?? [];
  return root === undefined ? null : `${root.replace(/\/$/, "")}/simple`;
}

/** Also the place beside Python's index where poetry reads what a release is. */
export function withPypiJson({ registries, notes }: Configured): Configured {
  const beside = registries.flatMap((one): Registry[] => {
    const path = one.base.path.replace(/\/simple$/, "/pypi");
    return one.kind === "pypi" && path !== one.base.path
      ? [{ ...one, kind: "pypi-json", base: { ...one.base, path } }]
      : [];
  });
  return { registries: [...registries, ...beside], notes };
}

/** Reads uv's configuration, and what its help says is built in. */
export function uvAddresses(files: readonly string[], help: string): string[] {
  const set = files.flatMap((text) =>
    [...text.matchAll(/^\s*(?:index-url|url)\s*=\s*"([^"]+)"/gm)].map(([, url = ""]) => url),
  );
  const builtIn = help.match(/by default:?\s*<?(https?:\/\/[^\s<>()[\]]+)/)?.[1];
  return [...set, ...(builtIn === undefined ? [] : [builtIn])].filter(isRemote);
}

/** Finds where cargo looked first, in what it says when it cannot get there; null for an index in git. */
export function cargoAddress(said: string): string | null {
  return (
    said.match(/failed to download from `(https?:\/\/[^`\s]+?)\/?(?:config\.json|ri\/ng\/ringfence-probe)`/)?.[1] ??
    null
  );
}

/** Reads the indexes of further registries in cargo's configuration. */
export function cargoAddresses(text: string): string[] {
  return [...text.matchAll(/^\s*index\s*=\s*"sparse\+(https?:[^"]+)"/gm)].map(([, url = ""]) => url);
}

/** Reads `go env -json GOPROXY GOSUMDB`: proxies, and the sum database through each and by itself. */
export function goConfigured(text: string): Configured {
  const values = recordOf(parseJson(text));
  const words = (key: string) => {
    const value = field(values, key);
    return typeof value === "string"
      ? value.split(key === "GOPROXY" ? /[,|]/ : /\s+/).filter((word) => word !== "")
      : [];
  };
  const proxies = words("GOPROXY").filter((word) => word !== "direct" && word !== "off");
  const [key = "off", url] = words("GOSUMDB");
  const sumdb = key.replace(/\+.*$/, "");
  const hosts =
    sumdb === "off"
      ? []
      : [url ?? `https://${sumdb}`, ...proxies.map((proxy) => `${proxy.replace(/\/$/, "")}/sumdb/${sumdb}`)];
  // The longer path first: the database lies below the proxy.
  return gather([configured("go", "sumdb", hosts), configured("go", "go", proxies)]);
}

/** Reads settings.xml of maven, and the model that all projects inherit from. */
export function mavenAddresses(settings: readonly string[], model: string): string[] {
  const texts = settings.map((text) =>
    text.replace(/<!--.*?-->/gs, "").replace(/<mirror>(?:(?!<\/mirror>).)*<blocked>\s*true.*?<\/mirror>/gs, ""),
  );
  const isReplaced = texts.some((text) =>
    /<mirrorOf>\s*(?:[^<]*,\s*)?(?:\*|external:\*|central)\s*[,<](?![^<]*!central)/.test(text),
  );
  return [...texts.flatMap(urlsIn), ...(isReplaced ? [] : urlsIn(model))].filter(isRemote);
}

function urlsIn(xml: string): string[] {
  const blocks = xml.match(/<(mirror|repository|pluginRepository)>.*?<\/\1>/gs) ?? [];
  return blocks.flatMap((block) => block.match(/<url>\s*([^<\s]+)\s*<\/url>/)?.[1] ?? []);
}

/** Reads `gem sources` or anything else that has an address a line. */
export function lineAddresses(text: string): string[] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter(isRemote);
}

/** Also where the same server keeps the index of its gems, which bundler asks of a public one. */
export function withGemIndex(addresses: readonly string[]): string[] {
  return addresses.flatMap((address) => {
    const index = address.replace(/^(https?:\/\/)([^./:@]+\.[^./:@]+)(?=\/|$)/, "$1index.$2");
    return index === address ? [address] : [address, index];
  });
}

/** Reads a file of apt's sources, in one line each or in paragraphs. */
export function aptConfigured(text: string): Configured {
  const plain = text.replace(/^[ \t]*#.*\n?/gm, "");
  const lines = [...plain.matchAll(/^\s*deb(?:-src)?\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)/gm)].map(
    ([, uri = "", suite = ""]) => [[uri], [suite]] as const,
  );
  const paragraphs = plain.split(/\n\s*\n/).flatMap((paragraph) => {
    if (!/^Types:/m.test(paragraph) || /^Enabled:\s*no/im.test(paragraph)) return [];
    const words = (key: string) =>
      paragraph
        .match(new RegExp(`^${key}:((?:.|\\n[ \\t])*)`, "m"))?.[1]
        ?.split(/\s+/)
        .filter(Boolean) ?? [];
    return [[words("URIs"), words("Suites")] as const];
  });
  return gather(
    [...lines, ...paragraphs].slice(0, ADDRESSES_MAX).flatMap(([uris, suites]) =>
      uris.map((uri): Configured => {
        const base = parseBase(uri);
        if (base === null) return leftOut("apt");
        const names = suites
          .map((suite) => suite.replace(/\/$/, ""))
          .filter((suite) => /^[\w.-]+(?:\/[\w.-]+)*$/.test(suite));
        return { registries: [{ kind: "apt", tool: "apt", base, suites: names }], notes: [] };
      }),
    ),
  );
}

/** Only what is reached over the network: folders and files are seen in the box or they are not. */
function isRemote(address: string): boolean {
  return /^https?:/.test(address);
}
