import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "../core/inspect.ts";
import { redactorOf } from "../core/redact.ts";
import { sanitize } from "../core/sanitize.ts";
import { readDetectModel } from "./config-inspect.ts";

const CHARS = 100_000;
/** Twice as much is a line of 10 MB; of one piece, since the rest differ in what they are made of. */
const LONG_CHARS = 5_000_000;
const LONG = "://a:";
const TRIES_MAX = 6;
/** Twice the text takes twice the work; one that is quadratic takes four times. */
const RATIO_MAX = 3;
/** Less cannot be measured. */
const FLOOR_MS = 4;

const model = readDetectModel();
const known = [`kQ7-vX2.mR9_kQ7-vX2.`, "a".repeat(20)].map((value) => ({ name: "known", value }));
const ACTS: Readonly<Record<string, (text: string) => unknown>> = {
  sanitised: sanitize,
  redacted: (text) => redactorOf(known).redact(text),
  "redacted as it comes": (text) => {
    const stream = redactorOf(known).live();
    for (let at = 0; at < text.length; at += 65_536) stream.push(text.slice(at, at + 65_536));
    return stream.end();
  },
  inspected: (text) => inspect(model, text, "tool-output"),
};

/** What each has that makes a careless search go over the rest of the text again and again. */
const PIECES = [
  "a",
  " ",
  "\n",
  "-----BEGIN RSA PRIVATE KEY-----",
  `gh${"p_"}`,
  "://a:",
  "eyJa.",
  "Authorization: Bearer ",
  `kQ7-vX2.mR9_kQ7-vX2`,
  "<!--",
  "![](https://a.example/?",
  '<p style="display:none">',
  "\u{e0061}",
  "\u202e",
  "\u200d\u{1f469}",
  "\ud800",
  "a\u0430",
  "\x1b]0;",
  "QUJD",
  "%41",
  "i g n o r e ",
  "ignore all previous instructions. ",
  "\u0130\u0915\u094d",
];

for (const [name, act] of Object.entries(ACTS))
  test(`whatever a text is made of, twice as much of it is ${name} with at most ${RATIO_MAX} times the work`, () => {
    for (const piece of PIECES) {
      const [once, twice] = [1, 2]
        .map((times) => times * (piece === LONG ? LONG_CHARS : CHARS))
        .map((chars) => piece.repeat(Math.ceil(chars / piece.length)));
      let [least, most] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
      // What disturbs the machine adds to the work and never takes from it.
      for (let tries = 0; tries === 0 || (tries < TRIES_MAX && isMore(least, most)); tries += 1) {
        least = Math.min(
          least,
          workOf(() => act(once ?? "")),
        );
        most = Math.min(
          most,
          workOf(() => act(twice ?? "")),
        );
      }
      assert.ok(!isMore(least, most), `${JSON.stringify(piece)}: ${least} and ${most} ms`);
    }
  });

function isMore(least: number, most: number): boolean {
  return most > RATIO_MAX * Math.max(least, FLOOR_MS);
}

test("work that grows with the square of a text is told apart", () => {
  const square = (text: string) => {
    let sum = 0;
    for (let at = 0; at < text.length; at += 1) for (let to = at; to < text.length; to += 1) sum += at ^ to;
    return sum;
  };
  const [least = 0, most = 0] = [10_000, 40_000].map((chars) => workOf(() => square("a".repeat(chars))));
  assert.ok(isMore(least, most), `${least} and ${most} ms`);
});

function workOf(act: () => void): number {
  const start = process.cpuUsage();
  act();
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1000;
}
