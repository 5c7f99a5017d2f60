import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { UsageError } from "./config.ts";
import { becomeOwner, findCheckout, instructionFolders, refuseUnfit } from "./config-checkout.ts";

function makeFolder(t: TestContext, ...folders: string[]): string {
  const root = realpathSync(mkdtempSync(join(tmpdir(), "ringfence-checkout-")));
  t.after(() => rmSync(root, { recursive: true }));
  for (const folder of folders) mkdirSync(join(root, folder), { recursive: true });
  return root;
}

test("the checkout is the nearest folder above that has a .git, and where one stands in it is kept", (t) => {
  const root = makeFolder(t, "repo/.git", "repo/a/b", "repo/vendor/inner/.git/x", "repo/vendor/inner/src");
  assert.deepEqual(findCheckout(join(root, "repo")), { path: join(root, "repo"), below: "" });
  assert.deepEqual(findCheckout(join(root, "repo/a/b")), { path: join(root, "repo"), below: "a/b/" });
  assert.deepEqual(findCheckout(join(root, "repo/vendor/inner/src")), {
    path: join(root, "repo/vendor/inner"),
    below: "src/",
  });
});

test("a worktree's .git, which is a file, counts, and so does a link of that name that leads nowhere", (t) => {
  const root = makeFolder(t, "tree/a", "odd/a");
  writeFileSync(join(root, "tree/.git"), "gitdir: /elsewhere");
  symlinkSync("/nonexistent", join(root, "odd/.git"));
  assert.equal(findCheckout(join(root, "tree/a")).path, join(root, "tree"));
  assert.equal(findCheckout(join(root, "odd/a")).path, join(root, "odd"));
});

test("without git, the folder itself is the checkout", (t) => {
  const root = makeFolder(t, "plain/a");
  assert.deepEqual(findCheckout(join(root, "plain/a")), { path: join(root, "plain/a"), below: "" });
});

test("a folder reached through a link is known by its own path", (t) => {
  const root = makeFolder(t, "repo/.git", "repo/a");
  symlinkSync("repo/a", join(root, "link"));
  assert.deepEqual(findCheckout(join(root, "link")), { path: join(root, "repo"), below: "a/" });
});

test("what is no folder, or is not there, is refused by name", (t) => {
  const root = makeFolder(t);
  writeFileSync(join(root, "file"), "");
  const refused = (path: string, message: RegExp) =>
    assert.throws(
      () => findCheckout(path),
      (error) => error instanceof UsageError && error.message.includes(path) && message.test(error.message),
    );
  refused(join(root, "file"), /is not a folder$/);
  refused(join(root, "absent"), /cannot be opened \(ENOENT\)$/);
  refused(join(root, "file/below"), /cannot be opened \(ENOTDIR\)$/);
  refused(`${root}\0`, /cannot be opened/);
});

const HOME = "/home/ada";
const STATE = "/home/ada/.local/state/ringfence";
for (const [path, message] of [
  ["/", /the whole file system cannot be a checkout/],
  [HOME, /is or contains your home folder/],
  ["/home", /is or contains your home folder/],
  [STATE, /is or contains the state folder/],
  ["/home/ada/.local/state", /is or contains the state folder/],
  ["/home/ada/.local", /is or contains the state folder/],
  [`${STATE}/sessions/x/layer`, /lies in .*ringfence, which cannot be worked on/],
  ["/usr/share/x", /lies in \/usr/],
  ["/etc", /lies in \/etc/],
  ["/proc/1/cwd", /lies in \/proc/],
  ["/dev/shm/x", /lies in \/dev/],
] as const) {
  test(`${path} is refused as a checkout`, () => {
    assert.throws(
      () => refuseUnfit({ path, below: "" }, HOME, STATE),
      (error) => error instanceof UsageError && message.test(error.message),
    );
  });
}

for (const path of [
  "/home/ada/project",
  "/home/adam",
  "/home/ada/.local/state/ringfence-other",
  "/srv/x",
  "/usrx",
  "/tmp/x",
]) {
  test(`${path} is fit as a checkout`, () => {
    assert.doesNotThrow(() => refuseUnfit({ path, below: "" }, HOME, STATE));
  });
}

test("instructions are looked for from the root of the checkout down to where one stands", () => {
  assert.deepEqual(instructionFolders({ path: "/x", below: "" }), [""]);
  assert.deepEqual(instructionFolders({ path: "/x", below: "a/b/c/" }), ["", "a/", "a/b/", "a/b/c/"]);
});

test("in one's own checkout nobody becomes anybody, and the environment stays", (t) => {
  const root = makeFolder(t, "repo/.git");
  const environment = { HOME: "/h", XDG_CONFIG_HOME: "/c", OTHER: "x" };
  const before = [process.getuid?.(), process.getgid?.(), process.getgroups?.()];
  assert.equal(becomeOwner(join(root, "repo"), environment), environment);
  assert.deepEqual([process.getuid?.(), process.getgid?.(), process.getgroups?.()], before);
});
