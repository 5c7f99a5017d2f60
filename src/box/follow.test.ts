import assert from "node:assert/strict";
import { test } from "node:test";
import { readFacts } from "./folder.ts";
import { readFollowed } from "./follow.ts";
import { landAll, makePlace, programs, type Session, sh, startSession, VIEW } from "./land.fixture.ts";
import { openBox, until } from "./open.fixture.ts";
import { permitFor } from "./permit.fixture.ts";
import { emptyPermitted } from "./permitted.ts";

const APP = `import { word } from "./word.mjs"; import { appendFileSync } from "node:fs"; appendFileSync("/tmp/said", "one " + word + "\\n"); setInterval(() => {}, 1000);`;
const MAKE = `cat >app.mjs <<'X'\n${APP}\nX\necho 'export const word = "first";' >word.mjs; echo box >mine.txt`;

async function background(session: Session, command: string): Promise<string> {
  const effect = { kind: "run", timeoutMs: 30_000, background: true, command, profile: "net" } as const;
  const outcome = await session.box.perform(permitFor(effect), { signal: new AbortController().signal });
  return /bg\d+/.exec(outcome.text)?.[0] ?? "";
}

async function end(session: Session, id: string): Promise<void> {
  await session.box.perform(permitFor({ kind: "kill", id }), { signal: new AbortController().signal });
}

const changed = async (session: Session) =>
  (await session.collect()).changes.map(({ change, conflict }) => `${change.action} ${change.path} ${conflict}`);

test("a server in the box that watches its files reloads what the person saves, in place or by renaming", async (t) => {
  const place = makePlace(MAKE);
  const session = await startSession(place);
  t.after(() => session.close());
  const said = (text: string) =>
    until(`the server says ${text}`, async () => (await session.run("tail -n 1 /tmp/said 2>/dev/null; true")) === text);
  const server = await background(session, "exec node --watch app.mjs");
  await said("one first");
  sh(place, `echo 'export const word = "second";' >word.mjs`);
  await said("one second");
  sh(place, `echo 'export const word = "third";' >.word.tmp; mv .word.tmp word.mjs`);
  await said("one third");
  sh(place, "sed -i 's/one/two/' app.mjs");
  await said("two third");
  // None of it is the session's: not while the server runs, not after it, not when the person goes on.
  assert.deepEqual(await changed(session), []);
  await end(session, server);
  sh(place, `echo 'export const word = "fourth";' >word.mjs`);
  assert.deepEqual(await changed(session), []);
  assert.match(await session.run("cat word.mjs app.mjs"), /fourth[\s\S]*two/);
  assert.deepEqual(await changed(session), []);
});

test("files that the person makes, moves and deletes follow; what the box changed stays the box's", async (t) => {
  const place = makePlace(`${MAKE}; mkdir old; echo o >old/o`);
  const session = await startSession(place);
  t.after(() => session.close());
  await session.run("echo changed >mine.txt; mkdir made; echo m >made/m");
  const idle = await background(session, "exec sleep 60");
  sh(place, "mkdir -p new/er; echo n >new/er/n; rm word.mjs; mv old older; echo person >mine.txt; echo x >made");
  const look = "cat new/er/n older/o mine.txt made/m; ls";
  await until("all is seen", async () =>
    (await session.run(`${look} 2>&1`)).startsWith("n\no\nchanged\nm\napp.mjs\nmade\nmine.txt\nnew\nold"),
  );
  assert.equal((await session.run("ls")).includes("word.mjs"), false);
  // A file that followed and that the box then changed is the box's, and held.
  await until("it followed", () => readFollowed(session.path).has("new/er/n"));
  await session.run("sleep 0.3; echo box >>new/er/n");
  sh(place, "echo again >new/er/n");
  await until("the person's save was looked at", async () => (await changed(session)).length > 2);
  assert.equal(await session.run("cat new/er/n"), "n\nbox");
  await end(session, idle);
  const last = "n\nbox\napp.mjs\nmade\nmine.txt\nnew\nolder";
  const looksSo = async () => (await session.run("cat new/er/n; ls")) === last;
  await until(
    "the view is the checkout's again",
    async () => (await looksSo()) && readFollowed(session.path).size === 0,
  );
  assert.deepEqual(await changed(session), [
    "edit made appeared",
    "add made/m null",
    "edit mine.txt changed",
    // Two that were made apart, where the view had none of the person's at all.
    `edit new/er/n ${VIEW === "copy" ? "appeared" : "changed"}`,
  ]);
});

test("a secret that the person writes while a command runs stays hidden, and a link in the view leads the copy nowhere", async (t) => {
  const place = makePlace("mkdir d; echo 1 >d/f; echo KEY=canary-one >.env; echo a >a");
  const session = await startSession(place);
  t.after(() => session.close());
  await session.run("rm -r d; ln -s /tmp d; echo keep >/tmp/f");
  await background(session, "exec sleep 60");
  sh(
    place,
    "echo KEY=canary-two >.env; echo KEY=canary-three >.env.local; echo canary-four >id_rsa; echo 2 >d/f; echo b >a",
  );
  await until("the other file is seen", async () => (await session.run("cat a")) === "b");
  assert.equal(await session.run("cat .env .env.local id_rsa 2>/dev/null | grep -c canary; cat /tmp/f"), "0\nkeep");
});

test("a link that takes the place of a folder when the person switches branches leads to nothing that is hidden", async (t) => {
  const place = makePlace("mkdir a b; echo z | tee a/config >b/args; echo a >a.ts");
  sh(
    place,
    "git switch -qc links; rm -r a b; ln -s .git a; ln -s /ctl b; echo b >a.ts; git add -A; git commit -qm links; git switch -q master; sleep 0.02; git config remote.origin.url https://me:canary@example.test/x",
  );
  const session = await startSession(place);
  t.after(() => session.close());
  await background(session, "exec sleep 60");
  sh(place, "git switch -q links");
  // What is below a folder is written before what lies beside it.
  await until("the switch is followed", async () => readFollowed(session.path).has("a.ts"));
  assert.equal(await session.run("cat a/config b/args 2>/dev/null; ls a b"), "a:\n\nb:");
});

test("what the box made of files that followed outlives its landing, an undo of that and the end of the box", async (t) => {
  const place = makePlace("echo edited >edited.txt; echo gone >gone.txt");
  const session = await startSession(place);
  t.after(() => session.close());
  await session.run("echo 1 >>edited.txt; echo 1 >>gone.txt");
  await landAll(session);
  // What landed does not clash, and once it is discarded the person's next save of it is none of the layer's.
  await emptyPermitted(permitFor({ kind: "discard", approvedBy: "person" }), session.box, programs);
  const idle = await background(session, "exec sleep 60");
  const follows = async (program: string) => {
    // Of what is seen at once, the first name is looked at last.
    sh(place, `${program}; date +%N >0`);
    const hash = sh(place, "sha256sum 0").slice(0, 64);
    await until(
      "it followed",
      async () =>
        readFollowed(session.path).get("0") === hash && !(await changed(session)).some((line) => line.includes(" 0 ")),
    );
  };
  await follows("touch edited.txt gone.txt");
  assert.deepEqual(
    ["edited.txt", "gone.txt"].map((name) => readFollowed(session.path).has(name)),
    [true, true],
  );
  await session.run("sleep 0.02; echo 2 >>edited.txt; rm gone.txt");
  const look = "cat edited.txt; ls";
  assert.deepEqual([(await landAll(session)).held, sh(place, look)], [[], "edited\n1\n2\n0\nedited.txt\n"]);
  await follows("true");
  await session.undo();
  assert.equal(sh(place, look), "edited\n1\n0\nedited.txt\ngone.txt\n");
  await follows("true");
  const seen = "edited\n1\n2\n0\nedited.txt";
  const waits = ["edit edited.txt null", "delete gone.txt null"];
  assert.deepEqual([await session.run(look), await changed(session)], [seen, waits]);
  await end(session, idle);
  await session.close();
  const again = await openBox(t, "", {
    place,
    again: { folder: session.box.folder, startedAt: readFacts(session.path).startedAt },
  });
  assert.deepEqual([await again.text(look), await changed(session)], [seen, waits]);
});
