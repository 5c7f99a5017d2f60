import assert from "node:assert/strict";
import http from "node:http";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { makePlace, ringfence, run, script, self, start, until, users } from "./program.ts";
import { open } from "./screen.ts";

// Says its name and what it was asked on either loopback, and ends when asked to.
const SERVER = (host: string) =>
  `cat >s.cjs <<'END'
const serve = () => require("http").createServer((q, a) => { a.end(q.headers.host + q.url); if (q.url === "/end") setTimeout(() => process.exit(0), 200); }).listen(4173, "${host}");
process.stdin.once("data", serve);
END`;

for (const [who, user] of users()) {
  const host = user.uid === self().uid ? "::1" : "127.0.0.1";
  test(`a port of the box shows under an address of its own while the command runs, and is recorded: as ${who}`, async (t) => {
    const place = makePlace(t, SERVER(host), { user });
    const { child, ended } = start(place, ["exec", "--preview", "4173", "--", "node", "s.cjs"], { stdin: "pipe" });
    let told = "";
    child.stderr?.on("data", (text: string) => {
      told += text;
    });
    await until("the address is told", () => told.includes("localhost:"));
    const [, address = ""] = /^ringfence: port 4173 of the box: (http:\S+) /m.exec(told) ?? [];
    assert.match((await ask(address, "")).text, /<iframe src="http:\/\/app\.preview-/);
    const early = await ask(address, "app.");
    assert.deepEqual([early.status, early.text], [502, "ringfence: port 4173 of the box: nothing listens there yet\n"]);
    child.stdin?.write("\n");
    let answer = early;
    for (let tried = 0; tried < 400 && answer.status === 502; tried += 1) {
      await sleep(50);
      answer = await ask(address, "app.");
    }
    assert.deepEqual([answer.status, answer.text], [200, "localhost:4173/"]);
    assert.equal((await ask(address.replace("preview-", "preview-0"), "app.")).status, 421);
    assert.equal((await ask(address, "app.", "/end")).text, "localhost:4173/end");
    assert.equal((await ended).status, 0);
    await assert.rejects(ask(address, ""), /ECONNREFUSED/);
    const { stdout } = await ringfence(place, ["log", "show"]);
    const events = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    const decisions = events.filter(({ effect }) => (effect as { kind?: string } | undefined)?.kind === "preview");
    assert.deepEqual(
      decisions.map(({ effect, verdict }) => [effect, verdict]),
      [[{ kind: "preview", port: 4173, approvedBy: "person", shownAt: null }, "allow"]],
    );
    assert.equal(events.filter(({ type }) => type === "preview-end").length, 1);
  });
}

test("in a session a person is told what a preview may give away, and it shows when they say yes", async (t) => {
  const place = makePlace(t);
  const screen = open(t, place, ["--model", script(place, [run("ls"), { text: "Hello." }])]);
  await screen.see("> ");
  screen.type("look\r");
  await screen.see("Hello.");
  await screen.see("> ");
  screen.type("/preview 4173\r");
  await screen.see("external text and private data were within reach: a page can carry something out");
  await screen.see('show it? "y" does');
  await screen.see("> ");
  await sleep(400);
  screen.type("n\r");
  await screen.see("not shown");
  screen.type("/preview 4173\r");
  await screen.see('show it? "y" does');
  await screen.see("> ");
  await sleep(400);
  screen.type("y\r");
  await screen.see(/port 4173 of the box: http:\/\/preview-/);
  screen.type("/preview 4173 off\r");
  await screen.see("port 4173 is not shown any more");
  screen.type("/exit\r");
  assert.equal(await screen.status, 0);
});

test("a port that is none is refused before anything runs", async (t) => {
  const place = makePlace(t);
  for (const port of ["0", "65536", "x", "80 ", "-1"]) {
    const done = await ringfence(place, ["exec", `--preview=${port}`, "--", "touch", "ran"]);
    assert.equal(done.status, 2);
    assert.equal(done.stderr, `ringfence: --preview takes a port from 1 to 65535, not "${port}"\n`);
  }
});

/** Asks as a browser does for the page itself, or with `app.` for what is in its frame. */
async function ask(
  address: string,
  below: string,
  path = "/",
): Promise<{ readonly status: number; readonly text: string }> {
  const { host, port } = new URL(address);
  const headers = { Host: `${below}${host}`, "Sec-Fetch-Site": "same-origin" };
  const request = http.get({ host: "127.0.0.1", port, path, headers, agent: false });
  const reply = await new Promise<http.IncomingMessage>((resolve, reject) => {
    request.on("response", resolve).on("error", reject);
  });
  let text = "";
  for await (const piece of reply) text += piece;
  return { status: reply.statusCode ?? 0, text };
}
