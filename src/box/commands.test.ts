import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import fc from "fast-check";
import { isImageName, quote, runProgram, SHELL_FUNCTIONS, terminalProgram } from "./commands.ts";

const RUNS = 60;

function bash(program: string): string {
  return execFileSync("/bin/bash", ["--norc", "--noprofile", "-c", program], { encoding: "utf8", cwd: "/" });
}

test("a quoted text is one word of the shell and means itself, whatever it holds", () => {
  const hostile = fc.constantFrom(
    "'",
    "''",
    "\\",
    "$(id)",
    "`id`",
    "\n",
    "\t",
    "*",
    "~",
    "-n",
    "!",
    "#",
    ";",
    "&&",
    '"',
    "",
    " ",
    "\u202e",
    "é",
  );
  const words = fc
    .array(fc.oneof(hostile, fc.string({ unit: "grapheme" })), { maxLength: 8 })
    .map((parts) => parts.join("").replaceAll("\0", ""));
  fc.assert(
    fc.property(fc.array(words, { minLength: 1, maxLength: 6 }), (all) => {
      const clean = all.map((word) => word.toWellFormed());
      const printed = bash(`printf '%s\\0' ${clean.map(quote).join(" ")}`);
      assert.deepEqual(printed.split("\0").slice(0, -1), clean);
    }),
    { numRuns: RUNS },
  );
});

test("a command with syntax that does not end cannot leave the shell with a status of nought", () => {
  for (const command of ["echo 'open", "if true", "(", "{", "echo $(", "for x in 1; do"]) {
    assert.throws(
      () =>
        execFileSync("/bin/bash", ["--norc", "-c", `${SHELL_FUNCTIONS} eval ${quote(runProgram(command))}`], {
          stdio: "ignore",
        }),
      command,
    );
  }
});

test("a terminal's program runs the command once, with the size that was asked for", () => {
  const program = terminalProgram("stty size; echo 'it'\"'\"'s'; exit 5", { rows: 12, columns: 34 });
  assert.equal(bash(`( ${program} ) </dev/null; echo "status $?"`).replaceAll("\r", ""), "12 34\nit's\nstatus 5\n");
});

test("an image is asked for by the end of its name, in any case", () => {
  const names = ["a.png", "b.JPG", "c.jpeg", "d.gif", "e.webp", "f.svg", "png", "g.png.txt", ".png"];
  assert.deepEqual(names.filter(isImageName), ["a.png", "b.JPG", "c.jpeg", "d.gif", "e.webp", ".png"]);
});
