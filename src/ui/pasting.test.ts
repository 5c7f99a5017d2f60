import assert from "node:assert/strict";
import { test } from "node:test";
import { type Entered, Pasting } from "./pasting.ts";

/** Enters keys as readline does; what stands between ⟨ and ⟩ is pasted, ↵ is Enter and ⌫ empties the line. */
function enter(pasting: Pasting, keys: string): Entered[] {
  const entered: Entered[] = [];
  let line = "";
  const names: Readonly<Record<string, string>> = { "⟨": "paste-start", "⟩": "paste-end", "↵": "return" };
  for (const key of keys) {
    pasting.key(key === "↵" ? "\r" : key, names[key], line);
    if (key === "↵") {
      const done = pasting.line(line);
      if (done !== null) entered.push(done);
      line = "";
    } else if (key === "⌫") line = "";
    else if (names[key] === undefined) line += key;
  }
  return entered;
}

const once = (keys: string) => enter(new Pasting(), keys);

test("what was pasted is no part of what was typed, and its ends of lines end nothing", () => {
  assert.deepEqual(once("do it↵"), [{ text: "do it", typed: "do it" }]);
  assert.deepEqual(once("see ⟨https://a.example/x⟩ now↵"), [
    { text: "see https://a.example/x now", typed: "see   now" },
  ]);
  assert.deepEqual(once("why: ⟨one↵yes↵/land↵⟩?↵"), [{ text: "why: one\nyes\n/land\n?", typed: "why:  \n?" }]);
  // Both halves of an address are typed, and yet the address is not.
  assert.deepEqual(once("https://a⟨.b⟩.example/↵"), [{ text: "https://a.b.example/", typed: "https://a .example/" }]);
});

test("what is pasted and changed makes nothing of its text typed; what is taken away does not count", () => {
  const pasting = new Pasting();
  pasting.key("", "paste-start", "");
  pasting.key("abc", undefined, "");
  pasting.key("", "paste-end", "abc");
  assert.deepEqual(pasting.line("abd https://a.example"), { text: "abd https://a.example", typed: "" });
  assert.deepEqual(once("⟨abc⟩⌫x ↵"), [{ text: "x ", typed: "x " }]);
});

test("what comes back by the history is still pasted", () => {
  const pasting = new Pasting();
  enter(pasting, "⟨https://a.example/x↵more of it⟩↵");
  assert.deepEqual(enter(pasting, "get https://a.example/x↵"), [{ text: "get https://a.example/x", typed: "get  " }]);
});

test("a piece that stands in another one makes nothing of that other one typed", () => {
  const [entered] = once("⟨retry⟩ fails, see ⟨https://a.example/leak/retry?b⟩↵");
  assert.equal(entered?.typed, "  fails, see  ");
  const pasting = new Pasting();
  enter(pasting, "⟨the second⟩↵");
  const [later] = enter(pasting, "⟨https://a.example/the second/b⟩ and ⟨/the⟩↵");
  assert.equal(later?.typed, "  and  ");
});

test("however much was pasted before, none of it comes back as typed", () => {
  for (const lines of [1500, 20_500]) {
    const pasting = new Pasting();
    pasting.key("", "paste-start", "");
    for (let at = 0; at < lines; at += 1) pasting.key(`https://a.example/${at}\n`, undefined, "");
    pasting.key("", "paste-end", "");
    enter(pasting, "⌫↵");
    const line = `https://a.example/${lines - 1}`;
    assert.equal(pasting.line(line)?.typed.trim(), "");
  }
});
