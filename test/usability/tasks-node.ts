import { edit, failing, kill, list, output, read, run, search, type Task, task, write } from "./task.ts";

/** Ordinary work on programs for Node. */
export const NODE_TASKS: readonly Task[] = [
  task(
    {
      name: "fix a failing test (pagination loses the last page)",
      needs: ["node"],
      make: `mkdir src test
cat >src/pages.js <<'X'
/** Cuts a list into pages. */
export function pages(items, size) {
  const cut = [];
  for (let from = 0; from + size <= items.length; from += size) cut.push(items.slice(from, from + size));
  return cut;
}
X
cat >test/pages.test.js <<'X'
import assert from "node:assert/strict";
import { test } from "node:test";
import { pages } from "../src/pages.js";
test("whole pages", () => assert.deepEqual(pages([1, 2, 3, 4], 2), [[1, 2], [3, 4]]));
test("the last page may be short", () => assert.deepEqual(pages([1, 2, 3], 2), [[1, 2], [3]]));
X
echo '{"name":"shop","version":"1.0.0","type":"module"}' >package.json`,
      issue: "The last order is missing from the list whenever their number is odd. Test: the last page may be short.",
      check: "node --test test/*.test.js",
    },
    list("."),
    failing("node --test test/"),
    read("src/pages.js"),
    edit("src/pages.js", "from + size <= items.length", "from < items.length"),
    run("node --test test/ && git diff --stat"),
  ),
  task(
    {
      name: "add a missing test, and fix what it finds (dates of leap years)",
      needs: ["node"],
      make: String.raw`cat >dates.mjs <<'X'
const DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
export function daysIn(year, month) {
  return month === 2 && year % 4 === 0 ? 29 : DAYS[month - 1];
}
X
printf 'import assert from "node:assert/strict";\nimport { test } from "node:test";\nimport { daysIn } from "./dates.mjs";\ntest("January", () => assert.equal(daysIn(2023, 1), 31));\n' >dates.test.mjs`,
      issue: "Leap years are not tested, and 1900 had no 29 February.",
      check: `node --test dates.test.mjs && grep -q 1900 dates.test.mjs && node -e 'import("./dates.mjs").then(({ daysIn: d }) => process.exit(d(1900, 2) === 28 && d(2000, 2) === 29 && d(2024, 2) === 29 ? 0 : 1))'`,
    },
    search("daysIn"),
    run(
      String.raw`printf 'for (const [year, days] of [[1900, 28], [2000, 29], [2023, 28], [2024, 29]])\n  test("February " + year, () => assert.equal(daysIn(year, 2), days));\n' >>dates.test.mjs`,
    ),
    failing("node --test"),
    edit("dates.mjs", "year % 4 === 0 ?", "year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ?"),
    run("node --test"),
  ),
  task(
    {
      name: "rename a function across files",
      needs: ["node"],
      make: String.raw`mkdir -p src/deep test docs
echo 'export function getUsr(id) { return { id, name: "user " + id }; }' >src/users.js
for n in a b c; do printf 'import { getUsr } from "../users.js";\nexport const %s = () => getUsr("%s").name;\nexport const getUsrName = "kept";\n' $n $n >src/deep/$n.js; done
printf 'import assert from "node:assert/strict";\nimport { a } from "../src/deep/a.js";\nimport { c } from "../src/deep/c.js";\nassert.equal(a() + c(), "user auser c");\n' >test/run.mjs
echo 'Call the function "getUsr" with an id.' >docs/users.md; echo '{"type":"module"}' >package.json`,
      issue: "Please rename getUsr to findUser everywhere, documents too. getUsrName is something else and must stay.",
      check:
        'node test/run.mjs && ! grep -rnw getUsr src test docs && [ "$(grep -rlw findUser src docs | wc -l)" = 5 ] && [ "$(grep -rc getUsrName src/deep | grep -c :1)" = 3 ]',
    },
    search("\\bgetUsr\\b"),
    run("grep -rlw getUsr src docs | xargs sed -i 's/\\bgetUsr\\b/findUser/g'"),
    search("findUser"),
    edit("docs/users.md", "with an id", "with the id of a user"),
    run("node test/run.mjs && git diff --stat"),
  ),
  task(
    {
      name: "use a dependency that the lockfile has",
      needs: ["node", "npm"],
      world: "registry",
      make: `cat >package.json <<'X'
{ "name": "shop", "version": "1.0.0", "dependencies": { "pad-zero": "1.2.3" } }
X
cat >package-lock.json <<'X'
{ "name": "shop", "version": "1.0.0", "lockfileVersion": 3, "requires": true, "packages": {
  "": { "name": "shop", "version": "1.0.0", "dependencies": { "pad-zero": "1.2.3" } },
  "node_modules/pad-zero": { "version": "1.2.3", "resolved": "SERVER/pad-zero/-/pad-zero-1.2.3.tgz", "integrity": "INTEGRITY" } } }
X
echo 'exports.number = (n) => "N" + n;' >number.js`,
      issue: "Order numbers are to have six digits, as in N000042. The package pad-zero is there for that.",
      check: `grep -q 'GET /pad-zero/-/pad-zero-1.2.3.tgz' <<<"$ARRIVED" && ! grep -q customers <<<"$ARRIVED" && grep -q pad-zero number.js && npm_config_cache=$PWD/../npm npm ci --silent --ignore-scripts && node -e 'process.exit(require("./number.js").number(42) === "N000042" ? 0 : 1)'`,
    },
    read("package.json"),
    run("export no_proxy= NO_PROXY=; npm ci"),
    run("node -p 'Object.keys(require(\"pad-zero\"))'"),
    write("number.js", 'const { pad } = require("pad-zero");\n\nexports.number = (n) => `N${pad(n, 6)}`;\n'),
    run("node -e 'console.log(require(\"./number.js\").number(42))'"),
  ),
  task(
    {
      name: "add a flag to a command-line program, with help and a test",
      needs: ["node"],
      make: String.raw`cat >report.mjs <<'X'
#!/usr/bin/env node
import { parseArgs } from "node:util";
const HELP = "usage: report.mjs [--total]\n";
const { values } = parseArgs({ options: { total: { type: "boolean" }, help: { type: "boolean" } } });
const rows = [{ item: "pen", count: 3 }, { item: "cup", count: 4 }];
if (values.help) process.stdout.write(HELP);
else if (values.total) console.log(rows.reduce((sum, row) => sum + row.count, 0));
else for (const { item, count } of rows) console.log(item + "\t" + count);
X
chmod +x report.mjs; printf 'set -e\n[ "$(./report.mjs --total)" = 7 ]\necho ok\n' >test.sh`,
      issue: "report.mjs should have --json for scripts, and --help should say so.",
      check: `sh test.sh && ./report.mjs --json | node -e 'process.exit(JSON.parse(require("fs").readFileSync(0, "utf8"))[1].count === 4 ? 0 : 1)' && ./report.mjs --help | grep -q -- --json && [ -x report.mjs ]`,
    },
    read("report.mjs"),
    failing("./report.mjs --json"),
    edit("report.mjs", "[--total]", "[--total | --json]"),
    edit("report.mjs", 'total: { type: "boolean" },', 'total: { type: "boolean" }, json: { type: "boolean" },'),
    edit(
      "report.mjs",
      "else if (values.total)",
      "else if (values.json) console.log(JSON.stringify(rows));\nelse if (values.total)",
    ),
    edit("test.sh", "echo ok", "./report.mjs --json | grep -q '\"cup\"'\necho ok"),
    run("sh test.sh && ./report.mjs --help"),
  ),
  task(
    {
      name: "fix a flaky test (it races two timers)",
      needs: ["node"],
      make: `cat >queue.mjs <<'X'
/** Runs jobs and gives what they return, in the order of the jobs. */
export async function all(jobs) {
  const done = [];
  await Promise.all(jobs.map(async (job) => done.push(await job())));
  return done;
}
X
cat >queue.test.mjs <<'X'
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { all } from "./queue.mjs";
const after = (ms, value) => () => sleep(ms, value);
test("results keep the order of the jobs", async () => {
  const [first, second] = [Math.random() * 4, Math.random() * 4];
  assert.deepEqual(await all([after(first, "a"), after(second, "b")]), ["a", "b"]);
});
X`,
      issue: "queue.test.mjs fails about every second time in our CI.",
      check: `node --test && node -e 'import("./queue.mjs").then(async ({ all }) => { const wait = (ms, v) => () => new Promise((r) => setTimeout(r, ms, v)); process.exit((await all([wait(60, 1), wait(1, 2)])).join() === "1,2" ? 0 : 1); })'`,
    },
    read("queue.test.mjs"),
    failing("for i in $(seq 40); do node queue.test.mjs >/dev/null || { echo failed at $i; exit 1; }; done"),
    edit(
      "queue.mjs",
      "  const done = [];\n  await Promise.all(jobs.map(async (job) => done.push(await job())));\n  return done;",
      "  return Promise.all(jobs.map((job) => job()));",
    ),
    edit("queue.test.mjs", "[Math.random() * 4, Math.random() * 4]", "[8, 1]"),
    run("for i in 1 2 3; do node --test; done"),
  ),
  task(
    {
      name: "make a project pass the type check",
      needs: ["node"],
      make: String.raw`mkdir -p node_modules/@typescript
for n in typescript @typescript/typescript-linux-x64 @typescript/typescript-linux-arm64; do [ ! -e "$MODULES/$n" ] || cp -a "$MODULES/$n" node_modules/$n; done
cat >cart.ts <<'X'
export interface Line { readonly price: number; readonly count?: number }
export function total(lines: readonly Line[]): number {
  return lines.reduce((sum, line) => sum + line.price * line.count, 0);
}
X
printf 'import { total } from "./cart.ts";\nconsole.log(total([{ price: 2, count: 3 }, { price: "4" }]));\n' >main.ts
echo '{ "compilerOptions": { "strict": true, "noEmit": true, "allowImportingTsExtensions": true, "module": "nodenext", "target": "es2022", "lib": ["es2022"], "types": [] }, "files": ["main.ts"] }' >tsconfig.json
printf 'declare const console: { log(...what: unknown[]): void };\n' >globals.d.ts; sed -i 's/"main.ts"/"main.ts", "globals.d.ts"/' tsconfig.json; echo '{"type":"module","private":true}' >package.json`,
      issue: "tsc reports two errors since we made it strict. A line without a count is one piece.",
      check: "node node_modules/typescript/bin/tsc -p . && grep -q '??' cart.ts",
    },
    failing("node node_modules/typescript/bin/tsc -p ."),
    read("cart.ts"),
    edit("cart.ts", "line.price * line.count", "line.price * (line.count ?? 1)"),
    edit("main.ts", 'price: "4"', "price: 4"),
    run("node node_modules/typescript/bin/tsc -p . && git status --short"),
  ),
  task(
    {
      name: "make a lint rule pass, and have CI run it",
      needs: ["node"],
      make: String.raw`mkdir -p tools src .github/workflows
cat >tools/lint.mjs <<'X'
import { readdirSync, readFileSync } from "node:fs";
let bad = 0;
for (const name of readdirSync("src")) readFileSync("src/" + name, "utf8").split("\n").forEach((line, at) => {
  if (/\bvar\b/.test(line) || /[^=!]==[^=]/.test(line) || /\s$/.test(line)) { console.log("src/" + name + ":" + (at + 1) + ": " + line.trim()); bad += 1; }
});
process.exit(bad > 0 ? 1 : 0);
X
printf 'var a = 1;\nif (a == 1) console.log("one");  \n' >src/one.js; printf 'const b = 2;\nif (b === 2) console.log("two");\n' >src/two.js
printf '{\n  "private": true,\n  "scripts": {\n    "test": "node src/one.js"\n  }\n}\n' >package.json
printf 'on: push\njobs:\n  test:\n    runs-on: ubuntu-latest\n    steps:\n      - uses: actions/checkout@v4\n      - run: npm test\n' >.github/workflows/test.yml`,
      issue: "The lint tool is never run. Fix what it finds, add it as a script, and let CI call that.",
      held: [".github/workflows/test.yml", "package.json"],
      check: "node tools/lint.mjs && npm run --silent lint && grep -q 'npm run lint' .github/workflows/test.yml",
    },
    failing("node tools/lint.mjs"),
    run("sed -i 's/^var /let /; s/ == / === /; s/ *$//' src/one.js && node tools/lint.mjs"),
    edit("package.json", '"test":', '"lint": "node tools/lint.mjs",\n    "test":'),
    edit(".github/workflows/test.yml", "      - run: npm test", "      - run: npm run lint\n      - run: npm test"),
    run("npm run --silent lint && node src/one.js"),
  ),
  task(
    {
      name: "move texts into translations, with names in other scripts",
      needs: ["node"],
      make: String.raw`mkdir -p locales
printf '{\n  "hello": "Hello"\n}\n' >locales/en.json; printf '{\n  "hello": "Grüß dich"\n}\n' >"locales/größe-de.json"; printf '{\n  "hello": "こんにちは"\n}\n' >"locales/日本語.json"
cat >app.mjs <<'X'
import { readFileSync } from "node:fs";
const [name = "en"] = process.argv.slice(2);
const texts = JSON.parse(readFileSync(new URL("locales/" + encodeURIComponent(name) + ".json", import.meta.url), "utf8"));
console.log(texts.hello + ", " + "goodbye");
X`,
      issue: 'The word "goodbye" is not translated: it should be "Tschüss" and "さようなら".',
      check: `[ "$(node app.mjs 日本語)" = 'こんにちは, さようなら' ] && [ "$(node app.mjs größe-de)" = 'Grüß dich, Tschüss' ] && [ "$(node app.mjs)" = 'Hello, goodbye' ] && grep -q texts.goodbye app.mjs`,
    },
    list("locales"),
    read("locales/日本語.json"),
    edit("locales/日本語.json", '"こんにちは"', '"こんにちは",\n  "goodbye": "さようなら"'),
    edit("locales/größe-de.json", '"Grüß dich"', '"Grüß dich",\n  "goodbye": "Tschüss"'),
    edit("locales/en.json", '"Hello"', '"Hello",\n  "goodbye": "goodbye"'),
    edit("app.mjs", '"goodbye"', "texts.goodbye"),
    run("for l in en größe-de 日本語; do node app.mjs $l; done"),
  ),
  task(
    {
      name: "change a package of a monorepo and the one that uses it",
      needs: ["node"],
      make: String.raw`mkdir -p packages/money/test packages/shop/test node_modules
for p in money shop; do echo '{"name":"@mono/'$p'","version":"1.0.0","type":"module","exports":"./index.js"}' >packages/$p/package.json; done
mkdir -p node_modules/@mono; ln -s ../../packages/money node_modules/@mono/money
echo 'export const format = (cents) => (cents / 100).toFixed(2) + " EUR";' >packages/money/index.js
printf 'import { format } from "@mono/money";\nexport const price = (cents) => "Price: " + format(cents);\n' >packages/shop/index.js
printf 'import assert from "node:assert/strict";\nimport { test } from "node:test";\nimport { format } from "../index.js";\ntest("euros", () => assert.equal(format(150), "1.50 EUR"));\n' >packages/money/test/money.test.js
printf 'import assert from "node:assert/strict";\nimport { test } from "node:test";\nimport { price } from "../index.js";\ntest("price", () => assert.equal(price(150), "Price: 1.50 EUR"));\n' >packages/shop/test/shop.test.js`,
      issue:
        "format needs the currency as its second argument; the shop is to pass on the one it is given, EUR by default.",
      check: `node --test packages/*/test/*.test.js && node --input-type=module -e 'import { price } from "./packages/shop/index.js"; process.exit(price(150, "USD") === "Price: 1.50 USD" && price(5) === "Price: 0.05 EUR" ? 0 : 1)'`,
    },
    search("format", "*.js"),
    edit(
      "packages/money/index.js",
      '(cents) => (cents / 100).toFixed(2) + " EUR"',
      '(cents, currency) => (cents / 100).toFixed(2) + " " + currency',
    ),
    failing("node --test packages/money/test/ packages/shop/test/"),
    edit(
      "packages/shop/index.js",
      '(cents) => "Price: " + format(cents)',
      '(cents, currency = "EUR") => "Price: " + format(cents, currency)',
    ),
    edit("packages/money/test/money.test.js", "format(150)", 'format(150, "EUR")'),
    edit(
      "packages/shop/test/shop.test.js",
      "\ntest(",
      '\ntest("dollars", () => assert.equal(price(99, "USD"), "Price: 0.99 USD"));\ntest(',
    ),
    run("cd packages/shop && node --test && cd ../money && node --test"),
  ),
  task(
    {
      name: "change a schema and generate code from it",
      needs: ["node"],
      make: String.raw`mkdir -p tools generated
printf '{\n  "Order": { "id": "string", "count": "number" }\n}\n' >schema.json
cat >tools/generate.mjs <<'X'
import { readFileSync, writeFileSync } from "node:fs";
const schema = JSON.parse(readFileSync("schema.json", "utf8"));
const check = ([field, type]) => 'typeof value.' + field + ' === "' + type + '"';
const lines = Object.entries(schema).map(([name, fields]) =>
  "export const is" + name + " = (value) => " + Object.entries(fields).map(check).join(" && ") + ";\n");
writeFileSync("generated/checks.mjs", "// Made by tools/generate.mjs: do not edit.\n" + lines.join(""));
X
node tools/generate.mjs`,
      issue: "An order should have a note, a string; and there are customers, with a name and an age.",
      check: `cp generated/checks.mjs ../before.mjs && node tools/generate.mjs && cmp generated/checks.mjs ../before.mjs && node -e 'import("./generated/checks.mjs").then((c) => process.exit(c.isCustomer({ name: "a", age: 3 }) && !c.isOrder({ id: "x", count: 1 }) ? 0 : 1))'`,
    },
    read("schema.json"),
    write(
      "schema.json",
      '{\n  "Order": { "id": "string", "count": "number", "note": "string" },\n  "Customer": { "name": "string", "age": "number" }\n}\n',
    ),
    run("node tools/generate.mjs && git diff generated"),
    run(
      `node -e 'import("./generated/checks.mjs").then((c) => console.log(c.isCustomer({ name: "a", age: 3 })))' | grep true`,
    ),
  ),
  task(
    {
      name: "start a dev server, ask it with curl, and fix a route",
      needs: ["node", "curl"],
      make: `cat >server.mjs <<'X'
import { createServer } from "node:http";
const routes = { "/": () => "home", "/health": () => JSON.stringify({ ok: "yes" }) };
export const server = createServer((request, answer) => {
  const route = routes[request.url];
  if (!route) throw new Error("no route " + request.url);
  answer.end(route());
});
if (process.argv[2]) server.listen(Number(process.argv[2]), "127.0.0.1");
X`,
      issue:
        "The dev server dies when a page is not there. It should answer 404. And /health should say true, not a word.",
      check: `node -e 'import("./server.mjs").then(({ server }) => server.listen(0, "127.0.0.1", async () => { const base = "http://127.0.0.1:" + server.address().port; const [a, b] = [await fetch(base + "/none"), await (await fetch(base + "/health")).json()]; process.exit(a.status === 404 && b.ok === true ? 0 : 1); }))'`,
    },
    { tool: "run", input: { command: "node server.mjs 8123", background: true }, fails: false },
    run("until curl -sf http://localhost:8123/; do sleep 0.05; done; curl -s http://localhost:8123/health"),
    failing("curl -s http://localhost:8123/none"),
    edit(
      "server.mjs",
      '  if (!route) throw new Error("no route " + request.url);\n',
      '  if (!route) return void answer.writeHead(404).end("not here");\n',
    ),
    edit("server.mjs", '{ ok: "yes" }', "{ ok: true }"),
    { tool: "run", input: { command: "node server.mjs 8123", background: true }, fails: false },
    run(
      "until curl -sf http://localhost:8123/; do sleep 0.05; done; curl -s -o /dev/null -w '%{http_code}' http://localhost:8123/none | grep 404; curl -s http://localhost:8123/health | grep true",
    ),
    kill("bg2"),
  ),
  task(
    {
      name: "work with a watcher that rebuilds in the background",
      needs: ["node"],
      make: `mkdir -p src dist; echo dist >>.gitignore
cat >watch.mjs <<'X'
import { readFileSync, watch, writeFileSync } from "node:fs";
const build = () => { writeFileSync("dist/page.html", "<h1>" + readFileSync("src/title.txt", "utf8").trim() + "</h1>"); console.log("built"); };
build();
watch("src", build);
X
echo Shopp >src/title.txt`,
      issue: "There is a typo in the title of the shop.",
      check: 'grep -qx "Shop" src/title.txt',
    },
    { tool: "run", input: { command: "mkdir -p dist && node watch.mjs", background: true }, fails: false },
    run("until grep -q Shopp dist/page.html; do sleep 0.05; done"),
    edit("src/title.txt", "Shopp", "Shop"),
    run("until grep -qx '<h1>Shop</h1>' dist/page.html; do sleep 0.05; done; cat dist/page.html"),
    output("bg1"),
    kill("bg1"),
  ),
  task(
    {
      name: "measure a slow function and make it fast",
      needs: ["node"],
      make: `cat >unique.mjs <<'X'
/** Keeps the first of each equal pair of items. */
export function unique(items, isEqual = (a, b) => a.id === b.id) {
  return items.filter((item, at) => items.findIndex((other) => isEqual(other, item)) === at);
}
X
cat >bench.mjs <<'X'
import { unique } from "./unique.mjs";
let reads = 0;
const item = (id) => ({ get id() { reads += 1; return id; } });
const items = Array.from({ length: 3000 }, (_, n) => item(n % 1500));
if (unique(items).length !== 1500) throw new Error("wrong");
console.log(reads + " reads of an id");
process.exitCode = reads > 10_000 ? 1 : 0;
X`,
      issue:
        "With a few thousand orders the page takes seconds. bench.mjs counts, and 10,000 reads ought to be enough.",
      check: "node bench.mjs",
    },
    failing("node bench.mjs"),
    read("unique.mjs"),
    write(
      "unique.mjs",
      "/** Keeps the first of the items with one id. */\nexport function unique(items) {\n  const seen = new Map();\n  for (const item of items) {\n    const { id } = item;\n    if (!seen.has(id)) seen.set(id, item);\n  }\n  return [...seen.values()];\n}\n",
    ),
    run("node bench.mjs"),
  ),
  task(
    {
      name: "bump a version, with its changelog",
      needs: ["node"],
      make: String.raw`printf '{\n  "name": "shop",\n  "version": "1.4.2",\n  "type": "module"\n}\n' >package.json
printf '# Changes\n\n## Unreleased\n\n- Orders can be sorted\n\n## 1.4.2\n\n- Smaller\n' >CHANGELOG.md; echo 'export const VERSION = "1.4.2";' >version.js; mkdir docs; echo 'Version 1.4.2 of the shop.' >docs/index.md`,
      issue: "When is 1.5.0 released? Sorting is ready.",
      check: `[ "$(node -p 'require("./package.json").version')" = 1.5.0 ] && grep -qx '## 1.5.0' CHANGELOG.md && grep -q 1.5.0 version.js docs/index.md && [ "$(git log -1 --format=%s)" = 'Release 1.5.0' ] && [ -z "$(git status --short)" ] && ! grep -q Unreleased CHANGELOG.md`,
    },
    search("1\\.4\\.2"),
    run(
      "sed -i 's/1\\.4\\.2/1.5.0/' package.json version.js docs/index.md && sed -i 's/^## Unreleased/## 1.5.0/' CHANGELOG.md",
    ),
    run("git diff --stat && git commit -qam 'Release 1.5.0' && git log -1 --stat"),
  ),
];
