import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { LEVELS_DEFAULT } from "../core/monitor-level.ts";
import { parseConfig, readConfig, stateFolder, UsageError } from "./config.ts";

const EMPTY = {
  model: null,
  providers: {},
  limits: { memoryMb: null, diskMb: null, processes: null },
  gc: { days: 14, bytes: 10 * 2 ** 30 },
  log: { keeping: { keep: "full", textBytesMax: 2 ** 32 - 1 }, days: null, bytes: null, anchor: null },
  git: { alternates: [] },
  net: {
    rules: { allow: [], deny: [] },
    services: [],
    credentials: [],
    push: [],
    limits: { sentMb: null, requests: null },
  },
  budget: {},
  trust: { authors: [], api: { host: "api.github.com", port: 443, base: "" } },
  monitor: LEVELS_DEFAULT,
  wrap: { providers: [], config: [] },
};

function makeFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "ringfence-config-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function write(folder: string, text: string | Buffer): { XDG_CONFIG_HOME: string } {
  mkdirSync(join(folder, "ringfence"), { recursive: true });
  writeFileSync(join(folder, "ringfence/config.yaml"), text);
  return { XDG_CONFIG_HOME: folder };
}

const RULE = { ports: [443], methods: null, paths: null, body: false, tls: "terminate", private: false };
const POST = { methods: ["GET", "POST"], body: true };

test("a file that is absent, empty or only a comment configures nothing", async (t) => {
  const folder = makeFolder(t);
  assert.deepEqual(await readConfig({ XDG_CONFIG_HOME: folder }), EMPTY);
  for (const text of ["", "# nothing yet\n", "---\n", "{}", "providers:\nlimits:\n"]) {
    assert.deepEqual(await readConfig(write(folder, text)), EMPTY, text);
  }
});

test("all that can be configured is read", async (t) => {
  const text = `model: ollama/qwen
providers:
  anthropic: {api_key: sk-1, base_url: "https://example.test"}
  ollama: {context_tokens: 32768}
limits: {memory_mb: 512, disk_mb: 1024, processes: 64}
gc: {days: 3, total_mb: 100}
log: {content: none, days: 30, total_mb: 2, text_kb: 64, anchor: {git: /srv/anchors.git, ref: refs/heads/a, required: true}}
git: {alternates: [/srv/lib.git/objects]}
net:
  allow:
    - api.example.com
    - http://*.Example.org:8080/v1
    - {host: git.example.net, methods: [GET, POST], paths: [/me/], private: true}
    - {host: pinned.example.com, ports: [443, 8443], tls: tunnel}
  deny: [evil.example.com]
  services: [127.0.0.1:5432, "[::1]:6379"]
  credentials:
    - {variable: API_KEY, at: "https://api.example.com/v1", as: x-api-key, methods: [GET, POST]}
    - {variable: TOKEN, at: "http://127.0.0.1:8080"}
    - {variable: PASSWORD, at: "https://index.example.com/simple", as: basic me}
  push: [{at: "git@git.example.net:me/thing.git", branch: main}]
  sent_mb: 5
  requests: 7
budget: {usd: 0.5, tokens: 1000, minutes: 2, calls: 7, agents: 0, sent_mb: 3, disk_mb: 4}
trust: {authors: [owner, collaborator], github: "https://git.example.com:8443/api/v3/"}
monitor: {canary: kill}
wrap: {providers: [openai], config: [.codex/config.toml]}
`;
  assert.deepEqual(await readConfig(write(makeFolder(t), text)), {
    model: "ollama/qwen",
    providers: { anthropic: { apiKey: "sk-1", baseUrl: "https://example.test" }, ollama: { contextTokens: 32_768 } },
    limits: { memoryMb: 512, diskMb: 1024, processes: 64 },
    gc: { days: 3, bytes: 100 * 2 ** 20 },
    log: {
      keeping: { keep: "none", textBytesMax: 64 * 1024 },
      days: 30,
      bytes: 2 * 2 ** 20,
      anchor: { kind: "git", repository: "/srv/anchors.git", ref: "refs/heads/a", isRequired: true },
    },
    git: { alternates: ["/srv/lib.git/objects"] },
    net: {
      rules: {
        allow: [
          { ...RULE, id: "net.allow[0]", host: "api.example.com" },
          { ...RULE, id: "net.allow[1]", host: "*.example.org", ports: [8080], paths: ["/v1"] },
          { ...RULE, id: "net.allow[2]", host: "git.example.net", ...POST, paths: ["/me/"], private: true },
          { ...RULE, id: "net.allow[3]", host: "pinned.example.com", ports: [443, 8443], tls: "tunnel" },
        ],
        deny: [{ ...RULE, id: "net.deny[0]", host: "evil.example.com" }],
      },
      services: [
        { host: "127.0.0.1", port: 5432 },
        { host: "[::1]", port: 6379 },
      ],
      credentials: [
        {
          variable: "API_KEY",
          scheme: { kind: "header", name: "x-api-key" },
          origins: ["https://api.example.com"],
          methods: ["GET", "POST"],
          pathPrefixes: ["/v1"],
        },
        {
          variable: "TOKEN",
          scheme: { kind: "bearer" },
          origins: ["http://127.0.0.1:8080"],
          methods: ["GET", "HEAD"],
          pathPrefixes: ["/"],
        },
        {
          variable: "PASSWORD",
          scheme: { kind: "basic", user: "me" },
          origins: ["https://index.example.com"],
          methods: ["GET", "HEAD"],
          pathPrefixes: ["/simple"],
        },
      ],
      push: [
        {
          id: "net.push[0]",
          repository: {
            ...{ host: "git.example.net", origin: "https://git.example.net", path: "me/thing" },
            ssh: { user: "git", host: "git.example.net", port: null, path: "me/thing.git" },
          },
          ref: "refs/heads/main",
        },
      ],
      limits: { sentMb: 5, requests: 7 },
    },
    budget: {
      usd: 0.5,
      tokens: 1000,
      wallMs: 120_000,
      calls: 7,
      children: 0,
      egressBytes: 3 * 2 ** 20,
      diskBytes: 4 * 2 ** 20,
    },
    trust: { authors: ["OWNER", "COLLABORATOR"], api: { host: "git.example.com", port: 8443, base: "/api/v3" } },
    monitor: { ...LEVELS_DEFAULT, canary: "kill" },
    wrap: { providers: ["openai"], config: [".codex/config.toml"] },
  });
});

test("the file is found in the home where no folder is named, and a relative name counts for none", async (t) => {
  const home = makeFolder(t);
  write(join(home, ".config"), "model: vllm/b");
  assert.equal((await readConfig({ HOME: home })).model, "vllm/b");
  assert.equal((await readConfig({ HOME: home, XDG_CONFIG_HOME: ".config" })).model, "vllm/b");
});

for (const [title, value, message] of [
  ["an unknown key", { modle: "x" }, /unknown key "modle"; known are model, providers, limits/],
  [
    "an unknown key of a provider",
    { providers: { vllm: { key: "k" } } },
    /unknown key "providers\.vllm\.key"; known are api_key, base_url, context_tokens$/,
  ],
  [
    "an unknown provider",
    { providers: { antrhopic: { api_key: "k" } } },
    /unknown key "providers\.antrhopic"; known are anthropic, openai, google, ollama, llamacpp, vllm, openai-compatible$/,
  ],
  [
    "a provider that every object has",
    { providers: JSON.parse('{"__proto__": {"api_key": "k"}}') },
    /unknown key "providers\.__proto__"/,
  ],
  ["an unknown limit", { limits: { memory: 1 } }, /unknown key "limits\.memory"/],
  ["an unknown key of budget", { budget: { dollars: 1 } }, /unknown key "budget\.dollars"; known are usd, tokens/],
  ["a budget that every object has", { budget: JSON.parse('{"__proto__": 1}') }, /unknown key "budget\.__proto__"/],
  ["an alarm that nobody raises", { monitor: { fire: "kill" } }, /unknown key "monitor\.fire"; known are all, loop, /],
  [
    "a kind that every object has",
    { monitor: JSON.parse('{"__proto__": "kill"}') },
    /unknown key "monitor\.__proto__"/,
  ],
  [
    "an alarm that nothing comes of",
    { monitor: { all: "off" } },
    /"monitor\.all" must be one of note, ask, pause, kill/,
  ],
  ["a budget of nothing", { budget: { usd: 0 } }, /"budget\.usd" must be a number above 0/],
  ["a budget without end", { budget: { calls: Number.POSITIVE_INFINITY } }, /"budget\.calls" must be a number above 0/],
  ["half a child agent", { budget: { agents: 1.5 } }, /"budget\.agents" must be a whole number/],
  ["an unknown key of wrap", { wrap: { tools: [] } }, /unknown key "wrap\.tools"; known are providers, config$/],
  ["an unknown provider to wrap", { wrap: { providers: ["x"] } }, /"wrap\.providers" must be a list of anthropic, /],
  ["a path of the home that is none", { wrap: { config: [1] } }, /"wrap\.config" must be a list of? ?paths/],
  ["an unknown key of gc", { gc: { bytes: 1 } }, /unknown key "gc\.bytes"/],
  ["an unknown key of log", { log: { key: 1 } }, /unknown key "log\.key"/],
  ["another content of logs", { log: { content: "some" } }, /"log\.content" is full or none/],
  ["days of logs that are none", { log: { days: 0 } }, /"log\.days" must be a whole number above 0/],
  ["two anchors", { log: { anchor: { file: "/a", url: "https://a" } } }, /"log\.anchor" has one of file, git and url/],
  ["an anchor nowhere", { log: { anchor: { required: true } } }, /"log\.anchor" has one of file, git and url/],
  [
    "an anchor in a relative file",
    { log: { anchor: { file: "heads" } } },
    /"log\.anchor\.file" is a path from the root/,
  ],
  ["an anchor in git without a ref", { log: { anchor: { git: "/srv/a" } } }, /"log\.anchor\.ref" goes with git/],
  ["an anchor on an odd ref", { log: { anchor: { git: "/a", ref: "--x" } } }, /is the full name of a ref/],
  ["an anchor with a password", { log: { anchor: { url: "https://a:b@c" } } }, /has no password/],
  ["days that are no whole number", { gc: { days: 0.5 } }, /"gc\.days" must be a whole number above 0/],
  ["a key that every object has", JSON.parse('{"__proto__": {"model": "x"}}'), /unknown key "__proto__"/],
  ["a list in place of the file", [], /the file must be a mapping/],
  ["a text in place of the file", "model", /the file must be a mapping/],
  ["a model that is a number", { model: 3 }, /"model" must be text/],
  [
    "a model of an unknown provider",
    { model: "antrhopic/x" },
    /model: "antrhopic\/x" is not PROVIDER\/NAME with one of anthropic, /,
  ],
  ["providers that are a list", { providers: [] }, /providers must be a mapping/],
  ["a provider that is a text", { providers: { openai: "key" } }, /providers\.openai must be a mapping/],
  ["a key that is a number", { providers: { openai: { api_key: 12 } } }, /"providers\.openai\.api_key" must be text/],
  ["a limit of nought", { limits: { memory_mb: 0 } }, /"limits\.memory_mb" must be a whole number above 0/],
  ["a limit below nought", { limits: { disk_mb: -5 } }, /"limits\.disk_mb" must be a whole number above 0/],
  ["a limit that is a text", { limits: { processes: "64" } }, /"limits\.processes" must be a whole number above 0/],
  ["a limit without end", { limits: { processes: Number.POSITIVE_INFINITY } }, /must be a whole number above 0/],
  ["a list in place of net", { net: [] }, /net must be a mapping/],
  [
    "an unknown key of net",
    { net: { alow: [] } },
    /unknown key "net\.alow"; known are allow, deny, services, credentials/,
  ],
  ["a rule that is a number", { net: { allow: [1] } }, /net\.allow\[0\] must be a mapping/],
  [
    "an unknown key of a rule",
    { net: { allow: [{ host: "a.b", method: [] }] } },
    /unknown key "net\.allow\[0\]\.method"/,
  ],
  ["a host that is none", { net: { allow: ["a b"] } }, /"net\.allow\[0\]" must be a host or an address/],
  ["every host at once", { net: { allow: ["*"] } }, /"net\.allow\[0\]" must be a host/],
  ["a wildcard inside a name", { net: { deny: ["a.*.b"] } }, /"net\.deny\[0\]" must be a host/],
  ["a password in a rule", { net: { allow: ["https://u:p@a.b"] } }, /"net\.allow\[0\]" must be a host/],
  ["a path that is not plain", { net: { allow: ["https://a.b/x/../y"] } }, /has a path with \.\. or an escape/],
  ["a method in small letters", { net: { allow: [{ host: "a.b", methods: ["get"] }] } }, /must be a list of methods/],
  ["no methods at all", { net: { allow: [{ host: "a.b", methods: [] }] } }, /must be a list of methods/],
  ["a port of nought", { net: { allow: [{ host: "a.b", ports: [0] }] } }, /must be a list of ports/],
  [
    "a tunnel with paths",
    { net: { allow: [{ host: "a.b/x", tls: "tunnel" }] } },
    /is a tunnel, in which methods and paths/,
  ],
  [
    "a service of another machine",
    { net: { services: ["10.0.0.1:80"] } },
    /"net\.services\[0\]" must be an address of this/,
  ],
  ["a service by name", { net: { services: ["localhost:80"] } }, /must be an address of this machine and a port/],
  [
    "a service at the proxy's port",
    { net: { services: ["127.0.0.1:3128"] } },
    /the port 3128 is the proxy's in the box/,
  ],
  ["a wrong way with TLS", { net: { allow: [{ host: "a.b", tls: "off" }] } }, /must be terminate or tunnel/],
  [
    "a credential without an address",
    { net: { credentials: [{ variable: "A" }] } },
    /credentials\[0\]\.at" must be the/,
  ],
  [
    "a credential for every name",
    { net: { credentials: [{ variable: "A", at: "https://*.b.c" }] } },
    /\.at" must be the/,
  ],
  [
    "a credential of no variable",
    { net: { credentials: [{ at: "https://a.b" }] } },
    /\.variable" must name a variable/,
  ],
  [
    "a wrong way to carry one",
    { net: { credentials: [{ variable: "A", at: "https://a.b", as: "A B" }] } },
    /\.as" must be/,
  ],
  ["a push to no repository", { net: { push: [{ at: "https://a.b", branch: "x" }] } }, /push\[0\]\.at" must be the/],
  ["a push to every branch", { net: { push: [{ at: "https://a.b/c", branch: "*" }] } }, /\.branch" must be a branch/],
  ["a push to no branch", { net: { push: [{ at: "https://a.b/c" }] } }, /\.branch" must be a branch/],
  ["an unknown key of a push", { net: { push: [{ url: "https://a.b/c" }] } }, /unknown key "net\.push\[0\]\.url"/],
  ["an author that none can be", { trust: { authors: ["contributor"] } }, /"trust\.authors" must be a list of owner/],
  ["an author in the forge's own spelling", { trust: { authors: ["OWNER"] } }, /"trust\.authors" must be a list of/],
  ["one author", { trust: { authors: "owner" } }, /"trust\.authors" must be a list of owner/],
  ["a forge without TLS", { trust: { github: "http://api.github.com" } }, /"trust\.github" must be the address of/],
  ["a forge with a login", { trust: { github: "https://a:b@api.github.com" } }, /"trust\.github" must be/],
  ["a forge in another spelling", { trust: { github: "https://a.b/x/../v3" } }, /"trust\.github" must be/],
  ["a forge that is none", { trust: { github: ["a"] } }, /"trust\.github" must be/],
  ["an unknown key of trust", { trust: { gitlab: "https://a.b" } }, /unknown key "trust\.gitlab"/],
  ["a memory that no box fits in", { limits: { memory_mb: 1 } }, /"limits\.memory_mb" must be at least 16: with less/],
  ["a limit that is a fraction", { limits: { memory_mb: 0.5 } }, /must be a whole number above 0/],
] as const) {
  test(`${title} is refused by name`, () => {
    assert.throws(() => parseConfig(value), message);
  });
}

for (const [title, text, message] of [
  ["broken YAML", "model: [", /config\.yaml: /],
  ["more than 256 KiB", `# ${"x".repeat(300_000)}`, /is larger than 262144 bytes/],
  [
    "aliases that multiply",
    `a: &a [1,1,1,1,1,1,1,1,1]\n${["b", "c", "d", "e", "f", "g"].map((name, at) => `${name}: &${name} [${Array(9).fill(`*${"abcdef"[at]}`).join(",")}]`).join("\n")}`,
    /config\.yaml: /,
  ],
  ["a key that comes twice", "model: a/b\nmodel: c/d", /config\.yaml: /],
  ["bytes that are no text", Buffer.from([0, 255, 254, 1]), /config\.yaml: /],
] as const) {
  test(`a file with ${title} is refused, and named`, async (t) => {
    await assert.rejects(
      readConfig(write(makeFolder(t), text)),
      (error) => error instanceof UsageError && message.test(error.message),
    );
  });
}

test("a configuration that is no file or cannot be read is refused, and named", async (t) => {
  const folder = makeFolder(t);
  mkdirSync(join(folder, "ringfence/config.yaml"), { recursive: true });
  await assert.rejects(
    readConfig({ XDG_CONFIG_HOME: folder }),
    (error) =>
      error instanceof UsageError && error.message.includes(`${folder}/ringfence/config.yaml cannot be read (EISDIR)`),
  );
});

test("the state folder is made for this user alone", (t) => {
  const folder = makeFolder(t);
  const state = stateFolder({ XDG_STATE_HOME: join(folder, "deep/er") });
  assert.deepEqual(
    [state, statSync(state).mode & 0o777, statSync(join(state, "sessions")).mode & 0o777],
    [join(folder, "deep/er/ringfence"), 0o700, 0o700],
  );
  assert.equal(stateFolder({ XDG_STATE_HOME: join(folder, "deep/er") }), state);
  chmodSync(state, 0o755);
  stateFolder({ XDG_STATE_HOME: join(folder, "deep/er") });
  assert.equal(statSync(state).mode & 0o777, 0o700);
});

test("a state folder that others may write, that is a link, or that cannot be made is refused with what to do", (t) => {
  const folder = makeFolder(t);
  const open = join(folder, "open");
  mkdirSync(join(open, "ringfence"), { recursive: true });
  chmodSync(join(open, "ringfence"), 0o777);
  const linked = join(folder, "linked");
  mkdirSync(linked);
  mkdirSync(join(folder, "elsewhere"));
  symlinkSync(join(folder, "elsewhere"), join(linked, "ringfence"));
  writeFileSync(join(folder, "file"), "");
  const planted = join(folder, "planted");
  mkdirSync(join(planted, "ringfence"), { recursive: true, mode: 0o700 });
  symlinkSync(join(folder, "elsewhere"), join(planted, "ringfence/seals"));
  for (const [place, message] of [
    [open, /must be a folder of your own that nobody else may write: chmod 700/],
    [linked, /must be a folder of your own/],
    [join(folder, "file"), /cannot be made \(ENOTDIR\): set XDG_STATE_HOME/],
    // Where nothing can be made, whatever one is told: Node's own recursive way never comes back from here.
    ["/proc", /cannot be made \(ENOENT\): set XDG_STATE_HOME/],
    ["/proc/self/fd", /cannot be made \(ENOENT\): set XDG_STATE_HOME/],
    [planted, /holds a link, seals, which is none of ours: remove .*ringfence\/seals$/],
  ] as const) {
    assert.throws(
      () => stateFolder({ XDG_STATE_HOME: place }),
      (error) => error instanceof UsageError && message.test(error.message),
    );
  }
});

test("the levels of alarms are the person's, never below the one for all, and a note when left out", () => {
  assert.deepEqual(new Set(Object.values(parseConfig({}).monitor)), new Set(["note"]));
  const { monitor } = parseConfig({ monitor: { all: "ask", canary: "kill", loop: "note" } });
  assert.deepEqual([monitor.canary, monitor.loop, monitor.outside], ["kill", "ask", "ask"]);
});
