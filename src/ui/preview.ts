import { UsageError } from "../agent/config.ts";
import type { Session } from "../agent/session.ts";
import { type Terminal, writeSafe } from "./terminal.ts";

/** `/preview [PORT [off]]`: shows a port of the box to the person's browser, ends that, or lists what is shown. */
export async function previewTyped(
  [port, off, ...more]: readonly string[],
  session: Session,
  { stdout }: Terminal,
): Promise<void> {
  const previews = await session.previews();
  const say = (text: string) => writeSafe(stdout, `${text}\n`);
  if (port === undefined) {
    for (const shown of previews.list()) say(describePreview(shown.port, shown.address));
    return say("/preview PORT shows a port of the box to your browser, /preview PORT off ends that");
  }
  if (more.length > 0 || (off !== undefined && off !== "off"))
    throw new UsageError("/preview takes a port, and off after it to end; nothing was done");
  const number = readPort(port, "/preview");
  if (off === undefined) say(describePreview(number, await previews.open(number)));
  else say(previews.close(number) ? `port ${number} is not shown any more` : `port ${number} is not shown`);
}

/** Says where a port is shown, and that not everything its page does is held in. */
export function describePreview(port: number, address: string): string {
  return `port ${port} of the box: ${address} (SECURITY.md: what an ordinary browser still lets its page give away)`;
}

/** Reads a port as a person types it. */
export function readPort(text: string, where: string): number {
  const port = /^[1-9]\d{0,4}$/.test(text) ? Number(text) : 0;
  if (port < 1 || port > 65_535) throw new UsageError(`${where} takes a port from 1 to 65535, not "${text}"`);
  return port;
}
