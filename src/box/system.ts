import { lstatSync, readlinkSync } from "node:fs";

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
