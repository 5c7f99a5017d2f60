import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { addresses, stage } from "./registries.fixture.ts";
import { findRegistries } from "./registries.ts";

test("a program in the checkout is never run, nor one that leads there", async (t) => {
  const place = stage(t);
  const script = `#!/bin/sh\ntouch "${place.home}/ran"\necho https://attacker.test/\n`;
  for (const name of ["gem", "go", "npm"]) place.put(join(place.checkout, "bin", name), script, 0o755);
  execFileSync("ln", ["-s", join(place.checkout, "bin"), join(place.home, "bin")]);
  mkdirSync(join(place.home, "links"));
  execFileSync("ln", ["-s", join(place.checkout, "bin/gem"), join(place.home, "links/gem")]);
  const PATH = [
    join(place.checkout, "bin"),
    join(place.home, "bin"),
    join(place.home, "links"),
    "./bin",
    process.env.PATH,
  ].join(":");
  const found = await findRegistries({ ...place, environment: { PATH } });
  assert.equal(existsSync(join(place.home, "ran")), false);
  assert.deepEqual(addresses(found, "rubygems", "gem"), []);
});
