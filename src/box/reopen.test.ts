import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { readFacts } from "./folder.ts";
import { makePlace, type Place, sh } from "./land.fixture.ts";
import { openBox, until } from "./open.fixture.ts";

/** A box in a process of its own that is killed as soon as it said what it did. */
async function killedBox(t: TestContext, place: Place, commands: readonly string[]) {
  const program = fileURLToPath(new URL("./killed.fixture.ts", import.meta.url));
  const child = spawn(process.execPath, [program, JSON.stringify({ place, commands })], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  t.after(() => child.kill("SIGKILL"));
  let said = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  await until("the box did all", () => said.includes("\n") || child.exitCode !== null);
  const { path, id } = JSON.parse(said) as { path: string; id: string };
  child.kill("SIGKILL");
  await until("it is gone", () => child.signalCode !== null);
  return { path, id };
}

const look = "cat a.txt b.txt new.txt sub/n 2>&1; ls; git log --oneline | cat; git status --short";

test("a box opened again after a kill shows the layer as it was, over the checkout as it is", async (t) => {
  const place = makePlace("echo a >a.txt; echo b >b.txt; echo c >c.txt; echo SECRET=1 >.env");
  const killed = await killedBox(t, place, [
    "echo changed >>a.txt; mkdir sub; echo n >sub/n; git add -A; git commit -qm in-the-box; rm b.txt",
    "checkpoint",
    "echo new >new.txt; cat .env >masked-copy; ln -s /etc ~/.ssh; ln -s /tmp ~/.aws",
  ]);
  sh(place, "echo mine >c.txt; echo other >d.txt");
  const facts = readFacts(killed.path);
  const again = await openBox(t, "", { place, again: { folder: killed, startedAt: facts.startedAt } });
  const seen = await again.text(look);
  assert.match(seen, /^a\nchanged\ncat: b.txt: No such file or directory\nnew\nn\n/);
  assert.match(seen, /in-the-box/);
  assert.equal(await again.text("cat c.txt d.txt"), "mine\nother");
  assert.equal(await again.text("ls -A ~ | grep -cE '^.(ssh|aws)$' || true"), "0");
  assert.deepEqual(readFacts(killed.path).masked, facts.masked);
  assert.equal(readFacts(killed.path).startedAt, facts.startedAt);
  const { number } = await again.box.checkpoint("turn", "goes on");
  assert.equal(number, 2);
});

test("what the person saved while no box was open is no version that the layer derives from", async (t) => {
  const place = makePlace("printf '1\\n2\\n3\\n4\\n5\\n' >a.txt; printf '1\\n' >b.txt");
  const killed = await killedBox(t, place, ["echo box >>a.txt; echo box >b.txt"]);
  // As if killed before the versions below the layer were saved.
  for (const name of ["a.txt", "b.txt"]) rmSync(join(killed.path, "bases", name), { force: true });
  sh(place, "echo person >b.txt");
  const { startedAt } = readFacts(killed.path);
  const again = await openBox(t, "", { place, again: { folder: killed, startedAt } });
  await again.run("true");
  await again.box.saveBases();
  assert.equal(existsSync(join(killed.path, "bases/b.txt")), false);
  assert.equal(lstatSync(join(killed.path, "bases/b.txt")).isSymbolicLink(), true);
  assert.equal(readFileSync(join(killed.path, "bases/a.txt"), "utf8"), "1\n2\n3\n4\n5\n");
});

test("a link that a command left in the home of the box leads no host's write out when it is opened again", async (t) => {
  const place = makePlace("echo a >a.txt");
  const victim = join(place.state, "victim");
  mkdirSync(victim);
  const killed = await killedBox(t, place, [`ln -s ${victim} ~/.config`]);
  assert.equal(lstatSync(join(killed.path, "home/.config")).isSymbolicLink(), true);
  const { startedAt } = readFacts(killed.path);
  const again = await openBox(t, "", { place, again: { folder: killed, startedAt } });
  assert.equal(existsSync(join(killed.path, "home/.config")), false);
  assert.deepEqual(readdirSync(victim), []);
  assert.equal((await again.run("true")).ok, true);
});
