import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fixFor, type Surroundings } from "../../src/box/refusal.ts";
import { EXIT_CODES } from "../../src/core/event.ts";
import { codes, fences, ROOT, readDocument, table } from "./document.ts";
import { makeThrowaway, type Throwaway } from "./throwaway.ts";

const README = readDocument("README.md");
const COMMANDS = fences(README, "sh")
  .flatMap((block) => block.split("\n"))
  .filter((line) => /^ringfence\b/.test(line))
  .map(wordsOf);

test("the first screen leads from the demo to a run and to the library", () => {
  const screen = README.split("\n").slice(0, 60).join("\n");
  for (const piece of [
    "npm start",
    'ringfence run "',
    "ringfence diff",
    "ringfence land",
    'import { exec } from "ringfence"',
  ])
    assert.ok(screen.includes(piece), `${piece} is not in the first 60 lines`);
});

test("the library example runs, and deletes nothing but in the layer", (t) => {
  const place = useThrowaway({ "src/a.js": "1;\n" }, t);
  const [example = ""] = fences(README, "js");
  assert.equal(example.trim().split("\n").length, 5);
  writeFileSync(join(place.checkout, "try.mjs"), example);
  const done = place.node("try.mjs");
  assert.equal(done.stderr, "");
  assert.match(done.stdout, /^0 node_modules\nsrc\ntry\.mjs\n\ntrue \d{8}-\d{6}-[0-9a-f]{8}\n$/);
  assert.equal(readFileSync(join(place.checkout, "src/a.js"), "utf8"), "1;\n");
});

test("the example of inspection runs and says what its comment says", (t) => {
  const place = useThrowaway({ "src/a.js": "1;\n" }, t);
  const [, example = ""] = fences(README, "js");
  assert.equal(example.trim().split("\n").length, 3);
  writeFileSync(join(place.checkout, "try.mjs"), example);
  assert.deepEqual(place.node("try.mjs"), { status: 0, stdout: "carries 1\n", stderr: "" });
});

test("the first commands run as shown: run, diff, land", (t) => {
  const place = useThrowaway({ "README.md": "x\n" }, t);
  const script = join(place.root, "play.json");
  const calls = [{ tool: "write", input: { path: "src/fix.js", content: "export {};\n" } }];
  writeFileSync(script, JSON.stringify({ turns: [{ calls }, { text: "Fixed." }] }));
  const first = COMMANDS.slice(0, 3);
  assert.deepEqual(
    first.map(([, command]) => command),
    ["run", "diff", "land"],
  );
  const statuses = first.map(([, ...words]) => {
    const at = words.indexOf("--model");
    const played = at < 0 ? words : words.with(at + 1, `scripted:${script}`);
    return place.ringfence(...played).status;
  });
  assert.deepEqual(statuses, [0, 0, 0]);
  assert.equal(readFileSync(join(place.checkout, "src/fix.js"), "utf8"), "export {};\n");
});

test("every command and option of the README is in --help", (t) => {
  const help = useThrowaway({ a: "" }, t).ringfence("--help").stdout;
  const described = table(README, "command", "what it does").flatMap((row) => codes(row.join(" ")));
  const named = [...COMMANDS, ...described.filter((code) => code.startsWith("ringfence")).map(wordsOf)];
  assert.ok(named.length > 15);
  assert.equal(useThrowaway({ a: "" }, t).ringfence("help").stdout, help);
  for (const [, ...words] of named) {
    const own = words.includes("--") ? words.slice(0, words.indexOf("--")) : words;
    const command = own.find((word) => !word.startsWith("-"));
    assert.ok(command === undefined || help.includes(`ringfence ${command} `), `${command} is not in --help`);
  }
  const options = new Set(README.match(/(?<![\w-])--(?:[a-z]+-)*[a-z]+(?![\w=-])/g));
  for (const option of ["--security-opt", "--set-version", "--update"]) options.delete(option);
  for (const option of options) assert.ok(help.includes(option), `${option} is not in --help`);
});

test("the table of exit codes is the program's", () => {
  const rows = table(README, "code", "reason");
  const stated = rows.flatMap(([code, reason = ""]) => codes(reason).map((name) => [name, Number(code)]));
  assert.deepEqual(Object.fromEntries(stated), EXIT_CODES);
});

test("a wrong option exits 2, and a missing model 40 with five lines, as the table says", (t) => {
  const place = useThrowaway({ a: "" }, t);
  assert.equal(place.ringfence("run", "x", "--output-format", "xml").status, 2);
  const welcome = place.ringfence();
  assert.equal(welcome.status, 40);
  assert.equal(welcome.stderr.trimEnd().split("\n").length, 5);
});

test("each fix of the table is what the program prints on such a machine", () => {
  const plain: Surroundings = {
    restrictsByAppArmor: false,
    isUsernsOff: false,
    usernsMax: 1000,
    isContainer: false,
    ci: null,
    isDevcontainer: false,
    isWsl: null,
    bubblewrap: null,
  };
  const printed: Readonly<Record<string, string>> = {
    "Ubuntu 23.10 and later": fixFor("", { ...plain, restrictsByAppArmor: true }),
    Docker: fixFor("", { ...plain, isContainer: true }),
    "devcontainer, Codespaces": fixFor("", { ...plain, isContainer: true, isDevcontainer: true }),
    "GitHub runner": fixFor("", { ...plain, restrictsByAppArmor: true, ci: "github" }),
    "GitLab runner": fixFor("", { ...plain, isContainer: true, ci: "gitlab" }),
    WSL1: fixFor("", { ...plain, isWsl: 1 }),
    WSL2: fixFor("", { ...plain, isWsl: 2 }),
    "user namespaces off": fixFor("", { ...plain, isUsernsOff: true }),
    "overlay refused": fixFor("overlay", plain),
    "bubblewrap older than 0.8": fixFor("bwrap: Unknown option", plain),
  };
  const rows = table(README, "where", "what refuses");
  assert.deepEqual(
    rows.map(([where]) => where),
    Object.keys(printed),
  );
  for (const [where = "", , fix = ""] of rows)
    for (const code of codes(fix)) assert.ok(printed[where]?.includes(code), `${where}: ${code}`);
  const profile =
    fences(README, "sh")
      .find((block) => block.startsWith("printf"))
      ?.trim() ?? "no profile";
  assert.ok(printed["Ubuntu 23.10 and later"]?.includes(profile));
});

test("every npm command of the documents is a script of the package", () => {
  const { scripts } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { scripts: object };
  const texts = ["README.md", "CONTRIBUTING.md", "AGENTS.md", "SECURITY.md", "docs/INSPECTION.md"]
    .map(readDocument)
    .join("\n");
  const used = [
    ...texts.matchAll(/\bnpm (?:run )?(start|test:full|test|check|mutants|bench:inspect|bench|build)\b/g),
  ].map(([, name = ""]) => name);
  assert.deepEqual([...new Set(used)].sort(), Object.keys(scripts).sort());
  assert.ok(existsSync(join(ROOT, "bin/ringfence.js")));
});

function wordsOf(line: string): string[] {
  return [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain = ""]) => quoted ?? plain);
}

function useThrowaway(files: Readonly<Record<string, string>>, t: { after(done: () => void): void }): Throwaway {
  const place = makeThrowaway(files);
  t.after(() => place.remove());
  return place;
}
