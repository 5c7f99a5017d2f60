import assert from "node:assert/strict";
import { lstatSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { asOrdinaryUser, examine } from "./doctor.fixture.ts";
import { ACTS, type DoctorReport } from "./doctor.ts";
import type { Verdict } from "./doctor-act.ts";
import { type Act, act, readVerdict } from "./doctor-act.ts";
import { DISK_ACTS, LIMIT_ACTS } from "./doctor-acts-limits.ts";
import { formatDoctor } from "./doctor-format.ts";
import { limitsReport } from "./doctor-limits.ts";
import { LIMITS_DEFAULT } from "./limits.ts";
import { personsPath } from "./toolchains.ts";

/** Acts that can be tried without the box and harm nothing but the throw-away place. */
const FIRES = [
  "read-beside",
  "write-beside",
  "link-beside",
  "write-checkout",
  "delete-checkout",
  "rest-of-disk",
  "read-log",
  "set-id",
  "list-home",
  "home-secrets",
  "link-read",
  "link-write",
  "link-folder",
  "init-environment",
  "init-power",
  "tcp-host",
  "udp-host",
  "crypto",
  "vsock",
  "netlink",
  "unix-path",
  "unix-linked",
  "unix-abstract",
  "unshare-user",
  "unshare-mount",
  "unshare-network",
  "unshare-process",
  "unshare-ipc",
  "unshare-host",
  "clone",
  "clone3",
  "setns",
  "mount",
  "new-mount",
  "umount",
  "pivot-root",
  "chroot",
  "keyctl",
  "add-key",
  "userfaultfd",
  "io-uring",
  "ptrace",
  "read-memory",
  "take-descriptor",
  "handles",
  "personality",
  "type-ahead",
  "type-ahead-high",
  "clock",
  "git-hook",
  "git-config",
  "git-attributes",
  "git-branch",
  "environment",
  "environment-proc",
  "environment-keys",
  "descriptors",
  "mask-env",
  "mask-moved",
  "mask-late",
  "mask-remote",
  "file-size",
  "preallocate",
];

test("every act of the doctor holds for who runs the tests", async () => {
  assertAllHeld(await examine());
});

test("every act of the doctor holds for an ordinary user", () => {
  assertAllHeld(asOrdinaryUser("doctor", []) as DoctorReport);
});

test("without the box, the same text reaches what it is after", () => {
  const verdicts = asOrdinaryUser("undefended", FIRES) as Record<string, Verdict>;
  const silent = FIRES.filter(
    (id) => verdicts[id]?.held !== false || /^(not tried|no verdict)/.test(verdicts[id].detail),
  );
  assert.deepEqual(
    silent.map((id) => ({ id, ...verdicts[id] })),
    [],
  );
});

test("there are at least forty-five acts, each with a name of its own, in all groups", () => {
  const acts: readonly Act[] = [...ACTS, ...LIMIT_ACTS, ...DISK_ACTS];
  assert.ok(acts.length >= 45);
  assert.equal(new Set(acts.map(({ id }) => id)).size, acts.length);
  assert.equal(new Set(acts.map(({ group }) => group)).size, 13);
});

test("what printed no verdict does not hold, and the last verdict counts", () => {
  const of = (text: string) => readVerdict({ ok: true, text });
  assert.deepEqual(of("HELD refused"), { held: true, detail: "refused" });
  assert.deepEqual(of("HELD refused\nREACHED read it\n"), { held: false, detail: "read it" });
  assert.deepEqual(of("NOT TRIED perl: not found"), { held: false, detail: "not tried: perl: not found" });
  assert.deepEqual(of("bash: oops"), { held: false, detail: "no verdict: bash: oops" });
  assert.deepEqual(of("say HELD"), { held: false, detail: "no verdict: say HELD" });
});

test("a report that has a program of another version, or an act that was not tried, is not ok and says so last", () => {
  const held = { id: "a", group: "files", what: "write", held: true, detail: "refused" };
  const report: DoctorReport = {
    ok: false,
    as: "someone (uid 7)",
    kernel: "6.1",
    bubblewrap: "bubblewrap 0.8.0",
    view: { kind: "copy", why: "Invalid argument" },
    unixSockets: true,
    limits: limitsReport(LIMITS_DEFAULT, { joined: [], pids: null, hasMemory: false }),
    toolchains: {
      roots: ["/opt"],
      programs: [
        {
          name: "node",
          isSame: false,
          inside: { path: "/usr/bin/node", version: "v18" },
          outside: { path: "/opt/node", version: "v24" },
        },
      ],
    },
    acts: [held, { ...held, id: "b", held: false, detail: "not tried: perl is missing" }],
  };
  const lines = formatDoctor(report).trimEnd().split("\n");
  assert.equal(lines.at(-1), "1 of 2 held, but 1 program has another version in the box than outside: see DIFFERENT");
  assert.ok(lines.includes("DIFFERENT  node  inside v18, outside v24  inside /usr/bin/node, outside /opt/node"));
  assert.ok(lines.includes("NOT HELD  files  write  not tried: perl is missing"));
});

test("limits are told as what keeps them", () => {
  const v1 = limitsReport(LIMITS_DEFAULT, {
    joined: ["/sys/fs/cgroup/memory/x", "/sys/fs/cgroup/pids/x"],
    pids: "/sys/fs/cgroup/pids/x",
    hasMemory: true,
  });
  const v2 = limitsReport(LIMITS_DEFAULT, {
    joined: ["/sys/fs/cgroup/a/x/holder"],
    pids: "/sys/fs/cgroup/a/x",
    hasMemory: true,
  });
  const none = limitsReport(LIMITS_DEFAULT, { joined: [], pids: null, hasMemory: false });
  assert.match(v1.memory, /cgroup v1, hard/);
  assert.match(v2.processes, /cgroup v2, hard/);
  assert.match(none.memory, /watcher, 100 ms, overshoot/);
  assert.match(none.processes, /RLIMIT_NPROC/);
});

test("a project's own programs and relative entries are no part of the person's PATH", () => {
  assert.deepEqual(personsPath("/a/node_modules/.bin:bin:.::/usr/bin:/opt/x"), ["/usr/bin", "/opt/x"]);
});

test("an act without anything said holds by its printed verdict alone", () => {
  const plain = act({ id: "x", group: "files", what: "x", steps: () => ["true"] });
  assert.deepEqual([plain.needs, plain.harm, plain.prepare], [[], null, null]);
});

function assertAllHeld(report: DoctorReport): void {
  assert.deepEqual(
    report.acts.filter(({ held }) => !held),
    [],
  );
  assert.deepEqual(
    report.toolchains.programs.filter(({ isSame }) => !isSame),
    [],
  );
  assert.equal(report.ok, true);
  assert.equal(readFileSync("/proc/sys/kernel/core_pattern", "utf8").trim(), "core");
  assert.ok(lstatSync("/dev/null").isCharacterDevice());
}
