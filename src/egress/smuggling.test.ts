import assert from "node:assert/strict";
import { test } from "node:test";
import { openOrigin } from "./origin.fixture.ts";
import { openProxy, raw, rule, until } from "./proxy.fixture.ts";

const API = "api.example.com";
const EVIL = "evil.example.com";

/** `U` stands for the address of the allowed server, `H` for its host and port. */
type Table = Readonly<Record<string, string | readonly [bytes: string, seen: readonly string[]]>>;

const post = (headers: string, body: string) => `POST U/a HTTP/1.1\r\nHost: H\r\n${headers}\r\n${body}`;
const get = (headers: string, more = "") => `GET U/a HTTP/1.1\r\nHost: H\r\n${headers}\r\n${more}`;
const hidden = `GET http://${EVIL}/secret HTTP/1.1\r\nHost: ${EVIL}\r\n\r\n`;
const chunked = "Transfer-Encoding: chunked\r\n";

const REFUSED: Table = {
  "a length and chunks": post(`Content-Length: 4\r\n${chunked}`, `0\r\n\r\n${hidden}`),
  "chunks and a length": post(`${chunked}Content-Length: 4\r\n`, `0\r\n\r\n${hidden}`),
  "a length and chunks in another case": post("content-length: 4\r\nTRANSFER-ENCODING: Chunked\r\n", "0\r\n\r\n"),
  "two lengths that differ": post("Content-Length: 1\r\nContent-Length: 2\r\n", "ab"),
  "two lengths that agree": post("Content-Length: 2\r\nContent-Length: 2\r\n", "ab"),
  "lengths in one header": post("Content-Length: 2, 2\r\n", "ab"),
  "two encodings": post(`${chunked}${chunked}`, "0\r\n\r\n"),
  "two encodings in one header": post("Transfer-Encoding: chunked, chunked\r\n", "0\r\n\r\n"),
  "an encoding before chunks": post("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n"),
  "an encoding behind chunks": post("Transfer-Encoding: chunked, gzip\r\n", "0\r\n\r\n"),
  identity: post("Transfer-Encoding: identity\r\n", "0\r\n\r\n"),
  "identity and a length": post("Transfer-Encoding: identity\r\nContent-Length: 2\r\n", "ab"),
  "an encoding that is no word": post("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n"),
  "chunks with a vertical tab": post("Transfer-Encoding: \x0bchunked\r\n", "0\r\n\r\n"),
  "chunks in quotes": post('Transfer-Encoding: "chunked"\r\n', "0\r\n\r\n"),
  "chunks with a parameter": post("Transfer-Encoding: chunked;q=1\r\n", "0\r\n\r\n"),
  "an empty encoding": post("Transfer-Encoding:\r\n", "0\r\n\r\n"),
  "a space before the colon of chunks": post("Transfer-Encoding : chunked\r\n", "0\r\n\r\n"),
  "a tab before the colon of a length": post("Content-Length\t: 2\r\n", "ab"),
  "a space before the colon of Host": `GET U/ HTTP/1.1\r\nHost : H\r\n\r\n`,
  "a space before the first header": `GET U/ HTTP/1.1\r\n Host: H\r\n\r\n`,
  "a folded header": get("X: a\r\n b\r\n"),
  "a folded Host": `GET U/ HTTP/1.1\r\nHost:\r\n H\r\n\r\n`,
  "a folded encoding": post("Transfer-Encoding:\r\n chunked\r\n", "0\r\n\r\n"),
  "a folded length": post("Content-Length: 1\r\n\t2\r\n", "ab"),
  "a length with a sign": post("Content-Length: +2\r\n", "ab"),
  "a negative length": post("Content-Length: -2\r\n", "ab"),
  "a hexadecimal length": post("Content-Length: 0x2\r\n", "ab"),
  "a length with a point": post("Content-Length: 2.0\r\n", "ab"),
  "a length that overflows": post("Content-Length: 18446744073709551618\r\n", "ab"),
  "a length of 16 digits": post("Content-Length: 1000000000000000\r\n", "ab"),
  "a length with letters": post("Content-Length: 2a\r\n", "ab"),
  "an empty length": post("Content-Length:\r\n", "ab"),
  "a chunk's size with a sign": post(chunked, "+2\r\nab\r\n0\r\n\r\n"),
  "a chunk's size in hexadecimal notation": post(chunked, "0x2\r\nab\r\n0\r\n\r\n"),
  "a chunk's size that overflows": post(chunked, "10000000000000002\r\nab\r\n0\r\n\r\n"),
  "a chunk's size with a space before": post(chunked, " 2\r\nab\r\n0\r\n\r\n"),
  "an empty size of a chunk": post(chunked, "\r\nab\r\n0\r\n\r\n"),
  "a negative size of a chunk": post(chunked, "-2\r\nab\r\n0\r\n\r\n"),
  "a chunk that is longer than its size": post(chunked, "1\r\nab\r\n0\r\n\r\n"),
  "a chunk that ends in a line feed alone": post(chunked, "2\r\nab\n0\r\n\r\n"),
  "a size that ends in a line feed alone": post(chunked, "2\nab\r\n0\r\n\r\n"),
  "an extension of a chunk with a bare line feed": post(chunked, "2;a\nb\r\nab\r\n0\r\n\r\n"),
  "a bare carriage return in a header": get("X: a\rb\r\n"),
  "a bare carriage return before a header": get("X: a\r\rHost: x\r\n"),
  "a bare carriage return in the first line": `GET U/a\r HTTP/1.1\r\nHost: H\r\n\r\n`,
  "a zero byte in a header": get("X: a\0b\r\n"),
  "a zero byte in a name": get("X\0Y: a\r\n"),
  "a zero byte in the target": `GET U/a\0b HTTP/1.1\r\nHost: H\r\n\r\n`,
  "a zero byte in the method": `GE\0T U/a HTTP/1.1\r\nHost: H\r\n\r\n`,
  "a control byte in a header": get("X: a\x01b\r\n"),
  "a byte of obs-text in a name": get("X\xff: a\r\n"),
  "a name that is empty": get(": a\r\n"),
  "a header without a colon": get("Xa\r\n"),
  "a name with a space": get("X Y: a\r\n"),
  "a name in brackets": get("X(Y): a\r\n"),
  "obs-text in the target": `GET U/\xe9 HTTP/1.1\r\nHost: H\r\n\r\n`,
  "a space in the target": `GET U/a b HTTP/1.1\r\nHost: H\r\n\r\n`,
  "a tab in the target": `GET U/a\tb HTTP/1.1\r\nHost: H\r\n\r\n`,
  "a fragment in the target": `GET U/a#b HTTP/1.1\r\nHost: H\r\n\r\n`,
  "a target that is too long": `GET U/${"a".repeat(20_000)} HTTP/1.1\r\nHost: H\r\n\r\n`,
  "line feeds alone": "GET U/a HTTP/1.1\nHost: H\n\n",
  "two Hosts that differ": `GET U/a HTTP/1.1\r\nHost: H\r\nHost: ${EVIL}\r\n\r\n`,
  "two Hosts that agree": "GET U/a HTTP/1.1\r\nHost: H\r\nHost: H\r\n\r\n",
  "two Hosts in one": `GET U/a HTTP/1.1\r\nHost: H, ${EVIL}\r\n\r\n`,
  "no Host": "GET U/a HTTP/1.1\r\n\r\n",
  "an empty Host": "GET U/a HTTP/1.1\r\nHost:\r\n\r\n",
  "the Host of another": `GET U/a HTTP/1.1\r\nHost: ${EVIL}\r\n\r\n`,
  "the Host without its port": `GET U/a HTTP/1.1\r\nHost: ${API}\r\n\r\n`,
  "the Host with another port": `GET U/a HTTP/1.1\r\nHost: ${API}:1\r\n\r\n`,
  "the Host with a user": "GET U/a HTTP/1.1\r\nHost: user@H\r\n\r\n",
  "the Host with a path": "GET U/a HTTP/1.1\r\nHost: H/x\r\n\r\n",
  "the Host with a scheme": "GET U/a HTTP/1.1\r\nHost: http://H\r\n\r\n",
  "the Host with a space inside": "GET U/a HTTP/1.1\r\nHost: H x\r\n\r\n",
  "the Host with a zero before its port": `GET U/a HTTP/1.1\r\nHost: ${API}:0P\r\n\r\n`,
  "another host in the address": `GET http://${EVIL}/a HTTP/1.1\r\nHost: H\r\n\r\n`,
  "a user in the address": `GET http://${API}@${EVIL}/a HTTP/1.1\r\nHost: ${EVIL}\r\n\r\n`,
  "a backslash in the address": `GET http://H\\@${EVIL}/a HTTP/1.1\r\nHost: H\r\n\r\n`,
  "an address without a host": "GET http:///a HTTP/1.1\r\nHost: H\r\n\r\n",
  "an address of one slash": "GET http:/H/a HTTP/1.1\r\nHost: H\r\n\r\n",
  "an address of no slash": "GET http:H/a HTTP/1.1\r\nHost: H\r\n\r\n",
  "an address of https": "GET https://H/a HTTP/1.1\r\nHost: H\r\n\r\n",
  "an address of ftp": "GET ftp://H/a HTTP/1.1\r\nHost: H\r\n\r\n",
  "an address of a file": "GET file:///etc/passwd HTTP/1.1\r\nHost: H\r\n\r\n",
  "an address without a scheme": "GET //H/a HTTP/1.1\r\nHost: H\r\n\r\n",
  "plain HTTP to the port of TLS": `GET http://${API}:443/a HTTP/1.1\r\nHost: ${API}:443\r\n\r\n`,
  "a path alone": "GET /a HTTP/1.1\r\nHost: H\r\n\r\n",
  "an authority alone": "GET H HTTP/1.1\r\nHost: H\r\n\r\n",
  "a star alone": "OPTIONS * HTTP/1.1\r\nHost: H\r\n\r\n",
  "HTTP/0.9": "GET U/a\r\n\r\n",
  "HTTP/1.0 without a Host": "GET U/a HTTP/1.0\r\n\r\n",
  "the preface of HTTP/2": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
  "HTTP/3.0": "GET U/a HTTP/3.0\r\nHost: H\r\n\r\n",
  "HTTP/1.10": "GET U/a HTTP/1.10\r\nHost: H\r\n\r\n",
  "http in small letters": "GET U/a http/1.1\r\nHost: H\r\n\r\n",
  "another protocol": "GET U/a ICY/1.1\r\nHost: H\r\n\r\n",
  "a method in small letters": "get U/a HTTP/1.1\r\nHost: H\r\n\r\n",
  "a method of one's own": "STEAL U/a HTTP/1.1\r\nHost: H\r\n\r\n",
  "bytes of TLS": "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
  "bytes of SOCKS": "\x05\x01\x00\r\n\r\n",
  "bytes of ssh": "SSH-2.0-x\r\n\r\n",
  "a head that is too large": get(`X: ${"a".repeat(70_000)}\r\n`),
  "another Host behind thousands of headers": `GET U/a HTTP/1.1\r\nHost: H\r\n${"a: b\r\n".repeat(2500)}Host: ${EVIL}\r\n\r\n`,
  "a head of too many headers": get("a: b\r\n".repeat(40_000)),
  "a Host that is one of the connection": get("Connection: Host\r\n"),
  "a length that is one of the connection": post("Connection: close, content-length\r\nContent-Length: 2\r\n", "ab"),
  "an encoding that is one of the connection": post(`Connection: Transfer-Encoding\r\n${chunked}`, "0\r\n\r\n"),
  "an Authorization that is one of the connection": get("Connection: authorization\r\nAuthorization: Basic eDp5\r\n"),
  "two Authorizations": get("Authorization: a\r\nAuthorization: b\r\n"),
  "an Expect that nobody knows": get("Expect: 200-maybe\r\n"),
  "two Expects": get("Expect: 100-continue\r\nExpect: 100-continue\r\n"),
  "two Upgrades": get("Connection: Upgrade\r\nUpgrade: websocket\r\nUpgrade: h2c\r\n"),
  "a CONNECT without a port": `CONNECT ${API} HTTP/1.1\r\nHost: ${API}\r\n\r\n`,
  "a CONNECT to a whole address": `CONNECT U/ HTTP/1.1\r\nHost: H\r\n\r\n`,
  "a CONNECT to a path": `CONNECT /a HTTP/1.1\r\nHost: H\r\n\r\n`,
  "a CONNECT whose Host differs": `CONNECT H HTTP/1.1\r\nHost: ${EVIL}:443\r\n\r\n`,
  "a CONNECT with two Hosts": `CONNECT H HTTP/1.1\r\nHost: H\r\nHost: ${EVIL}:443\r\n\r\n`,
  "a CONNECT with a user": `CONNECT ${API}@${EVIL}:443 HTTP/1.1\r\nHost: ${EVIL}:443\r\n\r\n`,
  "a CONNECT with a length": "CONNECT H HTTP/1.1\r\nHost: H\r\nContent-Length: 2\r\n\r\nab",
  "a CONNECT with chunks": `CONNECT H HTTP/1.1\r\nHost: H\r\n${chunked}\r\n0\r\n\r\n`,
};

for (const [what, entry] of Object.entries(REFUSED)) {
  test(`${what}: nothing of it leaves, and it is recorded`, async (t) => {
    const { place, origin, said } = await send(t, entry as string);
    assert.match(said, /^HTTP\/1\.1 4\d\d /);
    assert.deepEqual(origin.seen, []);
    assert.deepEqual(origin.broken, []);
    assert.ok(place.malformed.length > 0 || place.judged.length > 0, said);
  });
}

const SEEN: Table = {
  "a plain request": [get(""), ["GET /a"]],
  "two requests, one behind the other": [get("") + get(""), ["GET /a", "GET /a"]],
  "a request hidden in a body": [post(`Content-Length: ${hidden.length}\r\n`, hidden), ["POST /a"]],
  "a request hidden in chunks": [post(chunked, `${hidden.length.toString(16)}\r\n${hidden}\r\n0\r\n\r\n`), ["POST /a"]],
  "a request hidden in an extension of a chunk": [post(chunked, "2;x=GET;y=1\r\nab\r\n0\r\n\r\n"), ["POST /a"]],
  "a request hidden in trailers": [post(chunked, "2\r\nab\r\n0\r\nHost: evil\r\nX: y\r\n\r\n"), ["POST /a"]],
  "a request hidden in the body of a GET": [get(`Content-Length: ${hidden.length}\r\n`, hidden), ["GET /a"]],
  "a request behind a body": [post("Content-Length: 2\r\n", `ab${get("")}`), ["POST /a", "GET /a"]],
  "a request to another host behind one": [get("") + hidden, ["GET /a"]],
  "chunks in capitals": [post("Transfer-Encoding: CHUNKED\r\n", "2\r\nab\r\n0\r\n\r\n"), ["POST /a"]],
  "chunks of a GET": [get(chunked, "2\r\nab\r\n0\r\n\r\n"), ["GET /a"]],
  "chunks of HTTP/1.0": [`POST U/a HTTP/1.0\r\nHost: H\r\n${chunked}\r\n2\r\nab\r\n0\r\n\r\n`, ["POST /a"]],
  "a length with zeros before": [post("Content-Length: 002\r\n", "ab"), ["POST /a"]],
  "a length of zero": [post("Content-Length: 0\r\n", ""), ["POST /a"]],
  "a POST without a body": [post("", ""), ["POST /a"]],
  "an address without a path": ["GET U HTTP/1.1\r\nHost: H\r\n\r\n", ["GET /"]],
  "an address with a query alone": ["GET U?x=1 HTTP/1.1\r\nHost: H\r\n\r\n", ["GET /?x=1"]],
  "an address in capitals": ["GET HTTP://API.example.COM:P/a HTTP/1.1\r\nHost: H\r\n\r\n", ["GET /a"]],
  "a Host in capitals": ["GET U/a HTTP/1.1\r\nHost: API.EXAMPLE.com:P\r\n\r\n", ["GET /a"]],
  "a Host with a last dot": ["GET U/a HTTP/1.1\r\nHost: api.example.com.:P\r\n\r\n", ["GET /a"]],
  "a Host with spaces around": ["GET U/a HTTP/1.1\r\nHost:  \tH \t\r\n\r\n", ["GET /a"]],
  "an address within a path": [`GET U/http://${EVIL}/ HTTP/1.1\r\nHost: H\r\n\r\n`, [`GET /http://${EVIL}/`]],
  "a path of two slashes": [`GET U//${EVIL}/a HTTP/1.1\r\nHost: H\r\n\r\n`, [`GET //${EVIL}/a`]],
  "an address in a path with a user": ["GET U/@x HTTP/1.1\r\nHost: H\r\n\r\n", ["GET /@x"]],
  "obs-text in a value": [get("X: \xe9\xff\r\n"), ["GET /a"]],
  "an empty value": [get("X:\r\n"), ["GET /a"]],
  "a value of a tab": [get("X: a\tb\r\n"), ["GET /a"]],
  "an Expect of 100-continue": [post("Expect: 100-continue\r\nContent-Length: 2\r\n", "ab"), ["POST /a"]],
  "an upgrade to h2c, which is passed over": [
    get("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"),
    ["GET /a"],
  ],
  "an upgrade to TLS, which is passed over": [get("Connection: Upgrade\r\nUpgrade: TLS/1.0\r\n"), ["GET /a"]],
  "an upgrade with a body, which is passed over": [
    post("Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 2\r\n", "ab"),
    ["POST /a"],
  ],
  "two spaces in the first line": ["GET  U/a HTTP/1.1\r\nHost: H\r\n\r\n", ["GET /a"]],
  "chunks behind thousands of headers": [
    `POST U/a HTTP/1.1\r\nHost: H\r\n${"a: b\r\n".repeat(2500)}${chunked}\r\n2\r\nab\r\n0\r\n\r\n`,
    ["POST /a"],
  ],
  "an OPTIONS": ["OPTIONS U/ HTTP/1.1\r\nHost: H\r\n\r\n", ["OPTIONS /"]],
  "an empty line before": [`\r\n\r\n${get("")}`, ["GET /a"]],
  "a Forwarded of another": [get(`X-Forwarded-Host: ${EVIL}\r\nForwarded: host=${EVIL}\r\n`), ["GET /a"]],
};

for (const [what, [bytes, seen]] of Object.entries(SEEN) as [string, [string, string[]]][]) {
  test(`${what}: the server sees what was judged, and no more`, async (t) => {
    const { place, origin, host } = await send(t, bytes, seen.length);
    const requests = origin.seen.map(({ method, target }) => `${method} ${target}`);
    assert.deepEqual(requests, seen);
    assert.deepEqual(origin.broken, []);
    assert.deepEqual(
      place.judged.filter(({ listed }) => listed === "allow").map(({ method, path }) => `${method} ${path}`),
      seen,
    );
    for (const [index, { headers, body }] of origin.seen.entries()) {
      const names = headers.map(([name]) => name);
      assert.deepEqual(
        headers.find(([name]) => name === "host"),
        ["host", host],
      );
      assert.equal(place.judged[index]?.hasBody, body !== "");
      for (const gone of ["expect", "upgrade", "http2-settings", "te", "trailer", "proxy-authorization"])
        assert.ok(!names.includes(gone), gone);
    }
    await until(() => place.outcomes.length === seen.length);
  });
}

for (const method of ["TRACE", "DELETE", "PATCH", "PROPFIND", "M-SEARCH", "PURGE", "LINK", "QUERY"]) {
  test(`${method}, which no rule allows, is judged and goes nowhere`, async (t) => {
    const { place, origin, said } = await send(t, `${method} U/a HTTP/1.1\r\nHost: H\r\n\r\n`);
    assert.match(said, /^HTTP\/1\.1 4\d\d /);
    assert.deepEqual([origin.seen, place.outcomes], [[], []]);
    assert.equal(place.judged.length + place.malformed.length, 1);
  });
}

test("a connection ends with the request that was refused, whose body is not read as a request", async (t) => {
  const { place, origin, said } = await send(
    t,
    `POST http://${EVIL}/a HTTP/1.1\r\nHost: ${EVIL}\r\nContent-Length: 5000\r\n\r\n${get("")}`,
  );
  assert.equal(said.match(/HTTP\/1\.1 /g)?.length, 1);
  assert.match(said, /\r\nConnection: close\r\n/i);
  assert.deepEqual([origin.seen, place.judged.length], [[], 1]);
});

test("a request asks for the end of the connection, and has it", async (t) => {
  const { place, origin, said } = await send(t, get("Connection: close\r\n"));
  await until(() => place.outcomes.length === 1);
  assert.match(said, /^HTTP\/1\.1 200 OK\r\n.*ok$/s);
  assert.deepEqual([origin.seen.length, place.outcomes.length], [1, 1]);
});

async function send(t: import("node:test").TestContext, bytes: string, many = 0) {
  const origin = await openOrigin(t);
  const allow = [rule(API, origin.port), rule(API, 443)];
  const place = await openProxy(t, { rules: { allow }, names: { [API]: ["127.0.0.1"], [EVIL]: ["127.0.0.1"] } });
  const host = `${API}:${origin.port}`;
  const written = bytes
    .replace(/(?<=[ @/])U(?=[/? ])/g, `http://${host}`)
    .replace(/(?<=[ @/\t]|^)H(?=[\r\n,/\\ ]|$)/gm, host)
    .replace(/:(0?)P(?=[\r/])/g, `:$1${origin.port}`);
  const isOver = () => many > 0 && origin.seen.length >= many && place.outcomes.length >= many;
  const said = await raw(place.port, Buffer.from(written, "latin1"), { isOver });
  return { place, origin, said, host };
}
