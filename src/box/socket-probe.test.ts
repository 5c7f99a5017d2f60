import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { inBox } from "./box.fixture.ts";
import { VIEW } from "./land.fixture.ts";
import { findPrograms } from "./programs.ts";
import { mayUseUnixSockets, probe } from "./socket-probe.ts";

const folder = mkdtempSync(join(tmpdir(), "ringfence-probe-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const programs = findPrograms();
const freshState = () => mkdtempSync(join(folder, "state-"));

test("on this kernel no socket of the machine is reached through an overlay, while a plain bind reaches it", async () => {
  const state = freshState();
  assert.equal(await probe({ state, programs }), true);
  assert.deepEqual(readdirSync(state), []);
});

test("the answer is remembered, and asking again costs no process", async () => {
  const state = freshState();
  assert.equal(await mayUseUnixSockets({ state, programs }), true);
  // A probe that could not be carried out would mean no.
  const none = { setpriv: "/nonexistent", unshare: "/nonexistent", perl: "/nonexistent" };
  assert.equal(await mayUseUnixSockets({ state, programs: none }), true);
});

test("a remembered no is believed, and what is neither yes nor no is asked again", async () => {
  const state = freshState();
  await mayUseUnixSockets({ state, programs });
  const file = join(state, readdirSync(state)[0] ?? "");
  writeFileSync(file, "no");
  assert.equal(await mayUseUnixSockets({ state, programs }), false);
  writeFileSync(file, "");
  assert.equal(await mayUseUnixSockets({ state, programs }), true);
  assert.equal(readFileSync(file, "utf8"), "yes");
});

test("a probe that cannot be carried out means no, and is not remembered", async () => {
  const state = freshState();
  for (const unshare of ["/bin/false", "/bin/true", "/bin/echo", "/nonexistent"]) {
    assert.equal(await mayUseUnixSockets({ state, programs: { ...programs, unshare } }), false);
  }
  assert.deepEqual(readdirSync(state), []);
});

test("a socket of the machine in the checkout or among the toolchains cannot be reached from the box", async () => {
  let reached = 0;
  const count = (socket: Socket) => {
    reached += 1;
    socket.end();
  };
  const servers = [createServer(count), createServer(count)];
  const paths: string[] = [];
  await inBox(
    ({ checkout, home }) => {
      mkdirSync(join(home, ".local/bin"), { recursive: true });
      paths.push(join(checkout, "s"), join(home, ".local/bin/s"));
      for (const [index, server] of servers.entries()) server.listen(paths[index]);
    },
    async (run) => {
      const connect = `perl -MSocket -e 'for (@ARGV) { socket(my $s, AF_UNIX, SOCK_STREAM, 0) or die; print -S $_ ? "there " : "", connect($s, pack_sockaddr_un($_)) ? "reached" : "$!", "\\n" }' ${paths.join(" ")}`;
      // A copy of the view has no sockets of the checkout at all.
      const inCheckout = VIEW === "copy" ? "No such file or directory" : "there Connection refused";
      assert.equal(await run(connect), `${inCheckout}\nthere Connection refused`);
      const own = `perl -MSocket -e 'socket(my $l, AF_UNIX, SOCK_STREAM, 0); bind($l, pack_sockaddr_un("own")); listen($l, 1); socket(my $s, AF_UNIX, SOCK_STREAM, 0); print connect($s, pack_sockaddr_un("own")) ? "own" : $!'`;
      assert.equal(await run(own), "own");
    },
  );
  for (const server of servers) await once(server.close(), "close");
  assert.equal(reached, 0);
});
