/** Options that take a value, and that may be in a command of the person's: where keys and configuration are, and by which way. */
const VALUED = new Set(["-i", "-F", "-o", "-J"]);
const BARE = new Set(["-4", "-6", "-C", "-q"]);
const PROGRAM = /^(?:(?:\/usr)?\/bin\/)?ssh$/;

/**
 * Reads the options out of a `core.sshCommand`, which git would give to a shell; null for anything but ssh with options
 * that can be told apart without one.
 */
export function readSshCommand(command: string, home: string): readonly string[] | null {
  const words = wordsOf(command, home);
  const [program = "", ...options] = words ?? [];
  if (!PROGRAM.test(program)) return null;
  for (let at = 0; at < options.length; at += 1) {
    const word = options[at] ?? "";
    if (BARE.has(word)) continue;
    if (!VALUED.has(word.slice(0, 2))) return null;
    if (word.length > 2) continue;
    at += 1;
    if (options[at] === undefined) return null;
  }
  return options;
}

/** Parts a command as a shell does; null where that would do more than take quotes and a home. */
function wordsOf(command: string, home: string): string[] | null {
  if (/["']/.test(command.replace(/"[^"]*"|'[^']*'/g, ""))) return null;
  const parts = command.trim().match(/(?:"[^"]*"|'[^']*'|[^\s"'])+/g) ?? [];
  const words = parts.map((part) => {
    const isOpen = !part.startsWith("'");
    const bare = part.replace(/^"(.*)"$|^'(.*)'$/s, (_, double = "", single = "") => double || single);
    return isOpen ? bare.replace(/^(?:~|\$HOME|\$\{HOME\})(?=\/)/, home) : bare;
  });
  return words.some((word) => /["'$`\\;&|<>()*?[\]{}#!\n]/.test(word)) ? null : words;
}
