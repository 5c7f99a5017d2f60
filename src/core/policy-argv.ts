const ARGV_MAX = 100;

/** What can be told of a program of the shell without running it. */
export interface Told {
  /** Its commands, each by its words as far as they are plain or quoted, from the first on. */
  readonly argvs: readonly (readonly string[])[];
  /** Whether that is all of it: commands in a row or a pipe, and no word that a shell makes something else of. */
  readonly isWhole: boolean;
}

/**
 * In order: space; what parts two commands; a redirection to a plain name; a plain word; one in quotes of which no shell
 * makes anything else; one of which it does; what nobody can tell the end of; what a command within begins with; a comment.
 */
const TOKEN =
  /([ \t]+)|(&&|\|\||[;|\n&)])|(\d*(?:>>|>\||[<>]&?(?!<))[ \t]*[\w./:=@%+,-]+)|([\w./:=@%+,-]+)|'([^'\n]*)'|"([^"\n\\$`!]*)"|("(?:[^"\\]|\\[\s\S])*"|'[^']*')|(<<|['"`])|(\()|(?<=^|[^\\][ \t\n;&|()])#[^\n]+|[\s\S]/y;
/** Words before a command that the shell keeps for itself. */
const RESERVED: ReadonlySet<string> = new Set(["if", "then", "elif", "else", "while", "until", "do", "time", "coproc"]);

/** Takes the commands of a program of the shell apart, word by word, as far as nobody needs a shell to tell them. */
export function argvsOf(program: string): Told {
  const argvs: string[][] = [];
  let [isWhole, isCut, isSetting] = [true, false, false];
  let argv: string[] = [];
  let word: string | null = null;
  const endWord = () => {
    // A name that a variable is given before a command changes what it is.
    if (isSetting) isWhole = false;
    else if (word !== null && !isCut) argv.push(word);
    [word, isSetting] = [null, false];
  };
  const endCommand = () => {
    const begin = argv.findIndex((one) => !RESERVED.has(one));
    if (begin !== 0 || isCut) isWhole = false;
    if (begin >= 0) argvs.push(argv.slice(begin));
    [argv, isCut] = [[], false];
  };
  const bare = program.trim();
  // Any other white space at its ends is part of a word to a shell.
  if (/[^ \t\n]/.test(program.replace(bare, ""))) isWhole = false;
  const text = `${bare}\n`;
  TOKEN.lastIndex = 0;
  for (let at = 0; at < text.length && argvs.length <= ARGV_MAX; at = TOKEN.lastIndex) {
    const [token, space, end, redirection, plain, single, double, quoted, lost, opening] = TOKEN.exec(text) ?? [];
    if (token === undefined) break;
    if (space !== undefined || end !== undefined || redirection !== undefined) {
      endWord();
      if (end !== undefined) endCommand();
      // What goes on behind it is no command of its own.
      isCut ||= end === ")";
      if (redirection !== undefined || end === "&" || end === ")") isWhole = false;
      continue;
    }
    const known = plain ?? single ?? double;
    if (known !== undefined) {
      isSetting ||= argv.length === 0 && word === null && plain?.includes("=") === true;
      word = (word ?? "") + known;
      continue;
    }
    isWhole = false;
    // A quote in a comment begins nothing.
    if (token.startsWith("#") && token !== "#") continue;
    // A group of commands or what is to fail begins so; anywhere else a shell makes something else of them.
    if ((token === "{" || token === "!") && word === null && argv.length === 0) continue;
    isCut ||= !isSetting;
    if (quoted !== undefined) continue;
    if (lost !== undefined || opening !== undefined) endCommand();
    if (lost !== undefined) return { argvs, isWhole };
    if (opening !== undefined) [word, isSetting] = [null, false];
  }
  return { argvs: argvs.slice(0, ARGV_MAX), isWhole: isWhole && argvs.length > 0 && argvs.length <= ARGV_MAX };
}
