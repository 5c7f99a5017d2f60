import { chownSync, mkdirSync } from "node:fs";

/**
 * The variable that names where a program under test keeps its compiled code: the set-up's folder, or one beside it
 * for another user. Their homes are thrown away, and compiling at each start takes longer than most tests.
 */
export function compileCache({ uid, gid }: { readonly uid: number; readonly gid: number }): Record<string, string> {
  const { NODE_COMPILE_CACHE: own } = process.env;
  if (own === undefined || own === "") return {};
  if (process.getuid?.() === uid) return { NODE_COMPILE_CACHE: own };
  const folder = `${own}-${uid}`;
  if (mkdirSync(folder, { recursive: true, mode: 0o700 }) !== undefined) chownSync(folder, uid, gid);
  return { NODE_COMPILE_CACHE: folder };
}
