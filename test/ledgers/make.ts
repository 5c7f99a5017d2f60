// Records a session for the tests of later versions: `node_modules/.bin/node test/ledgers/make.ts FOLDER`.
//
// FOLDER gets the log with its texts and their key, and the key that checks it. Each schema has one, made by the program that wrote it first; the secrets
// in it are canaries. It plays in a folder of a fixed name, so that no path of the machine is in it.
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join, resolve } from "node:path";
import { readPackage } from "../../src/agent/config.ts";
import { settle } from "../../src/agent/settle.ts";
import { takeTurn } from "../../src/agent/turn.ts";
import { prepareWorkplace } from "../../src/agent/workplace.ts";
import { isHeld } from "../../src/core/classify.ts";
import { verifierOf } from "../../src/ledger/head.ts";
import { Seal } from "../../src/ledger/seal.ts";
import { landApproved, landOffer, listTurn, showHeld } from "../../src/ui/live.ts";
import { openSession } from "../../src/ui/run.ts";

const ROOT = "/tmp/ringfence-recorded";
const PORT = 18_437;
const TURN_MS_MAX = 60_000;
const CANARY = "canary-0a1b2c3d4e5f60718293a4b5";
const LONG = "a line of a file that no decision's record holds whole\n".repeat(60);
const TURNS = [
  [
    ["fetch", { url: `http://127.0.0.1:${PORT}/unwanted` }],
    ["fetch", { url: `http://127.0.0.1:${PORT}/rates` }],
    ["read", { path: "shop.js" }],
    ["run", { command: "cat shop.js .env; wc -l shop.js" }],
    ["run", { command: "make all" }],
    ["edit", { path: "shop.js", old_string: "2", new_string: "3" }],
    ["write", { path: "notes/long.txt", content: LONG }],
    ["bogus", {}],
    ["read", { file: "shop.js" }],
    ["fetch", { url: `http://127.0.0.1:${PORT}/again` }],
    ["run", { command: `curl -s -d @shop.js http://127.0.0.1:${PORT}/` }],
  ],
  [
    ["run", { command: "touch made; ls" }],
    ["write", { path: "package.json", content: '{"name": "shop", "scripts": {"test": "node shop.js"}}\n' }],
    ["run", { command: "git add shop.js && git commit -qm three" }],
    ["search", { pattern: "price", path: "" }],
  ],
] as const;

const environment = {
  PATH: "/usr/bin:/bin:/usr/sbin:/sbin",
  HOME: join(ROOT, "home"),
  LANG: "C.UTF-8",
  XDG_CACHE_HOME: join(ROOT, "cache"),
};
const checkout = join(ROOT, "shop");

function makePlace(): void {
  rmSync(ROOT, { recursive: true, force: true });
  for (const folder of [checkout, environment.HOME]) mkdirSync(folder, { recursive: true });
  writeFileSync(join(checkout, "shop.js"), "const price = 2;\nconsole.log(price);\n");
  writeFileSync(join(checkout, ".env"), `SHOP_TOKEN=${CANARY}\n`);
  writeFileSync(join(checkout, ".gitignore"), ".env\n");
  const git = "git -c user.name=Ada -c user.email=ada@example.test";
  const commit = `git init -q -b main && git add -A && ${git} commit -qm start`;
  execFileSync("/bin/sh", ["-c", commit], { cwd: checkout, env: environment });
  const config = join(environment.HOME, ".config/ringfence");
  mkdirSync(config, { recursive: true });
  writeFileSync(join(config, "policy.yaml"), POLICY, { mode: 0o600 });
  writeFileSync(
    join(ROOT, "script.json"),
    JSON.stringify({
      turns: TURNS.flatMap((calls) => [
        ...calls.map(([tool, input]) => ({ calls: [{ tool, input }] })),
        { text: "Done." },
      ]),
    }),
  );
}

const POLICY = 'rules:\n  - ask: {run: [make]}\n  - deny: {write: "secret/**"}\n';

/** Plays the session with a person who says no to one address and yes to everything else, and lands what it made. */
async function record(folder: string): Promise<void> {
  const ours = readPackage(new URL("../../src/lib.ts", import.meta.url).href);
  const workplace = await prepareWorkplace({ environment, folder: checkout, ...ours });
  const ask = async (question: object) =>
    (JSON.stringify(question).includes("/unwanted") ? "no" : "yes") as "no" | "yes";
  const limits = { turnsMax: null, ceilings: {} };
  const model = `scripted:${join(ROOT, "script.json")}`;
  const session = await openSession(workplace, { model, limits, branch: null, ask }, () => {});
  try {
    for (const [index] of TURNS.entries()) {
      await takeTurn(session, index === 0 ? "Make it three." : "Go on.", AbortSignal.timeout(TURN_MS_MAX));
      let offer: string | null = null;
      const leftover = await settle(session, "patch", async (_changed, collected, found) => {
        ({ offer } = await listTurn(collected, found, null, process));
      });
      if (offer !== null) await landOffer(session, offer, process);
      const held = leftover.held.filter(({ class: cls }) => isHeld(cls)).map(({ path }) => path);
      if (held.length > 0)
        await landApproved(session, await showHeld(session, held, workplace.checkout, process), process);
    }
    session.finish({ reason: "done", message: "Done." });
  } finally {
    await session.close();
  }
  const program = join(ours.packageRoot, "bin/ringfence.js");
  execFileSync(process.execPath, [program, "undo"], { cwd: checkout, env: environment });
  const { path } = workplace.folder;
  const { publicKey } = Seal.of(path);
  if (publicKey === null) throw new Error("nothing was signed");
  mkdirSync(folder, { recursive: true });
  for (const name of ["ledger.log", "ledger.log.content"]) copyFileSync(join(path, name), join(folder, name));
  // By its own name it would be a secret file, which no session's commit may hold.
  copyFileSync(join(path, "ledger.log.key"), join(folder, "opens-texts"));
  writeFileSync(join(folder, "key"), `${verifierOf(publicKey)}\n`);
}

const [folder] = process.argv.slice(2);
if (folder === undefined) throw new Error("name the folder that gets the log");
const server = createServer((_request, answer) => answer.end('{"EUR": 1}\n')).listen(PORT, "127.0.0.1");
makePlace();
await record(resolve(folder));
server.close();
rmSync(ROOT, { recursive: true });
