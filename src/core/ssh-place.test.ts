import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { addressOfTracked, isSameRepository, remoteOf, remoteSetting, trackedOf } from "./git-remote.ts";
import { judgeRules, type NetRequest, type NetRule } from "./net-rules.ts";
import { readSshCommand } from "./ssh-command.ts";
import { explainSsh, readSshPlace, sshAddress } from "./ssh-place.ts";

test("an address over ssh is read as git reads it, and written so that it reads the same", () => {
  const cases = [
    ["git@git.example:group/thing.git", "git", "git.example", null, "group/thing.git"],
    ["git.example:/srv/thing", null, "git.example", null, "/srv/thing"],
    ["work:~me/thing.git", null, "work", null, "~me/thing.git"],
    ["ssh://git@git.example/group/thing.git", "git", "git.example", null, "/group/thing.git"],
    ["ssh://me@git.example:2222/~/thing.git", "me", "git.example", 2222, "~/thing.git"],
    ["SSH://Git.Example:22/a", null, "Git.Example", 22, "/a"],
  ] as const;
  for (const [text, user, host, port, path] of cases) {
    const place = readSshPlace(text);
    assert.deepEqual(place, { user, host, port, path }, text);
    assert.deepEqual(place && readSshPlace(sshAddress(place)), place);
  }
});

test("an address that could be an option, or more than an address to a shell, is none", () => {
  for (const text of [
    "-oProxyCommand=x:thing",
    "-F:thing",
    "git@-oProxyCommand:thing",
    "-l@git.example:thing",
    "git@git.example:-oProxyCommand=x",
    "git@git.example:--upload-pack=x",
    "git@git.example:a'b",
    "git@git.example:a'$(x)'",
    "git@git.example:a\nb",
    "git@git.example:a b",
    "git@git.example:a;b",
    "git@git.example:a\\b",
    "git@git.example\n:a",
    "git@git$(x).example:a",
    "git@git.example:",
    "ssh://-oProxyCommand=x/thing",
    "ssh://git@-Fx/thing",
    "ssh://-o@git.example/thing",
    "ssh://git:word@git.example/thing",
    "ssh://git.example:0/thing",
    "ssh://git.example:65536/thing",
    "ssh://git.example:22x/thing",
    "ssh://git.example/a'b",
    "ssh://git.example",
    "ext::sh -c x",
    "ext::ssh.example:x",
    "https://git.example/thing.git",
    "file:///srv/thing",
    "/srv/thing",
    "../thing",
  ])
    assert.equal(readSshPlace(text), null, text);
  for (const text of [
    "git@git.example:../thing",
    "git@git.example:a/../b",
    "ssh://git.example//a",
    "git@git.example:a//b",
  ])
    assert.equal(trackedOf(text), null, text);
});

test("of whatever text, what is taken for an address has no sign of a shell's or an option's, and one path on the web", () => {
  const signs = [
    "git",
    "@",
    ":",
    "/",
    "//",
    "..",
    ".",
    "-",
    "-o",
    "~",
    "'",
    "$(x)",
    " ",
    "\n",
    "\0",
    "%2e",
    "ssh://",
    "a.b",
    "22",
    "é",
    "[::1]",
    ".git",
    "=",
  ];
  const numRuns = process.env.RINGFENCE_FULL ? 200_000 : 5000;
  const start = fc.constantFrom("", "git@a.b:", "a.b:", "ssh://", "ssh://git@a.b/", "ssh://a.b:22/");
  let taken = 0;
  fc.assert(
    fc.property(start, fc.array(fc.constantFrom(...signs), { minLength: 1, maxLength: 6 }), (first, words) => {
      const tracked = trackedOf(first + words.join(""));
      const place = tracked?.ssh ?? null;
      if (tracked === null || place === null) return;
      taken += 1;
      const { user, host, path } = place;
      for (const word of [user ?? "x", host, path]) assert.match(word, /^[A-Za-z0-9_.~+@/][\w.~/+@=,-]*$/);
      assert.equal(tracked.path, path.replace(/^\/|\/$/g, "").replace(/\.git$/, ""));
      assert.deepEqual(trackedOf(sshAddress(place)), tracked);
    }),
    { numRuns, seed: 20_261_129 },
  );
  assert.ok(taken > numRuns / 20, String(taken));
});

test("a repository by ssh is the one on the web for the user git alone; elsewhere all of its address counts", () => {
  const isSame = (a: string, b: string) => {
    const [one, two] = [trackedOf(a), trackedOf(b)];
    assert.ok(one && two);
    return isSameRepository(one, two);
  };
  const web = "https://git.example/group/thing.git";
  for (const same of ["git@git.example:group/thing", "ssh://git@git.example:22/group/thing.git"])
    assert.ok(isSame(web, same), same);
  const own = "ssh://me@git.example/group/thing.git";
  assert.ok(isSame(own, "me@git.example:/group/thing"));
  for (const other of [
    web,
    "git@git.example:group/thing.git",
    "you@git.example:/group/thing",
    "git.example:/group/thing",
    "me@git.example:group/thing",
    "ssh://me@git.example:2222/group/thing",
    "me@git.other:/group/thing",
    "ssh://git@git.example:2222/group/thing.git",
  ])
    assert.equal(isSame(own, other), false, other);
  assert.equal(isSame(web, "ssh://git@git.example:2222/group/thing.git"), false);
});

test("git in the box is told one place on the web for every spelling, and the ssh command is the home's alone", () => {
  const repository = [
    ["remote.origin.url", "gh:me/thing.git"],
    ["core.sshcommand", "evil"],
  ] as const;
  const own = [["url.ssh://git@git.example/.insteadof", "gh:"]] as const;
  const remote = remoteOf("ref: refs/heads/main\n", repository, own);
  assert.equal(remote?.sshCommand, null);
  assert.equal(
    remote && remoteSetting(remote),
    '[url "https://git.example/me/thing.git"]\n\tinsteadOf = "gh:me/thing.git"\n\tinsteadOf = "ssh://git@git.example/me/thing.git"\n\tinsteadOf = "git@git.example:/me/thing.git"\n',
  );
  const set = [...own, ["core.sshcommand", "ssh -4"]] as const;
  assert.equal(remoteOf("ref: refs/heads/main\n", repository, set)?.sshCommand, "ssh -4");
  const tracked = trackedOf("me@git.example:thing.git");
  assert.equal(tracked && addressOfTracked(tracked), "me@git.example:thing.git");
});

test("who denies a host, at ssh's port or on the web, denies git by ssh, and no other rule says anything of it", () => {
  const rule = (ports: readonly number[]): NetRule => ({
    ...{ id: "r", host: "git.example", ports, methods: null, paths: null },
    ...{ body: true, tls: "terminate", private: false },
  });
  const request: NetRequest = {
    ...{ host: "git.example", port: 22, method: "POST", path: "/a.git/git-upload-pack" },
    ...{ protocol: "ssh", hasBody: true },
  };
  for (const port of [22, 443]) assert.equal(judgeRules({ allow: [], deny: [rule([port])] }, request).verdict, "deny");
  assert.equal(judgeRules({ allow: [], deny: [rule([80])] }, request).verdict, "unlisted");
  assert.equal(judgeRules({ allow: [rule([22, 443])], deny: [] }, request).verdict, "unlisted");
});

test("of a command for ssh options are taken that say where keys and the way are, as a shell would part them", () => {
  const read = (command: string) => readSshCommand(command, "/home/me");
  assert.deepEqual(read("ssh"), []);
  const command = `/usr/bin/ssh -i ~/.ssh/work -o 'IdentitiesOnly yes' -F "$HOME/.ssh/my config" -Jjump -4`;
  const options = [
    "-i",
    "/home/me/.ssh/work",
    "-o",
    "IdentitiesOnly yes",
    "-F",
    "/home/me/.ssh/my config",
    "-Jjump",
    "-4",
  ];
  assert.deepEqual(read(command), options);
});

test("a command that is more than ssh with such options is none", () => {
  for (const command of [
    ...[
      "",
      "plink",
      "/tmp/ssh",
      "./ssh",
      "ssh -A",
      "ssh -i",
      "ssh -i x host",
      "ssh -o ProxyCommand=$(x)",
      "ssh; x",
      "ssh | x",
    ],
    ...[
      "env X=1 ssh",
      "ssh -i 'x",
      'ssh -i "x',
      "ssh -i x\\ y",
      "ssh -i `x`",
      "ssh -i x & y",
      "ssh -w 0",
      "ssh -L 1:a:2",
      "ssh -R 1",
    ],
  ])
    assert.equal(readSshCommand(command, "/home/me"), null, command);
});

test("what ssh says becomes what a person does about it; the far side's own word is shown as text, and no file is named", () => {
  const place = { user: "git", host: "git.example", port: 2222, path: "a" };
  const explain = (status: number | null, told: string) => explainSsh({ status, told }, place, (text) => `<${text}>`);
  const run = 'run "ssh -T -p 2222 git@git.example" outside the box, then try again';
  assert.equal(
    explain(255, "No ED25519 host key is known for x\nHost key verification failed.\r\n"),
    `your ssh does not know the key of that host: ${run}`,
  );
  assert.equal(
    explain(255, "Load key /home/me/.ssh/id: bad\ngit@x: Permission denied (publickey).\r\n"),
    `that host took none of your keys, and no passphrase is asked for here (ssh-add keeps one): ${run}`,
  );
  assert.equal(explain(255, "/home/me/.ssh/config line 3: Bad"), `your ssh could not connect: ${run}`);
  assert.equal(
    explain(1, "x\nERROR: \x1b[2J no\n"),
    "the program of git's there ended before it had answered: <ERROR: \x1b[2J no>",
  );
  assert.equal(explain(null, ""), "the program of git's there ended before it had answered");
});
