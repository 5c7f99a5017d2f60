import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { bound, counted, visible, visibleJson } from "./text.ts";
import { plain } from "./text-plain.ts";
import { workMs } from "./work.fixture.ts";

fc.configureGlobal({ seed: Number(process.env.SEED ?? Date.now() | 0), numRuns: 500 });

const DANGEROUS =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\u{e0000}-\u{e0fff}]|\p{Cs}|(?![\u200c\u200d])\p{Cf}/u;
const hostile = fc
  .array(
    fc.oneof(
      fc.string({ unit: "binary" }),
      fc.constantFrom(
        "\x1b[2J",
        "\x9b",
        "\u202e",
        "\u200d",
        "\u200c",
        "\ufe0f",
        "\ufe0e",
        "👩",
        "🏽",
        "❤",
        "1",
        "\u20e3",
        "क",
        "्",
        "ش",
        "\ud83d",
        "\udc80",
        "\u{e0041}",
        "\ufeff",
        "\r",
        "\n",
        "\u3164",
        "\u{e0100}",
        "\uffff",
      ),
    ),
  )
  .map((parts) => parts.join(""));

test("no input shows a control or hidden character", () => {
  fc.assert(fc.property(hostile, (text) => assert.doesNotMatch(visible(text), DANGEROUS)));
});

test("showing twice is showing once", () => {
  fc.assert(fc.property(hostile, (text) => assert.equal(visible(visible(text)), visible(text))));
});

test("every single code unit but newline and tab is safe", () => {
  for (let code = 0; code < 0x10000; code += 1)
    assert.doesNotMatch(visible(String.fromCharCode(code)), /\u200b|\u200c|\u200d|[\ufe00-\ufe0f]/u);
  for (let code = 0; code < 0x10000; code += 1) assert.doesNotMatch(visible(String.fromCharCode(code)), DANGEROUS);
});

for (const [name, text] of Object.entries({
  emoji: "👩🏽‍💻 ❤️‍🔥 🏳️‍🌈 ☎︎ 1️⃣ #️⃣ 👨‍👩‍👧‍👦 🇩🇪 🧑‍🤝‍🧑",
  Persian: "می‌خواهم این کتاب را بخوانم",
  Arabic: "السلام عليكم ورحمة الله",
  Hebrew: "שָׁלוֹם עוֹלָם",
  Hindi: "क्‍ष और श्री नमस्ते",
  Sinhala: "ශ්‍රී ලංකා",
  CJK: "漢字かな交じり文 한국어　全角",
  accents: "e\u0301 Zürich naïve ﬁ ",
})) {
  test(`${name} text is shown unchanged`, () => assert.equal(visible(text), text));
}

test("hidden characters are spelled out", () => {
  assert.equal(visible("a\x1b[2Jb\r\x7f"), "a\\x1b[2Jb\\x0d\\x7f");
  assert.equal(visible("\u202eabc\u2066\u{e0041}\u0085\ud800x"), "<U+202E>abc<U+2066><U+E0041><U+0085><U+D800>x");
  assert.equal(
    visible("pass\u200dword a\ufe0f 1\ufe0f \u00ad\ufeff"),
    "pass<U+200D>word a<U+FE0F> 1<U+FE0F> <U+00AD><U+FEFF>",
  );
});

test("JSON text shown means the same value and holds nothing hidden", () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.jsonValue(), hostile),
      hostile,
      fc.constantFrom(undefined, "\t", 2),
      (value, key, indent) => {
        const before = { [key]: value };
        // JSON.stringify escapes lone surrogates and C0; the raw forms of the rest stand in its output.
        const shown = visibleJson(JSON.stringify(before, null, indent).replaceAll("\n", "\r\n"));
        assert.doesNotMatch(shown, DANGEROUS);
        assert.deepEqual(JSON.parse(shown), JSON.parse(JSON.stringify(before)));
      },
    ),
  );
});

test("raw lone surrogates in JSON text keep their value", () => {
  assert.equal(JSON.parse(visibleJson('"\ud83d\\udc80"')), "\ud83d\udc80");
});

test("bounded text fits, keeps whole characters and says what is missing", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", maxLength: 400 }), fc.nat(300), (text, charsMax) => {
      const result = bound(text, charsMax);
      assert.ok(result.text.length <= charsMax);
      assert.ok(result.text.isWellFormed());
      assert.equal(result.cut, text.length > charsMax);
      if (!result.cut) assert.equal(result.text, text);
    }),
  );
  assert.deepEqual(bound("a\n".repeat(50), 60), {
    text: "a\na\na\na\na\na\na\n[... 75 bytes, 38 lines cut ...]\na\na\na\na\na\na\n",
    cut: true,
  });
  assert.match(bound("é".repeat(100), 60).text, /^é+\n\[\.\.\. \d+ bytes, 0 lines cut \.\.\.\]\né+$/);
});

for (const [from, to] of [
  ["\x1b[31mred\x1b[0m", "red"],
  ["\x1b]8;;http://x\x07link\x1b]8;;\x1b\\", "link"],
  ["\x1bP1;2qdata\x1b\\after", "after"],
  ["\x9b31mred \x9d0;title\x9crest", "red rest"],
  ["10%\r50%\r100%\r\ndone\r\n", "100%\ndone\n"],
  ["50%\r", "50%"],
  ["\x1b]0;never ended\nnext line", "\nnext line"],
  ["\x1b(Bplain\x1b7\x1b=x", "plainx"],
  ["cut \x1b[", "cut "],
  ["cut \x1b", "cut "],
  ["no escapes: \t«é»\n", "no escapes: \t«é»\n"],
] as const) {
  test(`plain text of ${JSON.stringify(from)}`, () => assert.equal(plain(from), to));
}

test("plain text holds no escape, however often applied", () => {
  fc.assert(fc.property(hostile, (text) => assert.doesNotMatch(plain(text), /[\x1b\x9b\x9d\r]/)));
});

for (const piece of [
  "\x1b",
  "\x1b[",
  "\x1b]",
  "\x1b[1;",
  "\r",
  "\x1bP\x1b",
  "\x9d",
  "\x1b]x\n",
  "\u200d",
  "👩\u200d",
  "\ud800",
  "\ufe0f",
]) {
  test(`a megabyte of ${JSON.stringify(piece)} takes linear time`, () => {
    const text = piece.repeat(2 ** 20 / piece.length);
    const start = process.cpuUsage();
    plain(text);
    visible(text);
    bound(text, 1000);
    assert.ok(workMs(start) < 3000);
  });
}

test("one is counted in the singular, everything else in the plural", () => {
  const words = [0, 1, 2, 0.5].map((count) => counted(count, "file"));
  assert.deepEqual(
    [...words, counted(1, "reply", "replies"), counted(2, "reply", "replies")],
    ["0 files", "1 file", "2 files", "0.5 files", "1 reply", "2 replies"],
  );
});
