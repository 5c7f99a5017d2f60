const ARGV_MAX = 100;
/** A space, what parts two commands, a plain word, or one in quotes of which no shell makes anything else. */
const TOKEN = /([ \t]+)|(&&|\|\||[;|\n])|([\w./:=@%+,-]+)|'([^'\n]*)'|"([^"\n\\$`!]*)"/y;

/**
 * Takes the commands of a program of the shell apart, word by word; null where it has more than plain and quoted words in a
 * row or a pipe, since nobody can tell what a shell makes of the rest.
 */
export function argvsOf(program: string): readonly (readonly string[])[] | null {
  const argvs: string[][] = [];
  let argv: string[] = [];
  let word: string | null = null;
  const endWord = () => {
    if (word !== null) argv.push(word);
    word = null;
  };
  const text = `${program.trim()}\n`;
  TOKEN.lastIndex = 0;
  for (let at = 0; at < text.length; at = TOKEN.lastIndex) {
    const found = TOKEN.exec(text);
    if (found === null) return null;
    const [, space, end, plain, single, double] = found;
    if (space === undefined && end === undefined) {
      // A name that a variable is given before a command changes what it is.
      if (argv.length === 0 && word === null && plain?.includes("=")) return null;
      word = (word ?? "") + (plain ?? single ?? double ?? "");
      continue;
    }
    endWord();
    if (end === undefined) continue;
    if (argv.length === 0 || argvs.length === ARGV_MAX) return null;
    argvs.push(argv);
    argv = [];
  }
  return argvs;
}
