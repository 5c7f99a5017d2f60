import assert from "node:assert/strict";
import { test } from "node:test";
import { explainRefusal, fixFor, readSurroundings, type Surroundings } from "./refusal.ts";

const PLAIN: Surroundings = {
  restrictsByAppArmor: false,
  isUsernsOff: false,
  usernsMax: 15_000,
  isContainer: false,
  ci: null,
  isDevcontainer: false,
  isWsl: null,
  bubblewrap: "0.8.0",
};
const UNKNOWN_OPTION = "a sandbox could not be set up: bwrap: Unknown option --disable-userns";
const REFUSED = "the holder of the box is gone: it ended unshare: unshare failed: Operation not permitted";

/** Machine, what it refuses with, and what the fix has to name. */
const TABLE: readonly (readonly [string, Partial<Surroundings>, string, readonly RegExp[]])[] = [
  ["a plain machine", {}, REFUSED, [/ringfence doctor/, /Linux 5\.12/]],
  [
    "Ubuntu's AppArmor",
    { restrictsByAppArmor: true },
    REFUSED,
    [/AppArmor/, /\/etc\/apparmor\.d\/ringfence/, /apparmor_parser -r/],
  ],
  ["namespaces switched off", { isUsernsOff: true }, REFUSED, [/sysctl -w kernel\.unprivileged_userns_clone=1/]],
  ["no namespace left", { usernsMax: 0 }, REFUSED, [/user\.max_user_namespaces=15000/]],
  ["Docker", { isContainer: true }, REFUSED, [/docker run/, /seccomp=unconfined/, /systempaths=unconfined/]],
  [
    "Docker on Ubuntu",
    { isContainer: true, restrictsByAppArmor: true },
    REFUSED,
    [/docker run/, /apparmor=unconfined/],
  ],
  [
    "a devcontainer",
    { isContainer: true, isDevcontainer: true },
    REFUSED,
    [/devcontainer\.json/, /"runArgs": \["--security-opt=seccomp=unconfined", "--security-opt=/],
  ],
  [
    "a GitHub runner",
    { ci: "github", restrictsByAppArmor: true },
    REFUSED,
    [/GitHub/, /apparmor_restrict_unprivileged_userns=0/],
  ],
  [
    "a container on a GitHub runner",
    { ci: "github", isContainer: true, restrictsByAppArmor: true },
    REFUSED,
    [/docker run/],
  ],
  [
    "a GitLab runner",
    { ci: "gitlab", isContainer: true },
    REFUSED,
    [/config\.toml/, /runners\.docker/, /security_opt/],
  ],
  ["WSL1", { isWsl: 1 }, REFUSED, [/wsl --set-version/]],
  ["WSL2 with an old kernel", { isWsl: 2 }, REFUSED, [/wsl --update/]],
  [
    "an old bubblewrap",
    { bubblewrap: "0.6.1" },
    UNKNOWN_OPTION,
    [/bubblewrap 0\.6\.1 is too old/, /needs 0\.8\.0 or newer/, /\/usr\/bin\/bwrap/],
  ],
  [
    "an old bubblewrap in Docker",
    { bubblewrap: "0.7.0", isContainer: true },
    UNKNOWN_OPTION,
    [/bubblewrap 0\.7\.0 is/],
  ],
  ["a bubblewrap without a version", { bubblewrap: null }, UNKNOWN_OPTION, [/of unknown version\) is too old/]],
  ["a bubblewrap that is new enough", { bubblewrap: "0.11.0" }, UNKNOWN_OPTION, [/ringfence doctor/]],
  ["an old bubblewrap that is not what refuses", { bubblewrap: "0.6.1" }, REFUSED, [/ringfence doctor/]],
  ["a disk that holds no overlay", {}, "failed mount: Invalid argument", [/XDG_STATE_HOME/, /hold a layer/]],
  ["a disk with no room for a copy", {}, "failed copy of the checkout: No space left on device", [/larger disk/]],
  ["a disk that holds no marks of deletion", {}, "failed whiteout: Operation not permitted", [/hold a layer/]],
  ["a disk that holds no overlay, in Docker", { isContainer: true }, "overlay: failed mount", [/XDG_STATE_HOME/]],
];

for (const [machine, around, detail, named] of TABLE) {
  test(`${machine} is told its fix`, () => {
    const fix = fixFor(detail, { ...PLAIN, ...around });
    assert.match(fix, /^Fix: /);
    for (const word of named) assert.match(fix, word);
  });
}

test("every machine has exactly one fix, whatever it is a mix of", () => {
  const yesNo = [false, true];
  for (const restrictsByAppArmor of yesNo) {
    for (const isUsernsOff of yesNo) {
      for (const isContainer of yesNo) {
        for (const isDevcontainer of yesNo) {
          for (const ci of ["github", "gitlab", null] as const) {
            for (const isWsl of [1, 2, null] as const) {
              for (const usernsMax of [0, 15_000]) {
                const around = {
                  restrictsByAppArmor,
                  isUsernsOff,
                  isContainer,
                  isDevcontainer,
                  ci,
                  isWsl,
                  usernsMax,
                  bubblewrap: "0.8.0",
                };
                assert.equal(fixFor(REFUSED, around).split("Fix: ").length, 2);
              }
            }
          }
        }
      }
    }
  }
});

test("a devcontainer's line is JSON that can be pasted", () => {
  const fix = fixFor(REFUSED, { ...PLAIN, isDevcontainer: true });
  const list = fix.slice(fix.indexOf("["), fix.indexOf("]") + 1);
  assert.deepEqual(JSON.parse(list), [
    "--security-opt=seccomp=unconfined",
    "--security-opt=apparmor=unconfined",
    "--security-opt=systempaths=unconfined",
  ]);
});

test("a refusal says what happened first, bounded, and the fix last", () => {
  const text = explainRefusal("a sandbox could not be set up:", "x".repeat(10_000));
  assert.ok(text.startsWith("a sandbox could not be set up: xxx"));
  assert.ok(text.length < 2500);
  assert.match(text, /\nFix: /);
});

test("this machine is read as one of the kinds", () => {
  const around = readSurroundings();
  assert.deepEqual(Object.keys(around).sort(), Object.keys(PLAIN).sort());
  assert.ok(Number.isInteger(around.usernsMax));
  assert.match(around.bubblewrap ?? "", /^\d+\.\d+\.\d+$/);
});
