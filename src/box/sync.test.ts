import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { landAll, makePlace, type Place, read, type Session, sh, startSession } from "./land.fixture.ts";
import { permitFor } from "./permit.fixture.ts";
import { syncWithCheckout } from "./sync.ts";

const LINES = "for n in 1 2 3 4 5 6 7 8 9; do echo line $n; done";

test("what the person changed is merged into the layer, and is no change of the box's from then on", async (t) => {
  const { place, session, sync } = await open(t, `${LINES} >a.txt; ${LINES} >b.txt; ${LINES} >c.txt`);
  await session.run("sed -i 's/line 2/the box/' a.txt; echo box >>b.txt; chmod 640 b.txt");
  await session.box.saveBases();
  sh(place, "sed -i 's/line 8/the person/' a.txt c.txt; echo new >new.txt; chmod 755 a.txt; sed -i '1d' b.txt");
  const synced = await sync();
  assert.deepEqual(synced, {
    changed: ["a.txt", "b.txt", "c.txt", "new.txt"],
    merged: ["a.txt", "b.txt"],
    clashing: [],
  });
  const seen = await session.run("cat a.txt new.txt; stat -c %a a.txt b.txt; grep -c person c.txt");
  assert.equal(seen, `${sh(place, "sed 's/line 2/the box/' a.txt")}new\n755\n640\n1`);
  sh(place, "sed -i '/the person/d' a.txt");
  assert.deepEqual((await landAll(session)).held, []);
  assert.equal(read(place, "a.txt"), sh(place, `${LINES} | sed 's/line 2/the box/; /line 8/d'`));
  assert.equal(read(place, "b.txt"), sh(place, `${LINES} | sed '1d'; echo box`));
  assert.deepEqual(await sync(), { changed: ["a.txt"], merged: ["a.txt"], clashing: [] });
  assert.deepEqual((await session.collect()).changes, []);
});

test("a clash leaves both versions as they are, is told once, and lands nothing", async (t) => {
  const { place, session, sync } = await open(t, `${LINES} >a.txt; ${LINES} >b.txt`);
  await session.run("sed -i 's/line 2/the box/' a.txt; rm b.txt");
  await session.box.saveBases();
  sh(place, "sed -i 's/line 2/the person/' a.txt; echo me >>b.txt");
  assert.deepEqual(await sync(), { changed: ["a.txt", "b.txt"], merged: [], clashing: ["a.txt", "b.txt"] });
  assert.deepEqual(await sync(), { changed: [], merged: [], clashing: [] });
  assert.match(await session.run("cat a.txt; ls"), /the box[\s\S]*a\.txt$/);
  const { landed, held } = await landAll(session);
  assert.deepEqual([landed, held.map(({ path }) => path)], [[], ["a.txt", "b.txt"]]);
  assert.match(read(place, "a.txt") + read(place, "b.txt"), /the person[\s\S]*me/);
});

test("a landed file that the person deleted or took back is not brought back", async (t) => {
  const { place, session, sync } = await open(t, "echo a >a.txt");
  await session.run("echo box >>a.txt; echo new >new.txt; echo other >other.txt");
  await landAll(session);
  sh(place, "rm new.txt; git checkout -q a.txt");
  assert.deepEqual((await sync()).merged, ["a.txt", "new.txt"]);
  assert.equal(await session.run("cat a.txt; ls"), "a\na.txt\nother.txt");
  assert.deepEqual((await session.collect()).changes, []);
});

test("while a background command lives its files are merged in place, and it goes on", async (t) => {
  const { place, session, sync } = await open(t, `${LINES} >a.txt`);
  await session.run("sed -i 's/line 2/the box/' a.txt; sleep 60 >/dev/null 2>&1 &");
  await session.box.saveBases();
  sh(place, "sed -i 's/line 8/the person/' a.txt");
  assert.deepEqual((await sync()).merged, ["a.txt"]);
  assert.match(await session.run("cat a.txt; pgrep -c sleep || true"), /the box[\s\S]*the person/);
  assert.equal(session.box.background.running().length, 1);
});

test("a link that the box puts in the way is not written through", async (t) => {
  const { place, session, sync } = await open(t, `mkdir d; ${LINES} >d/a.txt; ${LINES} >b.txt`);
  await session.run("for f in d/a.txt b.txt; do sed -i 's/line 2/the box/' $f; done");
  await session.box.saveBases();
  await session.run("mkdir /tmp/e; cp d/a.txt b.txt /tmp/e; rm -r d; ln -s /tmp/e d; ln -sf /tmp/e/b.txt b.txt");
  sh(place, "sed -i 's/line 8/the person/' d/a.txt b.txt");
  assert.deepEqual((await sync()).merged, []);
  assert.equal(await session.run("cat /tmp/e/* | grep -c person || true"), "0");
});

interface Opened {
  readonly place: Place;
  readonly session: Session;
  readonly sync: () => ReturnType<typeof syncWithCheckout>;
}

async function open(t: TestContext, make: string): Promise<Opened> {
  const place = makePlace(make);
  const session = await startSession(place);
  t.after(() => session.close());
  const told = new Map<string, string>();
  return { place, session, sync: () => syncWithCheckout(session.box, told, permitFor) };
}
