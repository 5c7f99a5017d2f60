/** Two things that stand one behind the other; `end` is what ends the place where they belong together. */
export interface Row {
  readonly first: RegExp;
  readonly second: RegExp;
  readonly end: RegExp;
}

/** What is looked for in this order; each expression is given with the flag g. */
export function row(first: RegExp, second: RegExp, end = /[;&\n]/g): Row {
  return { first, second, end };
}

/**
 * Says whether a text has such a row. As one expression it would be tried from every first thing to every second one, and a
 * text of nothing but first things would hold the program for seconds: each of the two is looked for once here.
 */
export function hasRow(text: string, { first, second, end }: Row): boolean {
  let next = -1;
  for (let at = 0; ; ) {
    const from = endOf(first, text, at);
    if (from === null) return false;
    if (next < from) {
      const found = startOf(second, text, from);
      if (found === null) return false;
      next = found;
    }
    const stop = startOf(end, text, from) ?? text.length;
    if (next <= stop) return true;
    at = stop;
  }
}

function startOf(expression: RegExp, text: string, from: number): number | null {
  expression.lastIndex = from;
  return expression.exec(text)?.index ?? null;
}

function endOf(expression: RegExp, text: string, from: number): number | null {
  return startOf(expression, text, from) === null ? null : expression.lastIndex;
}
