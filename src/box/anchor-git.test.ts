import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { commitHead, readHeadRef } from "./anchor-git.ts";

const REF = "refs/heads/heads";

test("each head becomes a commit of a ref, sessions that come at once included, and no hook or filter of the repository runs", async (t) => {
  const { repository, git, sh } = makeRepository(t);
  const ran = join(repository, "ran");
  // Each of these runs where git is used on it without care.
  for (const hook of ["reference-transaction", "post-commit", "pre-commit", "commit-msg", "post-update"])
    writeFileSync(join(repository, "hooks", hook), `#!/bin/sh\ntouch '${ran}'\n`, { mode: 0o755 });
  git("config", "core.fsmonitor", `touch '${ran}'`);
  git("config", "commit.gpgSign", "true");
  git("config", "gpg.program", `${repository}/hooks/post-commit`);
  git("config", "filter.all.clean", `touch '${ran}'`);
  writeFileSync(join(repository, "info/attributes"), "* filter=all\n");
  sh(`git --git-dir=. update-ref refs/heads/seen "$(git --git-dir=. commit-tree -m x "$(git mktree </dev/null)")"`);
  assert.equal(existsSync(ran), true, "undefended, its hook runs");
  rmSync(ran);

  const place = { repository, ref: REF };
  await commitHead(place, "one — \n1\n");
  await Promise.all([commitHead(place, "two\n"), commitHead(place, "three\n")]);
  assert.equal(existsSync(ran), false);
  const said = await readHeadRef(place);
  assert.match(said, /one — \n1\n/);
  assert.match(said, /two\n/);
  assert.match(said, /three\n/);
  assert.equal(git("rev-list", "--count", REF).trim(), "3");
  assert.equal(git("log", "-1", "--format=%an %ae %P", `${REF}~2`).trim(), "ringfence ringfence@localhost");
  git("-c", "core.fsmonitor=false", "fsck", "--strict");
});

test("a branch of somebody's work is left as it is, and so is what is no repository", async (t) => {
  const { repository, git, sh } = makeRepository(t);
  sh(`git --git-dir=. update-ref ${REF} "$(git --git-dir=. commit-tree -m work "$(
    printf '100644 blob %s\\ta\\n' "$(echo a | git --git-dir=. hash-object -w --stdin)" | git --git-dir=. mktree)")"`);
  const before = git("rev-parse", REF);
  await assert.rejects(
    commitHead({ repository, ref: REF }, "one\n"),
    /refs\/heads\/heads holds something else than heads/,
  );
  assert.equal(git("rev-parse", REF), before);
  await assert.rejects(
    commitHead({ repository: tmpdir(), ref: REF }, "one\n"),
    /is no git repository: git init --bare/,
  );
  await assert.rejects(readHeadRef({ repository, ref: "refs/heads/none" }), /bad revision/);
});

function makeRepository(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), "ringfence-anchor-git-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const repository = join(folder, "anchors.git");
  const env = {
    PATH: "/usr/bin:/bin",
    HOME: folder,
    ...Object.fromEntries(
      ["AUTHOR", "COMMITTER"].flatMap((who) => [
        [`GIT_${who}_NAME`, "Ada"],
        [`GIT_${who}_EMAIL`, "ada@example.test"],
      ]),
    ),
  };
  execFileSync("git", ["init", "-q", "--bare", repository], { env });
  const git = (...args: string[]) =>
    execFileSync("git", ["--git-dir", repository, ...args], {
      env,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    });
  const sh = (program: string) => execFileSync("/bin/bash", ["--norc", "-euc", program], { cwd: repository, env });
  return { repository, git, sh };
}
