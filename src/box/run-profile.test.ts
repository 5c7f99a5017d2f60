import assert from "node:assert/strict";
import { test } from "node:test";
import type { RunProfile } from "../core/shell.ts";
import { type OpenBox, openBox } from "./open.fixture.ts";

const bounded =
  ({ perform }: OpenBox, profile: RunProfile) =>
  async (command: string) =>
    (await perform({ kind: "run", command, timeoutMs: 30_000, background: false, profile })).text;

const PLACES = '"$PWD" "$HOME" /tmp /var/tmp /run /run/ringfence /usr /etc /dev /var/lib/ringfence .git';
const WRITES = `exec 2>/dev/null; for d in ${PLACES}; do echo x >"$d/written" && echo "wrote $d"; done
for d in ${PLACES}; do mkdir "$d/made" && echo "made $d"; done
echo x >>kept 2>/dev/null && echo appended; chmod 777 kept 2>/dev/null && echo changed; touch -d @1 kept 2>/dev/null && echo touched
rm kept 2>/dev/null && echo removed; mv kept other 2>/dev/null && echo moved; mount -o remount,rw "$PWD" 2>/dev/null && echo mounted
python3 -c 'import os; os.ftruncate(os.open("kept", os.O_RDONLY), 0)' 2>/dev/null && echo truncated; true`;

test("a read-only command can change no file that another command sees", async (t) => {
  const open = await openBox(t, "echo one >kept");
  const [free, tied] = [bounded(open, "net"), bounded(open, "read-only")];
  assert.equal(await tied(WRITES), "(no output)");
  assert.equal(await open.box.hasChanges(), false);
  assert.equal(
    await free(
      `cat kept; find / -xdev -name written -o -name made 2>/dev/null | head; ls ${PLACES} | grep -cE '^(written|made)$'`,
    ),
    "one\n0\nexit status 1",
  );
  // The same program does all of it where nothing ties it.
  assert.match(await free(WRITES), /wrote .*checkout\b[\s\S]*wrote \/tmp\b[\s\S]*appended\nchanged\ntouched\nremoved/);
});

test("a read-only command reads what others left, has a scratch that ends with it, and keeps the working directory", async (t) => {
  const open = await openBox(t, "mkdir -p a/b; echo deep >a/b/c");
  const [free, tied] = [bounded(open, "net"), bounded(open, "read-only")];
  await free("echo shared >/tmp/t; echo new >n");
  assert.equal(await tied("cat /tmp/t n; cd a; seq 300000 | sort -S 1M | wc -l; sort <<<b"), "shared\nnew\n300000\nb");
  assert.equal(await tied("cat b/c; echo x >$TMPDIR/mine; cat $TMPDIR/mine"), "deep\nx");
  assert.equal(await free("cat b/c; cd ..; ls /dev/shm"), "deep");
  assert.equal(await tied("ls -d a; ls /dev/shm"), "a");
  assert.equal(await free("echo y >>n; mkdir m; rmdir m; cat n"), "new\ny");
});

const DIAL = (port: number) => `import socket
for family in (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX, socket.AF_NETLINK):
  try: socket.socket(family); print("socket", family)
  except OSError: pass
try: socket.create_connection(("127.0.0.1", ${port}), 2); print("connected")
except OSError: pass`;

test("neither a read-only command nor a build has a socket, to the proxy or to a server of the box's own", async (t) => {
  const open = await openBox(t);
  const free = bounded(open, "net");
  await open.run("python3 -m http.server 8123 --bind 127.0.0.1", { background: true });
  for (let tries = 0; tries < 100 && !(await free(`python3 -c '${DIAL(8123)}'`)).includes("connected"); tries += 1);
  for (const profile of ["read-only", "build"] as const) {
    const tied = bounded(open, profile);
    for (const port of [8123, 3128]) assert.equal(await tied(`python3 -c '${DIAL(port)}'`), "(no output)");
    assert.equal(
      await tied(
        "env | grep -i _proxy= | grep -v ^no_ | wc -l; (exec 3<>/dev/tcp/127.0.0.1/8123) 2>/dev/null && echo open; true",
      ),
      "0",
    );
  }
  assert.match(await free(`python3 -c '${DIAL(8123)}'`), /^socket[\s\S]*connected$/);
});

test("a build writes what it likes in the layer", async (t) => {
  const open = await openBox(t, "echo one >kept");
  assert.equal(
    await bounded(open, "build")("echo two >>kept; mkdir d; echo x >/tmp/x; cat kept /tmp/x"),
    "one\ntwo\nx",
  );
  assert.equal(await bounded(open, "read-only")("cat kept; ls -d d"), "one\ntwo\nd");
});
