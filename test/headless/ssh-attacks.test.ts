import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { ordinary, self, sh } from "./program.ts";
import { inBox, makeSshPlace } from "./ssh-server.ts";

test("an option in the place of a host runs a program where ssh is given it; here such a remote is none", async (t) => {
  const away = mkdtempSync("/tmp/ringfence-away-");
  t.after(() => rmSync(away, { recursive: true }));
  const attack = `-oProxyCommand=touch$IFS${away}/ran`;
  spawnSync("/usr/bin/ssh", ["-F", "/dev/null", attack, "git-upload-pack"], {
    cwd: away,
    env: { PATH: "/usr/bin:/bin" },
    timeout: 10_000,
  });
  assert.deepEqual(readdirSync(away), ["ran"]);
  rmSync(join(away, "ran"));
  const place = await makeSshPlace(t, {
    user: ordinary(),
    make: `git remote set-url origin 'ssh://${attack}/thing.git'`,
  });
  const done = await inBox(
    place,
    "git fetch; curl -sS -o /dev/null https://127.0.0.1/thing.git/info/refs?service=git-upload-pack",
  );
  assert.deepEqual([readdirSync(away), place.asked()], [[], []], done.stderr);
});

test("neither the repository, nor the environment, nor the box has a word in what ssh runs and where it leads", async (t) => {
  const place = await makeSshPlace(t, {
    user: self(),
    make: `printf '#!/bin/sh\\ntouch "$0.ran"\\n' >../evil; chmod +x ../evil
      git config core.sshCommand "$PWD/../evil"; git config remote.origin.uploadpack "$PWD/../evil"
      git config protocol.ext.allow always; git config core.gitProxy "$PWD/../evil"`,
  });
  const evil = join(place.root, "evil");
  const env = { GIT_SSH_COMMAND: evil, GIT_SSH: evil, GIT_PROXY_COMMAND: evil };
  // Without the box each of these runs.
  assert.throws(() => sh({ ...place, env: { ...place.env, ...env } }, "git fetch"));
  assert.ok(existsSync(`${evil}.ran`));
  rmSync(`${evil}.ran`);
  const { origin, pathname } = new URL(place.url.replace(/^ssh:\/\/[^/]*/, "https://127.0.0.1"));
  const other = pathname.replace("thing", "other");
  const done = await inBox(
    place,
    `git fetch && echo fetched
     for path in ${other} "${pathname}'%20x" ${pathname}%0a-x /-oProxyCommand=x ${pathname}/../other.git; do curl -sS --path-as-is -o /dev/null -w '%{http_code}\\n' "${origin}$path/info/refs?service=git-upload-pack"; done
     git remote set-url origin ${place.url.replace("thing", "other")}; git fetch; git fetch "ext::sh -c env"; git fetch git@127.0.0.1:-oProxyCommand=x
     rm -f ~/.gitconfig; git fetch ${origin}${other}`,
    { env },
  );
  assert.match(done.stdout, /^fetched\n(?:40[03]\n){5}$/, done.stderr);
  assert.deepEqual(
    [existsSync(`${evil}.ran`), new Set(place.asked())],
    [false, new Set([`git-upload-pack '${pathname}'`])],
  );
});
