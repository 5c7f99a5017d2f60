import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { applyEdit } from "./edit.ts";
import { workMs } from "./work.fixture.ts";

fc.configureGlobal({ seed: Number(process.env.SEED ?? Date.now() | 0), numRuns: 500 });

const bytes = (text: string) => new TextEncoder().encode(text);
const edited = (text: string, oldString: string, newString: string, replaceAll = false) => {
  const result = applyEdit(bytes(text), { oldString, newString, replaceAll });
  return result.ok ? new TextDecoder("utf-8", { ignoreBOM: true }).decode(result.content) : result.message;
};

for (const [promise, text, from, to, after] of [
  ["a plain edit", "a\nb\nc\n", "b", "x", "a\nx\nc\n"],
  ["a missing final newline stays missing", "a\nb", "b", "c", "a\nc"],
  ["a byte order mark stays", "\ufeffa\nb\n", "a", "x", "\ufeffx\nb\n"],
  ["LF strings match a CRLF file, which keeps CRLF", "a\r\nb\r\nc\r\n", "a\nb", "a\nx\ny", "a\r\nx\r\ny\r\nc\r\n"],
  ["CRLF strings match an LF file, which keeps LF", "a\nb\nc\n", "a\r\nb", "a\r\nx", "a\nx\nc\n"],
  [
    "shared lines of a mixed file keep their endings",
    "a\r\nb\nc\r\nd\n",
    "a\nb\nc\nd",
    "a\nx\nc\nd",
    "a\r\nx\nc\r\nd\n",
  ],
  ["a new line takes the ending of the line it is put at", "a\nb\r\nc\n", "b\n", "b\nx\n", "a\nb\r\nx\r\nc\n"],
  ["a new last line takes the ending before it", "a\r\nb", "b", "b\nc", "a\r\nb\r\nc"],
  ["a line's ending can be cut out whole", "a\r\nb\r\n", "a\n", "", "b\r\n"],
  ["a lone carriage return stays", "a\rb\nc\n", "c", "d", "a\rb\nd\n"],
] as const) {
  test(promise, () => assert.equal(edited(text, from, to), after));
}

test("replace_all replaces every place and counts them", () => {
  const result = applyEdit(bytes("aXbXc"), { oldString: "X", newString: "--", replaceAll: true });
  assert.deepEqual(result, { ok: true, content: bytes("a--b--c"), count: 2 });
  assert.equal(edited("aaa", "aa", "b", true), "ba");
});

test("bytes that are not UTF-8 survive an edit elsewhere", () => {
  const result = applyEdit(Uint8Array.of(0xff, 0x61, 0xc3, 0x0a, 0x62), {
    oldString: "b",
    newString: "é",
    replaceAll: false,
  });
  assert.deepEqual(result, { ok: true, content: Uint8Array.of(0xff, 0x61, 0xc3, 0x0a, 0xc3, 0xa9), count: 1 });
});

for (const [text, from, to, message] of [
  ["a", "", "b", "edit: old_string is empty; give the text to replace, or use write for a new file"],
  ["a", "a", "a", "edit: old_string and new_string are equal; nothing to change"],
  [
    "a\nb",
    "a\nb",
    "a\r\nb",
    "edit: old_string and new_string are equal, or differ only in line endings; nothing to change",
  ],
  ["a\0b", "a", "b", "edit: the file is binary (it holds a NUL byte); it cannot be edited as text"],
  ["a", "a", "\ud800", "edit: new_string holds half of a surrogate pair; send whole characters"],
  [
    "foo\nx\nfoo\nfoo foo\n",
    "foo",
    "b",
    "edit: old_string occurs 4 times, at lines 1, 3, 4; add a surrounding line or set replace_all",
  ],
  ["aaa", "aa", "b", "edit: old_string occurs 2 times, at line 1; add a surrounding line or set replace_all"],
  [
    "x\n".repeat(9),
    "x",
    "b",
    "edit: old_string occurs 9 times, at lines 1, 2, 3, 4, 5 and 4 more; add a surrounding line or set replace_all",
  ],
  [
    "a\n\tif (b) {\n\t\tc\n",
    "  if (b) {\n\t\tc",
    "d",
    "edit: old_string not found; line 2 differs only in white space; copy it exactly",
  ],
  [
    "a\n\tif (b) {\n\t\tc\n",
    "\tif (b) {\n    c\n",
    "d",
    "edit: old_string not found; line 3 differs only in white space; copy it exactly",
  ],
  [
    "a\nb\nc\nb\n",
    "b\nx\n",
    "d",
    "edit: old_string not found; its first line occurs at lines 2, 4, but a later line differs; read the file there again",
  ],
  ["a b\n", " b ", "d", "edit: old_string not found; without the white space around it, it occurs at line 1"],
  ["a\n", "zz", "d", "edit: old_string not found; its first line does not occur either; read the file again"],
  [
    "a\n",
    "\ufffdz",
    "d",
    "edit: old_string not found; it holds U+FFFD, which stands for bytes that are not text; leave them out",
  ],
] as const) {
  test(`the model is told: ${message}`, () => assert.equal(edited(text, from, to), message));
}

test("replacing a unique text and replacing back restores every byte", () => {
  const line = fc.string({ unit: fc.constantFrom("a", "b", "é", " ", "\u{1f480}"), maxLength: 3 });
  const block = fc.array(line, { minLength: 1, maxLength: 4 }).map((lines) => lines.join("\n"));
  fc.assert(
    fc.property(block, block, block, block, fc.boolean(), (before, old, next, after, isCrlf) => {
      const unify = (text: string) => bytes(isCrlf ? text.replaceAll("\n", "\r\n") : text);
      const start = unify(`top\n${before}\n<${old}>\n${after}\n`);
      const there = applyEdit(start, { oldString: `<${old}>`, newString: `[${next}]`, replaceAll: false });
      assert.ok(there.ok);
      assert.deepEqual(there.content, unify(`top\n${before}\n[${next}]\n${after}\n`));
      assert.deepEqual(applyEdit(there.content, { oldString: `[${next}]`, newString: `<${old}>`, replaceAll: false }), {
        ok: true,
        content: start,
        count: 1,
      });
    }),
  );
});

test("an edit of LF text equals replacement by the language, for any text", () => {
  const text = fc.string({ unit: fc.constantFrom("a", "b", "\n"), maxLength: 40 });
  fc.assert(
    fc.property(
      text,
      fc.string({ unit: fc.constantFrom("a", "b", "\n"), minLength: 1, maxLength: 4 }),
      text,
      (whole, old, next) => {
        fc.pre(old !== next && whole.includes(old));
        assert.equal(
          edited(whole, old, next, true),
          whole.replaceAll(old, () => next),
        );
      },
    ),
  );
});

test("bytes outside the replaced range are those of the file, for any bytes", () => {
  fc.assert(
    fc.property(fc.uint8Array({ min: 1 }), fc.uint8Array({ min: 1 }), (head, tail) => {
      fc.pre(tail[0] !== 0x0a);
      const content = Uint8Array.from([...head, ...bytes("<mark>"), ...tail]);
      const result = applyEdit(content, { oldString: "<mark>", newString: "{}", replaceAll: false });
      assert.deepEqual(result, { ok: true, content: Uint8Array.from([...head, ...bytes("{}"), ...tail]), count: 1 });
    }),
  );
});

for (const [name, text, old] of [
  ["a long run of one letter", "a".repeat(2 ** 20), `${"a".repeat(2 ** 16)}b`],
  ["a place at every byte", "a".repeat(2 ** 20), "a"],
  ["a file of empty lines", "\n".repeat(2 ** 20), `${"\n".repeat(2 ** 16)}b`],
  ["a file of white space", " ".repeat(2 ** 20), "\t".repeat(2 ** 16)],
  ["a file of CRLF", "\r\n".repeat(2 ** 19), "\n\n"],
  ["one long line before a CRLF", `${"ab".repeat(2 ** 19)}\r\n`, "ab"],
] as const) {
  test(`${name} takes linear time`, () => {
    const start = process.cpuUsage();
    applyEdit(bytes(text), { oldString: old, newString: "x", replaceAll: true });
    applyEdit(bytes(text), { oldString: old, newString: "x", replaceAll: false });
    assert.ok(workMs(start) < 3000);
  });
}

test("a result too large to hold is refused", () => {
  assert.equal(
    edited("a".repeat(2 ** 16), "a", "b".repeat(2 ** 16), true),
    "edit: the result would be too large; replace less at once",
  );
});
