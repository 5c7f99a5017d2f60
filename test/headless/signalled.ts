import { readFileSync } from "node:fs";

/** The name of a process; empty when there is none. */
export function nameOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, "utf8").trim();
  } catch {
    // It ended meanwhile.
    return "";
  }
}
