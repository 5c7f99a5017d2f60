import assert from "node:assert/strict";
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { linkTo } from "./etc.ts";

const folder = mkdtempSync("/tmp/ringfence-etc-");
after(() => rmSync(folder, { recursive: true }));

/** Makes a copy of `/etc` and, beside it, the machine's own with the same files. */
function make(fill: (draft: string, machine: string) => void): { readonly draft: string; readonly machine: string } {
  const place = mkdtempSync(join(folder, "place-"));
  const [draft, machine] = [join(place, "draft"), join(place, "machine")];
  for (const path of [draft, join(machine, "certs")]) mkdirSync(path, { recursive: true });
  writeFileSync(join(machine, "certs/bundle.crt"), "the machine's");
  fill(draft, machine);
  return { draft, machine };
}

for (const [what, fill] of [
  ["is nothing", () => {}],
  ["is a folder", (draft) => mkdirSync(join(draft, "ssl/certs/bundle.crt"), { recursive: true })],
  [
    "is a link",
    (draft, machine) => {
      mkdirSync(join(draft, "ssl/certs"), { recursive: true });
      symlinkSync(join(machine, "certs/bundle.crt"), join(draft, "ssl/certs/bundle.crt"));
    },
  ],
  [
    "lies behind a link within the copy",
    (draft) => {
      for (const name of ["ssl", "pki"]) mkdirSync(join(draft, name));
      mkdirSync(join(draft, "pki/certs"));
      symlinkSync("../pki/certs", join(draft, "ssl/certs"));
    },
  ],
  [
    "lies behind a link out of the copy",
    (draft, machine) => {
      mkdirSync(join(draft, "ssl"));
      symlinkSync(join(machine, "certs"), join(draft, "ssl/certs"));
    },
  ],
  [
    "lies behind two links out of the copy",
    (draft, machine) => {
      symlinkSync(machine, join(draft, "ssl"));
    },
  ],
  ["lies behind a link to nothing", (draft) => symlinkSync("/nonexistent/ssl", join(draft, "ssl"))],
] as const satisfies readonly (readonly [string, (draft: string, machine: string) => void])[])
  test(`where the bundle ${what}, the copy has a link and the machine's stays`, () => {
    const { draft, machine } = make(fill);
    linkTo("/var/lib/x", draft, "ssl/certs/bundle.crt");
    assert.equal(readlinkSync(join(draft, "ssl/certs/bundle.crt")), "/var/lib/x");
    assert.deepEqual(readdirSync(join(machine, "certs")), ["bundle.crt"]);
    assert.ok(lstatSync(join(machine, "certs/bundle.crt")).isFile());
  });
