import assert from "node:assert/strict";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { diskTrouble, keepSpare, tooFull } from "./config-disk.ts";

test("an error of a disk is told with the disk and what helps, and any other is not", () => {
  const at = (code: string) => Object.assign(new Error(`${code}: it failed, write`), { code });
  assert.match(
    diskTrouble(at("ENOSPC"), "/proc/self/nowhere") ?? "",
    /^ENOSPC: it failed, write\nthe disk at \/proc, which holds \/proc\/self\/nowhere, is full/,
  );
  assert.match(
    diskTrouble(new Error("rm: No space left on device"), "/") ?? "",
    /\nthe disk at \/, which holds \/, is full: [\d.]+ of \d+ MB are free\. Make room/,
  );
  assert.match(diskTrouble(at("EIO"), "/") ?? "", /cannot be written: look what became of it/);
  assert.match(diskTrouble(Object.assign(at("EROFS"), { path: "/proc/x" }), "/") ?? "", /the disk at \/proc,/);
  for (const other of [new Error("bug: ENOSPCX"), at("ENOENT"), "ENOSPC", null])
    assert.equal(diskTrouble(other, "/"), null);
});

test("a little of the disk is spared once, and a disk with room is none too full", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "ringfence-disk-"));
  t.after(() => rmSync(folder, { recursive: true }));
  keepSpare(folder);
  const { ino, size } = statSync(join(folder, "spare"));
  keepSpare(folder);
  assert.deepEqual([statSync(join(folder, "spare")).ino, size], [ino, 256 << 10]);
  assert.equal(tooFull(folder), null);
});
