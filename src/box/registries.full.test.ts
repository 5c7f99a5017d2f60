import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { Configured } from "../core/registries-config.ts";
import { type Base, urlAt } from "../core/registry.ts";
import { processesWith, until } from "./open.fixture.ts";
import { addresses, type Stage, sh, stage } from "./registries.fixture.ts";
import { findRegistries } from "./registries.ts";

const CANARY = "canary-4f1d9c";

/** A PATH on which only these programs of the machine are. */
function only(place: Stage, ...names: readonly string[]): Stage {
  const bin = join(place.home, "only");
  mkdirSync(bin);
  for (const name of names) execFileSync("ln", ["-s", sh(`command -v ${name}`), bin]);
  return { ...place, environment: { ...place.environment, PATH: bin } };
}

test("npm: its registry and those of scopes, the person's and not the checkout's, without a password", async (t) => {
  const place = only(stage(t), "npm", "node");
  const before = await findRegistries(place);
  const own = sh("npm config get registry", { HOME: place.home });
  assert.deepEqual(addresses(before, "npm"), [own]);
  place.put(join(place.checkout, ".npmrc"), "registry=http://attacker.test/\n");
  place.put(
    join(place.home, ".npmrc"),
    `registry=http://name:${CANARY}@127.0.0.1:4873/npm/\n@acme:registry=https://acme.test/\n//acme.test/:_authToken=${CANARY}\nbad:registry=http://no.test/\n`,
  );
  const after = await findRegistries(place);
  assert.deepEqual(addresses(after, "npm").sort(), ["http://127.0.0.1:4873/npm/", "https://acme.test/"]);
  assert.equal(readFileSync(join(place.state, "registries.json"), "utf8").includes(CANARY), false);
});

test("pip: what is configured, else what is built into its own module", async (t) => {
  const place = stage(t, { PIP_EXTRA_INDEX_URL: `https://x:${CANARY}@extra.test/simple file:///opt/x` });
  const builtIn = sh(
    "$(pip3 --version >/dev/null; command -v python3) -c 'from pip._internal.models.index import PyPI; print(PyPI.simple_url)'",
  );
  const found = await findRegistries(place);
  assert.deepEqual(addresses(found, "pypi", "pip"), [`${builtIn}/`, "https://extra.test/simple/"]);
  assert.deepEqual(addresses(found, "pypi-json", "pip"), [
    `${builtIn.replace(/simple$/, "pypi")}/`,
    "https://extra.test/pypi/",
  ]);
  place.put(join(place.home, ".config/pip/pip.conf"), "[global]\nindex-url = http://127.0.0.1:3141/root/+simple\n");
  const second = await findRegistries(place);
  assert.deepEqual(addresses(second, "pypi", "pip"), [
    "http://127.0.0.1:3141/root/+simple/",
    "https://extra.test/simple/",
  ]);
});

test("cargo: where it looks, by its own word, a replaced source and a further registry", async (t) => {
  // A cargo of rustup's finds its toolchain by the home, which is another one here.
  const RUSTUP_HOME = process.env.RUSTUP_HOME ?? join(homedir(), ".rustup");
  const place = stage(t, { RUSTUP_HOME });
  const [, minor = "0"] = sh("cargo --version", { HOME: place.home, RUSTUP_HOME }).match(/^cargo 1\.(\d+)/) ?? [];
  const isSparse = Number(minor) >= 70;
  const before = await findRegistries(place);
  assert.equal(addresses(before, "cargo").length, isSparse ? 1 : 0);
  assert.equal(
    before.notes.some((note) => /^cargo keeps its index in git/.test(note)),
    !isSparse,
  );
  assert.equal(existsSync(join(place.home, ".cargo")), false);
  place.put(
    join(place.home, ".cargo/config.toml"),
    `[source.crates-io]\nreplace-with = "mine"\n[source.mine]\nregistry = "sparse+https://mirror.test/index/"\n[registries.acme]\nindex = "sparse+https://acme.test/"\n`,
  );
  const after = await findRegistries(place);
  assert.deepEqual(addresses(after, "cargo"), [
    ...(isSparse ? ["https://mirror.test/index/"] : []),
    "https://acme.test/",
  ]);
});

test("maven: what all projects inherit, or the mirror in its place", async (t) => {
  const place = stage(t);
  const before = addresses(await findRegistries(place), "maven");
  assert.equal(before.length, 1);
  assert.match(before[0] ?? "", /^https:\/\/\S+\/$/);
  place.put(
    join(place.home, ".m2/settings.xml"),
    "<settings><!-- <mirror><url>https://no.test/</url></mirror> --><mirrors><mirror><mirrorOf>*</mirrorOf><url>https://m.test/all</url></mirror></mirrors></settings>",
  );
  assert.deepEqual(addresses(await findRegistries(place), "maven"), ["https://m.test/all/"]);
});

test("apt: the archives and suites that apt itself lists", async (t) => {
  const listed = sh(`apt-get indextargets --no-release-info --format '$(REPO_URI) $(RELEASE)' | sort -u`).split("\n");
  const found = await findRegistries(stage(t));
  const ours = found.registries.flatMap((one) =>
    one.kind === "apt" ? one.suites.map((suite) => `${urlAt(one.base, "")} ${suite}`) : [],
  );
  assert.deepEqual(
    listed.filter((line) => /^https?:/.test(line)),
    [...new Set(ours)].sort(),
  );
});

test("an answer is kept until a program, a configuration file or a setting changes", async (t) => {
  const place = only(stage(t), "npm", "node");
  await findRegistries(place);
  const file = join(place.state, "registries.json");
  const kept = JSON.parse(readFileSync(file, "utf8")) as Record<string, { key: string; answer: Configured }>;
  const mark: Base = { protocol: "https", host: "kept.test", port: 443, path: "" };
  const marked = { registries: [{ kind: "npm", tool: "npm", base: mark }], notes: [] };
  writeFileSync(file, JSON.stringify({ ...kept, npm: { ...kept.npm, answer: marked } }));
  assert.deepEqual(addresses(await findRegistries(place), "npm"), ["https://kept.test/"]);
  place.put(join(place.home, ".npmrc"), "registry=https://new.test/\n");
  assert.deepEqual(addresses(await findRegistries(place), "npm"), ["https://new.test/"]);
  const set = { ...place, environment: { ...place.environment, npm_config_registry: "https://set.test/" } };
  assert.deepEqual(addresses(await findRegistries(set), "npm"), ["https://set.test/"]);
  for (const broken of ["", "{", "null", '{"npm":null}', "[1]"]) {
    writeFileSync(file, broken);
    assert.deepEqual(addresses(await findRegistries(set), "npm"), ["https://set.test/"], broken);
  }
});

test("what npm puts into the environment of a script is not the person's word", async (t) => {
  const set = { npm_execpath: "/usr/lib/npm", npm_config_registry: "https://attacker.test/" };
  const place = only(stage(t, set), "npm", "node");
  assert.deepEqual(addresses(await findRegistries(place), "npm"), [
    sh("npm config get registry", { HOME: place.home }),
  ]);
});

test("a tool that is not there has no registry; one that hangs or floods is ended with all that it started", async (t) => {
  const place = stage(t);
  const bin = join(place.home, "bin");
  const seconds = `${500 + process.pid / 1e7}`;
  place.put(join(bin, "gem"), `#!/bin/sh\nsleep ${seconds} & echo x >"${place.home}/made"; wait\n`, 0o755);
  place.put(join(bin, "go"), "#!/bin/sh\nexec yes https://x.test/\n", 0o755);
  const found = await findRegistries({ ...place, environment: { PATH: `${bin}:/bin` } });
  assert.deepEqual(
    [addresses(found, "rubygems", "gem"), addresses(found, "go"), addresses(found, "npm", "pnpm")],
    [[], [], []],
  );
  await until("nothing of it lives", () => processesWith(`sleep ${seconds}`).length === 0);
  // Nor was it let to leave anything behind.
  assert.equal(existsSync(join(place.home, "made")), false);
});
