import { classifyName } from "./classify.ts";
import { pathProblem, spellings } from "./classify-path.ts";

/** Rules of files that run later of which a person decides here as well: hooks, and what an editor obeys. */
const CONFIGURING: readonly string[] = ["git hook", "hook manager", "editor configuration"];
const POLICY = /^\.ringfence\/policy\.ya?ml$/;

/**
 * Says as what a file of the repository could instruct or configure an agent, its tools or an editor; null for every other.
 * Each spelling counts that some file system takes for such a name.
 */
export function itemKind(path: string): string | null {
  if (pathProblem(path) !== null) return null;
  if (spellings(path).some((spelling) => POLICY.test(spelling))) return "project policy";
  const { cls, why } = classifyName(path);
  return cls === "instruction" || CONFIGURING.includes(why) ? why : null;
}
