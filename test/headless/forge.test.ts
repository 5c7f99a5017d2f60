import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { createServer as createSecureServer } from "node:tls";
import { drawn, SEED } from "../../src/box/drawn.fixture.ts";
import { rebuiltFrom } from "../../src/core/session-label.ts";
import { makeAuthority, makeLeaf } from "../../src/egress/certificates.ts";
import { head, READ, trust } from "./labelled.ts";
import { call, makePlace, newestEvents, ordinary, type Place, play, run, sh, type Turn } from "./program.ts";

const AT = "2026-01-02T03:04:05Z";
const by = (login: string, author_association: string, more: Readonly<Record<string, unknown>> = {}) => ({
  number: 7,
  state: "open",
  title: "It breaks",
  body: `in the words of ${login}`,
  created_at: AT,
  user: { login, type: "User" },
  author_association,
  labels: [{ name: "a label of Eve's" }],
  ...more,
});
const OWNED = JSON.stringify(by("ada", "OWNER"));
const THERE = "/api/v3/repos/ada/thing";
const DEEP = `${'{"a":'.repeat(40)}1${"}".repeat(40)}`;

/** What the forge answers; whatever else is asked of it is a page. */
const ANSWERS: Readonly<Record<string, string>> = {
  [`${THERE}/issues/7`]: OWNED,
  [`${THERE}/issues/8`]: JSON.stringify(by("eve", "NONE")),
  [`${THERE}/issues/7/comments`]: JSON.stringify([by("ada", "OWNER", { id: 1 }), by("eve", "NONE", { id: 2 })]),
  [`${THERE}/issues/10`]: `{"author_association":"NONE",${OWNED.slice(1)}`,
  [`${THERE}/issues/11`]: `{"deep":${DEEP},${OWNED.slice(1)}`,
  [`${THERE}/issues/12`]: JSON.stringify(by("a-bot", "OWNER", { user: { login: "a-bot", type: "Bot" } })),
  "/api/v3/repos/eve/thing/issues/7": OWNED,
  "/ada/thing/issues/7": OWNED,
};

interface Addresses {
  readonly forge: string;
  readonly other: string;
  readonly plain: string;
}

/** A forge over TLS, another such server, and one without, all three saying the same; and a checkout that is fetched from the first. */
async function makeForge(t: TestContext) {
  const asked: string[] = [];
  const server = createServer((request, answer) => {
    asked.push(request.url ?? "");
    const away = /\/issues\/9$/.test(request.url ?? "") ? "/ada/thing/issues/7" : null;
    if (away !== null)
      return void answer.writeHead(302, { Location: away, "Content-Type": "application/json" }).end(OWNED);
    answer.writeHead(200, { "Content-Type": "application/json; charset=utf-8" });
    answer.end(ANSWERS[request.url ?? ""] ?? OWNED);
  });
  const authority = await makeAuthority(["localhost"], Date.now());
  const { key, chain } = await makeLeaf(authority, "localhost", Date.now());
  const listening = async (one: { listen: (port: number, host: string, then: () => void) => unknown }) =>
    new Promise<void>((resolve) => one.listen(0, "127.0.0.1", () => resolve()));
  const secure = [0, 1].map(() =>
    createSecureServer(
      { key, cert: chain },
      (socket) =>
        void server.emit(
          "connection",
          socket.on("error", () => {}),
        ),
    ),
  );
  await Promise.all([server, ...secure].map(listening));
  t.after(() => {
    for (const one of [server, ...secure]) one.close();
    server.closeAllConnections();
  });
  const [plain, forge, other] = [server, ...secure].map((one) => (one.address() as AddressInfo).port);
  const place = makePlace(t, "mkdir -p src; echo 1 >src/a.js", { user: ordinary() });
  sh(place, "git remote add origin https://localhost/ada/thing.git");
  writeFileSync(join(place.root, "roots.pem"), authority.root);
  const addresses = {
    forge: `https://localhost:${forge}`,
    other: `https://localhost:${other}`,
    plain: `http://localhost:${plain}`,
  };
  const configure = (authors: string) => {
    const folder = join(place.home, ".config/ringfence");
    const ports = `[${plain}, ${forge}, ${other}]`;
    mkdirSync(folder, { recursive: true });
    const net = `net:\n  allow:\n    - {host: localhost, ports: ${ports}, private: true}\n`;
    writeFileSync(
      join(folder, "config.yaml"),
      `${net}trust:\n  authors: ${authors}\n  github: ${addresses.forge}/api/v3/\n`,
    );
  };
  configure("[owner]");
  return { place, asked, addresses, configure };
}

async function played(place: Place, turns: readonly Turn[]) {
  const env = { SSL_CERT_FILE: join(place.root, "roots.pem") };
  const { results, stdout } = await play(place, [...turns, { text: "ok" }], [], { env });
  const events = newestEvents(place);
  const sources = events.filter(({ type }) => type === "source").map(({ what }) => String(what));
  return { results, stdout, sources, integrity: rebuiltFrom(events).integrity };
}

const get = (url: string) => call("fetch", { url });

/** Text that claims to be the owner's and is not known to be, by what makes it so. */
const FORGED: Readonly<Record<string, (addresses: Addresses) => Turn>> = {
  "by a stranger": ({ forge }) => get(`${forge}${THERE}/issues/8`),
  "by a bot": ({ forge }) => get(`${forge}${THERE}/issues/12`),
  "among a stranger's": ({ forge }) => get(`${forge}${THERE}/issues/7/comments`),
  "of another repository": ({ forge }) => get(`${forge}/api/v3/repos/eve/thing/issues/7`),
  "elsewhere on that host": ({ forge }) => get(`${forge}/ada/thing/issues/7`),
  "of another server": ({ other }) => get(`${other}${THERE}/issues/7`),
  "without TLS": ({ plain }) => get(`${plain}${THERE}/issues/7`),
  redirected: ({ forge }) => get(`${forge}${THERE}/issues/9`),
  "that says two things of its author": ({ forge }) => get(`${forge}${THERE}/issues/10`),
  "nested too deeply": ({ forge }) => get(`${forge}${THERE}/issues/11`),
  "asked for by a command": ({ forge }) => run(`curl -sS --noproxy '' ${forge}${THERE}/issues/7`),
};

const cases = drawn(Object.entries(FORGED), 1);
test(`text of the authors whom the person named is no stranger's, and what is forged is, as ${cases.map(([name]) => name).join(", ")} (seed ${SEED})`, async (t) => {
  const { place, asked, addresses, configure } = await makeForge(t);
  await trust(place, ["commit", head(place)]);
  const issue = get(`${addresses.forge}${THERE}/issues/7`);
  for (const [name, turn] of cases) {
    asked.splice(0);
    const { results, sources, integrity } = await played(place, [
      READ,
      issue,
      turn(addresses),
      get(`${addresses.forge}/next`),
    ]);
    assert.match(results[1]?.text ?? "", /text of authors whom the person named.*in the words of ada/s);
    assert.doesNotMatch(results[1]?.text ?? "", /Eve/);
    // What is forged was composed after the owner's text was read, and was asked for all the same.
    assert.match(results[2]?.text ?? "", /in the words of|a person looks at the address/, name);
    assert.equal(asked.length, 2, `${name}: ${asked}`);
    const by = sources.slice(sources.indexOf("text of owner ada in issue 7 of ada/thing"));
    assert.ok(by.length > 1 && !by.slice(1).some((source) => source.startsWith("text of")), `${name}: ${sources}`);
    assert.equal(integrity, "external", name);
    assert.equal(results.at(-1)?.ok, false, `${name}: a composed address went out after it`);
  }
  if (process.env.RINGFENCE_FULL !== "1") return;
  assert.equal((await played(place, [issue])).integrity, "local");
  configure("[]");
  assert.equal((await played(place, [issue])).integrity, "external", "where nobody is named");
  configure("[owner]");
  await trust(place, ["revoke", head(place)]);
  assert.equal((await played(place, [issue])).integrity, "external", "where no commit is approved");
});
