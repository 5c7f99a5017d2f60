import { readFileSync } from "node:fs";

const LISTENS = "0A";
const IPV4 = [/^0{8}$/, /^[0-9A-F]{6}7F$/];
const IPV6 = [/^0{32}$/, /^0{16}FFFF0{4}[0-9A-F]{6}7F$/];
const IPV6_LOOPBACK = /^0{24}01000000$/;

/** Finds where on the machine's own loopback something listens at a port: `127.0.0.1:PORT`; null where nothing does. */
export function listeningAt(port: number): string | null {
  const [four, six] = [listeners("/proc/net/tcp", port), listeners("/proc/net/tcp6", port)];
  if (four.some(matches(IPV4)) || six.some(matches(IPV6))) return `127.0.0.1:${port}`;
  return six.some(matches([IPV6_LOOPBACK])) ? `[::1]:${port}` : null;
}

function matches(patterns: readonly RegExp[]): (address: string) => boolean {
  return (address) => patterns.some((pattern) => pattern.test(address));
}

/** The addresses of the sockets that listen at a port, as the kernel writes them. */
function listeners(table: string, port: number): string[] {
  const wanted = port.toString(16).toUpperCase().padStart(4, "0");
  return read(table)
    .split("\n")
    .flatMap((line) => {
      const [, local = "", , state] = line.trim().split(/\s+/);
      const [address = "", at] = local.split(":");
      return state === LISTENS && at === wanted ? [address] : [];
    });
}

// Where the kernel has no IPv6 there is no such table.
function read(table: string): string {
  try {
    return readFileSync(table, "utf8");
  } catch {
    return "";
  }
}
