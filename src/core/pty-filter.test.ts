import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { PtyFilter } from "./pty-filter.ts";

const ESC = "\x1b";

function filter(text: string | Uint8Array): string {
  const bytes = typeof text === "string" ? Buffer.from(text, "utf8") : text;
  return Buffer.from(new PtyFilter().push(bytes)).toString("latin1");
}

const utf8 = (text: string) => Buffer.from(text, "utf8").toString("latin1");

test("what draws passes as it is", () => {
  for (const text of [
    "plain text\r\n\tand more\b\x07",
    "écran 漢字 🙂 ﷽",
    `${ESC}[1;31;48:2::1:2:3mred${ESC}[0m`,
    `${ESC}[2J${ESC}[H${ESC}[10;20H${ESC}[5A${ESC}[K${ESC}[3X${ESC}[2L${ESC}[1;20r`,
    `${ESC}7${ESC}8${ESC}M${ESC}D${ESC}E${ESC}=${ESC}>`,
    `${ESC}[?1049h${ESC}[?25l${ESC}[?2004h${ESC}[?1000;1002;1006h${ESC}[?2026h${ESC}[?2026l`,
    `${ESC}[>1u${ESC}[<u${ESC}[=1u${ESC}[>4;2m${ESC}[6 q${ESC}[!p`,
    `${ESC}(0lqk${ESC}(B\x0e\x0f`,
  ])
    assert.equal(filter(text), utf8(text));
});

const HARMFUL: readonly (readonly [what: string, text: string, left: string])[] = [
  ["the clipboard", `a${ESC}]52;c;Y3VybCB4\x07b`, "ab"],
  ["the clipboard, ended otherwise", `a${ESC}]52;c;Y3VybCB4${ESC}\\b`, "ab"],
  ["the clipboard, by the control of one byte", `a\u009d52;c;Y3VybCB4\x07b`, "a52;c;Y3VybCB4\x07b"],
  ["a title", `${ESC}]0;evil\x07`, ""],
  ["a title of an icon", `${ESC}]1;evil${ESC}\\`, ""],
  ["an address behind text", `${ESC}]8;;file:///etc/passwd${ESC}\\text${ESC}]8;;${ESC}\\`, "text"],
  ["a colour that is asked for", `${ESC}]11;?\x07`, ""],
  ["a file for the terminal", `${ESC}]1337;File=name=eA==:AAAA\x07`, ""],
  ["a note on the desktop", `${ESC}]9;hello\x07${ESC}]777;notify;a;b\x07`, ""],
  ["a working folder", `${ESC}]7;file://host/x\x07`, ""],
  ["a device control string", `${ESC}P$q"p${ESC}\\`, ""],
  ["sixel", `${ESC}Pq#0;2;0;0;0~-${ESC}\\x`, "x"],
  ["a termcap question", `${ESC}P+q544e${ESC}\\`, ""],
  ["a string for an application", `${ESC}_Gf=100,t=f;L2V0Yy9wYXNzd2Q=${ESC}\\`, ""],
  ["a private message", `${ESC}^x${ESC}\\`, ""],
  ["a string of tmux", `${ESC}Ptmux;${ESC}${ESC}]52;c;eA==\x07${ESC}\\`, ""],
  ["a start of string", `${ESC}Xx${ESC}\\`, ""],
  ["what are you", `${ESC}[c${ESC}[0c${ESC}[>c${ESC}[=c${ESC}Z`, ""],
  ["where is the cursor", `${ESC}[6n${ESC}[?6n${ESC}[5n`, ""],
  ["how large is the window", `${ESC}[18t${ESC}[14t${ESC}[21t`, ""],
  ["another size", `${ESC}[8;5;5t${ESC}[3;0;0t`, ""],
  ["which mode", `${ESC}[?2026$p${ESC}[4$p`, ""],
  ["which keys", `${ESC}[?u${ESC}[?4m`, ""],
  ["which version", `${ESC}[>q${ESC}[>0q`, ""],
  ["a checksum", `${ESC}[1;1;1;1;1;1*y`, ""],
  ["an answer of one's own", "\x05", ""],
  ["printing", `${ESC}[5i${ESC}[4i${ESC}[i${ESC}[?5i`, ""],
  ["a full reset", `${ESC}c`, ""],
  ["a test picture", `${ESC}#8`, ""],
  ["a character set with a number for its sign", `${ESC}#0${ESC}%0`, ""],
  ["tracking of the mouse that waits", `${ESC}[1;1;1;1;1T`, ""],
  ["a count that keeps it busy", `${ESC}[999999999b`, ""],
  ["keys to be typed", `${ESC}["a";1p`, '";1p'],
  ["a mode that is not known", `${ESC}[?3h${ESC}[?1000;9999h${ESC}[20h${ESC}[2h`, ""],
  ["saving of modes", `${ESC}[?1000s${ESC}[?1000r`, ""],
  ["a sequence by the control of one byte", "\u009b6n", "6n"],
  ["delete and null", "a\x00\x7fb", "ab"],
];

test("whatever sets, prints, loads or makes a terminal answer is left out", () => {
  for (const [what, text, left] of HARMFUL) {
    // Whatever of it is left draws, and begins nothing.
    assert.equal(filter(text), left, what);
  }
});

test("bytes that are no text become a sign that begins nothing", () => {
  for (const bytes of [
    [0x9b, 0x36, 0x6e],
    [0xc2],
    [0xe2, 0x82],
    [0xc0, 0x9b],
    [0xed, 0xa0, 0x80],
    [0xf4, 0x90, 0x80, 0x80],
    [0xe0, 0x82, 0x9b],
    [0xff],
    [0x90],
  ]) {
    const shown = filter(Uint8Array.from([...bytes, 0x41]));
    assert.doesNotMatch(Buffer.from(shown, "latin1").toString("utf8"), /[\u0080-\u009f\x1b]/);
    assert.ok(shown.endsWith("A"));
  }
});

test("a string that nothing ends hides no more than a megabyte", () => {
  const filterOf = new PtyFilter();
  filterOf.push(Buffer.from(`${ESC}]52;c;`));
  for (let at = 0; at < 17; at += 1) filterOf.push(Buffer.alloc(1 << 16, 0x61));
  assert.equal(Buffer.from(filterOf.push(Buffer.from("seen"))).toString(), "seen");
});

test("what was changed is changed back in the end, and nothing else", () => {
  const filterOf = new PtyFilter();
  const push = (text: string) => filterOf.push(Buffer.from(text));
  push(
    `${ESC}[?1049h${ESC}[?25l${ESC}[?2004h${ESC}[?1000h${ESC}[?1000l${ESC}[>4;2m${ESC}[>1u${ESC}[5 q${ESC}[4h${ESC}=`,
  );
  push(`${ESC}(0${ESC}[3;9r${ESC}[31m${ESC}]52;c;`);
  const reset = Buffer.from(filterOf.end()).toString();
  for (const part of ["[?1049l", "[?25h", "[?2004l", "[>4m", "[<1u", "[=0u", "[0 q", "[4l", ">", "[r", "(B", "[0m"])
    assert.ok(reset.includes(`${ESC}${part}`), part);
  assert.ok(!reset.includes("1000"));
  assert.ok(reset.indexOf("[?1049l") > reset.indexOf("[?25h"));
  assert.equal(Buffer.from(new PtyFilter().end()).toString(), "");
});

test("reports of keys that were set without being put on the stack are taken back too", () => {
  const filterOf = new PtyFilter();
  filterOf.push(Buffer.from(`${ESC}[=31u`));
  assert.equal(Buffer.from(filterOf.end()).toString(), `${ESC}[=0u`);
});

/** What a terminal would take for a sequence in text that was let through; the only ones are those of the table. */
const SEQUENCE = /\x1b(?:\[[<=>?]?[0-9;:]*[ !]?[@-~]|[()][0B]|[78DEHM=>])/g;

test("whatever comes, and wherever it is cut, what passes is text and sequences that draw", () => {
  const bits = fc.constantFrom(
    ESC,
    "[",
    "]",
    "P",
    "_",
    "^",
    "X",
    "\\",
    "\x07",
    "52;c;",
    "?",
    ">",
    "1049",
    "h",
    "6n",
    "c",
    "m",
    ";",
    "5i",
    " ",
    "$",
    "p",
    "q",
    "t",
    "u",
    "(",
    "0",
    "\u009b",
    "\u009d",
    "é",
    "🙂",
    "\x18",
    "a",
    "\n",
    "\x9c",
    "#",
    "8",
    "T",
    "99999",
  );
  const input = fc.oneof(
    fc.array(bits, { maxLength: 40 }).map((all) => Buffer.from(all.join(""), "utf8")),
    fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
  );
  fc.assert(
    fc.property(input, fc.array(fc.nat({ max: 60 }), { maxLength: 5 }), (bytes, cuts) => {
      const whole = filter(bytes);
      const cutting = new PtyFilter();
      const ends = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)).sort((a, b) => a - b), bytes.length];
      const pieces = ends.slice(1).map((end, at) => Buffer.from(cutting.push(bytes.subarray(ends[at], end))));
      assert.equal(Buffer.concat(pieces).toString("latin1"), whole);
      const text = Buffer.from(whole, "latin1").toString("utf8");
      assert.ok(Buffer.from(text, "utf8").equals(Buffer.from(whole, "latin1")), "it is no UTF-8");
      const rest = text.replace(SEQUENCE, "");
      assert.doesNotMatch(rest, /[\x00-\x06\x10-\x1f\x7f\u0080-\u009f]/);
      for (const sequence of text.match(SEQUENCE) ?? []) {
        assert.doesNotMatch(
          sequence,
          /^\x1b\[.*[cntipy]$/.test(sequence) && sequence !== "\x1b[!p" ? /^/ : /^$/,
          sequence,
        );
        // Filtered again it stays as it is.
        assert.equal(filter(sequence), sequence);
      }
    }),
    { numRuns: 5000 },
  );
});

test("where the cursor was moved, what comes after the end stands below all that was drawn", () => {
  for (const moving of [`${ESC}[1;1H`, `${ESC}[5A`, `${ESC}M`, `${ESC}8`, `${ESC}[2J`]) {
    const filterOf = new PtyFilter();
    filterOf.push(Buffer.from(moving));
    assert.equal(Buffer.from(filterOf.end()).toString(), `${ESC}[9999;1H\n`, moving);
  }
  const plain = new PtyFilter();
  plain.push(Buffer.from(`${ESC}[1mtext${ESC}[K\n`));
  assert.equal(Buffer.from(plain.end()).toString(), `${ESC}[0m`);
});
