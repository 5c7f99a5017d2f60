import assert from "node:assert/strict";
import net from "node:net";
import { test } from "node:test";
import fc from "fast-check";
import { answerHeaders, readHead } from "./head.ts";
import { openOrigin, readRequest } from "./origin.fixture.ts";
import { openProxy, rule, until } from "./proxy.fixture.ts";

fc.configureGlobal({ seed: Number(process.env.SEED ?? Date.now() | 0) });

const API = "api.example.com";

const words = fc.constantFrom(
  API,
  `${API}:80`,
  "API.example.com.",
  "evil.example.com",
  "127.0.0.1",
  "chunked",
  "Chunked",
  "gzip, chunked",
  "0",
  "3",
  "03",
  "3, 3",
  "close",
  "Host",
  "keep-alive, content-length",
  "100-continue",
  "websocket",
  "h2c",
  "",
);
const names = fc.constantFrom(
  "Host",
  "host",
  "Content-Length",
  "content-length",
  "Transfer-Encoding",
  "Connection",
  "Expect",
  "Upgrade",
  "Authorization",
  "Proxy-Authorization",
  "TE",
  "X",
);
const values = fc.oneof({ weight: 4, arbitrary: words }, fc.stringMatching(/^[\t -~\x80-\xff]{0,12}$/));
const headers = fc.array(fc.tuple(names, values), { maxLength: 7 });
const targets = fc.oneof(
  fc.constantFrom(
    `http://${API}/a`,
    `http://${API}`,
    `http://${API}?q`,
    "/a",
    "*",
    "http://evil.example.com/",
    "//x/y",
  ),
  fc
    .tuple(fc.constantFrom("http://", "https://", "", "HTTP://"), fc.webAuthority(), fc.webPath())
    .map((all) => all.join("")),
  fc.stringMatching(/^[!-~]{0,30}$/),
);
const methods = fc.constantFrom("GET", "HEAD", "POST", "OPTIONS", "DELETE", "TRACE", "PUT");

/** What a head and a body of three bytes are to a reader who forgives nothing, sent on as they were read. */
function seenStrictly(method: string, path: string, onward: readonly string[]) {
  let head = `${method} ${path} HTTP/1.1\r\n`;
  for (let at = 0; at < onward.length; at += 2) head += `${onward[at]}: ${onward[at + 1]}\r\n`;
  const length = Number(/^content-length: (\d+)\r\n/im.exec(head)?.[1] ?? 0);
  const body = /^transfer-encoding: chunked\r\n/im.test(head)
    ? "3\r\nabc\r\n0\r\n\r\n"
    : "x".repeat(Math.min(length, 99));
  return length > 99 ? null : readRequest(`${head}\r\n${body}NEXT`);
}

test("what is read of any head is what a stricter reader sees of what goes on, whole and nothing behind it", () => {
  let read = 0;
  fc.assert(
    fc.property(methods, targets, headers, fc.boolean(), (method, target, pairs, isInside) => {
      const origin = isInside ? ({ protocol: "https", host: API, port: 443 } as const) : null;
      const plain = isInside ? pairs : pairs.filter(([name]) => name !== "Host").concat([["Host", API]]);
      const found = readHead({ method, target, rawHeaders: plain.flat() }, origin);
      if (!found.ok) return;
      read += 1;
      const seen = seenStrictly(found.request.method, found.request.path, found.headers);
      if (seen === null) return;
      assert.equal(seen.rest, "NEXT");
      assert.equal(seen.seen.method, method);
      assert.equal(seen.seen.body !== "", found.request.hasBody);
      const url = new URL(`${found.request.protocol}://${seen.seen.headers.find(([name]) => name === "host")?.[1]}`);
      assert.equal(url.hostname, found.request.host);
      assert.equal(Number(url.port) || (url.protocol === "http:" ? 80 : 443), found.request.port);
      for (const [name] of seen.seen.headers)
        assert.ok(!["connection", "te", "upgrade", "expect", "proxy-authorization", "keep-alive"].includes(name), name);
      if (!isInside) assert.equal(new URL(target).hostname, found.request.host);
    }),
    { numRuns: 20_000 },
  );
  assert.ok(read > 100, `only ${read} heads could be read`);
});

test("of any answer's headers, none of its connection goes on", () => {
  fc.assert(
    fc.property(headers, (pairs) => {
      const onward = answerHeaders(pairs.flat());
      assert.equal(onward.length % 2, 0);
      for (let at = 0; at < onward.length; at += 2)
        assert.ok(!["connection", "te", "upgrade", "transfer-encoding"].includes(onward[at]?.toLowerCase() ?? ""));
    }),
  );
});

const PIECES = [
  "\r\n",
  "\n",
  "\r",
  "\0",
  " ",
  "\t",
  ":",
  "Host: evil.example.com\r\n",
  "Content-Length: 5\r\n",
  "Content-Length: 0\r\n",
  "Transfer-Encoding: chunked\r\n",
  "Transfer-Encoding : chunked\r\n",
  "0\r\n\r\n",
  "5\r\nabcde\r\n",
  "5;x=y\r\n",
  "Connection: close, Host\r\n",
  "Upgrade: websocket\r\nConnection: Upgrade\r\n",
  "Expect: 100-continue\r\n",
  "GET http://evil.example.com/ HTTP/1.1\r\nHost: evil.example.com\r\n\r\n",
  " HTTP/1.0",
  "CONNECT ",
  "http://evil.example.com@",
  "\xff",
  ";",
  ",",
];

test("whatever bytes a client sends, a server sees what was judged, as often as it was, and nothing else", async (t) => {
  const origin = await openOrigin(t);
  const place = await openProxy(t, {
    rules: { allow: [rule(API, origin.port)] },
    names: { [API]: ["127.0.0.1"], "evil.example.com": ["127.0.0.1"] },
    limits: { requests: 1e9 },
  });
  const host = `${API}:${origin.port}`;
  const requests = [
    `GET http://${host}/a HTTP/1.1\r\nHost: ${host}\r\nX: y\r\n\r\n`,
    `POST http://${host}/b HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 5\r\n\r\nabcde`,
    `POST http://${host}/c HTTP/1.1\r\nHost: ${host}\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n`,
  ];
  const mutations = fc.array(
    fc.tuple(
      fc.nat(),
      fc.oneof(fc.constantFrom(...PIECES), fc.string({ unit: "binary-ascii", maxLength: 2 })),
      fc.constantFrom(0, 0, 1, 2, 8),
    ),
    { minLength: 0, maxLength: 4 },
  );
  const cases = fc.tuple(fc.array(fc.constantFrom(...requests), { minLength: 1, maxLength: 3 }), mutations, fc.nat());
  const allowed: string[] = [];
  let reached = 0;
  await fc.assert(
    fc.asyncProperty(cases, async ([chosen, changes, cut]) => {
      let text = chosen.join("");
      for (const [at, piece, gone] of changes) {
        const where = at % text.length;
        text = text.slice(0, where) + piece + text.slice(where + gone);
      }
      const [before, judgedBefore] = [origin.broken.length, place.judged.length];
      await send(place.port, Buffer.from(text, "latin1"), cut % text.length);
      await until(() => place.outcomes.length === place.judged.filter(({ listed }) => listed === "allow").length);
      assert.equal(origin.broken.length, before, origin.broken.at(-1));
      for (const { method, path, host: name, hasBody, listed } of place.judged.slice(judgedBefore))
        if (listed === "allow") allowed.push(`${method} ${path} ${name} ${hasBody}`);
      // What a client leaves behind may reach the server a little later than the client's end.
      for (; reached < origin.seen.length; reached += 1) {
        const { method, target, headers: had, body } = origin.seen[reached]!;
        const name = had.find(([one]) => one === "host")?.[1]?.replace(/:\d+$/, "");
        const index = allowed.findIndex(
          (each) =>
            each === `${method} ${target} ${name} true` ||
            (body === "" && each === `${method} ${target} ${name} false`),
        );
        assert.ok(index >= 0, `${method} ${target} ${name} was not judged: ${allowed.join(", ")}`);
        allowed.splice(index, 1);
      }
    }),
    { numRuns: 400 },
  );
  assert.ok(reached > 50, `only ${reached} requests reached the server`);
});

/** Sends bytes in two pieces, and waits until the other side has no more to say. */
async function send(port: number, bytes: Buffer, cut: number): Promise<void> {
  const socket = net.connect({ port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
  const closed = new Promise((resolve) => socket.on("close", resolve));
  socket.on("error", () => {}).resume();
  socket.on("end", () => socket.end());
  socket.write(bytes.subarray(0, cut));
  await new Promise((resolve) => setImmediate(resolve));
  // The end of the client's half says that no more comes; a request that is not whole then is none.
  socket.end(bytes.subarray(cut));
  const timer = setTimeout(() => socket.destroy(), 1500);
  await closed;
  clearTimeout(timer);
}
