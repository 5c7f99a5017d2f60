import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { makePlace, newestEvents, ordinary, type Place, play, ringfence, run, self, sh } from "./program.ts";

const TURNS = [run("echo b >>a.txt"), { text: "ok" }];

function configure(place: Place, anchor: string): void {
  sh(place, "mkdir -p ~/.config/ringfence");
  writeFileSync(join(place.home, ".config/ringfence/config.yaml"), `log: {anchor: ${anchor}}\n`);
}

for (const [who, user] of [["whoever runs the tests", self()] as const, ["an ordinary user", ordinary()] as const]) {
  test(`a session's heads become commits of a repository, and what lands later another: as ${who}`, async (t) => {
    const place = makePlace(t, "echo a >a.txt; git init -q --bare ~/anchors.git", { user });
    const repository = join(place.home, "anchors.git");
    const ref = "refs/heads/ringfence";
    configure(place, `{git: ${repository}, ref: ${ref}, required: true}`);
    const played = await play(place, TURNS);
    assert.equal(played.status, 0, played.stderr);
    assert.equal((await ringfence(place, ["land"])).status, 0);
    const count = Number(sh(place, `git -C ${repository} rev-list --count ${ref}`));
    assert.ok(count >= 3, `${count} commits`);
    sh(place, `git -C ${repository} fsck --strict`);
    const places = newestEvents(place).flatMap((event) =>
      event.type === "anchored" ? [event.place, event.error] : [],
    );
    assert.deepEqual([...new Set(places)], [`${repository}#${ref}`, null]);
    const verified = await ringfence(place, ["log", "verify", "--anchor", `${repository}#${ref}`]);
    assert.match(verified.stdout, new RegExp(`Anchored up to event \\d+; 3 events came after: ${count} heads`));
    assert.equal(verified.status, 0);
  });
}

test("heads are posted to an address and read from there; where it answers no more, the person is told and the work is done", async (t) => {
  const place = makePlace(t, "echo a >a.txt");
  const server = await serve(t);
  configure(place, `{url: "${server.url}/heads"}`);
  assert.equal((await ringfence(place, ["exec", "--", "touch", "b.txt"])).status, 0);
  const verified = await ringfence(place, ["log", "verify", "--anchor", `${server.url}/heads`]);
  assert.match(verified.stdout, /Anchored up to event \d+/);
  assert.equal(verified.status, 0, verified.stdout);
  server.isDown = true;
  const alone = await ringfence(place, ["exec", "--", "touch", "c.txt"]);
  assert.match(
    alone.stderr,
    /the signed head of the log could not be taken to http:\S+\/heads: it answered 503; the session goes on/,
  );
  assert.equal(alone.stderr.split("could not be taken").length, 2, "said once");
  assert.equal(alone.status, 0);
  const later = await ringfence(place, ["discard"]);
  assert.match(later.stderr, /could not be taken/);
  assert.equal(later.status, 0);
});

test("where the anchor is required, nothing runs without it, and one that is gone at the end is an error", async (t) => {
  const place = makePlace(t, "echo a >a.txt");
  const server = await serve(t);
  configure(place, `{url: "${server.url}/heads", required: true}`);
  server.isDown = true;
  const refused = await ringfence(place, ["exec", "--", "sh", "-c", "echo ran >b.txt; echo ran"]);
  assert.match(refused.stderr, /log.anchor is required, so nothing goes on without it/);
  assert.deepEqual([refused.status, refused.stdout], [1, ""]);
  const played = await play(place, TURNS);
  assert.deepEqual([played.status, played.results.length], [1, 0]);
  assert.match(String(played.result.result), /log.anchor is required/);
  assert.doesNotMatch((await ringfence(place, ["sessions"])).stdout, /has changes/);

  server.isDown = false;
  server.left = 1;
  const ended = await play(place, TURNS);
  assert.equal(ended.status, 1);
  assert.match(String(ended.result.result), /log.anchor is required/);
  assert.equal(newestEvents(place).at(-1)?.type, "head");
});

test("no anchor is taken that lies in the checkout", async (t) => {
  const place = makePlace(t, "mkdir sub");
  configure(place, `{file: ${place.checkout}/sub/heads}`);
  const refused = await ringfence(place, ["exec", "--", "true"]);
  assert.match(refused.stderr, /sub\/heads, which lies in the checkout: name a place outside/);
  assert.equal(refused.status, 1);
  configure(place, `{file: ${place.home}/heads}`);
  assert.equal((await ringfence(place, ["exec", "--", "true"])).status, 0);
  const unread = await ringfence(place, ["log", "verify", "--anchor", `${place.home}/none`]);
  assert.match(unread.stderr, /cannot read the anchor \S+none: /);
  assert.equal(unread.status, 1);
  assert.equal((await ringfence(place, ["log", "verify", "--anchor", place.home])).status, 2);
});

async function serve(t: TestContext) {
  const kept: string[] = [];
  const state = { url: "", isDown: false, left: Number.POSITIVE_INFINITY };
  const server = createServer((request, reply) => {
    let text = "";
    request.setEncoding("utf8").on("data", (piece: string) => {
      text += piece;
    });
    request.on("end", () => {
      if (request.method === "GET") return void reply.end(kept.join(""));
      if (state.isDown || state.left <= 0) return void reply.writeHead(503).end();
      state.left -= 1;
      kept.push(text);
      reply.end();
    });
  });
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  state.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return state;
}
