import assert from "node:assert/strict";
import { test } from "node:test";
import {
  readAddress,
  readGhHosts,
  readNetrc,
  readSettings,
  writeGhHosts,
  writeNetrc,
  writeSettings,
} from "./credential-files.ts";

test("a netrc is read with quotes, comments and macros, and what is written is read the same", () => {
  const text = `# machine old login a password b
machine One.example login me
  password "p w\\"d"
machine two.example
login "you"
password secret#2
macdef init
machine three.example login x password y

default login anonymous password guest
machine four.example login only account a
machine five.example password lonely`;
  const logins = [
    { host: "one.example", user: "me", password: 'p w"d' },
    { host: "two.example", user: "you", password: "secret#2" },
    { host: "five.example", user: "", password: "lonely" },
  ];
  assert.deepEqual(readNetrc(text), logins);
  assert.deepEqual(readNetrc(writeNetrc(logins)), logins);
  assert.deepEqual(readNetrc(""), []);
  assert.deepEqual(readNetrc("machine"), []);
});

test("gh's hosts are read in the old form and the new, one token a host", () => {
  const text = `github.com:
    users:
        me:
            oauth_token: gho_one
        you:
            oauth_token: gho_two
    git_protocol: https
    oauth_token: gho_one
    user: me
"ghe.example":
    oauth_token: "gho_three"
keyring.example:
    user: me
`;
  const logins = [
    { host: "github.com", user: "me", password: "gho_one" },
    { host: "ghe.example", user: "", password: "gho_three" },
  ];
  assert.deepEqual(readGhHosts(text), logins);
  assert.deepEqual(readGhHosts(writeGhHosts(logins)), logins);
});

test("settings are read with sections, comments and values of many lines, and written the same", () => {
  const text =
    "[global]\n# a = 1\nindex-url = https://a.example/simple\nextra-index-url =\n    https://b.example\n    https://c.example\n\n[install]\nno: yes\n";
  const settings = [
    { section: "global", key: "index-url", value: "https://a.example/simple" },
    { section: "global", key: "extra-index-url", value: "https://b.example\nhttps://c.example" },
    { section: "install", key: "no", value: "yes" },
  ];
  assert.deepEqual(readSettings(text), settings);
  assert.deepEqual(readSettings(writeSettings(settings)), settings);
});

test("an address is taken apart, its login unescaped, and nothing else is one", () => {
  assert.deepEqual(readAddress("HTTPS://a%40b:p%2Fw@Host.Example:8443/x/y?z"), {
    protocol: "https",
    host: "host.example",
    port: 8443,
    origin: "https://host.example:8443",
    path: "/x/y",
    user: "a@b",
    password: "p/w",
  });
  for (const text of ["", "a.example", "ftp://a.example", "https://", "git@a.example:x/y", "ssh://a.example/x"])
    assert.equal(readAddress(text), null, text);
});
