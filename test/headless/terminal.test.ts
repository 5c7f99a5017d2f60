import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { call, makePlace, newestEvents, ringfence, run, script, sh } from "./program.ts";
import { ESC, open } from "./screen.ts";

/** Longer than it takes until a line counts as an answer. */
const READ_MS = 400;

test("a session in a terminal: a task, the answer, the diff, landing, throwing away, and the end", async (t) => {
  const place = makePlace(t, "echo one >a.txt");
  const model = script(place, [
    run("echo two >>a.txt; echo new >b.txt"),
    { text: "I did it." },
    call("write", { path: "c.txt", content: "c\n" }),
    { text: "Once more." },
  ]);
  const screen = open(t, place, ["--model", model]);
  await screen.see("> ");
  screen.type("do it\r");
  await screen.see("run echo two >>a.txt");
  await screen.see("I did it.");
  await screen.see(/^edit +\+1 -0 {2}a\.txt\r?\nadd +\+1 -0 {2}b\.txt\r?\n2 changed files wait: y lands this, /m);
  await screen.see("> ");
  screen.type("/diff\r");
  await screen.see(/^\+two\r?$/m);
  await screen.see(/^y lands the source of this\r?$/m);
  await screen.see("> ");
  screen.type("/land a.txt 1\r");
  await screen.see("landed  a.txt (hunk 1)");
  await screen.see("> ");
  assert.equal(sh(place, "cat a.txt; git status --porcelain"), "one\ntwo\n M a.txt\n");
  screen.type("again\r");
  await screen.see("Once more.");
  await screen.see("2 changed files wait");
  await screen.see("> ");
  screen.type("/discard b.txt\r");
  await screen.see("takes no path; nothing was thrown away");
  await screen.see("> ");
  screen.type("/discard\r");
  await screen.see("all changes of this session are thrown away");
  await screen.see("> ");
  screen.type("/diff --stat\r");
  await screen.see("/diff takes no --stat; /help shows what it takes");
  await screen.see("> ");
  screen.type("/label\r");
  await screen.see("external and private: external by");
  await screen.see("> ");
  screen.type("/help\r");
  await screen.see(/^\/label +what the session has seen/m);
  await screen.see("> ");
  screen.type("/undo a.txt\r");
  await screen.see("takes no path; nothing was undone");
  await screen.see("> ");
  screen.type("/exit\r");
  assert.equal(await screen.status, 0);
  assert.equal(sh(place, "git status --porcelain"), " M a.txt\n");
  assert.equal((await ringfence(place, ["log", "verify"])).status, 0);
});

test("what is pasted is one prompt that a key ends; it is labelled, and what stands in it was not typed", async (t) => {
  const place = makePlace(t, "echo one >a.txt");
  const screen = open(t, place, ["--model", script(place, [{ text: "Seen." }, { text: "Again." }])]);
  await screen.see("> ");
  screen.type("plain\r");
  await screen.see("Seen.");
  await screen.see("> ");
  screen.type("/label\r");
  await screen.see("user and private: ");
  await screen.see("> ");
  screen.type(`see ${ESC}[200~https://a.example/x\r/exit\ry\r${ESC}[201~there\r`);
  await screen.see("Again.");
  await screen.see("> ");
  screen.type("/label\r");
  await screen.see("external and private: external by text that you pasted");
  screen.type("/exit\r");
  assert.equal(await screen.status, 0);
  const prompts = newestEvents(place).filter(({ type }) => type === "prompt");
  assert.deepEqual(
    prompts.map(({ typed }) => typed),
    ["plain", "see  \nthere"],
  );
  assert.match(String(prompts[1]?.text), /see https:\/\/a\.example\/x\n\/exit\ny\nthere/);
});

test("y after a turn lands exactly what was listed; typed ahead, or after it changed, it lands nothing", async (t) => {
  const place = makePlace(t, "echo one >a.txt");
  const work = 'echo two >>a.txt; echo x >"my file"; echo all: >Makefile; git add a.txt; git commit -qm two; sleep 1';
  const screen = open(t, place, ["--model", script(place, [run(work), { text: "Done." }])]);
  await screen.see("> ");
  screen.type("do it\r");
  await screen.see("git commit");
  screen.type("y\r");
  await screen.see(/^edit .* a\.txt\r?$/m);
  await screen.see("3 changed files wait, 1 commit waits: y lands what is source, /diff shows it");
  await screen.see('"y" was typed before this could be read, so it answers nothing; type it again');
  assert.equal(sh(place, "git status --porcelain"), "");
  await sleep(READ_MS);
  // The person's own edit makes it another landing than the one that was listed.
  sh(place, "echo mine >>a.txt");
  screen.type("y\r");
  await screen.see("nothing landed: it is not what was shown any more");
  await screen.see("you changed it meanwhile");
  await screen.see("> ");
  assert.equal(sh(place, "git status --porcelain"), " M a.txt\n");
  screen.type('/diff "my file"\r');
  await screen.see(/^\+x\r?$/m);
  screen.type("/diff\r");
  await screen.see(/^held {2}a\.txt: source, you changed it meanwhile\r?$/m);
  await screen.see("y lands the source of this");
  await screen.see("> ");
  await sleep(READ_MS);
  screen.type("y\r");
  await screen.see("landed  my file");
  await screen.see("if it is right: /approve Makefile");
  await screen.see("> ");
  screen.type("/exit\r");
  assert.equal(await screen.status, 0);
  assert.equal(
    sh(place, "cat a.txt; git status --porcelain; git log --format=%s"),
    'one\nmine\n M a.txt\n?? "my file"\nstart\n',
  );
});

test("a held file is shown first and lands on the whole word yes, typed after it was shown", async (t) => {
  const place = makePlace(t, "echo one >a.txt");
  const model = script(place, [run("echo 'all: ; true' >Makefile"), { text: "I did it." }]);
  const screen = open(t, place, ["--model", model]);
  await screen.see("> ");
  screen.type("do it\r");
  await screen.see("1 changed file waits");
  await screen.see("> ");
  for (const answer of ["y", ""]) {
    screen.type("/approve Makefile\r");
    await screen.see(/^\+all: ; true\r?$/m);
    await screen.see("this would run later, and external text and private data were within reach of who wrote it");
    await screen.see("external by a command that could read what is of no commit that you approved");
    await screen.see("land exactly this?");
    await screen.see("> ");
    screen.type(`${answer}\r`);
    await screen.see("not landed");
    await screen.see("> ");
  }
  assert.equal(sh(place, "git status --porcelain"), "");
  // What is typed before the question can be read answers nothing, however right the word is.
  screen.type("/approve Makefile\ryes\r");
  await screen.see("land exactly this?");
  await screen.see('"yes" was typed before this could be read');
  await screen.see("> ");
  await sleep(READ_MS);
  screen.type("yes\r");
  await screen.see("landed  Makefile");
  await screen.see("> ");
  screen.type("/exit\r");
  assert.equal(await screen.status, 0);
  assert.equal(sh(place, "cat Makefile"), "all: ; true\n");
});

test("in a terminal, nothing that the model writes is obeyed by it", async (t) => {
  const place = makePlace(t);
  const screen = open(t, place, ["--model", script(place, [{ text: "\u001b]0;evil\u0007\u001b[2Jhello\u202e" }])]);
  await screen.see("> ");
  screen.type("hi\r");
  await screen.see("\\x1b]0;evil\\x07\\x1b[2Jhello<U+202E>");
  screen.type("/exit\r");
  assert.equal(await screen.status, 0);
});
