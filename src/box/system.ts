import { lstatSync, readFileSync, readlinkSync } from "node:fs";
import { isWithin } from "./toolchains.ts";

/** Reads how this system lays out `/bin`, `/lib` and their kin. */
export function readSystemLinks(): { name: string; target: string | null }[] {
  const links: { name: string; target: string | null }[] = [];
  for (const name of ["bin", "sbin", "lib", "lib64", "lib32"]) {
    const stat = lstatSync(`/${name}`, { throwIfNoEntry: false });
    if (stat?.isSymbolicLink()) links.push({ name, target: readlinkSync(`/${name}`) });
    else if (stat?.isDirectory()) links.push({ name, target: null });
  }
  return links;
}

/** Names the folders that hold a mount of this machine below them; an overlay over one would hide that mount. */
export function withMountsBelow(folders: readonly string[]): string[] {
  const points = readFileSync("/proc/self/mountinfo", "latin1")
    .split("\n")
    .map((line) => unescapeMount(line.split(" ")[4] ?? ""));
  return folders.filter((folder) => points.some((point) => point !== folder && isWithin(point, folder)));
}

function unescapeMount(path: string): string {
  const bytes = path.replace(/\\([0-7]{3})/g, (_all, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
  return Buffer.from(bytes, "latin1").toString("utf8");
}
