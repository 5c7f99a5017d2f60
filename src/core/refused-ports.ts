const SAYS_SO = /refused|(?:could(?:n't| not)|can(?:'t| ?not)|failed to|unable to) connect/i;
const PLACE = /(?<![\w.:-])(?:127(?:\.\d{1,3}){3}|localhost|\[?::1\]?)["')]{0,2}(?::|\/|,? port:? )(\d{1,5})(?!\d)/gi;
const LINES_MAX = 2000;
const LINE_CHARS_MAX = 500;

/** Finds ports of the loopback of which a program's own words say that nobody answered there, each once. */
export function refusedPorts(output: string): number[] {
  const ports = new Set<number>();
  // What went wrong is said last.
  for (const line of output.split("\n").slice(-LINES_MAX)) {
    const said = line.slice(0, LINE_CHARS_MAX);
    if (!SAYS_SO.test(said)) continue;
    for (const [, digits] of said.matchAll(PLACE)) {
      const port = Number(digits);
      if (port > 0 && port < 65_536) ports.add(port);
    }
  }
  return [...ports];
}
