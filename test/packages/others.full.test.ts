import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chownSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { promisify } from "node:util";
import { makePlace, ordinary, type Place, play, run, self, sh, type User, who } from "../headless/program.ts";

const SHELL_MS_MAX = 60_000;
const GRADLE_MS_MAX = 240_000;
/** Asked with the proxy, though the registry is on the loopback, where a box's own servers are reached without. */
const BEFORE = "export no_proxy= NO_PROXY= COMPOSER_ALLOW_SUPERUSER=1;";

interface Registry {
  readonly url: string;
  readonly files: Map<string, Buffer>;
  /** What was asked since the last call. */
  take(): string[];
}

/** Serves files as a registry's mirror does, each with its digest as its tag. */
async function serve(t: TestContext): Promise<Registry> {
  const files = new Map<string, Buffer>();
  const seen: string[] = [];
  const server = createServer((request, answer) => {
    const path = request.url ?? "";
    seen.push(path);
    const file = files.get(path);
    if (file === undefined) return void answer.writeHead(404).end();
    answer.setHeader("ETag", `"${createHash("md5").update(file).digest("hex")}"`);
    answer.end(file);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, files, take: () => seen.splice(0) };
}

/** The person at work. The registry is served meanwhile, so this waits without holding everything up. */
async function shell(place: Place, program: string): Promise<void> {
  const how = { ...who(place.user), cwd: place.checkout, env: place.env, timeout: SHELL_MS_MAX };
  await promisify(execFile)("/bin/bash", ["--norc", "-euc", program], how);
}

function write(place: Place, path: string, text: string): void {
  const folder = join(path, "..");
  mkdirSync(folder, { recursive: true });
  writeFileSync(path, text);
  for (const each of [path, folder]) chownSync(each, place.user.uid, place.user.gid);
}

/** Makes gems with gem itself, and the index of them as bundler reads it. */
function serveGems(place: Place, { files }: Registry, names: readonly string[]): void {
  const versions = names.map((name) => {
    const spec = `Gem::Specification.new { |s| s.name = "${name}"; s.version = "1.0.0"; s.summary = "x"; s.authors = ["Ada"]; s.files = ["lib/${name}.rb"] }`;
    sh(
      place,
      `mkdir -p ../gem/lib; cd ../gem; echo 'puts "${name} is here"' >lib/${name}.rb; echo '${spec}' >x.gemspec; gem build -q x.gemspec 2>/dev/null`,
    );
    const gem = readFileSync(join(place.root, "gem", `${name}-1.0.0.gem`));
    const info = Buffer.from(`---\n1.0.0 |checksum:${createHash("sha256").update(gem).digest("hex")}\n`);
    files.set(`/gems/${name}-1.0.0.gem`, gem).set(`/info/${name}`, info);
    // Bundler reads the specification anew, as it lies in the index of all versions.
    const marshal = `spec = Gem::Package.new(ARGV[0]).spec; print Zlib::Deflate.deflate(Marshal.dump(spec))`;
    const quick = execFileSync("ruby", [
      "-rrubygems/package",
      "-rzlib",
      "-e",
      marshal,
      join(place.root, "gem", `${name}-1.0.0.gem`),
    ]);
    files.set(`/quick/Marshal.4.8/${name}-1.0.0.gemspec.rz`, quick);
    return `${name} 1.0.0 ${createHash("md5").update(info).digest("hex")}\n`;
  });
  files.set("/versions", Buffer.from(`created_at: 2024-01-01T00:00:00+00:00\n---\n${versions.join("")}`));
}

const users: readonly (readonly [string, User])[] = [
  ["whoever runs the tests", self()],
  ["an ordinary user", ordinary()],
];

for (const [name, user] of users) {
  test(`bundler installs in a box what Gemfile.lock names, and nothing else reaches its registry, as ${name}`, async (t) => {
    const registry = await serve(t);
    const place = makePlace(t, "", { user });
    serveGems(place, registry, ["fence_one", "fence_new"]);
    write(place, join(place.home, ".gemrc"), `:sources:\n- ${registry.url}/\n`);
    write(place, join(place.checkout, "Gemfile"), `source "${registry.url}/"\ngem "fence_one"\n`);
    await shell(place, "bundle lock; git add -A; git commit -qm lock");
    assert.match(readFileSync(join(place.checkout, "Gemfile.lock"), "utf8"), /fence_one \(1\.0\.0\)/);
    registry.take();
    const played = await play(place, [
      run(
        `${BEFORE} bundle config set --local path vendor/bundle; bundle install --retry 0 && bundle exec ruby -e 'require "fence_one"'`,
      ),
      run(`${BEFORE} echo 'gem "fence_new"' >>Gemfile; bundle install --retry 0`),
      { text: "done" },
    ]);
    const [locked, fresh] = played.results;
    assert.match(locked?.text ?? "", /fence_one is here/);
    assert.equal(fresh?.ok, false, fresh?.text);
    assert.match(fresh?.text ?? "", /GET \S*\/info\/fence_new: .*fence_new is in no lockfile of this checkout/s);
    const paths = registry.take();
    assert.ok(paths.includes("/gems/fence_one-1.0.0.gem"), paths.join(", "));
    assert.deepEqual(
      paths.filter((path) => path.includes("fence_new")),
      [],
    );
  });

  test(`composer installs in a box what composer.lock names, and nothing else reaches its registry, as ${name}`, async (t) => {
    const registry = await serve(t);
    const place = makePlace(t, "", { user });
    serveComposer(place, registry, ["fence/one", "fence/new"]);
    const own = {
      repositories: { "packagist.org": { type: "composer", url: registry.url } },
      config: { "secure-http": false },
    };
    write(place, join(place.home, ".config/composer/config.json"), JSON.stringify(own));
    const manifest = {
      name: "own/project",
      repositories: [{ type: "composer", url: registry.url }, { "packagist.org": false }],
      config: { "secure-http": false },
      require: { "fence/one": "1.0.0" },
    };
    write(place, join(place.checkout, "composer.json"), JSON.stringify(manifest));
    const quiet = "COMPOSER_ALLOW_SUPERUSER=1 composer --no-interaction --no-plugins";
    await shell(place, `${quiet} update --no-install; git add -A; git commit -qm lock`);
    assert.match(readFileSync(join(place.checkout, "composer.lock"), "utf8"), /fence\/one/);
    registry.take();
    const composer = `${BEFORE} composer --no-interaction --no-plugins`;
    const played = await play(place, [
      run(`${composer} install && cat vendor/fence/one/one.php`),
      run(`${composer} require fence/new:1.0.0`),
      { text: "done" },
    ]);
    const [locked, fresh] = played.results;
    assert.match(locked?.text ?? "", /fence\/one is here/);
    assert.equal(fresh?.ok, false, fresh?.text);
    assert.match(fresh?.text ?? "", /GET \S*\/p2\/fence\/new\.json: .*fence\/new is in no lockfile of this checkout/s);
    const paths = registry.take();
    assert.ok(
      paths.some((path) => path.startsWith("/dist/fence-one")),
      paths.join(", "),
    );
    assert.deepEqual(
      paths.filter((path) => /fence.new/.test(path)),
      [],
    );
  });
}

// Debian's gradle writes no lockfile of this name yet, and reads none: it stands there as a later one writes it.
test("gradle fetches in a box what gradle.lockfile names, and nothing else reaches its registry", async (t) => {
  const registry = await serve(t);
  const place = makePlace(t, "", { user: ordinary() });
  for (const name of ["one", "new"]) {
    const pom = `<project><modelVersion>4.0.0</modelVersion><groupId>org.fence</groupId><artifactId>${name}</artifactId><version>1.0</version></project>`;
    const at = `/org/fence/${name}/1.0/${name}-1.0`;
    registry.files.set(`${at}.pom`, Buffer.from(pom)).set(`${at}.jar`, Buffer.from(`${name} is here`));
  }
  const mirror = `<mirror><id>m</id><mirrorOf>*</mirrorOf><url>${registry.url}/</url></mirror>`;
  write(place, join(place.home, ".m2/settings.xml"), `<settings><mirrors>${mirror}</mirrors></settings>`);
  const build = (name: string) =>
    `apply plugin: "java"\nrepositories { maven { url "${registry.url}/" } }\ndependencies { compile "org.fence:${name}:1.0" }\ntask fetch(type: Copy) { from configurations.compile; into "got" }\n`;
  write(place, join(place.checkout, "build.gradle"), build("one"));
  write(place, join(place.checkout, "gradle.lockfile"), "org.fence:one:1.0=compile\n");
  write(place, join(place.checkout, "new/build.gradle"), build("new"));
  // Java leaves the loopback out by itself, which is where the registry is here.
  const gradle = 'export GRADLE_OPTS="$GRADLE_OPTS -Dhttp.nonProxyHosts="; gradle --no-daemon fetch';
  const ask = (command: string) => run(command, { timeout_ms: GRADLE_MS_MAX });
  const turns = [ask(`${gradle} && cat got/*`), ask(`cd new; ${gradle}`), { text: "done" }];
  const played = await play(place, turns, [], { msMax: 3 * GRADLE_MS_MAX });
  const [locked, fresh] = played.results;
  assert.match(locked?.text ?? "", /one is here/);
  assert.equal(fresh?.ok, false, fresh?.text);
  assert.match(fresh?.text ?? "", /new-1\.0\.pom'. Received status code 403/);
  const paths = registry.take();
  assert.ok(paths.includes("/org/fence/one/1.0/one-1.0.jar"), paths.join(", "));
  assert.deepEqual(
    paths.filter((path) => path.includes("/new/")),
    [],
  );
});

/** Makes packages as a registry of composer's serves them, each with an archive of its own. */
function serveComposer(place: Place, { files, url }: Registry, names: readonly string[]): void {
  for (const name of names) {
    const [, short = ""] = name.split("/");
    const file = `${name.replace("/", "-")}-1.0.0.zip`;
    const make = `import zipfile, sys\nz = zipfile.ZipFile(sys.argv[1], "w")\nz.writestr("p/composer.json", '{"name":"${name}"}')\nz.writestr("p/${short}.php", "${name} is here")\nz.close()`;
    execFileSync("python3", ["-c", make, join(place.root, file)]);
    const archive = readFileSync(join(place.root, file));
    const shasum = createHash("sha1").update(archive).digest("hex");
    const dist = { type: "zip", url: `${url}/dist/${file}`, reference: "1", shasum };
    const version = { name, version: "1.0.0", version_normalized: "1.0.0.0", dist };
    files.set(`/dist/${file}`, archive);
    files.set(`/p2/${name}.json`, Buffer.from(JSON.stringify({ packages: { [name]: [version] } })));
    files.set(`/p2/${name}~dev.json`, Buffer.from(JSON.stringify({ packages: { [name]: [] } })));
  }
  files.set("/packages.json", Buffer.from(JSON.stringify({ "metadata-url": "/p2/%package%.json", packages: [] })));
}
