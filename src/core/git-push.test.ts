import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { lineOf, readPackets } from "./git-packet.ts";
import { isBranchRef, NO_OBJECT, PUSH_HEAD_BYTES_MAX, readPush, writePush, writeRefusal } from "./git-push.ts";

fc.configureGlobal({ seed: Number(process.env.SEED ?? Date.now() | 0), numRuns: 500 });

const [A, B] = ["a".repeat(40), "b".repeat(40)];
const FEATURES = " report-status-v2 side-band-64k object-format=sha1 agent=git/2.39.5";
const packet = (text: string) => `${(text.length + 4).toString(16).padStart(4, "0")}${text}`;
const read = (...parts: readonly string[]) => readPush(Buffer.from(parts.join(""), "latin1"));
const reasonOf = (...parts: readonly string[]) => {
  const found = read(...parts);
  return found?.ok === false ? found.reason : found;
};
const command = (ref: string, from = A, to = B, features = FEATURES) => packet(`${from} ${to} ${ref}\0${features}`);

test("one command for one branch is read, and goes on without what its sender chose; the pack begins behind it", () => {
  const found = read(command("refs/heads/main"), "0000", "PACK");
  assert.ok(found?.ok && found.call.kind === "push");
  assert.deepEqual(found.call.command, { ref: "refs/heads/main", oldId: A, newId: B });
  assert.equal(found.end, command("refs/heads/main").length + 4);
  const line = `${A} ${B} refs/heads/main\0 report-status-v2 side-band-64k object-format=sha1`;
  assert.equal(writePush(found.call), `${packet(line)}0000`);
  const probe = read("0000");
  assert.ok(probe?.ok && writePush(probe.call) === "0000");
});

for (const [title, parts, reason] of [
  ["a deletion", [command("refs/heads/main", A, NO_OBJECT), "0000"], /nothing is deleted/],
  ["a tag", [command("refs/tags/v1"), "0000"], /only a branch/],
  ["a ref that is none", [command("refs/heads/a..b"), "0000"], /only a branch/],
  ["two commands", [command("refs/heads/a"), packet(`${A} ${B} refs/heads/b`), "0000"], /more than one/],
  ["options", [command("refs/heads/a", A, B, " report-status push-options"), "0000"], /no options/],
  ["an unknown capability", [command("refs/heads/a", A, B, " x=y"), "0000"], /cannot have/],
  ["another format", [command("refs/heads/a", A, B, " object-format=sha256"), "0000"], /cannot have/],
  ["a certificate", [packet(`push-cert\0${FEATURES}`), "0000"], /a signed one/],
  ["a shallow history", [packet(`shallow ${A}`), command("refs/heads/a"), "0000"], /shallow/],
  ["an id that is none", [command("refs/heads/a", "x", B), "0000"], /no push/],
  ["no capabilities", [packet(`${A} ${B} refs/heads/a`), "0000"], /no push/],
  ["another mark", [command("refs/heads/a"), "0001"], /more than one/],
  ["another mark at first", ["0001"], /no push/],
  ["no packet", ["000x"], /no push/],
] as const)
  test(`${title} is refused`, () => assert.match(String(reasonOf(...parts)), reason));

test("a command that does not come to its end is waited for so long only", () => {
  const whole = `${command("refs/heads/main")}0000`;
  for (let length = 0; length < whole.length; length += 1)
    assert.equal(read(whole.slice(0, length)), null, `${length}`);
  assert.equal(reasonOf("ffe0", "x".repeat(PUSH_HEAD_BYTES_MAX)), "that is no push as git sends one");
});

test("a name is a branch's exactly where git says so, and of any bytes only that and ids leave", () => {
  for (const ref of ["refs/heads/a", "refs/heads/a/b-c.d_e", "refs/heads/feat#1"]) assert.ok(isBranchRef(ref), ref);
  for (const name of [
    "",
    "-a",
    "a b",
    "a..b",
    "a~b",
    "a^",
    "a:b",
    "a?",
    "a*",
    "a[",
    "a\\",
    "a//b",
    "a/",
    "/a",
    "a.",
    ".a",
    "a/.b",
    "a.lock",
    "a.lock/b",
    "@",
    "HEAD",
    "a@{b",
    "é",
    "a\x7f",
  ])
    assert.equal(isBranchRef(`refs/heads/${name}`), false, name);
  const bodies = fc.oneof(
    fc.uint8Array({ maxLength: 300 }).map((raw) => Buffer.from(raw)),
    fc
      .string({ unit: "binary-ascii", maxLength: 80 })
      .map((text) => Buffer.from(`${command(`refs/heads/${text}`)}0000`)),
    fc
      .string({ unit: "binary-ascii", maxLength: 80 })
      .map((text) => Buffer.from(`${command("refs/heads/a", A, B, ` agent=${text}`)}0000`)),
  );
  fc.assert(
    fc.property(bodies, (body) => {
      const found = readPush(body);
      if (found?.ok !== true || found.call.kind === "probe") return;
      assert.match(
        writePush(found.call),
        /^[0-9a-f]{4}[0-9a-f]{40} [0-9a-f]{40} refs\/heads\/[\x21-\x7e]+\0 [a-z0-9 =-]+0000$/,
      );
      assert.ok(isBranchRef(found.call.command.ref));
    }),
  );
});

test("a refusal is told in git's own form, in one line whatever the reason, and not where none was asked for", () => {
  const asked = (features: readonly string[]) => ({
    kind: "push" as const,
    command: { ref: "refs/heads/m", oldId: A, newId: B },
    features,
  });
  const lines = (text: string) =>
    readPackets(Buffer.from(text, "latin1"), 9)?.map((one) => (typeof one === "string" ? one : lineOf(one)));
  assert.deepEqual(lines(writeRefusal(asked(["report-status"]), "no:\n0000 é") ?? ""), [
    "unpack ok",
    "ng refs/heads/m no:?0000 ?",
    "flush",
  ]);
  const banded = writeRefusal(asked(["report-status-v2", "side-band-64k"]), "no") ?? "";
  assert.match(banded, /^[0-9a-f]{4}\x01000eunpack ok\n.*0000$/s);
  assert.equal(writeRefusal(asked(["quiet"]), "no"), null);
});
