import assert from "node:assert/strict";
import { execFile, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type TestContext, test } from "node:test";
import { promisify } from "node:util";
import { packagesOf } from "../../src/box/packages.ts";
import type { NetRequest } from "../../src/core/net-rules.ts";
import type { PackageVerdict } from "../../src/core/registries.ts";
import { get, record } from "./recorder.ts";

/** Makes a wheel that pip takes: metadata and nothing else. */
const WHEEL = `import sys, zipfile
name, version, folder = sys.argv[1:]
info = f"{name}-{version}.dist-info"
with zipfile.ZipFile(f"{folder}/{name}-{version}-py3-none-any.whl", "w") as wheel:
    wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\\nName: {name}\\nVersion: {version}\\n")
    wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
    wheel.writestr(f"{info}/RECORD", "")`;

/** Serves a folder with Python's own server, and says at which port. */
async function serve(t: TestContext, folder: string): Promise<number> {
  const args = ["-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory", folder];
  const child = spawn("python3", args, { stdio: ["ignore", "pipe", "ignore"] });
  t.after(() => child.kill("SIGKILL"));
  const [line] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
  const port = Number(line.match(/port (\d+)/)?.[1]);
  assert.ok(port > 0, line);
  return port;
}

test("pip installs what requirements.txt pins, with its files on another server, and nothing else is locked", async (t) => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "ringfence-python-")));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const [home, checkout, state, index, files] = ["home", "checkout", "state", "index", "files"].map((name) => {
    mkdirSync(join(folder, name));
    return join(folder, name);
  }) as [string, string, string, string, string];
  for (const [name, version] of [
    ["one_pack", "1.0.0"],
    ["one_pack", "1.1.0"],
    ["two", "2.0"],
  ] as const)
    execFileSync("python3", ["-c", WHEEL, name, version, files]);
  const filesAt = await record(await serve(t, files));
  const indexAt = await record(await serve(t, index));
  t.after(() => filesAt.close());
  t.after(() => indexAt.close());
  const link = (file: string) => `<a href="${filesAt.url}${file}#x=1">${file}</a>\n`;
  const page = (name: string, links: string) => {
    mkdirSync(join(index, "simple", name), { recursive: true });
    writeFileSync(join(index, "simple", name, "index.html"), `<!doctype html><html><body>${links}</body></html>`);
  };
  page("one-pack", link("one_pack-1.0.0-py3-none-any.whl") + link("one_pack-1.1.0-py3-none-any.whl"));
  page("two", link("two-2.0-py3-none-any.whl"));
  writeFileSync(join(checkout, "requirements.txt"), "One.Pack==1.0\n");
  mkdirSync(join(home, ".config/pip"), { recursive: true });
  writeFileSync(join(home, ".config/pip/pip.conf"), `[global]\nindex-url = ${indexAt.url}simple\n`);

  const environment = { PATH: process.env.PATH ?? "" };
  const packages = packagesOf({ state, identity: { home }, environment, checkout, get });
  const judged = async (requests: readonly NetRequest[]) => {
    const verdicts = new Set<string>();
    for (const request of requests) {
      const verdict: PackageVerdict | null = await packages.judge(request);
      verdicts.add(verdict === null ? `none ${request.path}` : `${verdict.kind} ${verdict.name} ${verdict.version}`);
    }
    return [...verdicts].sort();
  };
  const download = (...what: string[]) =>
    promisify(execFile)(
      "pip3",
      ["download", "-q", "--no-deps", "--no-cache-dir", "-d", mkdtempSync(join(folder, "got-")), ...what],
      {
        cwd: checkout,
        env: { ...environment, HOME: home, PIP_DISABLE_PIP_VERSION_CHECK: "1" },
        timeout: 60_000,
      },
    );

  await download("-r", "requirements.txt");
  assert.deepEqual(await judged([...indexAt.take(), ...filesAt.take()]), ["locked one-pack 1", "locked one-pack null"]);
  await download("two", "One.Pack==1.1.0");
  assert.deepEqual(await judged(indexAt.take().filter(({ path }) => path.startsWith("/simple/"))), [
    "locked one-pack null",
    "other two null",
  ]);
  assert.deepEqual(await judged(filesAt.take()), [
    "none /one_pack-1.1.0-py3-none-any.whl",
    "none /two-2.0-py3-none-any.whl",
  ]);
  const invented = { protocol: "http", host: "127.0.0.1", port: filesAt.port, method: "GET", hasBody: false } as const;
  assert.deepEqual(await judged([{ ...invented, path: "/secret/one_pack-1.0.0-py3-none-any.whl" }]), [
    "none /secret/one_pack-1.0.0-py3-none-any.whl",
  ]);

  writeFileSync(join(checkout, "requirements.txt"), "One.Pack==1.0\ntwo==2.0\n");
  await download("two");
  assert.deepEqual(await judged([...indexAt.take(), ...filesAt.take()]), ["locked two 2", "locked two null"]);
  const why = await packages.why({ ...invented, port: indexAt.port, path: "/simple/one-pac/" });
  assert.match(
    why ?? "",
    /^one-pac is in no lockfile .* looks much like "one-pack".* requirements\.txt and land the lockfile/,
  );
  assert.deepEqual(packages.notes(), []);
});
