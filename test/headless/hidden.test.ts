import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { type TestContext, test } from "node:test";
import { makePlace, play, ringfence, run, users } from "./program.ts";

/** A port of the machine's loopback at which something listens, and one at which nothing does. */
async function ports(t: TestContext): Promise<{ readonly open: number; readonly closed: number }> {
  const [one, other] = [createServer((socket) => socket.destroy()), createServer()];
  for (const server of [one, other]) await once(server.listen(0, "127.0.0.1"), "listening");
  const [open, closed] = [one, other].map((server) => (server.address() as AddressInfo).port) as [number, number];
  t.after(() => one.close());
  await new Promise((resolve) => other.close(resolve));
  return { open, closed };
}

const ask = (port: number) => `(: </dev/tcp/127.0.0.1/${port}) 2>&1; true`;

for (const [who, user] of users()) {
  test(`the first refusal of a hidden service names the line to the person alone, as ${who}`, async (t) => {
    const { open, closed } = await ports(t);
    const place = makePlace(t, "", { user });
    const turns = [open, closed, open].map((port) => run(`bash -c '${ask(port)}'`));
    const played = await play(place, [...turns, { text: "done" }]);
    const [there, nothing, again] = played.results.map(({ text }) =>
      text.replaceAll(String(open), "PORT").replaceAll(String(closed), "PORT"),
    );
    // What the model reads says nothing of whether something listens outside.
    assert.match(there ?? "", /Connection refused\n+\(127\.0\.0\.1:PORT is the box's own; .* net\.services\)$/);
    assert.equal(there, nothing);
    assert.doesNotMatch(again ?? "", /net\.services/);
    const notices = played.events.filter(({ subtype }) => subtype === "notice").map(({ text }) => String(text));
    assert.deepEqual(
      notices.filter((text) => text.includes("net.services")),
      [
        `a command says that nobody answers at 127.0.0.1:${open}: the box does not show what listens there on your machine; to show it, add "127.0.0.1:${open}" to net.services in config.yaml`,
      ],
    );
  });
}

test("a command of the person's own names the line at its end, and only for what listens", async (t) => {
  const { open, closed } = await ports(t);
  const place = makePlace(t);
  const ended = await ringfence(place, ["exec", "--", "bash", "-c", `${ask(open)}; ${ask(closed)}`]);
  assert.match(ended.stderr, new RegExp(`add "127\\.0\\.0\\.1:${open}" to net\\.services`));
  assert.equal(ended.stderr.includes(String(closed)), false);
});
