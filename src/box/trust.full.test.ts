import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { after, test } from "node:test";
import { openBox } from "./open.fixture.ts";
import { makeServer, SERVER } from "./trust.fixture.ts";

const folder = mkdtempSync("/tmp/ringfence-trust-");
after(() => rmSync(folder, { recursive: true }));
const { root, key, chain } = makeServer(folder);

const ASK = `public class Ask { public static void main(String[] a) throws Exception {
  System.out.print(new String(java.net.URI.create("https://localhost:8443/").toURL().openStream().readAllBytes()));
} }`;

test("every Java of the system trusts the session's authority in silence, and one of another place with its own store too", async (t) => {
  const { box, run, text } = await openBox(t, `cat >server.py <<'E'\n${SERVER}\nE\ncat >Ask.java <<'E'\n${ASK}\nE`);
  await text(`cat >server.pem <<'E'\n${key}${chain}\nE`);
  const tried = (command: string) =>
    run(
      `python3 server.py server.pem 8443 & until echo >/dev/tcp/127.0.0.1/8443; do sleep 0.05; done 2>/dev/null
${command} 2>&1 | grep -v '^Note: '; status=$\{PIPESTATUS[0]}; kill $!; exit $status`,
      { timeoutMs: 60_000 },
    );
  const homes = readdirSync("/usr/lib/jvm", { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const programs = homes.map(({ name }) => `/usr/lib/jvm/${name}/bin/java`);
  const found = (await text(`ls ${programs.join(" ")} 2>/dev/null || true`)).split("\n").filter((path) => path !== "");
  assert.ok(found.length > 0);
  for (const java of found)
    assert.match((await tried(`${java} Ask.java`)).text, /unable to find valid certification path/);
  box.trust(root);
  for (const java of found) assert.equal((await tried(`${java} Ask.java`)).text, "hello");
  // One that was unpacked somewhere has a store of its own. Sources and the like are dangling links on some systems.
  const own = `cp -rL "$(dirname "$(dirname "$(readlink -f ${found[0]})")")" /tmp/java 2>/dev/null; rm /tmp/java/lib/security/cacerts`;
  await text(`${own}; : >/tmp/java/lib/security/cacerts`);
  assert.match((await tried("/tmp/java/bin/java Ask.java")).text, /Exception/);
  assert.equal((await tried("/tmp/java/bin/java $MAVEN_OPTS Ask.java")).text, "hello");
  assert.equal((await tried("/tmp/java/bin/java $GRADLE_OPTS Ask.java")).text, "hello");
});
