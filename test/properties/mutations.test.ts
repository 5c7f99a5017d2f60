import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { isLandable } from "../../src/box/collect.ts";
import { discardSession } from "../../src/box/discard.ts";
import { asOrdinaryUser, makePlace, PROJECT, programs, sessionThat } from "../../src/box/land.fixture.ts";
import { encodePath } from "../../src/core/changes.ts";

const IS_FULL = process.env.RINGFENCE_FULL === "1";
const RUNS = IS_FULL ? 180 : 6;
/** What passed is what runs by itself; another seed explores further. */
const SEED = Number(process.env.RINGFENCE_SEED ?? 11);

/** Names as bash reads them: plain ones of the checkout, folders, new ones, and bytes that few programs expect. */
const names = fc.constantFrom(
  ...[
    "a.ts",
    "src/a.ts",
    "src/b.ts",
    "d",
    "d/1",
    "gone",
    "gone/a",
    "gone/a/b/3",
    "gone/4",
    "src/deep",
    "src/deep/er/x",
  ],
  ...["blob", "was-empty", "tool", "src/link", "file-to-dir", "dir-to-file", "file-to-link", "link-to-file", "hollow"],
  ...[
    "new",
    "new/er",
    "new/er/still",
    "'x y'",
    "' -rf '",
    "$'not\\xffutf8'",
    "$'new\\nline'",
    "d/$'\\xfe\\n'",
    "$'tab\\t'",
  ],
  `deep/${"l/".repeat(40)}x`,
);
const modes = fc.constantFrom("000", "400", "600", "644", "711", "755");
const texts = fc.constantFrom("", "one", "$'two\\nlines\\n'", "$'\\x01\\xff'");
const two = fc.tuple(names, names);

/** One change of the file system, which does the same in the box and outside, also where it cannot be made. */
const change = fc.oneof(
  fc
    .tuple(names, texts)
    .map(([n, t]) => `[ -d ${n} ] || [ -p ${n} ] || { mkdir -p "$(dirname ${n})"; printf %s ${t} >${n}; }`),
  fc.tuple(names, texts).map(([n, t]) => `[ -f ${n} ] && printf %s ${t} >>${n}`),
  names.map((n) => `rm -rf -- ${n}`),
  names.map((n) => `mkdir -p -- ${n}`),
  names.map((n) => `[ -d ${n} ] && rm -rf -- ${n} && mkdir -- ${n} && printf o >${n}/own`),
  names.map((n) => `[ -d ${n} ] && rm -rf -- ${n} && printf file >${n}`),
  names.map((n) => `[ -f ${n} ] && rm -- ${n} && mkdir -- ${n} && printf in >${n}/in`),
  names.map((n) => `[ -f ${n} ] && truncate -s 5000 ${n}`),
  names.map((n) => `touch -h -d 2001-02-03 -- ${n}`),
  names.map((n) => `[ -e ${n} ] || mkfifo -- ${n}`),
  fc.tuple(names, modes).map(([n, mode]) => `[ -L ${n} ] || chmod ${mode} -- ${n}`),
  two.map(([a, b]) => `[ -e ${b} ] || mv -T -- ${a} ${b}`),
  two.map(([a, b]) => `[ -f ${a} ] && mv -fT -- ${a} ${b}`),
  two.map(([a, b]) => `cp -aT -- ${a} ${b}`),
  two.map(([a, b]) => `[ -f ${a} ] && ln -- ${a} ${b}`),
  two.map(([a, b]) => `[ -d ${b} ] || ln -sfnT -- "$(basename ${a})" ${b}`),
  two.map(([a, b]) => `rm -rf -- ${b}; ln -s -- "$(basename ${a})" ${b}`),
  two.map(([a, b]) => `[ -f ${a} ] && [ -f ${b} ] && { mv -- ${a} swap; mv -- ${b} ${a}; mv -- swap ${b}; }`),
);

const scriptOf = (list: readonly string[]) =>
  `umask 022; set +e\n${list.map((one) => `{ ${one}; } 2>/dev/null`).join("\n")}\ntrue`;

/** What is at one path. Of a file that its owner may not read, there is no hash. */
interface Seen {
  readonly type: string;
  readonly mode: number;
  readonly time: string;
  readonly content: string;
}

/** Everything in a folder, by path, the folder itself included. */
function state(folder: string): Map<string, Seen> {
  const run = (command: string) =>
    spawnSync("/bin/bash", ["--norc", "-c", command], { cwd: folder, encoding: "latin1", maxBuffer: 64 << 20 }).stdout;
  const hashes = run("find . -type f -readable -print0 | xargs -0r sha256sum -z --").split("\0");
  const hash = new Map(hashes.map((line) => [line.slice(68), line.slice(0, 64)]));
  const fields = run("find . -printf '%P\\0%y\\0%m\\0%T@\\0%l\\0'").split("\0");
  const seen = new Map<string, Seen>();
  for (let at = 0; at + 4 < fields.length; at += 5) {
    const [path = "", type = "", mode = "", time = "", target = ""] = fields.slice(at, at + 5);
    seen.set(path, { type, mode: Number.parseInt(mode, 8), time, content: target || (hash.get(path) ?? "") });
  }
  return seen;
}

/** What a change is judged by: content, type, and the owner's right to execute. */
function essence(seen: Seen | undefined): string {
  if (!seen || seen.type === "d") return seen?.type ?? "-";
  return `${seen.type} ${seen.type === "f" ? seen.mode & 0o100 : ""} ${seen.content}`;
}

const latin1 = (path: string) => Buffer.from(encodePath(path)).toString("latin1");
const isAbove = (path: string, below: string) => path === "" || below.startsWith(`${path}/`);

/** Runs the changes as the owner and no more: in the box, root has no rights of root either. */
function changeOutside(folder: string, script: string): void {
  const drop = ["--inh-caps=-all", "--bounding-set=-all"];
  const [program, args] = process.getuid?.() === 0 ? ["setpriv", [...drop, "/bin/bash"]] : ["/bin/bash", []];
  execFileSync(program, [...args, "--norc", "-c", script], { cwd: folder });
}

test(`whatever changes a session makes: none shows outside, each is listed, the chosen ones land and nothing else moves, and discarding is exact (RINGFENCE_SEED=${SEED})`, async () => {
  const cases = fc.tuple(fc.array(change, { minLength: 8, maxLength: 40, size: "max" }), fc.nat());
  await fc.assert(
    fc.asyncProperty(cases, async ([list, salt]) => {
      const place = makePlace(PROJECT);
      const twin = `${place.checkout}-twin`;
      execFileSync("cp", ["-a", place.checkout, twin]);
      const before = state(place.checkout);
      changeOutside(twin, scriptOf(list));
      const session = await sessionThat(place, scriptOf(list));
      assert.deepEqual(state(place.checkout), before);

      // Nobody reads what lies in a closed folder; landing does, so it is opened here.
      execFileSync(
        "find",
        [
          ".",
          "-type",
          "d",
          "-exec",
          "chmod",
          "u+rwx",
          "{}",
          ";",
          "-o",
          "-type",
          "f",
          "-exec",
          "chmod",
          "u+r",
          "{}",
          ";",
        ],
        { cwd: twin },
      );
      const wanted = state(twin);
      const collected = await session.collect();
      const listed = new Map(collected.changes.map((one) => [latin1(one.change.path), one]));
      for (const path of new Set([...before.keys(), ...wanted.keys()])) {
        const [old, now] = [before.get(path), wanted.get(path)];
        if (path.startsWith(".git/") || old?.type === "d" || now?.type === "d") continue;
        assert.equal(listed.has(path), essence(old) !== essence(now), `${JSON.stringify(path)} is listed or not`);
      }

      const landable = collected.changes.filter(isLandable).map(({ change: { path } }) => path);
      const chosen = landable.filter((_, index) => (((salt >> (index % 24)) ^ index) & 1) === 0);
      const result = await session.land(collected, chosen);
      assert.deepEqual(result.failed, []);
      const landed = result.landed.map(latin1);
      for (const path of landed) assert.ok(chosen.map(latin1).includes(path), `${JSON.stringify(path)} was chosen`);
      const after = state(place.checkout);
      for (const path of new Set([...before.keys(), ...wanted.keys(), ...after.keys()])) {
        const [old, now, goal] = [before.get(path), after.get(path), wanted.get(path)];
        const name = JSON.stringify(path);
        if (landed.includes(path)) assert.equal(essence(now), essence(goal), `${name} landed`);
        // A folder on the way to what landed is made, touched, or goes with the last that was in it.
        else if (landed.some((one) => isAbove(path, one))) assert.ok(now === undefined || now.type === "d", name);
        else assert.deepEqual(now, old, `${name} did not land`);
      }

      await discardSession(session.path, programs);
      assert.deepEqual(state(place.checkout), after);
      const left = readdirSync(session.path).filter((name) => !/^(?:session\.json|landing|landed|stage-)/.test(name));
      assert.deepEqual(left, []);
    }),
    { numRuns: RUNS, seed: SEED, endOnFailure: true },
  );
});

if (process.getuid?.() === 0 && IS_FULL) {
  test("all of this holds for an ordinary user", () => asOrdinaryUser(fileURLToPath(import.meta.url)));
}
