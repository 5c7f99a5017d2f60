import assert from "node:assert/strict";
import { test } from "node:test";
import { type ForgeConfig, type ForgeReply, forgeAsked, forgeOf, readForge } from "./forge.ts";
import { requestFor } from "./net-rules.ts";
import { AUTHORS } from "./source.ts";
import { noTrust } from "./trust.ts";

const CONFIG: ForgeConfig = { authors: AUTHORS, api: { host: "api.github.com", port: 443, base: "" } };
const trust = (remote: string, commits = ["a".repeat(40)]) => ({ ...noTrust("/home/me/thing", remote), commits });
const TRUST = trust("https://github.com/Ada/Thing.git");
const AT = "2026-01-02T03:04:05Z";
const USER = { login: "ada", type: "User" };
const ISSUE = { number: 7, state: "open", title: "It breaks", body: "Since May.", created_at: AT, user: USER };
const owned = { ...ISSUE, author_association: "OWNER" };

const askedFor = (url: string, config = CONFIG, said = TRUST, method = "GET") => {
  const forge = forgeOf(config, said);
  const request = requestFor(url, method);
  return forge && request && forgeAsked(forge, request);
};

const API = "https://api.github.com/repos/ada/thing";
const reply = (body: unknown, more: Partial<ForgeReply> = {}): ForgeReply => ({
  status: 200,
  headers: { "content-type": "application/json; charset=utf-8" },
  body: Buffer.from(typeof body === "string" ? body : JSON.stringify(body)),
  ...more,
});
const readAt = (path: string, answer: ForgeReply, config = CONFIG) => {
  const asked = askedFor(`${API}/${path}`, config);
  assert.ok(asked, path);
  return readForge(asked, answer);
};

test("a forge is only the one of the approved checkout's own remote, and of nobody where no author is named", () => {
  assert.ok(forgeOf(CONFIG, TRUST));
  for (const remote of [
    "git@github.com:ada/thing.git",
    "ssh://git@github.com/ada/thing",
    "https://GitHub.com/ada/thing/",
  ])
    assert.equal(forgeOf(CONFIG, trust(remote))?.repository, "ada/thing", remote);
  const own = { ...CONFIG, api: { host: "git.example.com", port: 8443, base: "/api/v3" } };
  assert.ok(forgeOf(own, trust("https://git.example.com/ada/thing.git")));
  assert.equal(forgeOf({ ...CONFIG, authors: [] }, TRUST), null);
  assert.equal(forgeOf(CONFIG, null), null);
  assert.equal(forgeOf(CONFIG, trust(TRUST.remote, [])), null);
  assert.equal(forgeOf(own, TRUST), null);
  for (const remote of [
    "",
    "/srv/ada/thing.git",
    "https://example.com/ada/thing.git",
    "https://evil-github.com/ada/thing.git",
    "https://hub.com/ada/thing.git",
    "https://github.com.example/ada/thing.git",
    "https://github.com/thing.git",
    "https://github.com/group/ada/thing.git",
    "eve@github.com:ada/thing.git",
    "ssh://git@github.com:2222/ada/thing.git",
  ])
    assert.equal(forgeOf(CONFIG, trust(remote)), null, remote);
});

test("only an issue, a pull request or what is said of one, of that repository and over https, is text of the forge", () => {
  for (const [path, what, isList, where] of [
    ["issues", "issue", true, "issues"],
    ["issues?state=open&labels=bug,easy&per_page=30", "issue", true, "issues"],
    ["issues/7", "issue", false, "issue 7"],
    ["issues/7/comments", "comment", true, "issue 7"],
    ["issues/comments/31", "comment", false, "issues"],
    ["pulls/8", "pull request", false, "pull request 8"],
    ["pulls/8/comments", "comment", true, "pull request 8"],
    ["pulls/8/reviews/3", "review", false, "pull request 8"],
  ] as const)
    assert.deepEqual(
      askedFor(`${API}/${path}`),
      { what, isList, where: `${where} of ada/thing`, authors: AUTHORS },
      path,
    );
  assert.ok(askedFor("https://api.github.com/repos/ADA/thing/issues/7"));
  for (const url of [
    "http://api.github.com/repos/ada/thing/issues/7",
    "https://api.github.com:8443/repos/ada/thing/issues/7",
    "https://api.github.com.example.com/repos/ada/thing/issues/7",
    "https://github.com/repos/ada/thing/issues/7",
    "https://api.github.com/repos/eve/thing/issues/7",
    "https://api.github.com/repos/ada/thing2/issues/7",
    "https://api.github.com/repos/ada/thing-/issues/7",
    "https://api.github.com/repos/ada/thing/../../eve/thing/issues/7",
    "https://api.github.com/repos/ada%2Fthing/issues/7",
    "https://api.github.com/x/repos/ada/thing/issues/7",
    `${API}/issues/7/timeline`,
    `${API}/issues/7/`,
    `${API}/issues/07`,
    `${API}/Issues/7`,
    `${API}/contents/issues/7`,
    `${API}/pulls/8/files`,
    `${API}/pulls/8/commits`,
    `${API}/issues/7?callback=x("`,
    `${API}/issues/7?a=b?c`,
    `${API}/discussions/7`,
    `${API}//issues/7`,
  ])
    assert.equal(askedFor(url), null, url);
  assert.equal(askedFor(`${API}/issues/7`, CONFIG, TRUST, "POST"), null);
  const tunnel = {
    protocol: "tunnel",
    host: "api.github.com",
    port: 443,
    method: "GET",
    path: "/repos/ada/thing/issues/7",
  };
  const forge = forgeOf(CONFIG, TRUST);
  assert.ok(forge);
  assert.equal(forgeAsked(forge, { ...tunnel, protocol: "tunnel", hasBody: false }), null);
});

test("of an answer nothing goes on but what the author wrote, and the author who counts least decides", () => {
  const strange = {
    labels: [{ name: "Eve's" }],
    milestone: { title: "x" },
    head: { ref: "evil" },
    closed_by: { login: "eve" },
  };
  const read = readAt("issues/7", reply({ ...owned, ...strange, performed_via_github_app: null }));
  assert.deepEqual([read?.author, read?.people], ["OWNER", "ada"]);
  assert.deepEqual(JSON.parse(read?.text ?? ""), {
    author: "ada",
    association: "OWNER",
    number: 7,
    state: "open",
    at: AT,
    title: "It breaks",
    body: "Since May.",
  });
  const comment = (login: string, author_association: string) => ({
    id: 1,
    body: `by ${login}`,
    created_at: AT,
    user: { login, type: "User" },
    author_association,
    diff_hunk: "@@ of a stranger",
    path: "ignore/all",
  });
  const list = [
    comment("ada", "OWNER"),
    comment("bob", "COLLABORATOR"),
    comment("cy", "MEMBER"),
    comment("bob", "COLLABORATOR"),
  ];
  const all = readAt("pulls/8/comments", reply(list));
  assert.deepEqual([all?.author, all?.people], ["COLLABORATOR", "bob and 2 more"]);
  assert.equal(all?.text.includes("stranger") || all?.text.includes("ignore"), false);
  assert.equal(readAt("pulls/8/comments", reply(list), { ...CONFIG, authors: ["OWNER", "MEMBER"] }), null);
  for (const other of ["CONTRIBUTOR", "NONE", "owner", "MANNEQUIN", ""])
    assert.equal(readAt("pulls/8/comments", reply([...list, comment("eve", other)])), null, other);
});

test("text of bots and apps, an error, and whatever the forge would not write like this, is a stranger's as a whole", () => {
  const json = JSON.stringify(owned);
  const nested = `${'{"a":'.repeat(12)}1${"}".repeat(12)}`;
  for (const [name, answer] of Object.entries({
    bot: reply({ ...owned, user: { ...USER, type: "Bot" } }),
    organization: reply({ ...owned, user: { ...USER, type: "Organization" } }),
    app: reply({ ...owned, performed_via_github_app: { id: 1 } }),
    ghost: reply({ ...owned, user: null }),
    "no user": reply({ ...ISSUE, author_association: "OWNER", user: undefined }),
    "a name with words": reply({ ...owned, user: { login: "ada: do this", type: "User" } }),
    "no association": reply(ISSUE),
    "an association that is a list": reply({ ...owned, author_association: ["OWNER"] }),
    "one that is inherited": reply(`{"__proto__":{"author_association":"OWNER"},${JSON.stringify(ISSUE).slice(1)}`),
    "a key twice": reply(`{"author_association":"NONE",${json.slice(1)}`),
    "a key twice, escaped": reply(`{"author\\u005fassociation":"NONE",${json.slice(1)}`),
    "a key of the user twice": reply(json.replace('{"login"', '{"login":"eve","login"')),
    "too deep": reply({ ...owned, deep: JSON.parse(nested) }),
    "no JSON": reply(`${json}x`),
    "two values": reply(`${json}\n${json}`),
    "a mark before it": reply(`\ufeff${json}`),
    "no UTF-8": reply("", {
      body: Buffer.concat([Buffer.from(json.slice(0, -1)), Buffer.from(',"x":"\xff"}', "latin1")]),
    }),
    "a list": reply([owned]),
    HTML: reply(owned, { headers: { "content-type": "text/html" } }),
    "of no type": reply(owned, { headers: {} }),
    zipped: reply(owned, { headers: { "content-type": "application/json", "content-encoding": "gzip" } }),
    moved: reply(owned, { status: 301 }),
    "not found": reply(owned, { status: 404 }),
    "a title that is none": reply({ ...owned, title: { text: "x" } }),
    "a body that is none": reply({ ...owned, body: ["x"] }),
    "a state of words": reply({ ...owned, state: "open; do this" }),
    "a time of words": reply({ ...owned, created_at: `${AT} do this` }),
    "a number of words": reply({ ...owned, number: "7 do this" }),
  }))
    assert.equal(readAt("issues/7", answer), null, name);
  assert.equal(readAt("issues", reply([])), null);
  assert.equal(readAt("issues", reply(Array.from({ length: 101 }, () => owned))), null);
  assert.equal(readAt("issues", reply(owned)), null);
  assert.ok(readAt("issues/7", reply({ ...owned, body: null })));
});
