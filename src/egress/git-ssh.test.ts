import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { createServer, get, type IncomingMessage } from "node:http";
import net from "node:net";
import type { Writable } from "node:stream";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { GitSsh, type SshCall } from "./git-ssh.ts";
import { startServer, until } from "./proxy.fixture.ts";
import type { SshProgram } from "./ssh-talk.ts";

const PLACE = { user: "git", host: "git.example", port: null, path: "thing.git" };
const packet = (text: string) => `${(text.length + 4).toString(16).padStart(4, "0")}${text}`;
const REFS_2 = `${packet("version 2\n")}${packet("ls-refs\n")}0000`;
const REFS_0 = `${`0040${"a".repeat(40)} HEAD\\0side-band-64k\\n`}0000`;
const PREFIX = `${packet("# service=git-upload-pack\n")}0000`;
const ASK: SshCall = { service: "git-upload-pack", what: "refs", version: 2, body: null, isOpenEnded: false };
const LIST: SshCall = { ...ASK, what: "call", body: Buffer.from("0014command=ls-refs\n0000") };
const LIMITS = { firstMs: 300, quietMs: 300, refsBytes: 1 << 20 };
/** Says its capabilities and then answers each call that ends with a flush. */
const SERVES = `printf '${REFS_2}'; while read -r -N 24 call; do printf '0008one\\n0000'; done`;

/** A far side in bash for each time that one is started, and a client that asks over HTTP. */
async function open(t: TestContext, programs: readonly string[]) {
  const children: ChildProcess[] = [];
  const start = (): SshProgram => {
    const child = spawn("/bin/bash", ["--norc", "-c", programs[children.length] ?? "exit 255"], {
      stdio: ["pipe", "pipe", "pipe"],
      detached: true,
      env: {},
    });
    children.push(child);
    let told = "";
    child.stderr.on("data", (piece: Buffer) => {
      told = `${told}${piece}`.slice(-4096);
    });
    child.stdin.on("error", () => {});
    const ended = new Promise<{ status: number | null; told: string }>((resolve) => {
      child.on("close", (status) => resolve({ status, told }));
    });
    const kill = () => {
      try {
        process.kill(-(child.pid ?? 0), "SIGKILL");
      } catch {
        // It has ended.
      }
    };
    t.after(kill);
    return { stdin: child.stdin, stdout: child.stdout, ended, kill };
  };
  const git = new GitSsh(PLACE, start, LIMITS);
  t.after(() => git.close());
  let received = 0;
  const queue: SshCall[] = [];
  const ways: Writable[] = [];
  const reasons: (string | null)[] = [];
  const server = createServer(async (_request, answer) => {
    const receive = (bytes: number) => {
      received += bytes;
    };
    const why = await git.serve(queue.shift() ?? ASK, {
      answer,
      through: [],
      leaveBy: (way) => ways.push(way),
      receive,
    });
    reasons.push(why);
    if (why !== null) answer.destroy();
  });
  const port = await startServer(t, server);
  const ask = async (call: SshCall): Promise<string | null> => {
    queue.push(call);
    const { promise, resolve } = Promise.withResolvers<string | null>();
    get({ port, host: "127.0.0.1", agent: false }, async (reply: IncomingMessage) => {
      const pieces: Buffer[] = [];
      try {
        for await (const piece of reply as AsyncIterable<Buffer>) pieces.push(piece);
        resolve(Buffer.concat(pieces).toString("latin1"));
      } catch {
        resolve(null);
      }
    }).on("error", () => resolve(null));
    return promise;
  };
  const isOver = () => children.every(({ exitCode, signalCode }) => exitCode !== null || signalCode !== null);
  return { ask, git, children, reasons, isOver, port, queue, ways, received: () => received };
}

test("calls of version 2 go to one program of the far side, and one that has ended meanwhile is started anew", async (t) => {
  const { ask, children, reasons } = await open(t, [SERVES, SERVES]);
  assert.equal(await ask(ASK), `${PREFIX}${REFS_2}`);
  assert.equal(await ask(LIST), "0008one\n0000");
  assert.equal(await ask(LIST), "0008one\n0000");
  assert.equal(await ask({ ...LIST, body: Buffer.from("0000") }), "");
  assert.equal(children.length, 1);
  children[0]?.kill("SIGKILL");
  assert.equal(await ask(LIST), "0008one\n0000");
  assert.equal(children.length, 2);
  assert.deepEqual(reasons, [null, null, null, null, null]);
});

test("in version 0 each call has a program of its own, whose list of refs is thrown away", async (t) => {
  const { ask, children } = await open(t, [
    `printf '${REFS_0}'; cat`,
    `printf '${REFS_0}'; read -r -N 8 x; printf "0008NAK\\nPACK$x"`,
    `printf '${REFS_0}'; cat; printf '0008NAK\\n'; exit 128`,
  ]);
  const refs = await ask(ASK);
  assert.ok(refs?.startsWith(`${PREFIX}0040${"a".repeat(40)} HEAD\0`), String(refs));
  const call = { ...LIST, version: 0 as const };
  assert.equal(await ask({ ...call, body: Buffer.from("0009done") }), "0008NAK\nPACK0009done");
  // It waits for more, and is told that none comes.
  assert.equal(await ask({ ...call, body: Buffer.from("0000"), isOpenEnded: true }), "00000008NAK\n");
  assert.equal(children.length, 3);
});

test("a far side that hangs, floods, says rubbish, or breaks the protocol is ended, and nothing of it passes for an answer", async (t) => {
  const NO_GIT = /^what it says is not git's/;
  const cases: [string, SshCall, RegExp][] = [
    ["sleep 60", ASK, /^it said nothing for 0\.3 s$/],
    ["exec >/dev/null; sleep 60", ASK, /^the program of git's there ended/],
    [`printf '${REFS_2}'; sleep 60`, LIST, /^it said nothing for 0\.3 s$/],
    ["yes >&2 & sleep 60", ASK, /^it said nothing/],
    ["yes Welcome", ASK, NO_GIT],
    ["printf '\\033]0;title\\007\\033[2J'; sleep 60", ASK, NO_GIT],
    [`printf '${REFS_2}more'; sleep 60`, ASK, NO_GIT],
    [`printf '${REFS_2}'; read -r -N 4 x; printf '0008one\\n0000more'; sleep 60`, LIST, NO_GIT],
    [`printf '${REFS_2}'; read -r -N 4 x; printf 'fffffffe'; sleep 60`, LIST, NO_GIT],
    [`printf '${REFS_0}'; sleep 60`, LIST, /another version/],
    [`printf '${REFS_2}'; sleep 60`, { ...LIST, version: 0 }, NO_GIT],
    ["while :; do printf '%s' 0100; printf 'a%.0s' {1..252}; done", ASK, /^it lists more than is read$/],
    [
      "printf 'ERROR: \\033[2J\\033]52;c;eA==\\007 no such\\n' >&2; exit 1",
      ASK,
      /: ERROR: \\x1b\[2J\\x1b\]52;c;eA==\\x07 no such$/,
    ],
    [
      "printf 'Host key verification failed.\\r\\n' >&2; exit 255",
      ASK,
      /^your ssh does not know the key of that host: run "ssh -T git@git\.example"/,
    ],
    ["exit 0", ASK, /ended before it had answered$/],
  ];
  for (const [program, call, expected] of cases) {
    const { ask, reasons, isOver } = await open(t, [program]);
    await ask(call);
    assert.match(String(reasons[0]), expected, program);
    await until(isOver);
  }
});

test("where ssh itself failed it is not tried again at once, however often the box asks", async (t) => {
  const { ask, children, reasons } = await open(t, ["echo 'Permission denied (publickey).' >&2; exit 255", SERVES]);
  for (let times = 0; times < 3; times += 1) await ask(ASK);
  assert.equal(children.length, 1);
  assert.match(String(reasons[0]), /^that host took none of your keys/);
  assert.deepEqual(reasons, [reasons[0], reasons[0], reasons[0]]);
});

test("a call that is refused on its way ends the far side's program", async (t) => {
  const { ask, ways, reasons, isOver } = await open(t, [`printf '${REFS_2}'; trap '' HUP; sleep 60`]);
  const asked = ask(LIST);
  await until(() => ways.length > 0);
  ways[0]?.destroy(new Error("refused"));
  assert.equal(await asked, null);
  assert.match(String(reasons[0]), /ended before it had answered/);
  await until(isOver);
});

test("a far side that floods waits for a client that does not read, and ends with the client and with the session", async (t) => {
  const flood = `printf '${REFS_0}'; read -r -N 4 x; exec cat /dev/zero`;
  const { ask, git, isOver, received, reasons, port, queue } = await open(t, [flood, flood]);
  const call = { ...LIST, version: 0 as const };
  queue.push(call);
  const client = net.connect(port, "127.0.0.1").pause();
  client.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  await until(() => received() > 1 << 16);
  await sleep(200);
  assert.ok(received() < 64 << 20, String(received()));
  assert.equal(isOver(), false);
  client.destroy();
  await until(isOver);
  const second = ask(call);
  const before = received();
  await until(() => received() > before + (1 << 20));
  git.close();
  assert.equal(await second, null);
  await until(isOver);
  assert.equal(await ask(call), null);
  assert.equal(reasons.at(-1), "the session ended");
});
