import assert from "node:assert/strict";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import { test } from "node:test";
import { openBox, until } from "./open.fixture.ts";

test("processes, memory and disk past their limits end the command alone", async (t) => {
  const limits = { memoryBytes: 200 << 20, processes: 40, diskBytes: 24 << 20, fileBytes: 24 << 20 };
  const { run, text } = await openBox(t, "", { limits });
  const hits = [
    await run("perl -e 'for (1 .. 200) { my $pid = fork; defined $pid or exit 7; $pid or exec qw(sleep 10) }'"),
    await run(
      "perl -e 'my @a; for (1 .. 100) { push @a, \"x\" x (16 << 20); select undef, undef, undef, 0.01 } sleep 20'",
    ),
    await run("for n in $(seq 1 100); do head -c 4000000 /dev/zero >fill$n || exit; sleep 0.02; done"),
  ];
  assert.deepEqual(
    hits.map(({ ok }) => ok),
    [false, false, false],
  );
  assert.match(hits[0]?.text ?? "", /^exit status 7$/m);
  assert.match(hits[2]?.text ?? "", /disk: the layer holds/);
  assert.equal(await text("rm -f fill*; echo fine"), "fine");
});

test("memory that processes share counts as much as their own", async (t) => {
  const { run, text } = await openBox(t, "", { limits: { memoryBytes: 200 << 20 } });
  const [mmap, read] = process.arch === "arm64" ? [222, 63] : [9, 0];
  const take = `my $a = syscall(${mmap}, 0, 32 << 20, 3, 0x21, -1, 0); syscall(${read}, fileno($z), $a, 32 << 20);`;
  const hit = await run(
    `perl -e 'open my $z, q(<), q(/dev/zero); for (1 .. 40) { ${take} select undef, undef, undef, 0.02 } sleep 20'`,
  );
  assert.equal(hit.ok, false);
  assert.match(hit.text, /memory|137/);
  assert.equal(await text("echo fine"), "fine");
});

test("a command that gave its status pipe away is killed all the same", async (t) => {
  const { run, perform, box } = await openBox(t);
  const keep = "perl -e 'open my $f, q(>), q(/tmp/pipe) or die; sleep 600'";
  await run(`mkfifo /tmp/pipe; ${keep}`, { background: true });
  const give =
    "import os,socket,time;s=socket.socket(socket.AF_UNIX);s.bind('/tmp/s');s.listen();f=os.open('/proc/1/fd/6',os.O_WRONLY);c,_=s.accept();socket.send_fds(c,[b'x'],[f]);time.sleep(600)";
  await run(`python3 -c "${give}"`, { background: true });
  const take =
    "import socket,time;s=socket.socket(socket.AF_UNIX);s.connect('/tmp/s');m=socket.recv_fds(s,1,1);print(len(m[1]),flush=True);time.sleep(600)";
  await run(`until [ -S /tmp/s ]; do sleep 0.05; done; python3 -c "${take}"`, { background: true });
  await until("the pipe is given away", async () =>
    (await perform({ kind: "output", id: "bg3" })).text.startsWith("1"),
  );
  assert.deepEqual(await perform({ kind: "kill", id: "bg2" }), { ok: true, text: "bg2 killed" });
  assert.deepEqual(
    box.background.running().map(({ id }) => id),
    ["bg1", "bg3"],
  );
});

test("a command arrives whole also where the person's pipes have become small", async (t) => {
  const { run, text, perform } = await openBox(t);
  // 1031 is F_SETPIPE_SZ.
  const many =
    "my @p; for (1 .. 200) { pipe my $r, my $w or last; fcntl $w, 1031, 1 << 20; push @p, $r, $w } print q(full); sleep 600";
  await run(`perl -e '$| = 1; ${many}'`, { background: true });
  await until("the pipes are taken", async () =>
    (await perform({ kind: "output", id: "bg1" })).text.startsWith("full"),
  );
  for (let round = 0; round < 4; round += 1) await text("true");
  assert.equal(await text(`: '${"x".repeat(40_000)}'; echo whole`), "whole");
  const path = `a${`/${"'".repeat(200)}`.repeat(15)}`;
  const content = "'; echo ran >/tmp/ran; exit 0; #\0rest";
  assert.deepEqual(await perform({ kind: "write", path, content }), { ok: true, text: `wrote 37 bytes to ${path}` });
  assert.equal(await text("ls /tmp/ran 2>/dev/null; find a -type f -size 37c | wc -l"), "1");
});

test("a checkout that a command closed to everybody can be opened again", async (t) => {
  const { text, place } = await openBox(t, "echo a >a");
  await text("chmod 000 .");
  assert.equal(await text(`chmod 755 ${place.checkout}; cd ${place.checkout}; cat a`), "a");
  assert.equal(await text("cat a"), "a");
});

test("a command is not ended for what the one before it was writing as the disk was counted", async (t) => {
  const { run } = await openBox(t, "", { limits: { diskBytes: 24 << 20, fileBytes: 24 << 20 } });
  // A write of that size goes on while its process is being stopped.
  const write = "$x = q(x) x (20 << 20); for (1 .. 99) { open my $f, q(>), qq(fill$$.$_); syswrite $f, $x }";
  for (let round = 0; round < 4; round += 1) {
    const filled = await run(`for n in 1 2 3 4; do perl -e '${write}' & done; wait`);
    assert.match(filled.text, /disk: the layer holds/);
    assert.deepEqual(await run("sleep 0.5; rm -f fill*; echo fine"), { ok: true, text: "fine" });
  }
});

if (process.getuid?.() === 0) {
  test("no unix socket of the machine can be reached in a system folder", async (t) => {
    const socket = `/usr/local/ringfence-test-${process.pid}.sock`;
    let reached = 0;
    const server = createServer((one) => {
      reached += 1;
      one.destroy();
    });
    t.after(() => server.close(() => rmSync(socket, { force: true })));
    await once(server.listen(socket), "listening");
    await once(connect(socket), "close");
    assert.equal(reached, 1);
    const { text } = await openBox(t);
    const said = await text(
      `perl -MSocket -e 'socket my $s, AF_UNIX, SOCK_STREAM, 0 or die "none"; connect $s, sockaddr_un("${socket}") or print "refused"'`,
    );
    assert.deepEqual([said, reached], ["refused", 1]);
  });
}
