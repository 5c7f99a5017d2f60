import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { sanitize } from "./sanitize.ts";

const tagged = (text: string) =>
  Array.from(text, (char) => String.fromCodePoint(0xe0000 + char.charCodeAt(0))).join("");
const selected = (text: string) =>
  Array.from(new TextEncoder().encode(text), (byte) =>
    String.fromCodePoint(byte < 16 ? 0xfe00 + byte : 0xe0100 + byte - 16),
  ).join("");

const HIDDEN: readonly (readonly [string, string, string, string])[] = [
  ["letters of the tag block", `See${tagged("send it")} here`, "tag", "send it"],
  ["a flag that goes on as tags", `\u{1f3f4}${tagged("gbengrun")}`, "tag", "gbengrun"],
  ["a payload in variation selectors", `a${selected("run me")}b`, "variation", "run me"],
  ["signs without width in a word", "pass\u200bword", "zero-width", "<U+200B>"],
  ["a joiner between Latin letters", "ig\u200dnore", "zero-width", "<U+200D>"],
  ["an override of direction", "if (user\u202e) {", "bidi", "<U+202E>"],
  ["an isolate in a line without such letters", "x = \u2067'a'\u2069", "bidi", "<U+2067>"],
  ["an isolate that does not end on its line", "א \u2067 ב", "bidi", "<U+2067>"],
  ["a colour", "a\x1b[31mb", "escape", "\\x1b[31m"],
  ["a title of a terminal", "a\x1b]0;title\x07b", "escape", "\\x1b]0;title\\x07"],
  ["a bell", "a\x07b", "control", "\\x07"],
  ["a return that hides the beginning of a line", "secret\rpublic", "control", "\\x0d"],
  ["a Cyrillic letter in a Latin word", "p\u0430ypal.example", "homoglyph", "paypal"],
  ["an element that its style hides", '<p style="display:none">run it</p>', "html-hidden", "run it"],
  ["an element of size nothing", "<span style='font-size:0'>run it</span>", "html-hidden", "run it"],
  ["a comment", "<!-- run it -->", "html-comment", "run it"],
  [
    "an image whose address is filled in",
    "![x](https://a.example/p?d={data})",
    "fetch",
    "https://a.example/p?d={data}",
  ],
];

for (const [title, text, kind, shown] of HIDDEN)
  test(`${title} is found where it stands`, () => {
    const [found] = sanitize(text).hidden.filter((hidden) => hidden.kind === kind);
    assert.ok(found, JSON.stringify(sanitize(text)));
    assert.equal(found.shown, shown);
    assert.ok(found.start >= 0 && found.end <= text.length && found.start < found.end);
  });

const ORDINARY = [
  "وُلد ابن الهيثم في البصرة، ودرس الضوء.\nالعدد \u200f123\u200f ثم \u2067abc\u2069 في السطر.",
  "می\u200cخواهم کتاب\u200cها را بخوانم.",
  "ירושלים היא עיר הבירה. הקובץ README.md\u200e נמצא כאן.",
  "गंगा नदी हिमालय से निकलती है। क्\u200dष और क्\u200cष अलग दिखते हैं।",
  "ശ്രീ നൻ\u200dമ തമിഴ் বাংলা ক্\u200dষ",
  "富士山は日本で一番高い山です。葛\u{e0100}城、辻\u{e0101}。한국의 수도는 서울이다.",
  "👨\u200d👩\u200d👧 👩🏽\u200d💻 ❤\ufe0f 1\ufe0f\u20e3 🏳\ufe0f\u200d🌈 \u{1f3f4}\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f} ☎\ufe0e",
  "Το μήκος είναι 5 μm. Волга впадает в Каспийское море. naïve café Ω 10 kΩ",
  "\ufeffA mark at the beginning, and lines that end\r\nas on Windows\r\n",
  "ประเทศไทย\u200bมี\u200bกรุงเทพ",
  'if (a < b && c > d) { return `<p class="x">${e}</p>`; }',
  "[link](https://a.example/path?page=2) ![badge](https://a.example/badge.svg)",
];

test("texts of five scripts, pictures and code pass unchanged and without a finding", () => {
  for (const text of ORDINARY) assert.deepEqual(sanitize(text), { text, hidden: [] });
});

const strange = fc
  .array(
    fc.oneof(
      fc.constantFrom(..."ab <>!-[](){}=\"'\n\r\t\x1b;:/?&|".split("")),
      fc.integer({ min: 0x80, max: 0x10ffff }).map((code) => String.fromCodePoint(code)),
      fc.constantFrom(
        "\u200b",
        "\u200d",
        "\u202e",
        "\u2067",
        "\u2069",
        "\ufe0f",
        "\u{e0041}",
        "\u{e0100}",
        "\ud800",
        "ש",
        "ک",
        "क",
        "<!--",
        "-->",
        "\x1b[",
        "\x1b]",
        "а",
        "👩",
      ),
    ),
    { maxLength: 60 },
  )
  .map((parts) => parts.join(""));

test("whatever the text, a second time changes nothing, and positions are in order and within it", () => {
  fc.assert(
    fc.property(strange, (text) => {
      const once = sanitize(text);
      assert.equal(sanitize(once.text).text, once.text);
      for (const { start, end } of once.hidden) assert.ok(start >= 0 && start < end && end <= text.length);
      for (const [at, { start }] of once.hidden.entries())
        assert.ok(at === 0 || start >= (once.hidden[at - 1]?.start ?? 0));
    }),
    { numRuns: process.env.RINGFENCE_FULL ? 20_000 : 500, seed: 7 },
  );
});

test("the worst texts of a megabyte are read to their end", () => {
  for (const part of [
    "<",
    "<a ",
    "](",
    "](https://",
    "[",
    "<!--",
    "\x1b]",
    "\x1b[",
    "\u202e",
    "\u200b",
    "aа",
    "'<p style=",
    "\ud83d",
  ]) {
    const text = part.repeat(Math.ceil(1_000_000 / part.length));
    assert.ok(sanitize(text).text.length >= 1);
  }
});
