import type { Change } from "./changes.ts";
import { INSTRUCTION_RULES } from "./classify-instructions.ts";
import { manifestProblem } from "./classify-manifest.ts";
import { matcher } from "./classify-match.ts";
import { isGitPath, linkPlace, pathProblem, spellings } from "./classify-path.ts";
import { RUN_LATER_RULES } from "./classify-runlater.ts";
import { MANIFEST } from "./classify-tools.ts";

/** What landing a change would mean. `ignored` stays in the box and `outside` never lands; the others wait for a person. */
export const CHANGE_CLASSES = ["source", "run-later", "instruction", "ignored", "outside"] as const;
export type ChangeClass = (typeof CHANGE_CLASSES)[number];

export interface Classification {
  readonly cls: ChangeClass;
  readonly why: string;
  /** Who runs or reads the file, and when; set for `run-later` and `instruction`. */
  readonly runs?: string;
}

export interface ClassifyContext {
  /** True when git, by the checkout's own rules, ignores the path. */
  readonly isIgnored: boolean;
  /** Content in the checkout and in the layer. Without them package.json counts as changed in every field. */
  readonly oldContent?: Uint8Array | null;
  readonly newContent?: Uint8Array | null;
}

/** A reason to hold a change. `staysWhenIgnored`: an ignored file with only such reasons is build output. */
interface Finding extends Classification {
  readonly staysWhenIgnored: boolean;
}

const PATH_CHARS_MAX = 4096;
const STRICTNESS: readonly ChangeClass[] = ["source", "ignored", "instruction", "run-later", "outside"];

const ruleMatches = matcher([...RUN_LATER_RULES, ...INSTRUCTION_RULES]);

/** Dotfiles that run nothing; every dotfile that neither this list nor a rule names is held. */
const INERT_DOTFILES = new Set(
  `.gitignore .gitkeep .keep .editorconfig .dockerignore .npmignore .prettierignore .eslintignore .stylelintignore .nojekyll .mailmap
   .helmignore .gcloudignore .vercelignore .hgignore .ignore .rgignore .markdownlintignore .git-blame-ignore-revs`.split(
    /\s+/,
  ),
);
/** The part of `.github` that is text for people, or that the rules of instructions name. */
const GITHUB_TEXT =
  /(?:^|\/)\.github\/(?:(?:issue_template|discussion_template|pull_request_template|instructions|prompts|chatmodes|agents)\/|[^/]*\.(?:md|png|svg|jpg|gif)$|funding\.yml$)/u;
const TOP_CONFIGURATION = /^[^/]*(?:\.(?:toml|ya?ml|ini|cfg|conf|properties|json5|jsonc)|rc)$/u;
const BUILD_FOLDER =
  /(?:^|\/)(?:node_modules|\.venv|venv|target|dist|build|out|obj|coverage|\.next|\.nuxt|\.output|\.svelte-kit|\.angular|\.turbo|\.cache|\.parcel-cache|__pycache__|\.pytest_cache|\.mypy_cache|\.ruff_cache|\.tox|\.nox|\.gradle|\.eggs|[^/]*\.egg-info|site-packages|__pypackages__|bower_components|vendor\/bundle|_build|deps|\.dart_tool|pods|\.terraform|\.yarn|\.zig-cache|zig-cache|bazel-[^/]*|cmake-build-[^/]*)\//u;

/** Tells whether a change waits for a person's approval of exactly itself; `outside` waits too, and is never offered. */
export function isHeld(cls: ChangeClass): boolean {
  return cls !== "source" && cls !== "ignored";
}

/**
 * Sorts one change by what landing it would mean. Total: every path and type has an answer, and the strictest reason wins.
 *
 * A deletion has the class of the file that it removes. What only siblings or links show is in `classify-all.ts`.
 */
export function classify(change: Change, context: ClassifyContext): Classification {
  const isTooLong = change.path.length > PATH_CHARS_MAX || (change.target ?? "").length > PATH_CHARS_MAX;
  const problem = isTooLong ? "the path is too long" : pathProblem(change.path);
  if (problem !== null) return { cls: "outside", why: problem };
  if (change.type === "other") return { cls: "outside", why: "it is a device, a pipe or a socket" };
  const byPath = pathFindings(change.path, change.type === "dir").filter(
    (finding) => !isInertManifest(finding, change, context),
  );
  const findings = [...byPath, ...linkFindings(change), ...contentFindings(change, context)];
  const worst = strictest(findings);
  const staysIn =
    findings.every((finding) => finding.staysWhenIgnored) || BUILD_FOLDER.test(`${lastSpelling(change.path)}/`);
  if (context.isIgnored && worst.cls !== "outside" && !isGitPath(change.path) && staysIn) {
    return { cls: "ignored", why: "git ignores it: it stays in the box" };
  }
  return worst;
}

/** Takes the strictest of some classifications, the first where several are; none is source. */
export function strictest(found: readonly Classification[]): Classification {
  let worst: Classification = { cls: "source", why: "no rule says that anything runs it by itself" };
  for (const one of found) if (STRICTNESS.indexOf(one.cls) > STRICTNESS.indexOf(worst.cls)) worst = one;
  const { cls, why, runs } = worst;
  return runs === undefined ? { cls, why } : { cls, why, runs };
}

/** Sorts a path by its names alone, as a file. */
export function classifyName(path: string): Classification {
  return strictest(pathFindings(path, false));
}

/** The plainest spelling of a path, by which two names that some system takes for one compare equal. */
export function lastSpelling(path: string): string {
  return spellings(path).at(-1) ?? path;
}

function pathFindings(path: string, isFolder: boolean): Finding[] {
  const findings: Finding[] = [];
  for (const spelling of spellings(path)) {
    const rules = ruleMatches(isFolder ? `${spelling}/` : spelling);
    for (const { cls, name, runs, staysWhenIgnored = false } of rules) {
      findings.push({ cls, why: name, runs, staysWhenIgnored });
    }
    if (isGitPath(spelling)) findings.push(runLater("git data", "git reads it as a repository's own data"));
    const unknown = spelling
      .split("/")
      .find((name, at, names) => isUnknownDot(name, spelling, !isFolder && at === names.length - 1));
    if (unknown !== undefined)
      findings.push(runLater("unknown configuration", `some tool may read "${unknown}" when it starts in this folder`));
    else if (!isFolder && rules.length === 0 && TOP_CONFIGURATION.test(spelling)) {
      findings.push(runLater("unknown configuration", "some tool may read it when it starts in this folder"));
    }
  }
  return findings;
}

function isUnknownDot(name: string, path: string, isFile: boolean): boolean {
  if (!name.startsWith(".")) return false;
  if (isFile && INERT_DOTFILES.has(name)) return false;
  if (name === ".github" && GITHUB_TEXT.test(path)) return false;
  return ruleMatches(isFile ? name : `${name}/`).length === 0;
}

function isInertManifest(finding: Finding, change: Change, context: ClassifyContext): boolean {
  // Only the exact spelling: a variant is a second manifest on the systems that take it for one.
  if (finding.why !== MANIFEST || !/(?:^|\/)package\.json$/.test(change.path)) return false;
  if (change.action !== "edit" || change.type !== "file" || change.base?.type !== "file") return false;
  return manifestProblem(context.oldContent, context.newContent) === null;
}

function linkFindings(change: Change): Finding[] {
  if (change.type !== "symlink" || change.action === "delete") return [];
  const place = change.target === undefined ? null : linkPlace(change.path, change.target);
  if (place === null)
    return [{ cls: "outside", why: "the link leads out of the checkout, or may", staysWhenIgnored: false }];
  const findings = place === "" ? [] : [...pathFindings(place, false), ...pathFindings(place, true)];
  if (place === "" || pathProblem(place) !== null)
    findings.push(runLater("link", "it makes the whole checkout, .git included, appear under another name"));
  if (change.base?.type === "dir")
    findings.push(runLater("link in place of a folder", "tools that used the folder follow the link instead"));
  return findings;
}

function contentFindings(change: Change, context: ClassifyContext): Finding[] {
  if (change.type !== "file" || change.action === "delete") return [];
  const findings: Finding[] = [];
  const wasExecutable = change.base?.type === "file" && (change.base.mode & 0o111) !== 0;
  if ((change.executable || (change.mode & 0o111) !== 0) && !wasExecutable) {
    findings.push(
      runLater(
        change.base?.type === "file" ? "made executable" : "new program",
        "it can be started by its name, by a person or by a tool that finds it on its path",
        true,
      ),
    );
  }
  if ((change.mode & 0o6000) !== 0)
    findings.push(runLater("set-user-id file", "it runs with the rights of its owner, whoever starts it"));
  if (context.newContent && isCompiled(context.newContent)) {
    findings.push(
      runLater("compiled program", "whatever starts or loads it runs it, and no diff can show what it does", true),
    );
  }
  return findings;
}

/** Knows ELF, PE ("MZ"), Mach-O in both byte orders, and fat Mach-O, which is also Java's class magic. */
function isCompiled(content: Uint8Array): boolean {
  const [a = 0, b = 0, c = 0, d = 0] = content;
  if (a === 0x4d && b === 0x5a) return content.includes(0);
  const word = ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
  return [0x7f454c46, 0xfeedface, 0xfeedfacf, 0xcefaedfe, 0xcffaedfe, 0xcafebabe, 0xcafebabf].includes(word);
}

function runLater(why: string, runs: string, staysWhenIgnored = false): Finding {
  return { cls: "run-later", why, runs, staysWhenIgnored };
}
