import { UsageError } from "../agent/config.ts";
import type { Session } from "../agent/session.ts";
import type { Label } from "../core/label.ts";
import { explain } from "../core/session-label.ts";
import { row, type Terminal, writeSafe } from "./terminal.ts";

/** `/preview [PORT [off]]`: shows a port of the box to the person's browser, ends that, or lists what is shown. */
export async function previewTyped(
  [port, off, ...more]: readonly string[],
  session: Session,
  { stdout }: Terminal,
): Promise<AskedPreview | null> {
  const previews = await session.previews();
  const say = (text: string) => writeSafe(stdout, `${text}\n`);
  if (port === undefined) {
    for (const shown of previews.list()) say(describePreview(shown.port, shown.address));
    say("/preview PORT shows a port of the box to your browser, /preview PORT off ends that");
    return null;
  }
  if (more.length > 0 || (off !== undefined && off !== "off"))
    throw new UsageError("/preview takes a port, and off after it to end; nothing was done");
  const number = readPort(port, "/preview");
  if (off === undefined) return showPort(session, { port: number, label: null }, stdout);
  say(previews.close(number) ? `port ${number} is not shown any more` : `port ${number} is not shown`);
  return null;
}

/** A port that the person is asked about, and the label that their yes is good for; null before they were told. */
export interface AskedPreview {
  readonly port: number;
  readonly label: Label | null;
}

/** Shows a port to the person's browser, or tells first what that may give away; what is returned asks for their yes. */
export async function showPort(
  session: Session,
  { port, label }: AskedPreview,
  stdout: NodeJS.WriteStream,
): Promise<AskedPreview | null> {
  const opened = await (await session.previews()).open(port, label);
  if (opened.ok) {
    writeSafe(stdout, `${describePreview(port, opened.address)}\n`);
    return null;
  }
  const seen = explain(session.label.current);
  writeSafe(
    stdout,
    `${opened.reason}: what listens at port ${port} may have been written by whoever wrote what the session read, and an ordinary browser lets its page look up names and connect ahead of need (SECURITY.md).\n${seen === "" ? "" : `${row(seen)}`}show it? "y" does\n`,
  );
  return { port, label: opened.label };
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
