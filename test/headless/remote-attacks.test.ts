import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { writePackets } from "../../src/core/git-packet.ts";
import { type GitPlace, makeGitPlace } from "./git-server.ts";
import { ringfence, sh } from "./program.ts";
import { type Attack, CANARY, HEX, leaks, packet, prepare, SPELLING, unprotected } from "./remote-leaks.ts";

const UPLOAD = "/group/thing.git/git-upload-pack";

const fetch2 = (...lines: readonly string[]) =>
  writePackets(["command=fetch", "object-format=sha1", "delimiter", ...lines, "flush"]);

const V2 = ["Git-Protocol: version=2"];

function fetches(tip: string, url: string): Attack[] {
  const call = (name: string, body: string | Buffer, headers: readonly string[] = V2): Attack => {
    return { name, path: UPLOAD, body, headers: ["Content-Type: application/x-git-upload-pack-request", ...headers] };
  };
  const refs = (name: string, more: Partial<Attack>): Attack => {
    return { name, path: "/group/thing.git/info/refs?service=git-upload-pack", ...more };
  };
  return [
    call("a have of version 2", fetch2(`want ${tip}`, `have ${HEX}`, "done")),
    call("a have, packed", gzipSync(fetch2(`want ${tip}`, `have ${HEX}`, "done")), [...V2, "Content-Encoding: gzip"]),
    call("a shallow line", fetch2(`want ${tip}`, `shallow ${HEX}`, "done")),
    call("a want", fetch2(`want ${tip}`, `want ${HEX}`, "done")),
    call("an agent", fetch2(`want ${tip}`, "done").replace("0001", `${packet(`agent=${CANARY}`)}0001`)),
    call(
      "an option for the server",
      fetch2(`want ${tip}`, "done").replace("0001", `${packet(`server-option=${CANARY}`)}0001`),
    ),
    call("a ref by name", fetch2(`want ${tip}`, `want-ref refs/heads/${CANARY}`, "done")),
    call("a filter", fetch2(`want ${tip}`, `filter sparse:oid=${HEX}`, "done")),
    call(
      "a prefix",
      writePackets(["command=ls-refs", "object-format=sha1", "delimiter", `ref-prefix ${CANARY}`, "flush"]),
    ),
    call("an unknown command", writePackets(["command=object-info", "delimiter", `oid ${HEX}`, "flush"])),
    call("bytes behind the end", `${fetch2(`want ${tip}`, "done")}${CANARY}`),
    call("no protocol at all", CANARY),
    call("a have of version 0", writePackets([`want ${tip} ofs-delta`, "flush", `have ${HEX}`, "done"]), []),
    call("a capability of version 0", writePackets([`want ${tip} ofs-delta agent=${CANARY}`, "flush", "done"]), []),
    call("a header", fetch2(`want ${tip}`, "done"), [...V2, `X-Leak: ${CANARY}`, `User-Agent: ${CANARY}`]),
    call("a version", fetch2(`want ${tip}`, "done"), [`Git-Protocol: version=2:x=${CANARY}`]),
    refs("a query", { path: `/group/thing.git/info/refs?service=git-upload-pack&x=${CANARY}` }),
    refs("a header for the refs", { headers: [`Accept-Language: ${CANARY}`, `Cookie: ${CANARY}`] }),
    refs("a login of another", { login: `me:${CANARY}` }),
    refs("a user beside the password", { login: `${CANARY}:$WORD` }),
    refs("a user beside a token", { login: `${CANARY}:$GITLAB_TOKEN` }),
    refs("a spelling of the host", { headers: [`Host: ${SPELLING}:${new URL(url).port}`] }),
    refs("another repository", { path: `/group/${CANARY}.git/info/refs?service=git-upload-pack` }),
  ];
}

/** With a token that goes with whatever name. */
function withToken(place: GitPlace): GitPlace {
  return { ...place, env: { ...place.env, GITLAB_TOKEN: "glpat-Canary0123456789abcd", GITLAB_HOST: "127.0.0.1" } };
}

test("nothing that the box composed reaches the tracked remote in a fetch; unprotected it does, in every one", async (t) => {
  const bare = withToken(await makeGitPlace(t));
  const attacksOn = (on: GitPlace) => fetches(sh(on, "git rev-parse main").trim(), on.url);
  const attacks = attacksOn(bare);
  prepare(bare, attacks);
  await unprotected(bare);
  assert.deepEqual([bare.got.length, leaks(bare).length], [attacks.length, attacks.length]);
  const place = withToken(await makeGitPlace(t));
  prepare(place, attacksOn(place));
  const done = await ringfence(place, [
    "exec",
    "--",
    "bash",
    "-c",
    "export no_proxy= NO_PROXY= LOGIN=-n WORD=$(sed 's,.* ,,' ~/.netrc); git ls-remote -q origin >/dev/null; . attacks/send",
  ]);
  assert.deepEqual(leaks(place), []);
  const refused = [...done.stdout.matchAll(/^403 (.*)$/gm)].map(([, name]) => name);
  assert.deepEqual(refused, [
    ...[
      "a want",
      "an option for the server",
      "a ref by name",
      "a filter",
      "an unknown command",
      "bytes behind the end",
    ],
    ...["no protocol at all", "a version", "a query", "a login of another", "a user beside the password"],
    ...["a user beside a token", "another repository"],
  ]);
  assert.equal(done.stdout.match(/^200 /gm)?.length, attacks.length - refused.length, done.stdout);
});
