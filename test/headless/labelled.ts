import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { rebuiltFrom } from "../../src/core/session-label.ts";
import { call, makePlace, newestEvents, ordinary, type Place, play, ringfence, sh, type Turn } from "./program.ts";

const MAKE = "mkdir -p src; echo 1 >src/a.js; echo 2 >src/b.js; echo /out >.gitignore; ln -s a.js src/link.js";
export const READ = call("read", { path: "src/a.js" });

/** A repository, and a server on the machine's loopback that a rule of the person's lets be asked. */
export async function makeRepository(t: TestContext) {
  const asked: string[] = [];
  const server = createServer((request, answer) => {
    asked.push(request.url ?? "");
    answer.writeHead(200, { "Content-Type": "text/plain" }).end("a stranger's words\n");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const place = makePlace(t, MAKE, { user: ordinary() });
  const folder = join(place.home, ".config/ringfence");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "config.yaml"), `net:\n  allow:\n    - ${address}\n`);
  const get = (path: string) => call("fetch", { url: `${address}${path}` });
  return { place, asked, address, get };
}

export async function trust(place: Place, ...acts: string[][]): Promise<void> {
  for (const act of acts) {
    const { status, stderr } = await ringfence(place, ["trust", ...act]);
    assert.equal(status, 0, stderr);
  }
}

/** The last event of each rise, and the label at the end, by the record alone. */
export async function played(place: Place, turns: readonly Turn[]) {
  const { results } = await play(place, [...turns, { text: "ok" }]);
  const events = newestEvents(place);
  const { integrity, secrecy } = rebuiltFrom(events);
  const rises = events.filter(({ type }) => type === "source").map(({ what }) => String(what));
  return { results, rises, label: `${integrity} ${secrecy}` };
}

export const head = (place: Place) => sh(place, "git rev-parse HEAD").trim();
