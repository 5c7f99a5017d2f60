import assert from "node:assert/strict";
import { test } from "node:test";
import { end, RULES } from "./flatten.fixture.ts";
import { makePlace, sh, startSession } from "./land.fixture.ts";

test("a secret of the checkout stays hidden where the base layer shows its folder, also when the folder is made anew", async (t) => {
  const place = makePlace(
    `${RULES}; mkdir dist; echo K=secret-value-of-yours >dist/.env; head -c 64 /dev/urandom >dist/server.key`,
  );
  const first = await startSession(place);
  await first.run("echo o >dist/o");
  await end(first);
  const session = await startSession(place);
  t.after(() => session.close());
  const look = "ls -A dist; cat dist/.env dist/server.key 2>&1 || true";
  const hidden = await session.run(look);
  assert.doesNotMatch(hidden, /secret-value/);
  sh(place, "cp -a dist ../dist; rm -r dist");
  await session.box.remount();
  assert.match(await session.run("cat dist/o"), /^o$/);
  sh(place, "cp -a ../dist dist");
  await session.box.remount();
  assert.equal(await session.run(look), hidden);
});
