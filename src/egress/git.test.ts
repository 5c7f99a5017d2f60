import assert from "node:assert/strict";
import { createServer, request as startRequest } from "node:http";
import net from "node:net";
import { type TestContext, test } from "node:test";
import { gzipSync } from "node:zlib";
import type { Effect } from "../core/effect.ts";
import { writePackets } from "../core/git-packet.ts";
import type { PushCommand } from "../core/git-push.ts";
import { trackedOf } from "../core/git-remote.ts";
import type { NetRequest } from "../core/net-rules.ts";
import { type GitCall, GitRemote, type Packed } from "./git.ts";
import { openProxy, rule, startServer, until } from "./proxy.fixture.ts";

const [A, B, C] = ["a", "b", "c"].map((sign) => sign.repeat(40)) as [string, string, string];
const packet = (text: string) => `${(text.length + 4).toString(16).padStart(4, "0")}${text}`;
const FEATURES = "\0 report-status side-band-64k agent=x";
const COMMAND = `${packet(`${A} ${B} refs/heads/main${FEATURES}`)}0000`;

/** A server that shows two ids and keeps what it is sent, and a proxy through which git may ask it. */
async function open(
  t: TestContext,
  packed: Packed = { found: "landed", pack: Buffer.from("PACK of the host's own"), summary: "" },
) {
  const bodies: string[] = [];
  let isHeld = false;
  const server = createServer(async (request, answer) => {
    const pieces: Buffer[] = [];
    for await (const piece of request as AsyncIterable<Buffer>) pieces.push(piece);
    bodies.push(`${request.method} ${request.url} ${Buffer.concat(pieces).toString("latin1")}`);
    if (isHeld) return;
    answer.end(
      `001e# service=git-upload-pack\n0000${packet(`${A} refs/heads/main\n`)}${packet(`${C} refs/heads/c\n`)}0000`,
    );
  });
  const port = await startServer(t, server);
  const asked: { command: PushCommand; shown: readonly string[] }[] = [];
  const tracked = trackedOf(`http://git.example.com:${port}/thing.git`);
  assert.ok(tracked);
  const git = new GitRemote({
    tracked,
    ssh: null,
    authorization: null,
    known: async (ids) => new Set(ids.filter((id) => id === B)),
    pack: async (command, shown) => {
      asked.push({ command, shown });
      return packed;
    },
  });
  const judged: Effect[] = [];
  const effectOf = (request: NetRequest, call: GitCall): Effect => {
    const why = {
      listed: "allow",
      rule: "x",
      origin: "fetch",
      command: null,
      approvedBy: "none",
      shown: null,
    } as const;
    const push = {
      remote: "tracked",
      rule: "x",
      isDenied: false,
      command: null,
      approvedBy: "none",
      shownAt: null,
    } as const;
    const effect: Effect =
      call.kind === "fetch"
        ? { kind: "request", ...request, ...why }
        : { kind: "push", ...request, ...call.command, found: call.found, digest: call.digest, ...push };
    judged.push(effect);
    return effect;
  };
  const place = await openProxy(t, {
    rules: { allow: [rule("git.example.com", port)] },
    names: { "git.example.com": ["127.0.0.1"] },
    git: { remote: git, effectOf },
  });
  const send = async (path: string, body: string | Buffer | null, headers: Record<string, string> = {}) => {
    const url = `http://git.example.com:${port}/thing.git/${path}`;
    const { promise, resolve, reject } = Promise.withResolvers<{ status: number; text: string }>();
    const outgoing = startRequest({
      ...{ host: "127.0.0.1", port: place.port, path: url, method: body === null ? "GET" : "POST" },
      headers: { Host: `git.example.com:${port}`, ...headers },
    });
    outgoing.on("error", reject).on("response", async (reply) => {
      const pieces: Buffer[] = [];
      for await (const piece of reply as AsyncIterable<Buffer>) pieces.push(piece);
      resolve({ status: reply.statusCode ?? 0, text: Buffer.concat(pieces).toString("latin1") });
    });
    outgoing.end(body);
    return promise;
  };
  const refs = () => send("info/refs?service=git-upload-pack", null);
  const hold = () => {
    isHeld = true;
  };
  return { ...place, judged, origin: port, bodies, asked, send, refs, hold };
}

test("the pack of a push is the host's own, whatever came, and is made without what the remote has shown", async (t) => {
  const { send, refs, bodies, asked } = await open(t);
  await refs();
  const large = Buffer.concat([Buffer.from(COMMAND, "latin1"), Buffer.alloc(8 << 20, "PACK of the box")]);
  assert.equal((await send("git-receive-pack", large)).status, 200);
  assert.deepEqual(asked, [{ command: { ref: "refs/heads/main", oldId: A, newId: B }, shown: [A, C] }]);
  const line = `${A} ${B} refs/heads/main\0 report-status side-band-64k object-format=sha1`;
  assert.equal(bodies[1], `POST /thing.git/git-receive-pack ${packet(line)}0000PACK of the host's own`);
  assert.equal((await send("git-receive-pack", "0000")).status, 200);
  assert.equal(bodies[2], "POST /thing.git/git-receive-pack 0000");
});

test("what the repository says against a push is judged, and refused in git's own form; nothing is sent", async (t) => {
  for (const found of ["absent", "diverged"] as const) {
    const { send, bodies, judged } = await open(t, { found });
    const told = await send("git-receive-pack", COMMAND);
    assert.equal(told.status, 200);
    assert.match(told.text, /\x01000eunpack ok\n.*ng refs\/heads\/main .*0000$/s);
    const quiet = await send("git-receive-pack", `${packet(`${A} ${B} refs/heads/main\0 quiet`)}0000`);
    assert.equal(quiet.status, 403);
    assert.deepEqual(bodies, []);
    assert.deepEqual(
      judged.map((effect) => effect.kind === "push" && effect.found),
      [found, found],
    );
  }
});

test("a fetch names what the remote has shown or the person has, packed or not, and wants only the first", async (t) => {
  const { send, refs, bodies, malformed } = await open(t);
  const fetch = (...wants: string[]) =>
    writePackets([...wants.map((id) => `want ${id}`), "flush", `have ${B}`, `have ${"d".repeat(40)}`, "done"]);
  assert.equal((await send("git-upload-pack", fetch(A))).status, 403);
  await refs();
  const packed = await send("git-upload-pack", gzipSync(fetch(C, A)), { "Content-Encoding": "gzip" });
  assert.equal(packed.status, 200);
  const sent = writePackets([`want ${A}`, `want ${C}`, "flush", `have ${B}`, "done"]);
  assert.equal(bodies[1], `POST /thing.git/git-upload-pack ${sent}`);
  for (const [body, encoding] of [
    [fetch(B), "identity"],
    [Buffer.from("no gzip"), "gzip"],
    [gzipSync(Buffer.alloc(64 << 20, "0000")), "gzip"],
    [fetch(A), "br"],
    [fetch(A).slice(0, -1), "identity"],
  ] as const)
    assert.equal((await send("git-upload-pack", body, { "Content-Encoding": encoding })).status, 403);
  assert.equal((await send("git-upload-pack", fetch(A), { Authorization: "Basic bWU6bWU=" })).status, 403);
  assert.equal(bodies.length, 2);
  assert.equal(malformed.length, 7);
});

test("git asks four things at once and no more, and a client that goes away makes room", async (t) => {
  const { send, refs, bodies, hold, port, origin } = await open(t);
  await refs();
  hold();
  const host = `git.example.com:${origin}`;
  const clients = [1, 2, 3, 4].map(() => {
    const socket = net.connect(port, "127.0.0.1");
    t.after(() => socket.destroy());
    socket.write(`GET http://${host}/thing.git/info/refs?service=git-upload-pack HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    return socket;
  });
  await until(() => bodies.length === 5);
  assert.equal((await refs()).status, 403);
  clients[0]?.destroy();
  const { promise: isLetIn, resolve } = Promise.withResolvers<boolean>();
  const tries = setInterval(() => {
    send("info/refs?service=git-upload-pack", null).catch(() => null);
    if (bodies.length > 5) resolve(true);
  }, 20);
  t.after(() => clearInterval(tries));
  assert.ok(await isLetIn);
  assert.equal(bodies.length, 6);
});

test("one push goes at a time, so that no more than one pack is made and held, and a client that goes away makes room", async (t) => {
  const { send, bodies, asked, hold, port, origin } = await open(t);
  hold();
  const host = `git.example.com:${origin}`;
  const first = net.connect(port, "127.0.0.1");
  t.after(() => first.destroy());
  first.write(
    `POST http://${host}/thing.git/git-receive-pack HTTP/1.1\r\nHost: ${host}\r\nContent-Length: ${COMMAND.length}\r\n\r\n${COMMAND}`,
  );
  await until(() => bodies.length === 1);
  assert.equal((await send("git-receive-pack", COMMAND)).status, 403);
  assert.deepEqual([bodies.length, asked.length], [1, 1]);
  first.destroy();
  const { promise: isLetIn, resolve } = Promise.withResolvers<boolean>();
  const tries = setInterval(() => {
    send("git-receive-pack", COMMAND).catch(() => null);
    if (bodies.length > 1) resolve(true);
  }, 20);
  t.after(() => clearInterval(tries));
  assert.ok(await isLetIn);
});
