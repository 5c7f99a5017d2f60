import type { Programs } from "./programs.ts";
import { runSandbox, scriptBind } from "./sandbox.ts";

/** A page of HTML and where it came from. */
export interface Page {
  readonly address: string;
  readonly html: string;
}

const MARKDOWN_MS_MAX = 20_000;
const MARKDOWN_BYTES_MAX = 2 << 20;

/** Writes a page as Markdown, without running or loading anything of it; throws when that takes too long. */
export async function writeMarkdown({ address, html }: Page, programs: Programs): Promise<string> {
  const script = scriptBind("markdown.pl");
  const result = await runSandbox({
    programs,
    binds: [script],
    command: [programs.perl, script.target, address],
    input: Buffer.from(html.replaceAll("\0", "")),
    timeoutMs: MARKDOWN_MS_MAX,
    stdoutBytesMax: MARKDOWN_BYTES_MAX,
    capability: null,
  });
  if (result.status !== 0) throw new Error(`the page cannot be read: ${result.stderr.trim()}`);
  return result.stdout.toString("utf8");
}
