import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import http, { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import net from "node:net";
import { test } from "node:test";
import { type Shown, showPort, showServer } from "./preview.fixture.ts";
import { echoServer, raw, startServer } from "./proxy.fixture.ts";

const SAME = { "Sec-Fetch-Site": "same-origin" };

test("what the page asks goes to the box's server as if of localhost, and comes back whole", async (t) => {
  const shown = await showServer(t, echoServer());
  const body = "x".repeat(3 << 20);
  const headers = { ...SAME, Origin: `http://${shown.app}`, Cookie: "a=1", "X-Mine": "1" };
  const answer = await ask(shown, shown.app, { method: "POST", path: "/a?b=1", headers, body });
  assert.equal(answer.status, 200);
  const seen = JSON.parse(answer.text) as { method: string; url: string; headers: string[]; bytes: number };
  assert.deepEqual([seen.method, seen.url, seen.bytes], ["POST", "/a?b=1", body.length]);
  const value = (name: string) => seen.headers[seen.headers.indexOf(name) + 1];
  const own = `localhost:${shown.boxPort}`;
  assert.deepEqual([value("Host"), value("Origin"), value("Cookie")], [own, `http://${own}`, "a=1"]);
});

test("an answer streams, and one connection serves the next request too", async (t) => {
  let connections = 0;
  let later: ServerResponse | null = null;
  const server = createServer((_request, answer) => {
    answer.write("first ");
    later = answer;
  });
  server.on("connection", () => {
    connections += 1;
  });
  const shown = await showServer(t, server);
  for (const _time of [1, 2]) {
    const reply = await begin(shown, shown.app, { headers: SAME });
    reply.setEncoding("utf8");
    const [piece] = (await once(reply, "data")) as [string];
    assert.equal(piece, "first ");
    (later as ServerResponse | null)?.end("second");
    assert.equal(await textOf(reply), "second");
  }
  assert.equal(connections, 1);
});

test("the address is our own page, with nothing but the app's frame in it", async (t) => {
  const shown = await showServer(t, echoServer());
  assert.equal(shown.preview.address, `http://${shown.wrapper}/`);
  assert.match(shown.wrapper, /^preview-[0-9a-f]{20}\.localhost:\d+$/);
  const { status, headers, text } = await ask(shown, shown.wrapper, { path: '/a?"><script>&' });
  assert.equal(status, 200);
  assert.match(
    text,
    new RegExp(
      `<iframe src="http://${shown.app}/a\\?&quot;>&lt;script>&amp;" sandbox="allow-scripts allow-same-origin allow-forms allow-modals allow-pointer-lock" referrerpolicy="no-referrer"></iframe>\n$`,
    ),
  );
  const [, style = ""] = /<style>(.*)<\/style>/.exec(text) ?? [];
  assert.deepEqual(String(headers["content-security-policy"]).split("; "), [
    "default-src 'none'",
    `frame-src http://${shown.app}`,
    `style-src 'sha256-${createHash("sha256").update(style).digest("base64")}'`,
    "form-action 'none'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ]);
  assert.equal(headers["connection-allowlist"], `(response-origin "http://${shown.app}");redirects=allow;webrtc=block`);
  assert.equal(headers["cross-origin-opener-policy"], "same-origin");
  assert.equal((await ask(shown, shown.wrapper, { method: "POST" })).status, 405);
});

test("every answer of the app has our policy, and none of the headers that reach further", async (t) => {
  const dropped = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Credentials": "true",
    "Alt-Svc": 'h3="evil.example.com:443"',
    "Clear-Site-Data": '"*"',
    "Content-Security-Policy": "default-src *; report-uri http://evil.example.com/",
    "Content-Security-Policy-Report-Only": "default-src 'none'; report-uri http://evil.example.com/",
    Link: "<http://evil.example.com/>; rel=preconnect",
    NEL: '{"report_to":"x","max_age":1}',
    "Origin-Trial": "x",
    Refresh: "0; url=http://evil.example.com/",
    "Report-To": "{}",
    "Reporting-Endpoints": 'x="http://evil.example.com/"',
    "Service-Worker-Allowed": "/",
    SourceMap: "http://evil.example.com/",
    "Speculation-Rules": '"/rules.json"',
    "X-Frame-Options": "DENY",
  };
  const overruled = {
    "Cache-Control": "max-age=9999",
    "Permissions-Policy": "camera=*",
    "Referrer-Policy": "unsafe-url",
    "X-DNS-Prefetch-Control": "on",
  };
  const kept = { "content-type": "text/html", etag: '"1"', "set-cookie": ["a=1", "b=2"], "x-mine": "1" };
  const shown = await showServer(
    t,
    createServer((_request, answer) => answer.writeHead(200, { ...dropped, ...overruled, ...kept }).end("<p>")),
  );
  const { headers } = await ask(shown, shown.app, { headers: SAME });
  for (const name of Object.keys(dropped))
    if (name !== "Content-Security-Policy") assert.equal(headers[name.toLowerCase()], undefined, name);
  for (const [name, value] of Object.entries(kept)) assert.deepEqual(headers[name], value);
  assert.deepEqual(String(headers["content-security-policy"]).split("; "), [
    "default-src 'self' data: blob: 'unsafe-inline' 'unsafe-eval'",
    `connect-src 'self' ws://${shown.app} data: blob:`,
    "worker-src 'self' blob:",
    "form-action 'self'",
    "base-uri 'self'",
    `frame-ancestors http://${shown.wrapper} http://${shown.app}`,
    "sandbox allow-scripts allow-same-origin allow-forms allow-modals allow-pointer-lock",
  ]);
  assert.equal(headers["connection-allowlist"], "(response-origin);redirects=allow;webrtc=block");
  assert.equal(headers["cache-control"], "no-store");
  assert.equal(headers["referrer-policy"], "no-referrer");
  assert.equal(headers["x-dns-prefetch-control"], "off");
  assert.match(String(headers["permissions-policy"]), /(?:^|, )camera=\(\)(?:,|$)/);
});

test("a redirect leads to the app itself, or is an answer that says no", async (t) => {
  const shown = await showServer(
    t,
    createServer((request, answer) => {
      const to = decodeURIComponent((request.url ?? "").slice("/?".length));
      answer.writeHead(302, { Location: to }).end();
    }),
  );
  const lead = async (to: string) => {
    const { status, headers } = await ask(shown, shown.app, { path: `/?${encodeURIComponent(to)}`, headers: SAME });
    return status === 302 ? headers.location : status;
  };
  const app = `http://${shown.app}`;
  assert.equal(await lead("/in?a#b"), `${app}/in?a#b`);
  assert.equal(await lead(`http://localhost:${shown.boxPort}//x.example.com/`), `${app}//x.example.com/`);
  assert.equal(await lead(`http://127.0.0.1:${shown.boxPort}/in`), `${app}/in`);
  for (const to of [
    "http://evil.example.com/",
    "//evil.example.com/",
    "/\\evil.example.com",
    "\\\\evil.example.com/",
    "javascript:alert(1)",
    `https://localhost:${shown.boxPort}/`,
    `http://${shown.wrapper}/`,
  ])
    assert.equal(await lead(to), 502, to);
});

for (const [what, host] of Object.entries({
  "the loopback address": "127.0.0.1:PORT",
  localhost: "localhost:PORT",
  "a name that was made to lead here": "rebound.example.com:PORT",
  "a name below the app's": "x.app.NAME",
  "the name without its port": "BARE",
  "the name with a dot at its end": "BARE.:PORT",
  "no host": null,
})) {
  test(`a request for ${what} is refused`, async (t) => {
    const shown = await showServer(t, echoServer());
    const name = host
      ?.replace("PORT", String(shown.port))
      .replace("NAME", shown.wrapper)
      .replace("BARE", shown.app.replace(/:.*/, ""));
    const header = name === undefined ? "" : `Host: ${name}\r\n`;
    assert.match(
      await raw(shown.port, `GET / HTTP/1.1\r\n${header}Sec-Fetch-Site: none\r\nConnection: close\r\n\r\n`),
      /^HTTP\/1\.1 421 [\s\S]*ringfence: no preview has that name\n$/,
    );
  });
}

test("a request that can be read in two ways is refused", async (t) => {
  const shown = await showServer(t, echoServer());
  const head = `POST / HTTP/1.1\r\nHost: ${shown.app}\r\nSec-Fetch-Site: same-origin\r\n`;
  for (const rest of [
    "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    `Host: ${shown.wrapper}\r\n\r\n`,
    "X: a\r\n b\r\n\r\n",
  ])
    assert.match(await raw(shown.port, head + rest), /^HTTP\/1\.1 4(?:00|21) /, rest);
});

test("a tab of its own is led to our page; other sites, and who does not say where it comes from, get nothing", async (t) => {
  let requests = 0;
  const shown = await showServer(
    t,
    createServer((_request, answer) => {
      requests += 1;
      answer.end("secret");
    }),
  );
  const app = `http://${shown.app}`;
  const tab = { "Sec-Fetch-Site": "none", "Sec-Fetch-Dest": "document" };
  const led = await ask(shown, shown.app, { path: "/deep?x", headers: tab });
  assert.deepEqual([led.status, led.headers.location], [302, `http://${shown.wrapper}/deep?x`]);
  const refused: readonly [string, Record<string, string>][] = [
    ["GET", {}],
    ["GET", { "Sec-Fetch-Site": "cross-site" }],
    ["GET", { "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "document" }],
    ["GET", { "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "iframe" }],
    ["GET", { "Sec-Fetch-Site": "same-site" }],
    ["POST", { "Sec-Fetch-Site": "same-site", "Sec-Fetch-Dest": "iframe" }],
    ["POST", { ...SAME, "Sec-Fetch-Dest": "document" }],
    ["POST", { ...SAME, Origin: "http://evil.example.com" }],
    ["POST", { "Sec-Fetch-Site": "none", Origin: "null" }],
    ["OPTIONS", { "Sec-Fetch-Site": "cross-site", Origin: app, "Access-Control-Request-Method": "PUT" }],
    ["GET", { ...SAME, "Sec-Fetch-Dest": "serviceworker" }],
    ["GET", { ...SAME, "Service-Worker": "script" }],
  ];
  for (const [method, headers] of refused) {
    const { status, text } = await ask(shown, shown.app, { method, headers });
    assert.equal(status, 403, `${method} ${JSON.stringify(headers)}`);
    assert.match(text, /^ringfence: /);
  }
  assert.equal(requests, 0);
  const passed: readonly [string, Record<string, string>][] = [
    ["GET", { "Sec-Fetch-Site": "same-site", "Sec-Fetch-Dest": "iframe" }],
    ["POST", { ...SAME, Origin: app }],
    ["POST", { ...SAME, Origin: "null", "Sec-Fetch-Dest": "iframe" }],
  ];
  for (const [method, headers] of passed) assert.equal((await ask(shown, shown.app, { method, headers })).status, 200);
  assert.equal(requests, passed.length);
});

test("another site's link opens the beginning of the preview and nothing deeper", async (t) => {
  const shown = await showServer(t, echoServer());
  const headers = { "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "document" };
  assert.equal((await ask(shown, shown.wrapper, { headers })).status, 200);
  assert.equal((await ask(shown, shown.wrapper, { path: "/delete?all", headers })).status, 403);
});

test("a WebSocket of the page passes both ways, and one of another origin does not open", async (t) => {
  const shown = await showServer(t, upgradeServer());
  const said = await raw(shown.port, `${upgrade(shown, `http://${shown.app}`)}hello`, { msMax: 500 });
  assert.match(said, /^HTTP\/1\.1 101 [\s\S]*\r\n\r\nhello$/);
  assert.match(said, new RegExp(`X-Saw: localhost:${shown.boxPort} http://localhost:${shown.boxPort}\r\n`));
  for (const origin of ["http://evil.example.com", "null", `http://${shown.wrapper}`, null])
    assert.match(await raw(shown.port, upgrade(shown, origin)), /^HTTP\/1\.1 403 /, String(origin));
  const plain = await showServer(t, echoServer());
  assert.match(await raw(plain.port, upgrade(plain, `http://${plain.app}`)), /^HTTP\/1\.1 502 /);
});

test("where nothing listens the answer is a sentence, and the page tries again by itself", async (t) => {
  const gone = net.createServer();
  const port = await startServer(t, gone);
  await new Promise((resolve) => gone.close(resolve));
  const shown = await showPort(t, port);
  const { status, headers, text } = await ask(shown, shown.app, { headers: SAME });
  assert.equal(status, 502);
  assert.equal(headers.refresh, "1");
  assert.equal(text, `ringfence: port ${port} of the box: nothing listens there yet\n`);
});

for (const [what, said] of Object.entries({
  "no HTTP": "hello\r\n\r\n",
  "a status that is none": "HTTP/1.1 099 X\r\n\r\n",
  "a switch of protocols that nobody asked for": "HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n",
  nothing: "",
})) {
  test(`a server that answers with ${what} is a 502`, async (t) => {
    const port = await startServer(
      t,
      net.createServer((socket) => {
        socket.on("error", () => {});
        socket.once("data", () => socket.end(said));
      }),
    );
    const shown = await showPort(t, port);
    assert.equal((await ask(shown, shown.app, { headers: SAME })).status, 502);
  });
}

test("a server that breaks off breaks the answer off", async (t) => {
  const shown = await showServer(
    t,
    createServer((_request, answer) => {
      answer.writeHead(200, { "Content-Length": 10 });
      answer.write("half");
      setTimeout(() => answer.destroy(), 50);
    }),
  );
  const reply = await begin(shown, shown.app, { headers: SAME });
  await assert.rejects(textOf(reply), /aborted/);
});

test("closed, it ends every connection", async (t) => {
  const shown = await showServer(t, upgradeServer());
  const socket = net.connect(shown.port, "127.0.0.1");
  socket.write(upgrade(shown, `http://${shown.app}`));
  await once(socket, "data");
  shown.preview.close();
  await once(socket, "close");
  await assert.rejects(ask(shown, shown.wrapper), /ECONNREFUSED/);
});

function upgradeServer(): http.Server {
  const server = createServer();
  server.on("upgrade", ({ headers }: IncomingMessage, socket: net.Socket, first: Buffer) => {
    socket.on("error", () => {});
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX-Saw: ${headers.host} ${headers.origin}\r\n\r\n`,
    );
    socket.write(first);
    socket.pipe(socket);
  });
  return server;
}

function upgrade({ app }: Shown, origin: string | null): string {
  const from = origin === null ? "" : `Origin: ${origin}\r\n`;
  return `GET /ws HTTP/1.1\r\nHost: ${app}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${from}\r\n`;
}

interface Ask {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: http.OutgoingHttpHeaders;
  readonly body?: string;
}

async function begin(
  { port }: Shown,
  host: string,
  { method = "GET", path = "/", headers = {}, body = "" }: Ask = {},
): Promise<http.IncomingMessage> {
  const options = { port, host: "127.0.0.1", method, headers: { Host: host, ...headers }, agent: false };
  const request = http.request({ ...options, path: encodeURI(path).replaceAll("%25", "%") });
  // Node escapes what browsers send as it is.
  request.path = path;
  request.end(body);
  return (await once(request, "response"))[0] as http.IncomingMessage;
}

async function ask(shown: Shown, host: string, more: Ask = {}) {
  const reply = await begin(shown, host, more);
  return { status: reply.statusCode ?? 0, headers: reply.headers, text: await textOf(reply) };
}

async function textOf(reply: http.IncomingMessage): Promise<string> {
  let text = "";
  for await (const piece of reply) text += piece;
  return text;
}

function once(from: NodeJS.EventEmitter, event: string): Promise<unknown[]> {
  return new Promise((resolve, reject) => {
    from.once(event, (...values) => resolve(values));
    if (event !== "close") from.once("error", reject);
  });
}
