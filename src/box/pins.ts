import { isWithin } from "./toolchains.ts";

/** A folder that is bound over itself in every sandbox: a mount point can be neither renamed nor replaced. */
export interface Pin {
  /** Path in the holder's root. */
  readonly source: string;
  /** Path in the box. */
  readonly target: string;
}

/**
 * Names every folder between what the box may write and a mount below it.
 *
 * Without them a command could rename such a parent, put a link in its place, and have the next sandbox's mounts made
 * wherever the link leads.
 */
export function pinsFor(mounts: readonly string[], home: string): Pin[] {
  const bases = [
    { path: home, source: "/home" },
    { path: "/tmp", source: "/s/tmp" },
    { path: "/run", source: "/s/run" },
    { path: "/var/tmp", source: "/s/vartmp" },
    { path: "/dev/shm", source: "/s/shm" },
  ].sort((a, b) => b.path.length - a.path.length);
  const pins = new Map<string, Pin>();
  for (const mount of [home, ...mounts]) {
    const base = bases.find(({ path }) => isWithin(mount, path) && mount !== path);
    if (!base) continue;
    const names = mount.slice(base.path.length + 1).split("/");
    for (let depth = 1; depth < names.length; depth++) {
      const below = names.slice(0, depth).join("/");
      pins.set(`${base.path}/${below}`, { source: `${base.source}/${below}`, target: `${base.path}/${below}` });
    }
  }
  return [...pins.values()].sort((a, b) => a.target.length - b.target.length);
}
