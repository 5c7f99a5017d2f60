import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { makePlace, type Place, ringfence } from "./program.ts";

function configure(place: Place, text: string): string {
  const folder = join(place.home, ".config/ringfence");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "config.yaml"), text);
  return join(folder, "config.yaml");
}

async function why(place: Place, ...words: readonly string[]): Promise<Record<string, unknown>> {
  const { status, stdout, stderr } = await ringfence(place, ["net", "why", "--json", ...words]);
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout) as Record<string, unknown>;
}

function verdicts(found: Record<string, unknown>): string[] {
  return [found.exec, found.session].map((one) => (one as { verdict: string }).verdict);
}

async function serve(t: TestContext): Promise<{ readonly urls: string[]; readonly port: number }> {
  const urls: string[] = [];
  const server = createServer((request, answer) => {
    urls.push(`${request.method} ${request.url}`);
    request.resume().on("end", () => answer.end("ok\n"));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  return { urls, port: (server.address() as AddressInfo).port };
}

test("net why says what decides, for a person's command and for a model's session, and the line that is missing", async (t) => {
  const place = makePlace(t);
  const file = join(place.home, ".config/ringfence/config.yaml");
  const told = await ringfence(place, ["net", "why", "https://API.example.com./v1/items?q=1", "--method", "POST"]);
  assert.deepEqual([told.status, told.stderr], [0, ""]);
  const line = '- {host: "api.example.com", methods: ["POST"], paths: ["/v1/items"]}';
  assert.equal(
    told.stdout,
    [
      "POST https://api.example.com/v1/items?q=1",
      "  listed by              nothing",
      "  a command of your own  refused: not listed",
      "  a model's session      refused: not listed, and external text and private data were within reach",
      "  no rule of net.allow in config.yaml names that host and port",
      `  to allow it, add below net.allow in ${file}:`,
      `    ${line}`,
      "",
    ].join("\n"),
  );
  // Asking writes nothing; the line, pasted as it is, allows it.
  assert.equal(existsSync(file), false);
  configure(
    place,
    `net:\n  allow:\n    ${line}\n    - {host: pinned.example.com, tls: tunnel}\n  deny: [shut.example.com]\n  push: [{at: "https://git.example.com/own/repo.git", branch: main}]\n`,
  );
  const posted = await why(place, "https://api.example.com/v1/items", "--method", "POST");
  assert.deepEqual([posted.rule, posted.add, verdicts(posted)], ["net.allow[0]", null, ["allow", "ask"]]);
  const read = await why(place, "https://api.example.com/v1/items");
  assert.deepEqual([read.rule, read.add], [null, '- "https://api.example.com/v1/items"']);
  const shut = await why(place, "shut.example.com/x");
  assert.deepEqual([shut.rule, shut.add, verdicts(shut)], ["net.deny[0]", null, ["deny", "deny"]]);
  const pinned = await why(place, "https://pinned.example.com/a");
  assert.deepEqual([pinned.rule, verdicts(pinned)], ["net.allow[1]", ["allow", "ask"]]);
  assert.deepEqual((pinned.request as { protocol: string }).protocol, "tunnel");
  const own = await why(place, "http://localhost:5432/");
  assert.match(String(own.notes), /in the box localhost is the box itself.* add "127\.0\.0\.1:5432" to net\.services/);
  const metadata = await why(place, "http://169.254.169.254/latest/meta-data/");
  assert.match(String(metadata.warning), /^WARNING: that is where a cloud's machine asks for its own credentials/);
  assert.match(String((await why(place, "http://10.0.0.1/")).warning), /^WARNING: that is a private network/);
  assert.equal(read.warning, null);
  const warned = await ringfence(place, ["net", "why", "http://metadata.google.internal/"]);
  assert.match(warned.stdout, /to allow it, add .*\n {4}- .*\n {2}WARNING: that is where a cloud's machine asks/);
  const push = await why(place, "https://git.example.com/own/repo.git/info/refs?service=git-receive-pack");
  assert.deepEqual([push.listed, push.add], ["unlisted", null]);
  const token = "ghp_Zk3vQ8sYt2LmB7xWc5RjH1dNf9GpKe4TuA6V";
  writeFileSync(join(place.home, ".npmrc"), `//npm.example.com/own/:_authToken=npm_${token.slice(4)}\n`);
  const shown = await ringfence(place, ["net"], { env: { GITHUB_TOKEN: token } });
  assert.match(
    shown.stdout,
    /^found {4}npmrc npm\.example\.com: a placeholder in the box, put on toward https:\/\/npm\.example\.com below \/own$/m,
  );
  assert.match(shown.stdout, /^found {4}env GITHUB_TOKEN: a placeholder in the box, put on nowhere/m);
  assert.equal(shown.stdout.includes(token.slice(4)), false);
  assert.match(shown.stdout, /^denies {3}anything to shut\.example\.com:443 \(net\.deny\[0\]\)$/m);
  assert.match(shown.stdout, /^allows {3}POST to api\.example\.com:443 below \/v1\/items \(net\.allow\[0\]\)$/m);
  assert.match(shown.stdout, /^allows {3}anything, unseen to pinned\.example\.com:443 \(net\.allow\[1\]\)$/m);
  assert.match(shown.stdout, /^pushes {3}refs\/heads\/main to https:\/\/git\.example\.com\/own\/repo/m);
  configure(place, 'net:\n  services: ["127.0.0.1:5432"]\n');
  const served = await why(place, "http://localhost:5432/");
  assert.match(String(served.notes), /net\.services shows port 5432/);
  for (const words of [["why", "ftp://x.example.com/"], ["learn", "true"], ["reload"]])
    assert.equal((await ringfence(place, ["net", ...words])).status, 2, words.join(" "));
});

test("net why knows the lockfile: what it names passes for a model too, and what it does not is said with the way to add it", async (t) => {
  const locked = { version: "1.2.3", resolved: "http://127.0.0.1:4873/one/-/one-1.2.3.tgz", integrity: "sha512-eA==" };
  const lock = JSON.stringify({ lockfileVersion: 3, packages: { "": {}, "node_modules/one": locked } });
  const place = makePlace(
    t,
    `printf '%s' '${lock}' >package-lock.json; echo registry=http://127.0.0.1:4873/ >"$HOME/.npmrc"`,
  );
  const one = await why(place, "http://127.0.0.1:4873/one");
  assert.deepEqual([one.rule, verdicts(one), one.add], ["preset npm", ["allow", "allow"], null]);
  assert.match(String(one.notes), /one is in a lockfile of this checkout/);
  const other = await why(place, "http://127.0.0.1:4873/other");
  assert.deepEqual([other.rule, verdicts(other)], ["preset npm", ["allow", "ask"]]);
  assert.match(String(other.notes), /other is in no lockfile.*ringfence exec -- npm install other/);
  assert.match((await ringfence(place, ["net"])).stdout, /^reads {4}http:\/\/127\.0\.0\.1:4873\/ for npm/m);
});

test("net learn runs the command, writes nothing, and what it proposes is enough for the next run", async (t) => {
  const { urls, port } = await serve(t);
  const place = makePlace(t);
  const file = configure(place, "net:\n  deny: [shut.example.com]\n");
  const ask = (what: string) => `curl -sS --noproxy '' ${what}; `;
  const at = `http://127.0.0.1:${port}`;
  const program = `${ask(`${at}/a/1?q=secret`)}${ask(`${at}/a/2`)}${ask(`-d x ${at}/b`)}${ask("https://shut.example.com/")}exit 3`;
  const words = ["--", "bash", "-c", program];
  const first = await ringfence(place, ["net", "learn", ...words]);
  assert.equal(first.status, 3);
  assert.deepEqual(urls, []);
  assert.equal(readFileSync(file, "utf8"), "net:\n  deny: [shut.example.com]\n");
  // The command's own output is beside it, so that the proposal alone can go into a file.
  const post = `{host: "127.0.0.1", ports: [${port}], methods: ["POST"], paths: ["/b"]}`;
  assert.match(first.stderr, /ringfence: not listed/);
  const [comment, ...yaml] = first.stdout.split("\n");
  assert.match(comment ?? "", /^# for .*config\.yaml, after a look/);
  assert.deepEqual(yaml, ["net:", "  allow:", `    - "${at}/a"`, `    - ${post}`, ""]);
  const json = JSON.parse((await ringfence(place, ["net", "learn", "--json", ...words])).stdout) as { yaml: string };
  assert.equal(json.yaml, yaml.join("\n"));
  writeFileSync(file, json.yaml);
  const second = await ringfence(place, ["net", "learn", ...words]);
  assert.deepEqual(urls, ["GET /a/1?q=secret", "GET /a/2", "POST /b"]);
  assert.match(second.stdout, /^net:\n {2}allow:\n {4}- "shut\.example\.com"\n$/m);
  assert.equal(
    (await ringfence(place, ["net", "learn", "--", "true"])).stdout,
    "# nothing that a rule could allow was refused\n",
  );
});
