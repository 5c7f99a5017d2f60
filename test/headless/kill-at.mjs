// Given to Node by a test, as `--import FILE`, before the program: kills the program at one event of its record, by number or type.
//
// Nothing in the program knows of this, and no variable that a repository can set reaches it: it stands in the arguments alone.
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { isMainThread } from "node:worker_threads";

const { searchParams } = new URL(import.meta.url);
const at = Number(searchParams.get("at") ?? Number.NaN);
const type = searchParams.get("type");
const how = searchParams.get("how");
const { writeSync } = fs;
let events = -2;

if (isMainThread) {
  fs.writeSync = (fd, bytes, ...where) => {
    if (!isLedger(fd)) return writeSync(fd, bytes, ...where);
    // The first write is the line that all ledgers begin with; the next one is event 0.
    events += 1;
    if (events !== at && !isOfType(bytes)) return writeSync(fd, bytes, ...where);
    if (how === "torn") writeSync(fd, bytes, 0, bytes.length >> 1);
    if (how === "after") writeSync(fd, bytes, ...where);
    process.kill(process.pid, "SIGKILL");
    // A signal is delivered when the call returns; nothing may be done before.
    for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  };
  syncBuiltinESMExports();
}

function isOfType(bytes) {
  return type !== null && Buffer.from(bytes).includes(`"type":"${type}"`);
}

function isLedger(fd) {
  return fs.readlinkSync(`/proc/self/fd/${fd}`).endsWith("/ledger.log");
}
