import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { test } from "node:test";
import { listeningAt } from "./listening.ts";

test("what listens on the machine's loopback, or everywhere, is found while it does", async () => {
  for (const [host, written] of [
    ["127.0.0.1", "127.0.0.1"],
    ["0.0.0.0", "127.0.0.1"],
    ["127.0.0.5", "127.0.0.1"],
    ["::", "127.0.0.1"],
    ["::1", "[::1]"],
  ] as const) {
    const server = createServer().listen(0, host);
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    assert.equal(listeningAt(port), `${written}:${port}`, host);
    await new Promise((resolve) => server.close(resolve));
    assert.equal(listeningAt(port), null, host);
  }
});
