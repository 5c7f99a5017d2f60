import assert from "node:assert/strict";
import { chownSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { makePlace, ordinary, run, script } from "../headless/program.ts";
import { open, type Screen } from "../headless/screen.ts";

const READ_MS = 1200;
const CANARY = "canary-of-the-box";
const DAY_MS = 86_400_000;
const ago = (days: number) => new Date(Date.now() - days * DAY_MS).toISOString();

/** A registry that tells, as npm's do, when each version came. */
async function registry(t: TestContext, versions: Readonly<Record<string, number>>) {
  const seen: string[] = [];
  const server = createServer((request, answer) => {
    const isCarried = JSON.stringify(request.rawHeaders).includes(CANARY) ? " with a word of the box's" : "";
    seen.push(`${request.headers.accept === "application/json" ? "host" : "box"} ${request.url}${isCarried}`);
    const time = Object.fromEntries(Object.entries(versions).map(([version, days]) => [version, ago(days)]));
    const named = Object.fromEntries(Object.keys(versions).map((version) => [version, {}]));
    answer.end(JSON.stringify({ name: "left", versions: named, time }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const place = makePlace(t, "", { user: ordinary() });
  const url = `http://127.0.0.1:${port}/`;
  const npmrc = join(place.home, ".npmrc");
  writeFileSync(npmrc, `registry=${url}\n`);
  chownSync(npmrc, place.user.uid, place.user.gid);
  return { seen, url, place };
}

async function say(screen: Screen, key: "y" | "n"): Promise<void> {
  await screen.see("y or N?");
  await sleep(READ_MS);
  screen.type(`${key}\r`);
}

const get = (...urls: string[]) => run(urls.map((url) => `curl -sS --noproxy '' ${url} >/dev/null`).join("; "));

test("a name goes nowhere before the yes; then its file is asked about with its age", async (t) => {
  const { seen, url, place } = await registry(t, { "1.0.0": 900, "1.1.0": 2 });
  const model = script(place, [get(`${url}left`, `${url}left/-/left-1.1.0.tgz`), { text: "Done." }]);
  const screen = open(t, place, ["--model", model]);
  await screen.see("> ");
  screen.type("go\r");
  await screen.see("  | left, which no lockfile of this checkout has");
  await screen.see("the question for its file tells it");
  assert.deepEqual(seen, []);
  await say(screen, "y");
  await screen.see("  | left 1.1.0, which no lockfile of this checkout has");
  await screen.see("  | WARNING: this version is less than 7 days old");
  await screen.see("published 2 days ago");
  await screen.see("it has 2 versions");
  assert.deepEqual(seen, ["box /left", "host /left"]);
  await say(screen, "n");
  await screen.see("Done.");
  screen.type("/exit\r");
  assert.equal(await screen.status, 0);
  assert.deepEqual(seen, ["box /left", "host /left"]);
});

test("a file that is asked for at once is asked about once more when it is young, and not when it is old", async (t) => {
  const { seen, url, place } = await registry(t, { "1.0.0": 900, "1.1.0": 2 });
  const [old, young] = [`${url}left/-/left-1.0.0.tgz`, `${url}left/-/left-1.1.0.tgz`];
  for (const [file, isOld] of [
    [old, true],
    [young, false],
  ] as const) {
    const screen = open(t, place, ["--model", script(place, [get(file), { text: "Done." }])]);
    await screen.see("> ");
    screen.type("go\r");
    await screen.see("you are asked again unless it is a week old");
    await say(screen, "y");
    if (!isOld) {
      await screen.see("WARNING: this version is less than 7 days old");
      await say(screen, "n");
    }
    await screen.see("Done.");
    screen.type("/exit\r");
    assert.equal(await screen.status, 0);
  }
  assert.deepEqual(seen, ["host /left", "box /left/-/left-1.0.0.tgz", "host /left"]);
});

test("a yes to a name lets one old version of it come to that command, with nothing that its sender adds", async (t) => {
  const { seen, url, place } = await registry(t, { "1.0.0": 900, "1.1.0": 700 });
  const file = (version: string) => `${url}left/-/left-${version}.tgz`;
  const model = script(place, [
    get(`${url}left`, `-H "X-Note: ${CANARY}" -A ${CANARY} ${file("1.0.0")}`, file("1.1.0")),
    get(file("1.0.0")),
    { text: "Done." },
  ]);
  const screen = open(t, place, ["--model", model]);
  await screen.see("> ");
  screen.type("go\r");
  await screen.see("the question for its file tells it");
  await say(screen, "y");
  // Another version of it, and another command, are asked about.
  await screen.see("  | left 1.1.0, which no lockfile of this checkout has");
  const came = ["box /left", "host /left", "box /left/-/left-1.0.0.tgz", "host /left"];
  assert.deepEqual(seen, came);
  await say(screen, "n");
  await screen.see("  | left 1.0.0, which no lockfile of this checkout has");
  await say(screen, "n");
  await screen.see("Done.");
  screen.type("/exit\r");
  assert.equal(await screen.status, 0);
  assert.deepEqual(seen, came);
});

test("of a Python package the file is known on whatever host its index says, and is told with its age", async (t) => {
  const seen: string[] = [];
  const hosts: string[] = [];
  const listen = async (name: string, answerTo: (path: string) => string | null) => {
    const server = createServer((request, answer) => {
      seen.push(`${name} ${request.url}`);
      const text = answerTo(request.url ?? "");
      answer.writeHead(text === null ? 404 : 200).end(text);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    t.after(() => server.close());
    hosts.push(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  };
  const file = "left-1.1.0-py3-none-any.whl";
  await listen("files", (path) => (path === `/f/${file}` ? "wheel" : null));
  await listen("index", (path) => {
    const old = { filename: "left-1.0.0.tar.gz", url: `${hosts[0]}/f/left-1.0.0.tar.gz`, "upload-time": ago(900) };
    const young = { filename: file, url: `${hosts[0]}/f/${file}`, "upload-time": ago(3) };
    return path === "/simple/left/" ? JSON.stringify({ name: "left", files: [old, young] }) : null;
  });
  const [files = "", index = ""] = hosts;
  const place = makePlace(
    t,
    `mkdir -p ~/.config/pip; printf '[global]\\nindex-url = ${index}/simple\\n' >~/.config/pip/pip.conf`,
    {
      user: ordinary(),
    },
  );
  const commands = get(`${files}/f/${file}`, `${index}/simple/left/`, `${files}/f/${file}`, `${files}/f/other`);
  const screen = open(t, place, ["--model", script(place, [commands, { text: "Done." }])]);
  await screen.see("> ");
  screen.type("go\r");
  // Before its name is allowed, nothing is known of a host that only the index names: it is refused unasked.
  await screen.see("  | left, which no lockfile of this checkout has");
  assert.deepEqual(seen, []);
  await say(screen, "y");
  await screen.see("  | left 1.1, which no lockfile of this checkout has");
  await screen.see("WARNING: this version is less than 7 days old");
  await say(screen, "y");
  await screen.see("Done.");
  screen.type("/exit\r");
  assert.equal(await screen.status, 0);
  assert.deepEqual([...new Set(seen)].sort(), [`files /f/${file}`, "index /simple/left/"]);
});
