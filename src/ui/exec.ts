import { execInBox } from "../agent/exec.ts";
import { prepareWorkplace, type Start } from "../agent/workplace.ts";
import type { Terminal } from "./terminal.ts";

/** `ringfence exec -- CMD`: streams pass through as they are, since the person typed the command; so does the exit status. */
export async function execCommand(words: readonly string[], start: Start, terminal: Terminal): Promise<number> {
  const { stdin, stdout, stderr } = terminal;
  const workplace = await prepareWorkplace(start);
  const isInteractive = Boolean(stdin.isTTY && stdout.isTTY);
  const controller = new AbortController();
  const numbers = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
  let status = 0;
  for (const [name, code] of Object.entries(numbers)) {
    process.on(name, () => {
      status = code;
      controller.abort();
    });
  }
  if (isInteractive) stdin.setRawMode(true);
  try {
    const done = await execInBox(workplace, words.map(quoteWord).join(" "), {
      stdin,
      terminal: isInteractive ? { rows: stdout.rows, columns: stdout.columns } : null,
      signal: controller.signal,
      onOutput: (stream, bytes) => (stream === "stdout" ? stdout : stderr).write(bytes),
    });
    if (done.message !== "") stderr.write(`ringfence: ${done.message}\n`);
    return status || done.status;
  } finally {
    if (isInteractive) stdin.setRawMode(false);
    stdin.destroy();
  }
}

function quoteWord(word: string): string {
  return /^[\w./:=@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
