import assert from "node:assert/strict";
import { test } from "node:test";
import { makePlace, mark, processesWith, ringfence, run, script, sh, until } from "./program.ts";
import { ESC, open } from "./screen.ts";

const CTRL_C = "\u0003";

const CTRL_D = "\u0004";

for (const [name, key] of [
  ["Esc", ESC],
  ["Ctrl-C", CTRL_C],
] as const) {
  test(`${name} stops the turn in the middle of a command, and the session goes on`, async (t) => {
    const place = makePlace(t, "echo one >a.txt");
    const seconds = mark();
    const model = script(place, [run(`echo two >>a.txt; sleep ${seconds}`), { text: "Still here." }]);
    const screen = open(t, place, ["--model", model]);
    await screen.see("> ");
    screen.type("wait\r");
    await screen.see(`sleep ${seconds}`);
    await until("the command sleeps", () => processesWith(`sleep ${seconds}`).length > 0);
    screen.type(key);
    await screen.see("stopped by the person");
    await screen.see("1 changed file waits: y lands this");
    await screen.see("> ");
    screen.type("go on\r");
    await screen.see("Still here.");
    // What did not change is not listed again, and can still land.
    await screen.see(/^\r?\nas listed before, 1 changed file waits: y lands this/m);
    await screen.see("> ");
    screen.type("/exit\r");
    assert.equal(await screen.status, 0);
    assert.match((await ringfence(place, ["diff"])).stdout, /^\+two$/m);
  });
}

for (const [name, key] of [
  ["Ctrl-C", CTRL_C],
  ["Ctrl-D", CTRL_D],
] as const) {
  test(`${name} at the prompt ends the session`, async (t) => {
    const place = makePlace(t);
    const screen = open(t, place, ["--model", script(place, [])]);
    await screen.see("> ");
    screen.type(key);
    assert.equal(await screen.status, 0);
  });
}

test("without a model, a terminal is told in five lines how to get one", async (t) => {
  const place = makePlace(t);
  const screen = open(t, place, []);
  assert.equal(await screen.status, 40);
  assert.equal(screen.shown().trimEnd().split("\n").length, 5);
});

test("exec in a terminal gives the command one of its own, of the same size", async (t) => {
  const place = makePlace(t);
  const screen = open(t, place, [
    "exec",
    "--",
    "sh",
    "-c",
    "tty; stty size; test -t 0 && test -t 1 && test -t 2 && echo all",
  ]);
  assert.equal(await screen.status, 0);
  assert.match(screen.shown(), /^\/dev\/pts\/\d+\r?\n33 101\r?\nall\r?\n$/);
});

test("the terminal of exec's command follows the size of the person's, to the last of many changes", async (t) => {
  const place = makePlace(t);
  // A trap would lose a signal that comes while it runs.
  const loop = "echo ready; while :; do stty size; sleep 0.05; done";
  const screen = open(t, place, ["exec", "--", "bash", "-c", loop], { before: 'tty >"$HOME/tty"; ' });
  await screen.see("ready");
  sh(place, 'stty -F "$(cat "$HOME/tty")" rows 40 cols 120');
  await screen.see("40 120");
  sh(place, 'for n in $(seq 50 80); do stty -F "$(cat "$HOME/tty")" rows $n cols 90; done');
  await screen.see("80 90");
  screen.type(CTRL_C);
  assert.equal(await screen.status, 130);
});

test("exec in a terminal passes keys and the exit status through", async (t) => {
  const place = makePlace(t);
  const screen = open(t, place, ["exec", "--", "bash", "-c", 'read -rp "name? " name; echo "got <$name>"; exit 42']);
  await screen.see("name? ");
  screen.type("Ada\r");
  await screen.see("got <Ada>");
  assert.equal(await screen.status, 42);
});

test("exec in a terminal says that changes wait, and where; in a pipe it adds nothing", async (t) => {
  const place = makePlace(t);
  const screen = open(t, place, ["exec", "--", "touch", "new"]);
  assert.equal(await screen.status, 0);
  assert.match(screen.shown(), /^ringfence: changes wait in session \S+: ringfence diff \| land \| discard\r\n$/);
  const piped = await ringfence(place, ["exec", "--", "touch", "new"]);
  assert.deepEqual([piped.status, piped.stdout, piped.stderr], [0, "", ""]);
});

test("Ctrl-C in exec reaches the command, which may go on", async (t) => {
  const place = makePlace(t);
  const screen = open(t, place, [
    "exec",
    "--",
    "bash",
    "-c",
    'trap "echo caught; exit 5" INT; echo ready; while :; do sleep 0.05; done',
  ]);
  await screen.see("ready");
  screen.type(CTRL_C);
  await screen.see("caught");
  assert.equal(await screen.status, 5);
});

test("Ctrl-C in exec ends a command that does nothing against it", async (t) => {
  const place = makePlace(t);
  const screen = open(t, place, ["exec", "--", "bash", "-c", "echo ready; sleep 300"]);
  await screen.see("ready");
  screen.type(CTRL_C);
  assert.equal(await screen.status, 130);
});

test("Ctrl-D in exec ends the input of the command", async (t) => {
  const place = makePlace(t);
  const screen = open(t, place, ["exec", "--", "sh", "-c", "echo ready; cat; echo over"]);
  await screen.see("ready");
  screen.type(`line\r${CTRL_D}`);
  await screen.see("over");
  assert.equal(await screen.status, 0);
});

test("a full-screen command of exec draws as outside: a line feed alone moves down and stays in its column", async (t) => {
  const place = makePlace(t);
  const screen = open(t, place, [
    "exec",
    "--",
    "sh",
    "-c",
    "stty -opost; printf 'a\\nb\\r\\nc'; sleep 0.2; stty opost",
  ]);
  assert.equal(await screen.status, 0);
  assert.equal(screen.shown(), "a\vb\r\nc");
});

for (const [title, args, status] of [
  ["exec", ["exec", "--", "true"], 0],
  ["an exec that fails", ["exec", "--", "exit", "9"], 9],
  ["an exec that could not start", ["exec", "-C", "/", "--", "true"], 2],
] as const) {
  test(`after ${title} the terminal is set as it was before`, async (t) => {
    const place = makePlace(t);
    const after = '; status=$?; stty -g | cmp - "$HOME/before" || echo different; exit $status';
    const screen = open(t, place, args, { before: 'stty -g >"$HOME/before"; ', after });
    assert.equal(await screen.status, status);
    assert.doesNotMatch(screen.shown(), /differ/);
  });
}

test("/preview shows a port of the box, lists what is shown, and ends it", async (t) => {
  const place = makePlace(t);
  const server = "require('http').createServer((q, a) => a.end('from the box')).listen(4173)";
  const screen = open(t, place, [
    "--model",
    script(place, [run(`node -e "${server}"`, { background: true }), { text: "It serves." }]),
  ]);
  await screen.see("> ");
  screen.type("/preview 4173\r");
  await screen.see(/port 4173 of the box: http:\/\/preview-/);
  await screen.see("> ");
  const [, host = "", port = ""] = /http:\/\/(preview-[0-9a-f]+\.localhost:(\d+))\//.exec(screen.shown()) ?? [];
  const ask = () =>
    sh(
      place,
      `curl -sS --noproxy '' -H 'Host: app.${host}' -H 'Sec-Fetch-Site: same-origin' http://127.0.0.1:${port}/ 2>&1 || true`,
    );
  assert.equal(ask(), "ringfence: port 4173 of the box: nothing listens there yet\n");
  screen.type("serve it\r");
  await screen.see("It serves.");
  await screen.see("> ");
  let answer = ask();
  for (let tried = 0; tried < 400 && answer !== "from the box"; tried += 1) {
    sh(place, "sleep 0.05");
    answer = ask();
  }
  assert.equal(answer, "from the box");
  screen.type("/preview\r");
  await screen.see(`port 4173 of the box: http://${host}/`);
  await screen.see("/preview PORT off ends that");
  await screen.see("> ");
  screen.type("/preview 4173 on\r");
  await screen.see("/preview takes a port, and off after it to end; nothing was done");
  await screen.see("> ");
  screen.type("/preview 4173 off\r");
  await screen.see("port 4173 is not shown any more");
  await screen.see("> ");
  assert.match(ask(), /Couldn't connect|Failed to connect/);
  screen.type("/exit\r");
  assert.equal(await screen.status, 0);
});
