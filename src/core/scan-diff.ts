/** What a diff adds to one file: its new lines, and the number of each in the file. */
export interface AddedText {
  readonly name: string;
  readonly text: string;
  readonly lines: readonly number[];
}

/** Takes the added lines out of a unified diff, file by file; what is none is passed over. */
export function addedIn(diff: string): AddedText[] {
  const files: { name: string; lines: number[]; text: string[] }[] = [];
  let [left, right, number] = [0, 0, 0];
  for (const line of diff.split("\n")) {
    // Counted, because an added line may look like the head of another file. A count is a stranger's word: what can be no
    // line of a hunk ends it, or text before a diff could hide all of it.
    if (line !== "" && !/^[-+ \\]/.test(line)) [left, right] = [0, 0];
    if (left > 0 || right > 0) {
      const sign = line[0];
      if (sign === "+") {
        files.at(-1)?.lines.push(number);
        files.at(-1)?.text.push(line.slice(1));
      }
      if (sign === "+" || sign === " " || line === "") {
        right -= 1;
        number += 1;
      }
      if (sign === "-" || sign === " " || line === "") left -= 1;
      continue;
    }
    const name = /^\+\+\+ (?:b\/)?([^\t\r]{1,4096})/.exec(line)?.[1];
    if (name !== undefined) files.push({ name, lines: [], text: [] });
    const hunk = /^@@ -\d{1,9}(?:,(\d{1,9}))? \+(\d{1,9})(?:,(\d{1,9}))? @@/.exec(line);
    if (!hunk) continue;
    left = Number(hunk[1] ?? 1);
    number = Number(hunk[2]);
    right = Number(hunk[3] ?? 1);
    if (files.length === 0) files.push({ name: "(diff)", lines: [], text: [] });
  }
  return files
    .filter(({ lines }) => lines.length > 0)
    .map(({ name, lines, text }) => ({ name, lines, text: text.join("\n") }));
}
