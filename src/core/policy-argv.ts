const WORD = /^[\w./:=@%+,-]+$/;

/** Takes a command of plain words apart; null for any other, since nobody can tell what a shell makes of it. */
export function argvsOf(command: string): readonly (readonly string[])[] | null {
  const argv = command.trim().split(/[ \t]+/);
  const [first = ""] = argv;
  return argv.every((word) => WORD.test(word)) && !first.includes("=") ? [argv] : null;
}
