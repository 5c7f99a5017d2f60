import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type BrowserContext, chromium } from "playwright-core";
import { type Shown, showServer } from "../../src/egress/preview.fixture.ts";
import { PAGE_ATTACKS, type PageAttack } from "./attacks.ts";

/** A name that leads to this machine, in the browsers alone. */
const ATTACKER = "attacker.test";
/** What an attack may take to reach its listener. */
const REACH_MS_MAX = 6000;
/** How long a page that is held in is left to try. */
const TRY_MS = 1500;

// The life of the browsers and servers that all tests of this file share.
const stops: (() => unknown)[] = [];
after(async () => {
  for (const stop of stops.reverse()) await stop();
});

let played: { readonly attack: PageAttack; readonly place: string };
let asked = 0;
let shown: Shown;
let plain: number;
let ordinary: BrowserContext;
let shut: BrowserContext;
before(async () => {
  const lifetime = { after: (stop: () => unknown) => stops.push(stop) } as unknown as Parameters<typeof showServer>[0];
  shown = await showServer(lifetime, serve());
  plain = shown.boxPort;
  ordinary = await launch([]);
  // As docs/configuration.md tells it.
  shut = await launch([
    `--proxy-server=127.0.0.1:${shown.port}`,
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
  ]);
});

for (const attack of PAGE_ATTACKS) {
  const may = attack.connects ? "connects at most" : "does nothing";
  test(`a page that tries ${attack.name} reaches the attacker when served plainly; in a preview it ${may}`, async (t) => {
    const seen = await listen(t);
    played = { attack, place: seen.place };
    await visit(ordinary, `http://plain.localhost:${plain}/`, () => seen.isReached(), REACH_MS_MAX);
    assert.ok(seen.isReached(), "the attack itself does not work");

    for (const [browser, mayConnect] of [
      [ordinary, attack.connects ?? false],
      [shut, false],
    ] as const) {
      const held = await listen(t);
      played = { attack, place: held.place };
      const before = asked;
      await visit(browser, shown.preview.address, () => false, TRY_MS);
      assert.ok(asked > before, "the page was not shown");
      assert.deepEqual(held.requests, []);
      if (!mayConnect) assert.ok(!held.isReached(), "it connected");
    }
  });
}

interface Listener {
  readonly place: string;
  readonly requests: readonly string[];
  /** Whether anything came, be it a connection without a request. */
  readonly isReached: () => boolean;
}

async function listen(t: { after(done: () => void): void }): Promise<Listener> {
  let count = 0;
  const more = () => {
    count += 1;
  };
  const requests: string[] = [];
  const server = createServer(({ method, url }, answer) => {
    requests.push(`${method} ${url}`);
    answer.writeHead(200, { "Access-Control-Allow-Origin": "*", "Content-Type": "text/html" }).end("<p>gone");
  });
  server.on("connection", more).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const datagrams = createSocket("udp4").on("message", more).bind(port, "127.0.0.1");
  await once(datagrams, "listening");
  t.after(() => {
    server.close();
    server.closeAllConnections();
    datagrams.close();
  });
  return { place: `${ATTACKER}:${port}`, requests, isReached: () => count > 0 };
}

/** Stands for the box's server: shows the page of whatever attack is played. */
function serve(): Server {
  return createServer(({ url = "" }, answer) => {
    asked += 1;
    const { attack, place } = played;
    if (url === "/leave") return void answer.writeHead(302, { Location: `http://${place}/` }).end();
    const file = attack.files?.[url];
    answer.setHeader("Content-Type", file === undefined ? "text/html" : "text/javascript");
    answer.end((file ?? attack.html).replaceAll("AT/", `${place}/`).replaceAll(":AT", `:${place}`));
  });
}

/** Starts a browser with a profile of its own, since one without does not connect ahead of need. */
async function launch(args: readonly string[]): Promise<BrowserContext> {
  const profile = mkdtempSync("/tmp/ringfence-profile-");
  stops.push(() => rmSync(profile, { recursive: true, force: true }));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: "/usr/bin/chromium",
    args: ["--no-sandbox", `--host-resolver-rules=MAP ${ATTACKER} 127.0.0.1`, ...args],
  });
  stops.push(() => context.close());
  return context;
}

/** Opens a page, clicks into it, and stays until something is so, or for a time. */
async function visit(browser: BrowserContext, address: string, isSo: () => boolean, msMax: number): Promise<void> {
  const page = await browser.newPage();
  await page.goto(address, { waitUntil: "commit" }).catch(() => {});
  for (let waited = 0; waited < msMax && !isSo(); waited += 100) {
    // Once it is there.
    if (waited === 500) await page.mouse.click(200, 200);
    await sleep(100);
  }
  for (const open of browser.pages()) if (open !== page) await open.close();
  await browser.newPage();
  await page.close();
}
