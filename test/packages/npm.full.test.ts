import assert from "node:assert/strict";
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { chownSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { packagesOf } from "../../src/box/packages.ts";
import type { NetRequest } from "../../src/core/net-rules.ts";
import { makePlace, ordinary, play, run, self } from "../headless/program.ts";
import { get, type Recorder, record } from "./recorder.ts";

const CALL_MS_MAX = 300_000;
/** The registry and the clients, fetched as the person's npm is configured. The override stands for a tag that mirrors may not have. */
const TOOLS = {
  private: true,
  dependencies: { verdaccio: "6.10.4", pnpm: "10.34.9", yarn: "1.22.22", "@yarnpkg/cli-dist": "4.18.1" },
  overrides: { "node-fetch": "2.7.0" },
};

const folder = realpathSync(mkdtempSync(join(tmpdir(), "ringfence-npm-")));
const home = join(folder, "home");
const tools = join(folder, "tools");
const node = process.execPath;
const children: ChildProcess[] = [];
let registry: Recorder;

const CLIENTS = {
  npm: {
    program: ["npm"],
    install: ["install", "--audit", "--no-fund", "--prefer-online"],
    locked: ["ci", "--audit", "--no-fund"],
  },
  pnpm: {
    program: [node, join(tools, "node_modules/pnpm/bin/pnpm.cjs")],
    install: ["install", "--no-frozen-lockfile"],
    locked: ["install", "--frozen-lockfile"],
  },
  yarn: {
    program: [node, join(tools, "node_modules/yarn/bin/yarn.js")],
    install: ["install", "--no-progress"],
    locked: ["install", "--no-progress", "--frozen-lockfile"],
  },
  berry: {
    program: [node, join(tools, "node_modules/@yarnpkg/cli-dist/bin/yarn.js")],
    install: ["install", "--no-immutable"],
    locked: ["install", "--immutable"],
  },
} as const;

/** Runs a program with the test's own home. */
async function call(cwd: string, program: string, args: readonly string[]): Promise<void> {
  const env = {
    PATH: process.env.PATH,
    HOME: home,
    YARN_ENABLE_TELEMETRY: "0",
    YARN_ENABLE_GLOBAL_CACHE: "0",
    // Root's would else lie in a folder of the system's.
    YARN_CACHE_FOLDER: join(home, ".cache/yarn"),
    CI: "1",
  };
  await promisify(execFile)(program, args, { cwd, env, timeout: CALL_MS_MAX, maxBuffer: 64 << 20 });
}

before(async () => {
  for (const path of [home, tools, join(folder, "state")]) mkdirSync(path);
  writeFileSync(join(tools, "package.json"), JSON.stringify(TOOLS));
  // As the person: with their home, since their npm knows where packages come from.
  const flags = ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
  await promisify(execFile)("npm", flags, { cwd: tools, timeout: CALL_MS_MAX });
  const free = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => free.once("listening", resolve));
  const address = free.address();
  assert.ok(typeof address === "object" && address !== null);
  await new Promise((resolve) => free.close(resolve));
  const settings = `storage: ${folder}/storage\npackages:\n  '**':\n    access: $all\n    publish: $all\nlog: { type: stdout, level: error }\nweb: { enable: false }\n`;
  writeFileSync(join(folder, "verdaccio.yaml"), settings);
  const verdaccio = join(tools, "node_modules/verdaccio/bin/verdaccio");
  const args = [verdaccio, "--config", join(folder, "verdaccio.yaml"), "--listen", `127.0.0.1:${address.port}`];
  const child = spawn(node, args, { stdio: "ignore", env: { PATH: process.env.PATH, HOME: home } });
  children.push(child);
  registry = await record(address.port);
  for (let left = 600; (await get(`${registry.url}-/ping`, "*/*").catch(() => null)) === null; left -= 1) {
    assert.ok(left > 0 && child.exitCode === null, "verdaccio does not answer");
    await sleep(100);
  }
  // Any token: everybody may publish here.
  const npmrc = `registry=${registry.url}\n//127.0.0.1:${registry.port}/:_authToken=x\nfetch-retries=0\n`;
  writeFileSync(join(home, ".npmrc"), npmrc);
  writeFileSync(
    join(home, ".yarnrc.yml"),
    `npmRegistryServer: "${registry.url}"\nunsafeHttpWhitelist: ["127.0.0.1"]\nnpmMinimalAgeGate: 0\n`,
  );
  await publish("@fence-test/two", "1.0.0-rc.1", {});
  await publish("fence-test-one", "1.2.3", { "@fence-test/two": "1.0.0-rc.1" });
  await publish("fence-test-one", "1.3.0", {});
  await publish("fence-test-new", "1.0.0", {});
  await publish("fence-test-onee", "1.0.0", {});
  registry.take();
});
after(() => {
  registry.close();
  for (const child of children) child.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

async function publish(name: string, version: string, dependencies: Readonly<Record<string, string>>): Promise<void> {
  const place = mkdtempSync(join(folder, "package-"));
  writeFileSync(join(place, "package.json"), JSON.stringify({ name, version, dependencies }));
  await call(place, "npm", ["publish", "--access=public", "--tag=latest"]);
}

for (const [client, { program, install, locked }] of Object.entries(CLIENTS)) {
  test(`all that ${client} asks for to install what is locked passes, and nothing of what is new`, async () => {
    const checkout = join(folder, client);
    mkdirSync(checkout);
    const manifest = { name: "user", version: "1.0.0", dependencies: { "fence-test-one": "1.2.3" } };
    writeFileSync(join(checkout, "package.json"), JSON.stringify(manifest));
    if (client === "berry") writeFileSync(join(checkout, "yarn.lock"), "");
    const [command, ...first] = program;
    await call(checkout, command, [...first, ...install]);
    const packages = packagesOf({
      state: join(folder, "state"),
      identity: { home },
      environment: { PATH: process.env.PATH },
      checkout,
      get,
    });
    const judged = async (requests: readonly NetRequest[]) => {
      const verdicts = new Map<string, string>();
      for (const request of requests) {
        const { kind, name, version } = (await packages.judge(request)) ?? {
          kind: "none",
          name: request.path,
          version: null,
        };
        verdicts.set(
          `${request.method} ${request.path}`,
          [kind, name, version].filter((part) => part !== null).join(" "),
        );
      }
      return verdicts;
    };
    const asked = [...(await judged(registry.take())).values()];
    assert.ok(
      asked.includes("locked fence-test-one 1.2.3") || asked.includes("locked @fence-test/two 1.0.0-rc.1"),
      asked.join(", "),
    );
    assert.deepEqual(
      asked.filter((verdict) => !/^(?:locked (?:fence-test-one|@fence-test\/two)\b|listing$|audit$)/.test(verdict)),
      [],
    );

    for (const path of ["node_modules", ".yarn", ".pnp.cjs"])
      rmSync(join(checkout, path), { recursive: true, force: true });
    for (const path of [".npm", ".cache", ".yarn", ".local"])
      rmSync(join(home, path), { recursive: true, force: true });
    await call(checkout, command, [...first, ...locked]);
    const again = [...(await judged(registry.take())).values()];
    assert.ok(again.includes("locked fence-test-one 1.2.3"), again.join(", "));
    assert.ok(again.includes("locked @fence-test/two 1.0.0-rc.1"), again.join(", "));
    assert.deepEqual(
      again.filter((verdict) => !/^(?:locked|listing|audit)\b/.test(verdict)),
      [],
    );

    const other = join(folder, `${client}-other`);
    mkdirSync(other);
    const wish = { dependencies: { "fence-test-new": "1.0.0", "fence-test-one": "1.3.0" } };
    writeFileSync(join(other, "package.json"), JSON.stringify({ name: "other", version: "1.0.0", ...wish }));
    if (client === "berry") writeFileSync(join(other, "yarn.lock"), "");
    await call(other, command, [...first, ...install]);
    const refused = [...(await judged(registry.take())).values()];
    for (const wanted of ["other fence-test-new", "other fence-test-new 1.0.0", "other fence-test-one 1.3.0"])
      assert.ok(refused.includes(wanted), `${wanted}: ${refused.join(", ")}`);
  });
}

test("publishing and asking who one is are more than reading what is locked", async () => {
  const packages = packagesOf({
    state: join(folder, "state"),
    identity: { home },
    environment: { PATH: process.env.PATH },
    checkout: join(folder, "npm"),
    get,
  });
  registry.take();
  await publish("fence-test-one", "2.0.0", {});
  await call(folder, "npm", ["search", "fence-test-one"]).catch(() => {});
  await call(folder, "npm", ["whoami"]).catch(() => {});
  const requests = registry.take();
  const verdicts = await Promise.all(requests.map(async (one) => `${one.method} ${(await packages.judge(one))?.kind}`));
  assert.ok(verdicts.includes("PUT other"), verdicts.join(", "));
  for (const verdict of verdicts.filter((one) => !one.startsWith("GET locked"))) assert.match(verdict, / other$/);
  assert.ok(requests.some(({ path }) => path.startsWith("/-/v1/search?")));
});

// Asked with the proxy, though the registry is on the loopback, where a box's own servers are reached without.
const NPM = "export no_proxy= NO_PROXY=; npm --no-audit --no-fund --fetch-retries=0 --ignore-scripts";
const LOCKED =
  /^GET \/(?:fence-test-one|@fence-test\/two)(?:$|\/-\/(?:fence-test-one-1\.2\.3|two-1\.0\.0-rc\.1)\.tgz$)/;
const TOKEN = "npm_Zk3vQ8sYt2LmB7xWc5RjH1dNf9GpKe4TuA6V";

for (const [who, user] of [
  ["whoever runs the tests", self()],
  ["an ordinary user", ordinary()],
] as const) {
  test(`in a box, what is locked is installed from the registry and nothing else reaches it, as ${who}`, async (t) => {
    const place = makePlace(t, "", { user });
    const write = (path: string, text: string) => {
      writeFileSync(path, text, { mode: 0o600 });
      chownSync(path, user.uid, user.gid);
    };
    for (const name of ["package.json", "package-lock.json"])
      write(join(place.checkout, name), readFileSync(join(folder, "npm", name), "utf8"));
    const own = `registry=${registry.url}\n//127.0.0.1:${registry.port}/:_authToken=${TOKEN}\n`;
    write(join(place.home, ".npmrc"), own);
    registry.take();
    const played = await play(place, [
      run(`${NPM} ci && cat node_modules/fence-test-one/package.json`),
      run(`${NPM} install fence-test-one@1.3.0`),
      run(`${NPM} install fence-test-onee@1.0.0`),
      run(`${NPM} publish --access=public`),
      { text: "done" },
    ]);
    const paths = registry.take().map(({ method, path }) => `${method} ${decodeURIComponent(path)}`);
    const [ci, newer, similar, publishing] = played.results;
    assert.match(ci?.text ?? "", /"version": ?"1\.2\.3"/);
    assert.match(newer?.text ?? "", /GET \S*\/fence-test-one-1\.3\.0\.tgz: /);
    assert.match(similar?.text ?? "", /GET \S*\/fence-test-onee: .*fence-test-one\b/);
    assert.match(publishing?.text ?? "", /PUT \S*\/user: /);
    assert.ok(paths.includes("GET /fence-test-one/-/fence-test-one-1.2.3.tgz"), paths.join(", "));
    assert.deepEqual(
      paths.filter((path) => !LOCKED.test(path)),
      [],
    );
  });
}
