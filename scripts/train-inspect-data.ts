import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Example } from "./train-inspect-plant.ts";

interface Row {
  readonly text: string;
  readonly label: string;
  readonly channel: string;
  readonly kind: string;
  readonly source: string;
  readonly carrier_repo?: string;
}

const FAMILIES: readonly (readonly [RegExp, string])[] = [
  [/^synthetic/, "synthetic"],
  [/^cse-/, "cyberseceval"],
  [/^garak|^jailbreak/, "garak"],
  [/^asb|^bipia/, "tasks"],
  [/^promptshield|^skill|^rules|^xstest/, "others"],
  [/./, "repositories"],
];

/** Reads the development set. A group is a source or a repository, whichever a text came out of. */
export function readExamples(path: string): Example[] {
  const rows = readFileSync(path, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Row);
  const kinds = new Map<string, number>();
  for (const { kind } of rows) kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  return rows.map(({ text, label, channel, kind, source, carrier_repo }) => {
    const family = FAMILIES.find(([pattern]) => pattern.test(kind))?.[1] ?? "";
    const repo = carrier_repo?.replace("+", "/") ?? /^(?:ours: .* run on )?([\w.-]+\/[\w.-]+)(?::|$)/.exec(source)?.[1];
    return {
      text,
      isInjection: label === "injection",
      span: null,
      channel: kind === "quoted-attack" ? "quoted" : kind === "ai-project-prompt" ? "ai-prompt" : channel,
      family,
      group: repo ?? source,
      // Prompts of AI projects speak to a model as injections do: nothing ordinary is harder to tell from them.
      weight: kind === "ai-project-prompt" ? 3 : Math.min(1.5, 20 / Math.sqrt(kinds.get(kind) ?? 1)),
    };
  });
}

const PACKAGE_FILE = /\.(?:md|[cm]?js|ts|json|yml|txt)$/;
const FILE_CHARS_MAX = 6000;
const FILES_EACH = 60;

/** Reads files of the installed packages, which the lock file determines, of every other package: the rest measures false alarms. */
export function readPackages(folder: string): Example[] {
  const packages = readdirSync(folder)
    .filter((name) => !name.startsWith(".") && !name.includes("linux"))
    .sort()
    .flatMap((name) =>
      name.startsWith("@")
        ? readdirSync(join(folder, name))
            .sort()
            .map((part) => `${name}/${part}`)
        : [name],
    )
    .filter((name) => !/linux|darwin|win32/.test(name));
  return packages
    .filter((_, at) => at % 2 === 0)
    .flatMap((name) => {
      const files = readdirSync(join(folder, name), { recursive: true, encoding: "utf8" })
        .sort()
        .filter((file) => PACKAGE_FILE.test(file) && statSync(join(folder, name, file)).isFile());
      const every = Math.max(1, Math.ceil(files.length / FILES_EACH));
      return files
        .filter((_, at) => at % every === 0)
        .map((file) => ({
          text: readFileSync(join(folder, name, file), "utf8").slice(0, FILE_CHARS_MAX),
          isInjection: false,
          span: null,
          channel: "file",
          family: "packages",
          group: name,
          weight: 0.5,
        }));
    });
}
