import assert from "node:assert/strict";
import net, { type Socket } from "node:net";
import { after, type TestContext, test } from "node:test";
import { openOrigin } from "./origin.fixture.ts";
import { openProxy, type PlaceOptions, raw, rule, startServer, until } from "./proxy.fixture.ts";

const API = "api.example.com";
const NAMES = { [API]: ["127.0.0.1"] };
const WAIT_MS = 150;

/** Connections of this process, of whichever side. */
function connections(): number {
  return process.getActiveResourcesInfo().filter((kind) => kind === "TCPSocketWrap").length;
}

after(() => until(() => connections() === 0));

/** Opens a connection and keeps what it says. */
function dial(t: TestContext, port: number): { readonly socket: Socket; readonly said: () => string } {
  const socket = net.connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  let text = "";
  socket.setEncoding("latin1").on("data", (piece: string) => {
    text += piece;
  });
  socket.on("error", () => {});
  t.after(() => socket.destroy());
  return { socket, said: () => text };
}

function open(t: TestContext, port: number, options: PlaceOptions & { tls?: "tunnel" | "terminate" } = {}) {
  const { tls = "terminate" } = options;
  return openProxy(t, { rules: { allow: [rule(API, port, { tls })] }, names: NAMES, waitMs: WAIT_MS, ...options });
}

const head = (port: number, more = "") => `POST http://${API}:${port}/ HTTP/1.1\r\nHost: ${API}:${port}\r\n${more}\r\n`;
const connect = (port: number) => `CONNECT ${API}:${port} HTTP/1.1\r\nHost: ${API}:${port}\r\n\r\n`;
const greeting = (port: number) =>
  Buffer.from([5, 1, 0, 5, 1, 0, 3, API.length, ...Buffer.from(API), port >> 8, port & 255]);

for (const [what, bytes] of Object.entries({
  "says nothing": "",
  "begins a head": "GET http://api.example.com/ HTT",
  "begins a header": "GET http://api.example.com/ HTTP/1.1\r\nHost: a",
})) {
  test(`a client that ${what} and waits is let go of`, async (t) => {
    const place = await open(t, 1);
    const { socket } = dial(t, place.port);
    socket.write(bytes);
    socket.on("end", () => socket.end());
    await until(() => socket.destroyed);
    assert.deepEqual([place.judged.length, place.malformed.length], [0, 1]);
  });
}

test("a client that sends its head byte by byte is let go of", async (t) => {
  const place = await open(t, 1);
  const { socket } = dial(t, place.port);
  const timer = setInterval(() => socket.write("a"), 10);
  t.after(() => clearInterval(timer));
  socket.on("end", () => socket.end());
  await until(() => socket.destroyed);
  assert.deepEqual([place.judged.length, place.malformed.length], [0, 1]);
});

for (const bytes of [[], [5], [5, 1], [5, 1, 0], [5, 1, 0, 5, 1, 0, 3, 200, 97]]) {
  test(`a SOCKS client that stops behind ${bytes.length} bytes is let go of`, async (t) => {
    const place = await open(t, 1);
    const { socket } = dial(t, place.socksPort);
    const timer = setInterval(() => bytes.length > 8 && socket.write("a"), 30);
    t.after(() => clearInterval(timer));
    socket.write(Buffer.from(bytes));
    await until(() => socket.destroyed || socket.readableEnded);
    await until(() => place.malformed.length === 1);
  });
}

test("a body that comes slowly goes on slowly, and takes as long as it takes", async (t) => {
  const origin = await openOrigin(t);
  const place = await open(t, origin.port);
  const { socket, said } = dial(t, place.port);
  socket.write(head(origin.port, "Content-Length: 10\r\n"));
  for (let sent = 0; sent < 10; sent++) {
    await new Promise((resolve) => setTimeout(resolve, WAIT_MS / 4));
    socket.write("x");
  }
  await until(() => said().endsWith("ok"));
  assert.equal(origin.seen[0]?.body, "x".repeat(10));
});

for (const [what, bytes] of Object.entries({
  "in its body": (port: number) => `${head(port, "Content-Length: 10\r\n")}12345`,
  "in its chunks": (port: number) => `${head(port, "Transfer-Encoding: chunked\r\n")}5\r\n123`,
})) {
  for (const how of ["end", "destroy", "resetAndDestroy"] as const) {
    test(`a client that goes away ${what} (${how}): the server sees no whole request, and it is over`, async (t) => {
      const origin = await openOrigin(t);
      const place = await open(t, origin.port);
      const { socket } = dial(t, place.port);
      socket.write(bytes(origin.port));
      await until(() => origin.made() === 1);
      socket[how]();
      await until(() => place.outcomes.length === 1);
      assert.notEqual(place.outcomes[0]?.error, null);
      assert.deepEqual([origin.seen, origin.broken], [[], []]);
    });
  }
}

for (const how of ["destroy", "resetAndDestroy"] as const) {
  test(`a client that goes away before the answer (${how}) ends the request to the server`, async (t) => {
    const origin = await openOrigin(t, { answer: () => null });
    const place = await open(t, origin.port);
    const { socket } = dial(t, place.port);
    socket.write(head(origin.port));
    await until(() => origin.seen.length === 1);
    socket[how]();
    await until(() => place.outcomes.length === 1);
    assert.equal(place.outcomes[0]?.error, "the client ended it");
  });

  test(`a client that goes away within a large answer (${how}) ends it`, async (t) => {
    const origin = await openOrigin(t, {
      answer: (_seen, socket) => {
        const piece = Buffer.alloc(1 << 16, "x");
        socket.write("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n");
        const more = () => !socket.destroyed && socket.write(piece, () => setImmediate(more));
        more();
        return null;
      },
    });
    const place = await open(t, origin.port);
    const { socket, said } = dial(t, place.port);
    socket.write(head(origin.port));
    await until(() => said().length > 1 << 20);
    socket[how]();
    await until(() => place.outcomes.length === 1);
    assert.equal(place.outcomes[0]?.error, "the client ended it");
    assert.ok((place.outcomes[0]?.receivedBytes ?? 0) < 1e9);
  });

  test(`a client that goes away while a name is asked for (${how}): nothing is dialled`, async (t) => {
    const origin = await openOrigin(t);
    for (const tls of ["terminate", "tunnel"] as const) {
      const { promise: answered, resolve: answer } = Promise.withResolvers<readonly string[]>();
      const place = await open(t, origin.port, { tls, ask: () => answered });
      const { socket } = dial(t, place.port);
      socket.write(tls === "tunnel" ? connect(origin.port) : head(origin.port));
      await until(() => place.judged.length === 1);
      socket[how]();
      await new Promise((resolve) => setTimeout(resolve, 30));
      answer(["127.0.0.1"]);
      await until(() => place.outcomes.length === 1);
      // What ends its half of a tunnel may still wait for the other.
      const isHalf = tls === "tunnel" && how === "destroy";
      assert.equal(place.outcomes[0]?.error, isHalf ? null : "the client ended it");
      assert.equal(origin.made(), isHalf ? 1 : 0);
    }
  });
}

test("many requests behind one another, and the client is gone: each has its outcome", async (t) => {
  const origin = await openOrigin(t, { answer: () => null });
  const place = await open(t, origin.port);
  const { socket } = dial(t, place.port);
  socket.write(head(origin.port, "Content-Length: 0\r\n").repeat(50));
  await until(() => origin.seen.length === 50);
  socket.destroy();
  await until(() => place.outcomes.length === 50);
});

test("many answers that come while the first does not, and the client is gone: each has its outcome", async (t) => {
  let count = 0;
  const origin = await openOrigin(t, {
    answer: () => (count++ === 0 ? null : "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
  });
  const place = await open(t, origin.port);
  const { socket } = dial(t, place.port);
  socket.write(head(origin.port, "Content-Length: 0\r\n").repeat(20));
  await until(() => origin.seen.length === 20);
  socket.destroy();
  await until(() => place.outcomes.length === 20);
});

test("a server that answers before it has read the body", async (t) => {
  const early = await startServer(
    t,
    net.createServer((socket) => {
      socket.on("error", () => {});
      socket.once("data", () =>
        socket.end("HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno"),
      );
    }),
  );
  const place = await open(t, early);
  const { socket, said } = dial(t, place.port);
  socket.write(head(early, "Content-Length: 1000000000\r\n"));
  const timer = setInterval(() => socket.write(Buffer.alloc(1 << 14)), 1);
  t.after(() => clearInterval(timer));
  await until(() => place.outcomes.length === 1);
  await until(() => said() !== "" || socket.destroyed);
  if (said() !== "") assert.match(said(), /^HTTP\/1\.1 (?:413|502) /);
});

test("a server that nobody can dial is told of, for each way in", async (t) => {
  const gone = await new Promise<number>((resolve) => {
    const server = net.createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as net.AddressInfo;
      server.close(() => resolve(port));
    });
  });
  const plain = await open(t, gone);
  assert.match(await raw(plain.port, head(gone)), /^HTTP\/1\.1 502 .*ECONNREFUSED/s);
  const tunnel = await open(t, gone, { tls: "tunnel" });
  assert.match(await raw(tunnel.port, connect(gone)), /^HTTP\/1\.1 502 .*ECONNREFUSED/s);
  assert.equal((await raw(tunnel.socksPort, greeting(gone))).slice(2, 4), "\x05\x01");
  assert.equal(plain.outcomes.length + tunnel.outcomes.length, 3);
});

for (const [way, request, granted] of [
  ["CONNECT", connect, /^HTTP\/1\.1 200 [^\r]*\r\n\r\n/],
  ["SOCKS", greeting, /^\x05\x00\x05\x00\x00\x01\x00{6}/],
] as const) {
  const tunnelTo = async (t: TestContext, server: net.Server) => {
    const port = await startServer(t, server);
    const place = await open(t, port, { tls: "tunnel" });
    const client = dial(t, way === "SOCKS" ? place.socksPort : place.port);
    client.socket.write(request(port));
    return { place, ...client };
  };

  test(`through ${way}, a server that breaks off is an end, and no word of ours stands in the bytes`, async (t) => {
    const server = net.createServer((socket) => {
      socket.write("hello", () => setTimeout(() => socket.resetAndDestroy(), 20));
    });
    const { place, socket, said } = await tunnelTo(t, server);
    socket.on("end", () => socket.end());
    await until(() => socket.destroyed);
    assert.equal(said().replace(granted, ""), "hello");
    await until(() => place.outcomes.length === 1);
  });

  test(`through ${way}, what the client said at once arrives, and a half that is closed leaves the other open`, async (t) => {
    const server = net.createServer({ allowHalfOpen: true }, (socket) => {
      let text = "";
      socket.on("data", (piece) => {
        text += piece;
      });
      socket.on("end", () => setTimeout(() => socket.end(`you said ${text}`), 50));
    });
    const { place, socket, said } = await tunnelTo(t, server);
    socket.end("all");
    await until(() => place.outcomes.length === 1 && socket.destroyed);
    assert.equal(said().replace(granted, ""), "you said all");
    assert.deepEqual([place.outcomes[0]?.sentBytes, place.outcomes[0]?.receivedBytes], [3, 12]);
  });

  for (const how of ["destroy", "resetAndDestroy"] as const) {
    test(`through ${way}, a client that goes away (${how}) ends the tunnel`, async (t) => {
      const { promise: ended, resolve: end } = Promise.withResolvers<void>();
      const server = net.createServer((socket) => {
        socket.on("error", () => {}).on("close", end);
        socket.write("hello");
      });
      const { place, socket, said } = await tunnelTo(t, server);
      await until(() => said().includes("hello"));
      socket[how]();
      await ended;
      await until(() => place.outcomes.length === 1);
    });
  }

  test(`through ${way}, what a slow reader does not take is not kept`, async (t) => {
    let sent = 0;
    const server = net.createServer((socket) => {
      const piece = Buffer.alloc(1 << 16);
      socket.on("error", () => {});
      const more = () => {
        sent += piece.length;
        if (!socket.destroyed && sent < 1 << 28) socket.write(piece, more);
      };
      more();
    });
    const { place, socket } = await tunnelTo(t, server);
    socket.pause();
    let before = -1;
    while (before !== sent) {
      before = sent;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    assert.ok(sent < 1 << 26, `${sent} bytes went on`);
    socket.destroy();
    await until(() => place.outcomes.length === 1);
  });
}

test("the end of the session ends every connection, whatever it waits for", async (t) => {
  const silent = await startServer(
    t,
    net.createServer((socket) => socket.on("error", () => {}).resume()),
  );
  const { promise: never } = Promise.withResolvers<readonly string[]>();
  const place = await openProxy(t, {
    rules: {
      allow: [
        rule(API, silent),
        rule("tunnel.example.com", silent, { tls: "tunnel" }),
        rule("slow.example.com", silent),
      ],
    },
    ask: (name) => (name === "slow.example.com" ? never : Promise.resolve(["127.0.0.1"])),
  });
  const before = connections();
  const clients = [
    "",
    "GET http",
    head(silent),
    head(silent, "Content-Length: 5\r\n"),
    head(silent).replaceAll(API, "slow.example.com"),
    connect(silent).replaceAll(API, "tunnel.example.com"),
    connect(silent),
    `${connect(silent)}\x16\x03\x01`,
  ].map((bytes) => {
    const client = dial(t, place.port);
    client.socket.write(Buffer.from(bytes, "latin1"));
    client.socket.on("end", () => client.socket.end());
    return client.socket;
  });
  for (const bytes of ["", "\x05\x01\x00", greeting(silent).toString("latin1")]) {
    const client = dial(t, place.socksPort);
    client.socket.write(Buffer.from(bytes, "latin1"));
    client.socket.on("end", () => client.socket.end());
    clients.push(client.socket);
  }
  await until(() => place.judged.length === 4);
  place.proxy.close();
  await until(() => clients.every((socket) => socket.destroyed) && connections() <= before);
  assert.ok(place.outcomes.every(({ error }) => error !== null));
});
