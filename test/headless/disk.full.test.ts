import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chownSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { makePlace, mark, type Place, PROGRAM, run, script, self, type Turn, users } from "./program.ts";

/** Runs a shell program as the place's user where the state folder lies on a disk of its own, which only this program sees. */
function onSmallDisk(place: Place, size: string, program: string): string {
  const { uid, gid } = place.user;
  const state = join(place.home, ".local/state");
  for (const folder of [join(place.home, ".local"), state]) {
    mkdirSync(folder, { recursive: true });
    chownSync(folder, uid, gid);
  }
  const file = join(place.root, "program.sh");
  writeFileSync(file, `exec 2>&1\nringfence() { "${process.execPath}" "${PROGRAM}" "$@"; }\n${program}`);
  const asUser = uid === self().uid ? "" : `setpriv --reuid ${uid} --regid ${gid} --clear-groups`;
  const mount = `mount -t tmpfs -o size=${size},mode=700,uid=${uid},gid=${gid} none "${state}"`;
  const rights = process.getuid?.() === 0 ? "-m" : "-rm";
  const done = spawnSync("unshare", [rights, "bash", "-c", `${mount} && exec ${asUser} bash --norc "${file}"`], {
    cwd: place.checkout,
    env: place.env,
    encoding: "utf8",
    timeout: 120_000,
  });
  return done.stdout + done.stderr;
}

for (const [who, user] of users()) {
  test(`where the disk of the logs runs full a session ends, says so, and leaves a log that goes on: as ${who}`, (t) => {
    const place = makePlace(t, "echo a >a.txt", { user });
    const going = mark();
    const turns: Turn[] = [
      run("echo one >>a.txt"),
      run(`sleep ${going} & cat /dev/zero >big; head -c 60000 /dev/urandom | base64`),
      run("echo late >late.txt"),
      { text: "done" },
    ];
    const model = script(place, turns);
    const told = onSmallDisk(
      place,
      "16m",
      `ringfence run "fill it" --model ${model}; echo "run ended $?"
       echo "left: $(grep -la 'sleep.${going}' /proc/[0-9]*/cmdline 2>/dev/null)"
       echo "late: $(find ~/.local/state -name late.txt 2>/dev/null)"
       ringfence land; echo "land ended $?"; cat a.txt
       ringfence run "no room" --model ${model}; echo "second ended $?"
       ringfence log verify; echo "verify ended $?"
       ringfence log show >shown.jsonl
       ringfence discard; echo "discard ended $?"
       ringfence log verify; echo "verify ended $?"
       ringfence exec -- sh -c "echo room"; echo "exec ended $?"`,
    );
    assert.match(
      told,
      /ENOSPC[^\n]*\nthe disk at \S+\/home\/\.local\/state, which holds \S+, is full: 0\.0 of 16 MB are free\. Make room there/,
    );
    assert.match(told, /run ended 1\nleft: \nlate: \n/);
    assert.match(told, /land ended 1\na\n/);
    assert.match(told, /a session needs 4\.0 MB of the state folder's disk\n[^\n]*is full[\s\S]*second ended 1\n/);
    // Twice, since throwing the layer away is recorded in the same log.
    assert.match(
      told,
      /chain whole[\s\S]*verify ended 0\n[\s\S]*discard ended 0\n[\s\S]*chain whole[\s\S]*verify ended 0\nroom\nexec ended 0\n/,
    );
    // The last thing recorded is that the command was allowed; what came of it could not be, and nothing was done after it.
    const last = readFileSync(join(place.checkout, "shown.jsonl"), "utf8").trim().split("\n").at(-1) ?? "";
    assert.match(last, /cat \/dev\/zero.*"type":"decision"/);
  });
}
