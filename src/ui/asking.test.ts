import assert from "node:assert/strict";
import { createInterface } from "node:readline";
import { PassThrough } from "node:stream";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { RequestQuestion } from "../agent/questions.ts";
import { requestOf } from "../core/effect.fixture.ts";
import { Asking } from "./asking.ts";
import type { Terminal } from "./terminal.ts";

const QUESTION: RequestQuestion = {
  request: requestOf(),
  headers: [],
  body: null,
  isUnseen: false,
  command: null,
  reason: "why",
  origin: "",
  mayLast: true,
};

/** Streams in the place of a terminal, with what was drawn. */
function open(t: TestContext, answerMs?: number) {
  const [stdin, stdout] = [new PassThrough(), new PassThrough()].map((one) => Object.assign(one, { isTTY: true }));
  const terminal = { stdin, stdout, stderr: stdout } as unknown as Terminal;
  let drawn = "";
  stdout?.setEncoding("utf8").on("data", (text: string) => {
    drawn += text;
  });
  const lines = createInterface({ input: terminal.stdin, output: terminal.stdout, terminal: false });
  t.after(() => lines.close());
  const asking = new Asking(terminal, () => lines, answerMs);
  const ask = asking.ask;
  assert.ok(ask);
  return { asking, ask, drawn: () => drawn };
}

test("nothing else is drawn while a question stands, and all of it after, in its order", async (t) => {
  const { asking, ask, drawn } = open(t);
  asking.begin();
  const order: string[] = [];
  const written = () => order.join(" ");
  const answered = ask(QUESTION, new AbortController().signal);
  for (const word of ["one", "two"]) asking.draw(() => order.push(word));
  await sleep(10);
  assert.match(drawn(), /may this leave the box.*GET https:\/\/api\.example\.com\/.*y or N\? $/s);
  assert.equal(written(), "");
  assert.equal(asking.take("y", performance.now() + 2000), true);
  assert.equal(await answered, "yes");
  assert.equal(written(), "one two");
  asking.draw(() => order.push("three"));
  assert.equal(written(), "one two three");
});

test("silence, a client that goes away, the end of the turn and the end of the input are no yes", async (t) => {
  const { asking, ask, drawn } = open(t, 30);
  const signal = new AbortController().signal;
  assert.equal(await ask(QUESTION, signal), "none");
  asking.begin();
  assert.equal(await ask(QUESTION, signal), "none");
  await sleep(5);
  assert.match(drawn(), /\(not sent: nobody answered\)/);
  const controller = new AbortController();
  const gone = ask(QUESTION, controller.signal);
  controller.abort();
  assert.equal(await gone, "none");
  const over = ask(QUESTION, signal);
  asking.end();
  assert.equal(await over, "none");
  // A late word is no answer to anything.
  assert.equal(asking.take("y", performance.now() + 2000), false);
  asking.close();
  asking.begin();
  assert.equal(await ask(QUESTION, signal), "none");
});

test("a key that was pressed before the question could be read makes its line no answer", async (t) => {
  const { asking, ask } = open(t);
  asking.begin();
  const answered = ask(QUESTION, new AbortController().signal);
  asking.press();
  assert.equal(asking.take("y", performance.now() + 2000), true);
  // Another word is meant for later, and a no all the same.
  assert.equal(asking.take("fix the other test", performance.now() + 2000), false);
  assert.equal(await answered, "no");
});

test("a word meant for a question that was taken back is no answer to the one that comes in its place", async (t) => {
  const { asking, ask, drawn } = open(t);
  asking.begin();
  const controller = new AbortController();
  const first = ask(QUESTION, controller.signal);
  controller.abort();
  assert.equal(await first, "none");
  const second = ask({ ...QUESTION, command: "another" }, new AbortController().signal);
  assert.equal(asking.take("y", performance.now() + 2000), true);
  await sleep(5);
  assert.match(drawn(), /so it answers nothing/);
  assert.equal(asking.take("y", performance.now() + 4000), true);
  assert.equal(await second, "yes");
});

test("s and t answer for longer where that is offered, and are no yes where it is not", async (t) => {
  for (const [mayLast, word, answer, said] of [
    [true, "s", "session", "exactly this again until the session ends"],
    [true, "t", "minutes", "exactly this again for 10 minutes"],
    [false, "s", "no", "not sent"],
    [false, "t", "no", "not sent"],
  ] as const) {
    const { asking, ask, drawn } = open(t);
    asking.begin();
    const answered = ask({ ...QUESTION, mayLast }, new AbortController().signal);
    await sleep(5);
    assert.equal(drawn().includes("s sends exactly this again"), mayLast);
    assert.equal(asking.take(word, performance.now() + 2000), true);
    assert.equal(await answered, answer);
    await sleep(5);
    assert.match(drawn(), new RegExp(said));
  }
});
