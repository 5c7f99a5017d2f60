import { mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { makePlace, newestEvents, ordinary, type Place, run } from "./program.ts";

/** What the monitor knows. */
export const ATTACK = run("cat ~/.ssh/id_rsa");

/** Writes the configuration of the person. */
export function configure(place: Place, monitor: string, net = ""): void {
  const folder = join(place.home, ".config/ringfence");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "config.yaml"), `${net}monitor: ${monitor}\n`);
}

/** The events of one type of the newest session. */
export const ofType = (place: Place, type: string) => newestEvents(place).filter((event) => event.type === type);

/** A place and a server outside that keeps what it was asked. */
export async function makeServed(t: TestContext) {
  const asked: string[] = [];
  const server = createServer((request, answer) => {
    asked.push(request.url ?? "");
    answer.writeHead(200, { "Content-Type": "text/plain" }).end("words\n");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const place = makePlace(t, "echo one >a.txt", { user: ordinary() });
  return { place, asked, address };
}
