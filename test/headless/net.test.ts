import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { type Authority, makeAuthority, makeLeaf } from "../../src/egress/certificates.ts";
import { makePlace, ordinary, type Place, play, ringfence, run, script, self } from "./program.ts";

interface Seen {
  readonly urls: string[];
  /** Names and values of all headers. */
  readonly headers: string[];
  readonly texts: string[];
  readonly port: number;
}

function answerAll({ method, url }: IncomingMessage, answer: ServerResponse): void {
  answer.end(`you asked ${method} ${url}\n`);
}

/** A server on the machine's loopback that keeps what it was asked. */
async function serve(t: TestContext, server?: Server): Promise<Seen> {
  const urls: string[] = [];
  const real = server ?? createServer(answerAll);
  const [headers, texts]: [string[], string[]] = [[], []];
  real.on("request", (request: IncomingMessage) => {
    urls.push(`${request.method} ${request.url}`);
    headers.push(...Object.keys(request.headers));
    texts.push(...request.rawHeaders);
  });
  await new Promise<void>((resolve) => real.listen(0, "127.0.0.1", resolve));
  t.after(() => real.close());
  return { urls, headers, texts, port: (real.address() as AddressInfo).port };
}

async function serveSafely(t: TestContext, authority: Authority): Promise<Seen> {
  const { key, chain } = await makeLeaf(authority, "127.0.0.1", Date.now());
  return serve(t, createSecureServer({ key, cert: chain }, answerAll));
}

function allow(place: Place, ...lines: readonly string[]): void {
  mkdirSync(join(place.home, ".config/ringfence"), { recursive: true });
  const text = `net:\n  allow:\n${lines.map((line) => `    - ${line}\n`).join("")}`;
  writeFileSync(join(place.home, ".config/ringfence/config.yaml"), text);
}

/** The events of a kind in the record of the last session. */
async function recorded(place: Place, type: string): Promise<readonly Record<string, unknown>[]> {
  const { stdout } = await ringfence(place, ["log", "show"]);
  const events = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  return events.filter((event) => event.type === type);
}

for (const [who, user] of [
  ["whoever runs the tests", self()],
  ["an ordinary user", ordinary()],
] as const) {
  test(`a command of the person's reaches what their rules list and nothing else, as ${who}`, async (t) => {
    const listed = await serve(t);
    const other = await serve(t);
    const place = makePlace(t, "", { user });
    allow(place, `http://127.0.0.1:${listed.port}/open`);
    const ask = (port: number, path: string) => `curl -sS --noproxy '' http://127.0.0.1:${port}${path}; `;
    const done = await ringfence(place, [
      "exec",
      "--",
      "bash",
      "-c",
      `${ask(listed.port, "/open/x")}${ask(listed.port, "/shut")}${ask(other.port, "/")}(exec 3<>/dev/tcp/127.0.0.1/${other.port}) 2>&1 | tail -1`,
    ]);
    assert.equal(done.status, 0);
    const lines = done.stdout.split("\n");
    assert.equal(lines[0], "you asked GET /open/x");
    assert.match(lines[1] ?? "", /^ringfence: not listed: no rule allows that path$/);
    assert.match(lines[2] ?? "", /^ringfence: not listed: no rule of net\.allow/);
    assert.match(lines[3] ?? "", /Connection refused$/);
    assert.deepEqual([listed.urls, other.urls], [["GET /open/x"], []]);
    assert.equal(done.stderr.match(/^ringfence: no answer from the network: GET http:/gm)?.length, 2);
    const hint =
      "no rule of net.allow in config.yaml names that host and port (ringfence net why URL says which line allows it)";
    assert.ok(done.stderr.includes(`:${other.port}/: not listed: ${hint}\n`), done.stderr);
    const requests = (await recorded(place, "decision")).filter(
      ({ effect }) => (effect as { kind: string }).kind === "request",
    );
    assert.deepEqual(
      requests.map(({ verdict }) => verdict),
      ["allow", "ask", "ask"],
    );
    // Each names the decision about the command that it came from.
    assert.ok(requests.every(({ effect }) => Number.isInteger((effect as { command: unknown }).command)));
    assert.equal((await recorded(place, "sent")).length, 1);
  });

  test(`what a model composed does not leave, not even to a listed host, and the model is told why, as ${who}`, async (t) => {
    const listed = await serve(t);
    const place = makePlace(t, "", { user });
    allow(place, `http://127.0.0.1:${listed.port}`);
    const played = await play(place, [
      run(`curl -sS --noproxy '' 'http://127.0.0.1:${listed.port}/?q=private'`),
      run("curl -sS https://elsewhere.example.com/"),
      { text: "ok" },
    ]);
    assert.deepEqual(listed.urls, []);
    assert.match(played.results[0]?.text ?? "", /a person looks at the address/);
    assert.match(played.results[0]?.text ?? "", /an address that the person types go through/);
    assert.match(
      played.results[1]?.text ?? "",
      /\(no answer from the network: GET https:\/\/elsewhere\.example\.com\/: not listed/,
    );
    const told = played.events.filter(({ subtype }) => subtype === "notice").map(({ text }) => String(text));
    assert.match(
      told.join("\n"),
      /^no answer from the network: GET http:.*, and 1 other: ringfence log show has all$/m,
    );
    const sources = await recorded(place, "source");
    assert.deepEqual(
      sources.map(({ integrity, secrecy }) => [integrity, secrecy]),
      [
        ["user", "private"],
        ["external", "private"],
      ],
      "what raised the session's label is in the record, once each",
    );
    const labels = (await recorded(place, "decision")).map(({ label }) => JSON.stringify(label));
    // The host looks for instructions first, and shows nothing of them.
    const [before, ...later] = labels;
    assert.equal(before, '{"integrity":"system","secrecy":"public"}');
    assert.deepEqual([...new Set(later)], ['{"integrity":"external","secrecy":"private"}']);
  });
}

test("TLS is looked into: rules see methods and paths, and the server outside is verified with what the person trusts", async (t) => {
  const trusted = await makeAuthority(["127.0.0.1"], Date.now());
  const strange = await makeAuthority(["127.0.0.1"], Date.now());
  const [good, bad] = [await serveSafely(t, trusted), await serveSafely(t, strange)];
  const made = makePlace(t);
  const roots = join(made.home, "roots.pem");
  writeFileSync(roots, trusted.root);
  const place = { ...made, env: { ...made.env, NODE_EXTRA_CA_CERTS: roots } };
  allow(place, `https://127.0.0.1:${good.port}/open`, `https://127.0.0.1:${bad.port}`);
  const ask = (what: string) => `curl -sS --noproxy '' ${what}; echo; `;
  const program = [
    ask(`https://127.0.0.1:${good.port}/open/x`),
    ask(`https://127.0.0.1:${good.port}/shut`),
    ask(`-d body https://127.0.0.1:${good.port}/open/x`),
    ask(`https://127.0.0.1:${bad.port}/`),
    ask(`-H 'Host: evil.example.com' https://127.0.0.1:${good.port}/open/x`),
  ];
  const done = await ringfence(place, ["exec", "--", "bash", "-c", program.join("")]);
  const lines = done.stdout.split("\n").filter((line) => line !== "");
  assert.equal(lines[0], "you asked GET /open/x");
  assert.match(lines[1] ?? "", /no rule allows that path/);
  assert.match(lines[2] ?? "", /no rule allows POST there/);
  assert.match(lines[3] ?? "", /^ringfence: 127\.0\.0\.1: .*certificate/);
  assert.match(lines[4] ?? "", /Host header is not the host/);
  assert.deepEqual([good.urls, bad.urls], [["GET /open/x"], []]);
});

test("a service that the person shows is at its own port in the box, for a model's commands too, and recorded", async (t) => {
  const shown = await serve(t);
  const place = makePlace(t);
  const config = join(place.home, ".config/ringfence");
  mkdirSync(config, { recursive: true });
  writeFileSync(join(config, "config.yaml"), `net:\n  services: [127.0.0.1:${shown.port}]\n`);
  const played = await play(place, [run(`curl -sS http://127.0.0.1:${shown.port}/db`), { text: "ok" }]);
  assert.equal(played.results[0]?.text, "you asked GET /db");
  const sent = await recorded(place, "sent");
  assert.equal(sent.length, 1);
  // The session may be over before the service has closed its end.
  assert.ok([null, "the session ended"].includes(sent[0]?.error as string | null), String(sent[0]?.error));
  const decided = await recorded(place, "decision");
  assert.ok(decided.some(({ effect }) => (effect as { rule?: string }).rule === "net.services[0]"));
});

test("an address that the person typed is asked for, as it was typed and no other", async (t) => {
  const listed = await serve(t);
  const place = makePlace(t);
  allow(place, `http://127.0.0.1:${listed.port}`);
  const address = `http://127.0.0.1:${listed.port}/page?x=1`;
  const ask = (url: string) => run(`curl -sS --noproxy '' -H 'X-Leak: private' -A private -e private '${url}'`);
  const turns = [ask(address), ask(`${address}&secret`), { text: "ok" }];
  await ringfence(place, ["run", `read ${address}, please`, "--model", script(place, turns)]);
  assert.deepEqual(listed.urls, ["GET /page?x=1"]);
  assert.deepEqual(listed.headers.sort(), ["accept", "connection", "host", "user-agent"]);
  assert.equal(listed.texts.includes("private"), false);
});

test("a command that was told of no proxy can still reach nothing", async (t) => {
  const other = await serve(t);
  const place = makePlace(t);
  const done = await ringfence(place, [
    "exec",
    "--",
    "bash",
    "-c",
    `unset \${!http*} \${!HTTP*} ALL_PROXY all_proxy; curl -sS -m 2 http://127.0.0.1:${other.port}/ || echo refused; getent hosts example.com || echo no name`,
  ]);
  assert.equal(done.stdout, "refused\nno name\n");
  assert.deepEqual(other.urls, []);
});

test("the ports of the proxy cannot be taken from inside, and a server of the box's own is reached as before", async (t) => {
  const place = makePlace(t);
  const program = `
    const net = require("net");
    for (const port of [3128, 1080]) net.createServer().on("error", (e) => console.log(port, e.code)).listen(port, "127.0.0.1");
    require("http").createServer((q, a) => a.end("mine")).listen(8123, "127.0.0.1", () =>
      require("http").get("http://127.0.0.1:8123/", (r) => r.on("data", (d) => { console.log(String(d)); process.exit(0); })));`;
  const done = await ringfence(place, ["exec", "--", "node", "-e", program]);
  assert.deepEqual(done.stdout.trim().split("\n").sort(), ["1080 EADDRINUSE", "3128 EADDRINUSE", "mine"]);
});
