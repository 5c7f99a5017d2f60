import { mkdirSync, writeFileSync } from "node:fs";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { call, makePlace, ordinary, type Place, readPlayed, ringfence, runArguments, script } from "./program.ts";

/** What the server answers, by path. */
export type Answers = Readonly<Record<string, (answer: ServerResponse) => void>>;

/** A server on the machine's loopback that keeps what it was asked, and a place whose rules list it. */
export async function listed(t: TestContext, answers: Answers) {
  const asked: string[] = [];
  const headers: string[] = [];
  const server = createServer((request, answer) => {
    asked.push(`${request.method} ${request.url}`);
    headers.push(...Object.keys(request.headers));
    const respond = answers[request.url ?? ""];
    if (respond) respond(answer);
    else answer.writeHead(404, { "Content-Type": "text/plain" }).end("no such page\n");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const place = makePlace(t, "", { user: ordinary() });
  const folder = join(place.home, ".config/ringfence");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "config.yaml"), `net:\n  allow:\n    - ${address}\n`);
  return { asked, headers, address, place };
}

/** An answer with a body. */
export function page(type: string, body: string | Buffer, more: Readonly<Record<string, string>> = {}) {
  return (answer: ServerResponse) => void answer.writeHead(200, { "Content-Type": type, ...more }).end(body);
}

/** An answer that leads elsewhere. */
export function redirect(location: string) {
  return (answer: ServerResponse) => void answer.writeHead(302, { Location: location }).end();
}

/** Plays calls of the tool after a prompt, and gives what the model was told. */
export async function fetched(place: Place, prompt: string, urls: readonly string[]) {
  const model = script(place, [...urls.map((url) => call("fetch", { url })), { text: "ok" }]);
  const args = runArguments(model).map((word) => (word === "a task" ? prompt : word));
  return readPlayed(await ringfence(place, args));
}
