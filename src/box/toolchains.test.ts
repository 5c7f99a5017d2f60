import assert from "node:assert/strict";
import { chownSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import { findToolchains, isWithin } from "./toolchains.ts";

const folder = realpathSync(mkdtempSync(join(tmpdir(), "ringfence-toolchains-")));
after(() => rmSync(folder, { recursive: true, force: true }));
const UID = process.getuid?.() ?? 0;
const DEFAULT = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];
const STRANGER = 4_242;

/** Makes a home and a checkout with these folders. */
function make(names: readonly string[]): { home: string; checkout: string } {
  const place = mkdtempSync(join(folder, "place-"));
  const [home, checkout] = [join(place, "home"), join(place, "repo")];
  for (const path of [checkout, home, ...names.map((name) => join(home, name))]) mkdirSync(path, { recursive: true });
  return { home, checkout };
}

/** Asks for the PATH inside without the system's own entries, relative to the home. */
function pathInside(home: string, checkout: string, entries: readonly string[]): string[] {
  const { path } = findToolchains(home, checkout, entries.join(":"), UID);
  return path.split(":").filter((entry) => !DEFAULT.includes(entry));
}

test("the order of PATH is kept, and the system's folders come last", () => {
  const { home, checkout } = make([".pyenv/shims", ".cargo/bin", ".nvm/versions/node/v24/bin"]);
  const entries = [".nvm/versions/node/v24/bin", ".cargo/bin", ".pyenv/shims"].map((name) => join(home, name));
  const { path } = findToolchains(home, checkout, [...entries, "/usr/bin", "/bin"].join(":"), UID);
  assert.deepEqual(path.split(":"), [
    ...entries,
    "/usr/bin",
    "/bin",
    "/usr/local/sbin",
    "/usr/local/bin",
    "/usr/sbin",
    "/sbin",
  ]);
});

test("entries into the checkout, also through a link, and relative ones are dropped", () => {
  const { home, checkout } = make([".local/bin"]);
  mkdirSync(join(checkout, "node_modules/.bin"), { recursive: true });
  symlinkSync(join(checkout, "node_modules/.bin"), join(home, "shortcut"));
  const entries = [
    join(checkout, "node_modules/.bin"),
    checkout,
    join(home, "shortcut"),
    "node_modules/.bin",
    ".",
    "",
    "../bin",
    join(home, ".local/bin"),
  ];
  assert.deepEqual(pathInside(home, checkout, entries), [join(home, ".local/bin")]);
});

test("a toolchain's folder that is a link into the checkout is neither shown nor on PATH", () => {
  const { home, checkout } = make([".cargo"]);
  mkdirSync(join(checkout, "bin"));
  symlinkSync(join(checkout, "bin"), join(home, ".cargo/bin"));
  assert.deepEqual(pathInside(home, checkout, [join(home, ".cargo/bin")]), []);
  assert.deepEqual(inHome(home, checkout), []);
});

test("a version manager's link for one shell becomes what it points to", () => {
  const { home, checkout } = make([".local/share/fnm/node-versions/v24/installation/bin", "run"]);
  const real = join(home, ".local/share/fnm/node-versions/v24/installation/bin");
  symlinkSync(dirname(real), join(home, "run/shell-77"));
  assert.deepEqual(pathInside(home, checkout, [join(home, "run/shell-77/bin")]), [real]);
});

test("an entry that the box does not show is dropped", () => {
  const { home, checkout } = make(["bin", ".local/bin"]);
  assert.deepEqual(pathInside(home, checkout, [join(home, "bin"), join(home, "missing"), join(home, ".local/bin")]), [
    join(home, ".local/bin"),
  ]);
});

test("an entry that is there twice is there once", () => {
  const { home, checkout } = make([".local/bin"]);
  assert.deepEqual(pathInside(home, checkout, [join(home, ".local/bin"), join(home, ".local/bin")]), [
    join(home, ".local/bin"),
  ]);
});

test("only leaf folders of the list are shown, never what lies beside them", () => {
  const { home, checkout } = make([
    ".cargo/bin",
    ".cargo/registry",
    ".config/mise",
    ".rustup/toolchains",
    ".ssh",
    ".aws",
    ".config/gh",
  ]);
  writeFileSync(join(home, ".cargo/credentials.toml"), "secret");
  assert.deepEqual(
    inHome(home, checkout),
    [".rustup/toolchains", ".cargo/bin"].map((name) => join(home, name)),
  );
});

test("a root that is a link, or lies behind one, is refused", () => {
  const { home, checkout } = make([".real/bin", ".ssh", ".volta/tools"]);
  mkdirSync(join(home, ".cargo"));
  symlinkSync(join(home, ".ssh"), join(home, ".cargo/bin"));
  symlinkSync(join(home, ".real"), join(home, ".local"));
  symlinkSync(join(home, ".ssh"), join(home, ".pyenv"));
  assert.deepEqual(inHome(home, checkout), [join(home, ".volta/tools")]);
});

test("a root that belongs to somebody else is refused", () => {
  const { home, checkout } = make([".cargo/bin", ".volta/tools"]);
  if (UID === 0) chownSync(join(home, ".cargo/bin"), STRANGER, STRANGER);
  // Who is not root cannot give a folder away, but can be somebody else than its owner.
  const { roots } = findToolchains(home, checkout, "", UID === 0 ? 0 : STRANGER);
  const shown = roots.filter((root) => isWithin(root, home));
  assert.deepEqual(shown, UID === 0 ? [join(home, ".volta/tools")] : []);
});

test("a checkout within a toolchain, and a toolchain within the checkout, are not bound over each other", () => {
  const { home } = make(["go/bin", ".local/bin"]);
  assert.deepEqual(inHome(home, join(home, "go/bin/repo")), [join(home, ".local/bin")]);
  assert.deepEqual(inHome(home, join(home, "go")), [join(home, ".local/bin")]);
});

test("a path that only begins like a folder is not within it", () => {
  assert.deepEqual(
    [isWithin("/a/b", "/a"), isWithin("/a", "/a"), isWithin("/ab", "/a"), isWithin("/a", "/a/b"), isWithin("/a", "/")],
    [true, true, false, false, true],
  );
});

function inHome(home: string, checkout: string): string[] {
  return findToolchains(home, checkout, "", UID).roots.filter((root) => isWithin(root, home));
}
