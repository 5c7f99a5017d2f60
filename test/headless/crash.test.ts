import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { drawn, SEED } from "../../src/box/drawn.fixture.ts";
import { alike, beginningOf, eventsOf, type Kill, MAKE, playSession, stateOf } from "./crash.ts";
import { checkCheckout, checkState, checkView, type Files, filesOf, LOOK, type Reference } from "./crash-left.ts";
import { makePlace, readPlayed, ringfence, run, runArguments, script, type User, users } from "./program.ts";

const IS_FULL = process.env.RINGFENCE_FULL === "1";
const QUICK = 2;
/** One more than there are processors: a good part of a session is waiting. */
const AT_ONCE = 3;
for (const [index, [who, user]] of users().entries()) {
  test(`killed with kill -9 at any event, a session loses none, is what it was by all of them, and goes on: as ${who} (RINGFENCE_SEED=${SEED})`, async (t) => {
    const reference = await playWhole(t, user);
    const kills = reference.events.flatMap((_, at) => killsAt(at, index));
    const queue = [...drawn(kills, QUICK)];
    const seen = { killed: 0, resumed: 0, brokeOff: 0 };
    const problems: string[] = [];
    const work = async () => {
      for (let next = queue.shift(); next; next = queue.shift()) {
        try {
          for (const one of await playKilled(t, user, next, reference)) seen[one] += 1;
        } catch (error) {
          problems.push(error instanceof Error ? error.message : String(error));
        }
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    t.diagnostic(`${kills.length} events, ${JSON.stringify(seen)}`);
    assert.deepEqual(problems, []);
    if (IS_FULL) assert.ok(seen.killed > kills.length - 3 && seen.resumed > 50 && seen.brokeOff > 2);
  });
}

/** Each event once for one user as it is written, and once for the other before it is, in part or not at all. */
function killsAt(at: number, index: number): { readonly at: number; readonly how: Kill }[] {
  if (!IS_FULL) return (["after", "torn", "before"] as const).map((how) => ({ at, how }));
  return [{ at, how: index === 0 ? "after" : at % 2 === 0 ? "torn" : "before" }];
}

async function playWhole(t: TestContext, user: User): Promise<Reference> {
  const place = makePlace(t, MAKE, { user });
  const checkouts: Files[] = [];
  assert.equal(await playSession(place, null, () => checkouts.push(filesOf(place))), null);
  const events = eventsOf(place);
  assert.ok(events.length > 60, String(events.length));
  return { place, events, checkouts };
}

/** Kills a session, looks at what is left, and goes on with it. */
async function playKilled(
  t: TestContext,
  user: User,
  kill: { readonly at: number; readonly how: Kill },
  reference: Reference,
): Promise<readonly ("killed" | "resumed" | "brokeOff")[]> {
  const about = `killed ${kill.how} event ${kill.at}`;
  const place = makePlace(t, MAKE, { user, mayBeTorn: true });
  // The last head of all may be written together with one before it.
  if ((await playSession(place, kill)) !== "SIGKILL") return [];
  const before = eventsOf(place);
  assert.equal(before.length, kill.how === "after" ? kill.at + 1 : kill.at, `${about}: nothing acknowledged is lost`);
  const [ours, theirs] = [alike(before, place), alike(reference.events, reference.place)];
  assert.deepEqual(ours, theirs.slice(0, ours.length), `${about}: every decision is the same`);
  assert.equal(
    stateOf(before, place),
    stateOf(beginningOf(reference.events, ours.length), reference.place),
    `${about}: it is what it was`,
  );
  const turns = script(place, [run(LOOK), { text: "Gone on." }]);
  const ended = await ringfence(place, runArguments(turns, ["--resume", "last"]));
  if (!before.some(({ type }) => type === "prompt")) {
    assert.deepEqual([ended.status, filesOf(place)], [2, reference.checkouts[0]], `${about}: ${ended.stdout}`);
    return ["killed"];
  }
  // What would run later may wait for an approval.
  assert.ok(ended.status === 0 || ended.status === 21, `${about}: ${ended.stdout}${ended.stderr}`);
  const after = eventsOf(place);
  assert.deepEqual(after.slice(0, before.length), before, `${about}: the record is as it was`);
  const resumed = after.findIndex(({ type }) => type === "resumed");
  assert.ok(resumed >= before.length, about);
  checkState(place, { before, after }, about);
  checkCheckout(place, after, reference, about);
  checkView(readPlayed(ended), before, about);
  assert.equal((await ringfence(place, ["log", "verify"])).status, 0, about);
  return ["killed", "resumed", ...(after.some(({ brokeOff }) => brokeOff === true) ? (["brokeOff"] as const) : [])];
}
