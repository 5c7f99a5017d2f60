import assert from "node:assert/strict";
import { test } from "node:test";
import { pinsFor } from "./pins.ts";

const HOME = "/home/ada";

/** Mounts, and the folders that have to stay in place for them. */
const TABLE: readonly (readonly [string, readonly string[], readonly string[]])[] = [
  ["a checkout outside all that can be written", ["/srv/code/repo"], []],
  ["a mount right below the home", [`${HOME}/repo`], []],
  ["a deep checkout in the home", [`${HOME}/code/team/repo`], [`${HOME}/code`, `${HOME}/code/team`]],
  ["a toolchain", [`${HOME}/.rustup/toolchains`], [`${HOME}/.rustup`]],
  [
    "two mounts with a parent in common",
    [`${HOME}/.pyenv/bin`, `${HOME}/.pyenv/shims`, `${HOME}/.local/share/uv/python`],
    [`${HOME}/.local`, `${HOME}/.pyenv`, `${HOME}/.local/share`, `${HOME}/.local/share/uv`],
  ],
  ["a checkout in /tmp", ["/tmp/a/repo"], ["/tmp/a"]],
  ["a checkout in /var/tmp", ["/var/tmp/a/b/repo"], ["/var/tmp/a", "/var/tmp/a/b"]],
  ["a checkout in /run", ["/run/user/7/repo"], ["/run/user", "/run/user/7"]],
  ["a name that only begins like the home", ["/home/adam/x/repo"], []],
  ["a checkout that is such a folder itself", ["/tmp"], []],
  ["nothing", [], []],
];

for (const [title, mounts, targets] of TABLE) {
  test(`${title}: pinned is every folder above a mount and nothing else`, () => {
    const pins = pinsFor(mounts, HOME);
    assert.deepEqual(pins.map(({ target }) => target).sort(), [...targets].sort());
  });
}

test("a pin's source lies in the holder's own folders", () => {
  assert.deepEqual(
    pinsFor([`${HOME}/a/b`, "/tmp/c/d", "/var/tmp/e/f"], HOME),
    [
      { source: "/s/tmp/c", target: "/tmp/c" },
      { source: "/home/a", target: `${HOME}/a` },
      { source: "/s/vartmp/e", target: "/var/tmp/e" },
    ].sort((a, b) => a.target.length - b.target.length),
  );
});

test("parents come before what lies in them", () => {
  const targets = pinsFor([`${HOME}/a/b/c/d`, `${HOME}/x/y`], HOME).map(({ target }) => target);
  for (const [index, target] of targets.entries()) {
    assert.ok(!targets.slice(index).some((later) => target.startsWith(`${later}/`)), target);
  }
});

test("a home in /tmp stays in place too, and what lies in it is taken from the home", () => {
  assert.deepEqual(pinsFor(["/tmp/run/home/code/repo"], "/tmp/run/home"), [
    { source: "/s/tmp/run", target: "/tmp/run" },
    { source: "/home/code", target: "/tmp/run/home/code" },
  ]);
});
