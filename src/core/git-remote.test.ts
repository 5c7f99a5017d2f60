import assert from "node:assert/strict";
import { test } from "node:test";
import { ShownRefs } from "./git-refs.ts";
import { gitAskedOf, looksLikePush, remoteOf, remoteSetting, type Settings, trackedOf } from "./git-remote.ts";
import type { NetRequest } from "./net-rules.ts";

const URL = "https://git.example/group/thing.git";
const ORIGIN: Settings = [["remote.origin.url", URL]];
const HEAD = "ref: refs/heads/main\n";

test("the remote is the one that the branch names, else origin, and it tracks what the configuration says", () => {
  const own: Settings = [
    ...ORIGIN,
    ["remote.up.url", "https://git.example/up.git"],
    ["branch.main.remote", "up"],
    ["branch.main.merge", "refs/heads/trunk"],
  ];
  assert.deepEqual(remoteOf(HEAD, own, []), {
    url: "https://git.example/up.git",
    written: "https://git.example/up.git",
    branch: "refs/heads/main",
    tracks: "refs/heads/trunk",
    isPushedTo: true,
    sshCommand: null,
  });
  const other = { url: URL, written: URL, branch: "refs/heads/dev", tracks: null, isPushedTo: true, sshCommand: null };
  assert.deepEqual(remoteOf("ref: refs/heads/dev\n", own, []), other);
  assert.deepEqual(remoteOf("a".repeat(40), own, []), { ...other, branch: null });
  for (const none of [[], [["branch.main.remote", "."]], [["remote.origin.url", "https://x/y z"]]] as const)
    assert.equal(remoteOf(HEAD, none, []), null);
});

test("an address is rewritten as git does, by the longest beginning, and its login is in nothing that the box sees", () => {
  const own: Settings = [
    ["url.https://git.example/.insteadof", "g:"],
    ["url.https://me:secret@git.example/group/.insteadof", "g:group/"],
  ];
  const remote = remoteOf(HEAD, [["remote.origin.url", "g:group/thing.git"]], own);
  assert.equal(remote?.url, "https://me:secret@git.example/group/thing.git");
  assert.equal(remote && remoteSetting(remote), `[url "${URL}"]\n\tinsteadOf = "g:group/thing.git"\n`);
  const plain = remoteOf(HEAD, [["remote.origin.url", "https://me:secret@git.example/group/thing.git"]], []);
  assert.deepEqual([plain?.written, plain && remoteSetting(plain)], [URL, ""]);
  const ssh = remoteOf(HEAD, [["remote.origin.url", "git@git.example:group/thing.git"]], []);
  assert.equal(ssh && remoteSetting(ssh), `[url "${URL}"]\n\tinsteadOf = "git@git.example:group/thing.git"\n`);
  const odd = remoteOf(HEAD, [["remote.origin.url", 'git@git.example:a"b\\c']], []);
  assert.equal(odd && remoteSetting(odd), "");
});

test("the login that a CI system left as a header is the address's, for what lies below its own alone", () => {
  const headerFor = (base: string, value: string): Settings => [...ORIGIN, [`http.${base}.extraheader`, value]];
  const basic = `AUTHORIZATION: basic ${btoa("x-access-token:se/c")}`;
  const urlWith = (base: string, value: string) => remoteOf(HEAD, headerFor(base, value), [])?.url;
  const full = "https://x-access-token:se%2Fc@git.example/group/thing.git";
  assert.equal(urlWith("https://git.example/", basic), full);
  for (const [base, value] of [
    ["https://git.example.evil/", basic],
    ["https://git.exam", basic],
    ["http://git.example/", basic],
    ["https://git.example/", "AUTHORIZATION: basic !"],
    ["https://git.example/", "X-Other: basic abcd"],
  ] as const)
    assert.equal(urlWith(base, value), URL, base);
});

test("a remote whose pushes go elsewhere is not pushed to", () => {
  const two: Settings = [...ORIGIN, ["remote.origin.url", "https://git.example/b"]];
  const elsewhere: Settings = [...ORIGIN, ["remote.origin.pushurl", "https://git.example/b"]];
  for (const settings of [two, elsewhere]) assert.equal(remoteOf(HEAD, settings, [])?.isPushedTo, false);
});

const tracked = trackedOf(URL);
const request = (method: string, path: string, more: Partial<NetRequest> = {}): NetRequest => ({
  ...{ protocol: "https", host: "git.example", port: 443, hasBody: method === "POST" },
  ...{ method, path, ...more },
});
const asked = (...args: Parameters<typeof request>) => tracked && gitAskedOf(tracked, request(...args));

test("only git's own four requests to exactly the tracked repository are git's", () => {
  for (const base of ["/group/thing", "/group/thing.git"])
    for (const service of ["git-upload-pack", "git-receive-pack"]) {
      assert.deepEqual(asked("GET", `${base}/info/refs?service=${service}`), { service, what: "refs" });
      assert.deepEqual(asked("POST", `${base}/${service}`), { service, what: "call" });
    }
  for (const path of [
    "/group/other.git/git-upload-pack",
    "/group/thing.git/git-upload-pack?x",
    "/group/thing.git//git-upload-pack",
    "/group/thing.git/../other.git/git-upload-pack",
    "/group/thing.git/git-upload-pack/",
    "/group/thing.git.git/git-upload-pack",
    "/group/Thing.git/git-upload-pack",
    "/group/thing%2egit/git-upload-pack",
  ])
    assert.equal(asked("POST", path), null, path);
  const refs = "/group/thing.git/info/refs?service=git-upload-pack";
  assert.equal(asked("GET", `${refs}&x=secret`), null);
  assert.equal(asked("GET", refs, { hasBody: true }), null);
  assert.equal(asked("HEAD", refs), null);
  for (const more of [
    { host: "git.example.evil" },
    { port: 444 },
    { protocol: "http" },
    { protocol: "tunnel" },
  ] as const)
    assert.equal(asked("GET", refs, more), null);
});

test("a push is known as one whatever repository it goes to", () => {
  for (const path of ["/a/git-receive-pack", "/git-receive-pack", "/a.git/git-receive-pack?x", "/a/git-receive-pack/"])
    assert.ok(looksLikePush(request("POST", path)), path);
  for (const path of [
    "/a.git/git%2Dreceive-pack",
    "/a.git/%67it-receive%252dpack",
    "/a/git-receive-pack;x",
    "/a/GIT-receive-pack%20",
  ])
    assert.ok(looksLikePush(request("POST", path)), path);
  assert.ok(looksLikePush(request("GET", "/a/info/refs?service=git%2dreceive-pack")));
  assert.ok(looksLikePush(request("GET", "/a/info/refs?x&service=git-receive-pack")));
  assert.equal(looksLikePush(request("GET", "/a/info/refs?service=git-upload-pack")), false);
});

test("the ids that a remote shows are read in whatever pieces they come, and nothing else is", () => {
  const [a, b, c] = ["a", "b", "c"].map((sign) => sign.repeat(40)) as [string, string, string];
  const packet = (line: string) => `${(line.length + 4).toString(16).padStart(4, "0")}${line}`;
  const text = [
    packet("# service=git-upload-pack\n"),
    "0000",
    packet(`${a} HEAD\0multi_ack thin-pack symref=HEAD:refs/heads/main\n`),
    packet(`${b} refs/tags/v1 peeled:${c}\n`),
  ];
  const whole = Buffer.from(`${text.join("")}0000`);
  for (const size of [1, 7, whole.length]) {
    const ids = new Set<string>();
    const refs = new ShownRefs(ids);
    for (let at = 0; at < whole.length; at += size) refs.push(whole.subarray(at, at + size));
    assert.deepEqual([...ids], [a, b, c]);
  }
  const ids = new Set<string>();
  const refs = new ShownRefs(ids);
  for (const piece of ["zzzz", packet(`${a} x\n`)]) refs.push(Buffer.from(piece));
  assert.deepEqual([...ids], []);
});
