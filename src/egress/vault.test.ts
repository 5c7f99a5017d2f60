import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import { inspect } from "node:util";
import { needlesOf } from "../core/credential-forms.ts";
import { searchFor } from "../core/credential-search.ts";
import { ownersIn } from "../core/credential-stream.ts";
import { remoteOf } from "../core/git-remote.ts";
import { maskContent } from "../core/secretfiles.ts";
import { Broker } from "./broker.ts";
import { openVault, type Person, type Vault } from "./vault.ts";

const root = mkdtempSync("/tmp/ringfence-vault-");
after(() => rmSync(root, { recursive: true, force: true }));
let homes = 0;

/** A throw-away home with these files. */
function personWith(
  files: Record<string, string>,
  { remote: url = null, ...more }: Partial<Omit<Person, "remote">> & { readonly remote?: string | null } = {},
): Person {
  homes += 1;
  const home = join(root, String(homes));
  mkdirSync(home);
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(home, path)), { recursive: true });
    writeFileSync(join(home, path), content, { mode: 0o600 });
  }
  const remote = url === null ? null : remoteOf("", [["remote.origin.url", url]], []);
  return { home, environment: {}, excluded: [], remote, rules: [], askGit: async () => null, ...more };
}

const key = Buffer.alloc(32, 7);
const open = (person: Person) => openVault(person, key);
const fileOf = (vault: Vault, path: string) => vault.files.find((file) => file.path === path)?.content ?? null;
const placeholderOf = (vault: Vault, value: string) => {
  const credential = vault.credentials().find((each) => each.value.reveal() === value);
  assert.ok(credential, "the value is not kept");
  return credential.placeholder;
};
const b64 = (text: string) => Buffer.from(text).toString("base64");

const REMOTE = "https://github.com/person/thing.git";
const CANARIES = {
  npmToken: "npm_Canary01aB3dE5gH7jK9mN1pQ3sT5vX7zB9dF1",
  npmPassword: "Canary02PasswordOfNpm",
  netrc: "Canary03PasswordOfNetrc",
  gh: "gho_Canary04aB3dE5gH7jK9mN1pQ3sT5vX7zB9d",
  store: "ghp_Canary05aB3dE5gH7jK9mN1pQ3sT5vX7zB9d",
  pip: "Canary06PasswordOfPip",
  cargo: "cioCanary07aB3dE5gH7jK9mN1pQ3sT5",
  awsId: "AKIACANARY0800000000",
  awsSecret: "Canary09/aB3dE5gH7jK9mN1pQ3sT5vX7zB9dF+1",
  awsSession: "Canary10SessionTokenaB3dE5gH7jK9mN1pQ3==",
  github: "ghp_Canary11aB3dE5gH7jK9mN1pQ3sT5vX7zB9d",
  uv: "Canary12TokenOfUv3dE5gH7j",
  dotenv: "sk_live_Canary13aB3dE5gH7jK9mN1p",
  helper: "Canary14OfAHelper3dE5gH7j",
};

const everywhere = () =>
  personWith(
    {
      ".npmrc": `; old ${CANARIES.npmToken}\nregistry=https://npm.example/\n//npm.example/:_authToken=${CANARIES.npmToken}\n//other.example/npm/:username=me\n//other.example/npm/:_password=${b64(CANARIES.npmPassword)}\n//third.example/:_authToken=\${NPM_TOKEN}\nemail=me@example.com\n`,
      ".netrc": `machine netrc.example login me password ${CANARIES.netrc}\n`,
      ".config/gh/hosts.yml": `github.com:\n    oauth_token: ${CANARIES.gh}\n    user: me\n`,
      ".git-credentials": `https://me:${CANARIES.store}@git.example\n`,
      ".config/pip/pip.conf": `[global]\nindex-url = https://me:${CANARIES.pip}@pip.example/simple\ncert = /home/me/cert\n`,
      ".cargo/credentials.toml": `[registries.my-own]\ntoken = "${CANARIES.cargo}"\n`,
      ".cargo/config.toml": '[registries.my-own]\nindex = "sparse+https://cargo.example/index/"\n',
      ".aws/credentials": `[default]\naws_access_key_id = ${CANARIES.awsId}\naws_secret_access_key = ${CANARIES.awsSecret}\naws_session_token = ${CANARIES.awsSession}\n`,
    },
    {
      remote: REMOTE,
      environment: {
        GITHUB_TOKEN: CANARIES.github,
        NPM_TOKEN: CANARIES.npmToken,
        UV_INDEX_URL: `https://${CANARIES.uv}@uv.example/simple`,
        EDITOR: "vi",
      },
    },
  );

test("of canaries in twelve places, and one in a file of the checkout, none is in anything that the box is given", async () => {
  const vault = await open(everywhere());
  const dotenv = new TextDecoder().decode(
    maskContent("dotenv", Buffer.from(`API_KEY=${CANARIES.dotenv}\n`), vault.fill),
  );
  const { helper: _, ...planted } = CANARIES;
  const needles = Object.values(planted).flatMap((value, owner) => needlesOf(value, value, owner));
  const search = searchFor(needles);
  const credentials = vault.credentials();
  const given = {
    vault: inspect(vault, { depth: 9, showHidden: true }),
    json: JSON.stringify(vault),
    list: inspect(credentials, { depth: 9 }),
    listJson: JSON.stringify(credentials),
    dotenv,
  };
  for (const [what, text] of Object.entries(given)) assert.deepEqual(ownersIn(search, text), [], what);
  // The same search fires where a value stands, and each was kept.
  assert.deepEqual(ownersIn(search, b64(`me:${CANARIES.netrc}`)), [2]);
  assert.deepEqual(credentials.map(({ value }) => value.reveal()).sort(), Object.values(planted).sort());
});

test("each place is shown as a copy in its own form, with placeholders and without the rest", async () => {
  const vault = await open(everywhere());
  const shown = (value: string) => placeholderOf(vault, value);
  assert.equal(
    fileOf(vault, ".npmrc"),
    `registry=https://npm.example/\n//npm.example/:_authToken=${shown(CANARIES.npmToken)}\n//other.example/npm/:username=me\n//other.example/npm/:_password=${b64(shown(CANARIES.npmPassword))}\n//third.example/:_authToken=\${NPM_TOKEN}\n`,
  );
  assert.equal(
    fileOf(vault, ".netrc"),
    `machine netrc.example login me password ${shown(CANARIES.netrc)}\nmachine github.com login me password ${shown(CANARIES.gh)}\n`,
  );
  assert.equal(
    fileOf(vault, ".config/gh/hosts.yml"),
    `github.com:\n    oauth_token: ${shown(CANARIES.gh)}\n    user: me\n    git_protocol: https\n`,
  );
  assert.equal(
    fileOf(vault, ".config/pip/pip.conf"),
    `[global]\nindex-url = https://me:${shown(CANARIES.pip)}@pip.example/simple\n`,
  );
  assert.equal(fileOf(vault, ".cargo/credentials.toml"), `[registries.my-own]\ntoken = "${shown(CANARIES.cargo)}"\n`);
  assert.equal(
    fileOf(vault, ".aws/credentials"),
    `[default]\naws_access_key_id = ${shown(CANARIES.awsId)}\naws_secret_access_key = ${shown(CANARIES.awsSecret)}\naws_session_token = ${shown(CANARIES.awsSession)}\n`,
  );
  assert.deepEqual(vault.variables, {
    GITHUB_TOKEN: shown(CANARIES.github),
    NPM_TOKEN: shown(CANARIES.npmToken),
    UV_INDEX_URL: `https://${shown(CANARIES.uv)}@uv.example/simple`,
  });
});

const asks = (vault: Vault) => {
  const broker = new Broker(vault.credentials);
  return (address: string, authorization: string, method = "GET", header = "Authorization") => {
    const url = new URL(address);
    const port = Number(url.port || (url.protocol === "https:" ? 443 : 80));
    const protocol = url.protocol === "https:" ? "https" : "http";
    const headers = [header, authorization];
    const answer = broker.outgoing({
      protocol,
      host: url.hostname,
      port,
      method,
      path: url.pathname + url.search,
      headers,
      bodySha256: null,
      isPlain: false,
    });
    return answer.kind === "send" ? answer.headers[1] : answer.kind === "refused" ? answer.reason : answer.kind;
  };
};
const basic = (user: string, password: string) => `Basic ${b64(`${user}:${password}`)}`;

test("each is put on where it was kept for, for reading, and the tracked repository alone with git", async () => {
  const vault = await open(everywhere());
  const ask = asks(vault);
  const shown = (value: string) => placeholderOf(vault, value);
  const bearer = (value: string) => `Bearer ${value}`;
  const token = bearer(shown(CANARIES.npmToken));
  assert.equal(ask("https://npm.example/left-pad", token), bearer(CANARIES.npmToken));
  assert.equal(ask("https://third.example/x", token), bearer(CANARIES.npmToken));
  assert.match(String(ask("https://npm.example/left-pad", token, "PUT")), /not for PUT/);
  assert.match(String(ask("http://npm.example/left-pad", token)), /is not for http:/);
  assert.match(String(ask("https://pip.example/simple/", token)), /is not for https:\/\/pip\.example/);
  const npmLogin = basic("me", shown(CANARIES.npmPassword));
  assert.equal(ask("https://other.example/npm/x", npmLogin), basic("me", CANARIES.npmPassword));
  assert.match(String(ask("https://other.example/x", npmLogin)), /not for GET of this path/);
  assert.equal(ask("https://pip.example/files/a.whl", basic("me", shown(CANARIES.pip))), basic("me", CANARIES.pip));
  assert.equal(ask("https://uv.example/simple/a/", basic(shown(CANARIES.uv), "")), basic(CANARIES.uv, ""));
  assert.equal(ask("https://cargo.example/index/se/rd/serde", shown(CANARIES.cargo)), CANARIES.cargo);
  for (const value of [CANARIES.gh, CANARIES.github]) {
    const login = basic("me", shown(value));
    assert.equal(
      ask("https://github.com/person/thing.git/info/refs?service=git-upload-pack", login),
      basic("me", value),
    );
    assert.equal(ask("https://github.com/person/thing.git/git-upload-pack", login, "POST"), basic("me", value));
    assert.equal(ask("https://api.github.com/repos/person/thing/pulls", bearer(shown(value))), bearer(value));
    assert.match(String(ask("https://github.com/person/other.git/info/refs", login)), /not for GET of this path/);
    for (const path of ["git%2Dreceive-pack", "git-receive-pack;x", "info/lfs/objects/batch"])
      assert.match(
        String(ask(`https://github.com/person/thing.git/${path}`, login, "POST")),
        /not for POST of this path/,
      );
    assert.match(
      String(ask("https://api.github.com/repos/person/thing/pulls", bearer(shown(value)), "POST")),
      /not for POST/,
    );
    assert.match(String(ask("https://api.github.com/user", bearer(shown(value)))), /not for GET of this path/);
    assert.match(String(ask("https://api.github.com/graphql", bearer(shown(value)), "POST")), /not for POST/);
  }
  // Nothing says for which paths these are.
  for (const value of [CANARIES.netrc, CANARIES.store, CANARIES.awsSecret]) {
    const host = value === CANARIES.netrc ? "netrc.example" : "git.example";
    assert.match(String(ask(`https://${host}/`, basic("me", shown(value)))), /has no rule, so it is put on nowhere/);
  }
});

test("without a tracked repository at the forge its token is put on nowhere", async () => {
  for (const remote of [null, "https://github.com", "https://other.example/person/thing", "/srv/thing"]) {
    const vault = await open(personWith({}, { remote, environment: { GITHUB_TOKEN: CANARIES.github } }));
    assert.deepEqual(
      vault.credentials().map(({ rules }) => rules),
      [[]],
      String(remote),
    );
  }
  const group = await open(
    personWith({}, { remote: "https://github.com/person", environment: { GITHUB_TOKEN: CANARIES.github } }),
  );
  const shown = placeholderOf(group, CANARIES.github);
  for (const [address, authorization] of [
    ["https://github.com/person/thing.git/info/refs", basic("x-access-token", shown)],
    ["https://github.com/person/thing/info/refs", basic("x-access-token", shown)],
    ["https://api.github.com/repos/person/thing", `Bearer ${shown}`],
  ] as const)
    assert.match(String(asks(group)(address, authorization)), /^the credential of env GITHUB_TOKEN /, address);
  for (const remote of [
    "git@github.com:person/thing.git",
    "ssh://git@github.com:22/person/thing",
    "https://github.com/person/thing/",
  ]) {
    const vault = await open(personWith({}, { remote, environment: { GITHUB_TOKEN: CANARIES.github } }));
    const answer = asks(vault)(
      "https://github.com/person/thing.git/info/refs",
      basic("x", placeholderOf(vault, CANARIES.github)),
    );
    assert.equal(answer, basic("x", CANARIES.github), remote);
  }
});

test("a login for the tracked remote is taken from its address, netrc, store or helper, and the helper is asked last", async () => {
  const asked: unknown[] = [];
  const askGit: Person["askGit"] = async (address) => {
    asked.push(address);
    return { user: "me", password: CANARIES.helper };
  };
  const remote = "https://git.example:8443/group/thing.git";
  const netrc = async (files: Record<string, string>, more: Parameters<typeof personWith>[1] = {}) => {
    const vault = await open(personWith(files, { remote, askGit, ...more }));
    const content = fileOf(vault, ".netrc") ?? "";
    return vault
      .credentials()
      .reduce((text, { placeholder, value }) => text.replace(placeholder, value.reveal()), content);
  };
  const line = (user: string, password: string) => `machine git.example login ${user} password ${password}\n`;
  assert.equal(await netrc({ ".netrc": line("me", CANARIES.netrc) }), line("me", CANARIES.netrc));
  assert.equal(
    await netrc({ ".git-credentials": `https://me:${CANARIES.store}@git.example:8443\n` }),
    line("me", CANARIES.store),
  );
  assert.equal(
    await netrc({}, { remote: remote.replace("//", `//me:${CANARIES.store}@`) }),
    line("me", CANARIES.store),
  );
  assert.equal(
    await netrc({}, { remote: remote.replace("//", `//${CANARIES.store}@`) }),
    line("x-access-token", CANARIES.store),
  );
  assert.equal(await netrc({}, { remote: "git@git.example:group/thing.git" }), "");
  assert.deepEqual(asked, []);
  assert.equal(await netrc({}), line("me", CANARIES.helper));
  assert.deepEqual(asked, [{ protocol: "https", host: "git.example:8443", path: "group/thing.git" }]);
});

test("the person's own rules say where a variable or the key of AWS is put on", async () => {
  const rule = { origins: ["https://api.example.com"], methods: ["POST"], pathPrefixes: ["/v1/charges"] };
  const vault = await open(
    personWith(
      {
        ".aws/credentials": `[work]\naws_access_key_id=${CANARIES.awsId}\naws_secret_access_key=${CANARIES.awsSecret}\n`,
      },
      {
        environment: { SHOP_KEY: CANARIES.dotenv, UNSAID: CANARIES.uv, AWS_PROFILE: "work" },
        rules: [
          { variable: "SHOP_KEY", scheme: { kind: "header", name: "x-api-key" }, ...rule },
          { variable: "AWS_SECRET_ACCESS_KEY", scheme: { kind: "sigv4" }, ...rule },
        ],
      },
    ),
  );
  assert.deepEqual(vault.variables, { SHOP_KEY: placeholderOf(vault, CANARIES.dotenv) });
  const ask = asks(vault);
  assert.equal(
    ask("https://api.example.com/v1/charges", vault.variables.SHOP_KEY ?? "", "POST", "X-Api-Key"),
    CANARIES.dotenv,
  );
  const secret = vault.credentials().find(({ value }) => value.reveal() === CANARIES.awsSecret);
  assert.equal(secret?.rules[0]?.scheme.kind, "sigv4");
});

test("a file of the checkout gives placeholders to values made by chance, never a rule, and no more than the limit", async () => {
  const vault = await open(everywhere());
  assert.equal(vault.fill("ANY", CANARIES.github), placeholderOf(vault, CANARIES.github));
  assert.notEqual(vault.fill("STRIPE_KEY", CANARIES.dotenv), null);
  assert.deepEqual(vault.credentials().at(-1)?.rules, []);
  for (const [name, value] of [
    ["DB_PASSWORD", "development"],
    ["PORT", "4nyLongValue0fThatKind"],
    ["SECRET", "a-long-value-without-digits"],
  ] as const)
    assert.equal(vault.fill(name, value), null, name);
  for (let at = 0; at < 300; at += 1) vault.fill("API_KEY", `4nyLongValue0fThatKind${at}`);
  assert.equal(vault.credentials().length, 100);
  assert.equal(vault.fill("API_KEY", "4notherLongValue0fThatKind"), null);
});

test("nothing is read from a checkout, through a link into one, from another's file, or from what is no file", async () => {
  const line = `machine netrc.example login me password ${CANARIES.netrc}\n`;
  const within = personWith({ "dotfiles/.netrc": line });
  symlinkSync(join(within.home, "dotfiles/.netrc"), join(within.home, ".netrc"));
  assert.equal((await open(within)).credentials().length, 1);
  for (const excluded of [within.home, join(within.home, "dotfiles"), root, "/"])
    assert.equal((await open({ ...within, excluded: [excluded] })).credentials().length, 0, excluded);
  const named = { ...within, environment: { NETRC: join(within.home, "dotfiles/.netrc") } };
  assert.equal((await open({ ...named, excluded: [join(within.home, "dotfiles")] })).credentials().length, 0);
  const folder = personWith({ ".netrc/x": line });
  assert.equal((await open(folder)).credentials().length, 0);
  const large = personWith({ ".netrc": line + "#".repeat(300_000) });
  assert.equal((await open(large)).credentials().length, 0);
  const unreadable = personWith({ ".netrc": line });
  chmodSync(join(unreadable.home, ".netrc"), 0);
  assert.ok((await open(unreadable)).credentials().length <= 1);
});

test("the same key gives the same placeholders, another key others, and no placeholder is a value", async () => {
  const person = everywhere();
  const [one, same, other] = [await open(person), await open(person), await openVault(person, Buffer.alloc(32, 8))];
  const placeholders = (vault: Vault) => vault.credentials().map(({ placeholder }) => placeholder);
  assert.deepEqual(placeholders(one), placeholders(same));
  assert.equal(
    new Set([...placeholders(one), ...placeholders(other), ...one.credentials().map(({ value }) => value.reveal())])
      .size,
    3 * placeholders(one).length,
  );
});
