import assert from "node:assert/strict";
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { Approval } from "../core/approval.ts";
import { choose } from "./choose.ts";
import type { Collected } from "./collect.ts";
import { removeStage } from "./discard.ts";
import { makePlace, pathsOf, programs, read, type Session, sessionThat, sh } from "./land.fixture.ts";

const PROJECT =
  "mkdir src; echo a >src/a.ts; echo '{\"scripts\":{}}' >package.json; echo 1 >package-lock.json; echo x >Makefile";
const WORK = `umask 022; echo b >>src/a.ts; mkdir .vscode; echo '{}' >.vscode/tasks.json; echo be nice >AGENTS.md
printf '#!/bin/sh\\n' >go; chmod 755 go; rm Makefile; echo hook >.git/hooks/pre-commit; ln -s /etc/passwd out`;

async function collected(session: Session, use: (all: Collected) => Promise<void>): Promise<void> {
  const all = await session.collect();
  await use(all);
  await removeStage(all, programs);
}

function approve(all: Collected, ...paths: string[]): Approval[] {
  return all.changes
    .filter(({ change }) => paths.includes(change.path))
    .map(({ change, hash }) => ({ path: change.path, hash }));
}

test("held files land when exactly they are approved, and nothing else held does", async () => {
  const place = makePlace(PROJECT);
  const session = await sessionThat(place, WORK);
  await collected(session, async (all) => {
    const result = await session.land(all, null, approve(all, ".vscode/tasks.json", "go", "Makefile"));
    assert.deepEqual([...result.landed].sort(), [".vscode/tasks.json", "Makefile", "go", "src/a.ts"]);
    assert.deepEqual(result.failed, []);
    assert.deepEqual(
      pathsOf(result.held).filter((path) => path !== ".vscode"),
      [".git/hooks/pre-commit", "AGENTS.md", "out"],
    );
  });
  assert.equal(read(place, ".vscode/tasks.json"), "{}\n");
  assert.equal(statSync(join(place.checkout, "go")).mode & 0o777, 0o755);
  for (const path of ["Makefile", "AGENTS.md", "out", ".git/hooks/pre-commit"])
    assert.ok(!existsSync(join(place.checkout, path)), path);
});

test("named paths narrow the source, and approved files land beside them", async () => {
  const place = makePlace(PROJECT);
  const session = await sessionThat(place, WORK);
  await collected(session, async (all) => {
    const result = await session.land(all, [], approve(all, "AGENTS.md"));
    assert.deepEqual(result.landed, ["AGENTS.md"]);
  });
  assert.equal(read(place, "src/a.ts"), "a\n");
});

test("an approval of anything but the change as it is holds for nothing", async () => {
  const place = makePlace(`${PROJECT}; echo 1 >tsconfig.json; echo S=1 >.env`);
  const session = await sessionThat(place, `${WORK}; echo 2 >tsconfig.json; echo S=2 >.env`);
  sh(place, "echo mine >tsconfig.json");
  await collected(session, async (all) => {
    const [right] = approve(all, "AGENTS.md");
    assert.ok(right);
    const wrong: [Approval, RegExp][] = [
      [{ ...right, hash: "0".repeat(64) }, /not what was approved/],
      [{ ...right, path: "agents.md" }, /did not change it/],
      [{ path: ".git/hooks/pre-commit", hash: right.hash }, /under \.git/],
      ...approve(all, "out").map((one): [Approval, RegExp] => [one, /never lands/]),
      ...approve(all, ".env").map((one): [Approval, RegExp] => [one, /never lands: it may hold a secret/]),
      ...approve(all, "tsconfig.json").map((one): [Approval, RegExp] => [one, /you changed it meanwhile/]),
    ];
    assert.equal(wrong.length, 6);
    for (const [approval, why] of wrong) {
      const { chosen, refusals } = choose(all, [], [approval]);
      assert.deepEqual(chosen, [], approval.path);
      assert.match(refusals[0]?.why ?? "", why);
      await assert.rejects(session.land(all, null, [right, approval]), /bug/);
    }
  });
  assert.equal(sh(place, "git status --porcelain --untracked-files=all"), " M tsconfig.json\n");
});

test("an approval dies with the next change of the file", async () => {
  const place = makePlace(PROJECT);
  const first = await sessionThat(place, WORK);
  let approvals: Approval[] = [];
  await collected(first, async (all) => {
    approvals = approve(all, ".vscode/tasks.json");
  });
  for (const change of ["echo '{ }' >.vscode/tasks.json", "chmod 755 .vscode/tasks.json"]) {
    const other = await sessionThat(place, `${WORK}; ${change}`);
    await collected(other, async (all) => {
      assert.match(choose(all, null, approvals).refusals[0]?.why ?? "", /not what was approved/);
    });
  }
});

test("a manifest and its lockfile land together or not at all", async () => {
  const place = makePlace(PROJECT);
  const session = await sessionThat(
    place,
    `echo '{"dependencies":{"x":"1"}}' >package.json; echo 2 >package-lock.json`,
  );
  await collected(session, async (all) => {
    for (const [one, other] of [
      ["package.json", "package-lock.json"],
      ["package-lock.json", "package.json"],
    ] as const) {
      const { chosen, refusals } = choose(all, null, approve(all, one));
      assert.deepEqual(chosen, []);
      assert.deepEqual(refusals, [{ path: one, why: `it lands together with ${other} or not at all: approve both` }]);
    }
    const both = await session.land(all, null, approve(all, "package.json", "package-lock.json"));
    assert.deepEqual([...both.landed].sort(), ["package-lock.json", "package.json"]);
  });
  assert.equal(read(place, "package-lock.json"), "2\n");
});

test("a deletion that waits for a held file goes along when that is approved", async () => {
  const place = makePlace(`${PROJECT}; seq 50 >src/tool.ts`);
  const session = await sessionThat(place, "mkdir .husky; mv src/tool.ts .husky/pre-push");
  await collected(session, async (all) => {
    assert.deepEqual((await session.land(all)).landed, []);
  });
  await collected(session, async (all) => {
    const result = await session.land(all, null, approve(all, ".husky/pre-push"));
    assert.deepEqual([...result.landed].sort(), [".husky/pre-push", "src/tool.ts"]);
  });
  assert.ok(!existsSync(join(place.checkout, "src/tool.ts")));
});
