import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import fc from "fast-check";
import { readIdentity, toGitconfig } from "./identity.ts";

const folder = mkdtempSync(join(tmpdir(), "ringfence-identity-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const SEED = Number(process.env.RINGFENCE_SEED ?? 20_260_301);

/** Keys that come along, and keys that could start a program, reach another machine or name a file. */
const HARMLESS = [
  "user.name",
  "user.email",
  "pull.rebase",
  "init.defaultbranch",
  "color.diff.meta",
  "alias.st",
  "status.short",
];
const HARMFUL = [
  "core.editor",
  "core.pager",
  "core.sshcommand",
  "core.fsmonitor",
  "core.hookspath",
  "core.attributesfile",
  "core.excludesfile",
  "credential.helper",
  "credential.https://a.b.helper",
  "diff.external",
  "diff.x.textconv",
  "filter.lfs.clean",
  "gpg.program",
  "commit.gpgsign",
  "commit.template",
  "include.path",
  "includeif.gitdir:/.path",
  "url.https://x.insteadof",
  "http.proxy",
  "http.extraheader",
  "user.signingkey",
  "sequence.editor",
  "merge.x.driver",
  "mergetool.x.cmd",
  "pager.log",
  "man.x.cmd",
  "submodule.x.update",
  "protocol.ext.allow",
  "uploadpack.packobjectshook",
  "remote.origin.url",
  "interactive.difffilter",
  "alias.a\nb",
  "user.name.x",
  "x.user.name",
  "color",
  "",
  "alias.",
  "status.a_b",
];

test("only keys that start nothing and reach nothing come along", () => {
  const listed = [...HARMLESS, ...HARMFUL].map((key) => `${key}\nvalue`).join("\0");
  assert.deepEqual(
    readBack(toGitconfig(listed)),
    HARMLESS.map((key) => `${key}\nvalue`),
  );
});

test("an alias that runs a program stays outside", () => {
  assert.deepEqual(readBack(toGitconfig("alias.x\n!rm -rf ~\0alias.y\nlog --oneline\0")), ["alias.y\nlog --oneline"]);
});

test("a key without a value means true inside as well, and an empty value false", () => {
  const text = toGitconfig("rebase.autosquash\0rebase.autostash\n\0");
  writeFileSync(join(folder, "bool"), text);
  const ask = (key: string) => git("config", "-f", join(folder, "bool"), "--type=bool", key).trim();
  assert.deepEqual([ask("rebase.autosquash"), ask("rebase.autostash")], ["true", "false"]);
});

test("whatever a value holds, git reads it back as that value and finds no other key", () => {
  const piece = fc.oneof(
    fc.string({ unit: "grapheme", maxLength: 30 }),
    fc.constantFrom(
      '"',
      "\\",
      '\\"',
      "]",
      "[core]",
      "#",
      ";",
      "\t",
      " ",
      "\\n",
      "$(id)",
      "\r",
      '"\r',
      "=",
      "\u0007",
      "%",
      "`id`",
    ),
  );
  const value = fc
    .array(piece, { maxLength: 8 })
    .map((pieces) => pieces.join(""))
    .filter((text) => !text.includes("\0"));
  const entries = fc.array(fc.tuple(fc.constantFrom(...HARMLESS, ...HARMFUL), value), { maxLength: 12 });
  fc.assert(
    fc.property(entries, (pairs) => {
      const read = readBack(toGitconfig(pairs.map(([key, text]) => `${key}\n${text}`).join("\0")));
      const wanted = pairs.filter(
        ([key, text]) => HARMLESS.includes(key) && !text.startsWith("!") && !text.includes("\n"),
      );
      assert.deepEqual(
        read,
        wanted.map(([key, text]) => `${key}\n${text}`),
      );
    }),
    { seed: SEED, numRuns: 150 },
  );
});

test("the person's own file is read, the repository's and the system's are not", async () => {
  const home = join(folder, "home");
  mkdirSync(home);
  writeFileSync(
    join(home, ".gitconfig"),
    '[user]\n\tname = Ada \\"A\\" L\n[core]\n\tsshCommand = evil\n[include]\n\tpath = more\n',
  );
  writeFileSync(join(home, "more"), "[user]\n\temail = ada@localhost\n[alias]\n\tst = status\n\tx = !evil\n");
  const { gitconfig, home: told } = await readIdentity({ HOME: home });
  assert.equal(told, home);
  assert.deepEqual(readBack(gitconfig), ['user.name\nAda "A" L', "user.email\nada@localhost", "alias.st\nstatus"]);
});

test("a home that is the system's is replaced, and a relative one is not believed", async () => {
  for (const home of ["/", "/usr", "/etc/", "/tmp", "/var"]) {
    assert.equal((await readIdentity({ HOME: home })).home, "/home/ringfence");
  }
  assert.ok((await readIdentity({ HOME: "relative" })).home.startsWith("/"));
});

function readBack(text: string): string[] {
  writeFileSync(join(folder, "config"), text);
  return git("config", "-f", join(folder, "config"), "--list", "-z").split("\0").slice(0, -1);
}

function git(...args: string[]): string {
  const env = { PATH: "/usr/bin:/bin", HOME: folder, GIT_CONFIG_NOSYSTEM: "1", GIT_CONFIG_GLOBAL: "/dev/null" };
  return execFileSync("/usr/bin/git", args, { cwd: folder, env, encoding: "utf8" });
}
