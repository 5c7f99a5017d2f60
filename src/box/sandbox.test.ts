import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { test } from "node:test";
import { promisify } from "node:util";
import { findPrograms } from "./programs.ts";
import { runSandbox, type SandboxPlan } from "./sandbox.ts";

const plan: SandboxPlan = {
  programs: findPrograms(),
  binds: [],
  command: [],
  input: Buffer.alloc(0),
  timeoutMs: 20_000,
  stdoutBytesMax: 1 << 20,
  capability: null,
};

async function shell(program: string, more: Partial<SandboxPlan> = {}): Promise<string> {
  const result = await runSandbox({ ...plan, ...more, command: ["/bin/bash", "--norc", "-c", program] });
  return result.stdout.toString();
}

test("a sandbox has nothing of the host but its programs", async () => {
  assert.equal(
    (await shell("echo /*; ls /etc /git; env | sort")).replace(/\/(?:lib\w*|s?bin) /g, ""),
    "/dev /etc /git /usr\n/etc:\nalternatives\nld.so.cache\n\n/git:\nLC_ALL=C\nPATH=/usr/bin:/bin\nPWD=/\nSHLVL=1\n_=/usr/bin/env\n",
  );
});

test("a sandbox has no network, no new namespace and nothing to write", async () => {
  const server = createServer((socket) => socket.destroy()).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const dial = `(exec 3<>/dev/tcp/127.0.0.1/${port}) 2>/dev/null && echo connected || echo alone`;
  assert.equal((await promisify(execFile)("/bin/bash", ["--norc", "-c", dial])).stdout, "connected\n");
  const refused = "unshare -U true 2>/dev/null || echo none; touch /x /usr/x 2>/dev/null || echo read-only";
  assert.equal(await shell(`${dial}; ${refused}`), "alone\nnone\nread-only\n");
  server.close();
});

test("a descriptor that this program inherited is not in the sandbox", async () => {
  const sandbox = JSON.stringify(new URL("./sandbox.ts", import.meta.url).href);
  const inside = JSON.stringify({
    ...plan,
    input: "",
    command: ["/bin/bash", "-c", "cat <&9 2>/dev/null || echo closed"],
  });
  const program = `const { runSandbox } = await import(${sandbox}); process.stdout.write((await runSandbox(${inside})).stdout)`;
  const outside = 'exec 9</etc/hostname; cat <&9 >/dev/null && exec "$0" --input-type=module -e "$1"';
  const child = await promisify(execFile)("/bin/bash", ["--norc", "-c", outside, process.execPath, program]);
  assert.equal(child.stdout, "closed\n");
});

test("a program that takes too long or says too much is stopped", async () => {
  await assert.rejects(shell("sleep 60", { timeoutMs: 300 }), /took longer than 0.3 s/);
  await assert.rejects(shell("yes", { stdoutBytesMax: 4096 }), /wrote more than 4096 bytes/);
});

test("input of any size reaches the program whole", async () => {
  const input = Buffer.alloc(3_000_000, "x");
  assert.equal(await shell("wc -c", { input }), "3000000\n");
});

test("a sandbox that cannot be made says so and names the fix", async () => {
  const binds = [{ source: "/nonexistent/folder", target: "/x", access: "read" }] as const;
  await assert.rejects(shell("true", { binds }), /could not be set up: bwrap: .*nonexistent/);
});
