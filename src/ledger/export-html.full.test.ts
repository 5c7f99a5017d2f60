import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { chromium } from "playwright-core";
import { hostileEvents } from "./export.fixture.ts";
import { toHtml } from "./export-html.ts";
import { tell } from "./export-read.ts";

test("in a real browser no script of a hostile session runs, and no request leaves the page", {
  timeout: 120_000,
}, async (t) => {
  const asked: string[] = [];
  const server = http.createServer((request, response) => {
    asked.push(request.url ?? "");
    response.end();
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  t.after(() => server.close());
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const folder = mkdtempSync(join(tmpdir(), "ringfence-report-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const page = toHtml(
    tell(hostileEvents(address).map((event, seq) => ({ seq, event }))),
    `<script>fetch("${address}/proof")</script>`,
  );
  const sandbox = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: sandbox });
  t.after(() => browser.close());

  const open = async (html: string) => {
    writeFileSync(join(folder, "report.html"), html);
    const tab = await browser.newPage();
    const requests: string[] = [];
    tab.on("request", (request) => requests.push(request.url()));
    await tab.goto(`file://${folder}/report.html`);
    await tab.waitForTimeout(500);
    return { tab, requests };
  };
  const { tab, requests } = await open(page);
  await tab.evaluate("for (const details of document.querySelectorAll('details')) details.open = true");
  await tab.waitForTimeout(1000);
  const made = "document.querySelectorAll('script, iframe, object, link, base, form, img, svg, video').length";
  assert.equal(await tab.evaluate(made), 0);
  assert.deepEqual([requests.filter((url) => !url.startsWith("file:")), asked], [[], []]);
  assert.match(await tab.innerText("main"), /Egress[\s\S]*<script>fetch\("http:\/\/127/);

  // The same texts do harm in a page that takes them as they are, so the look above can see harm.
  const texts = hostileEvents(address).map((event) => Object.values(event).join(" "));
  await open(`<!doctype html><main>${texts.join(" ")}</main>`);
  assert.ok(asked.length > 0);
});
