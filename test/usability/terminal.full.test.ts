import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { ordinary, script } from "../headless/program.ts";
import { open } from "../headless/screen.ts";
import { checked } from "./rig.ts";
import { TASKS } from "./tasks.ts";
import { fill, makeWorld } from "./world.ts";

/** Longer than it takes until a line counts as an answer to what came up. */
const READ_MS = 1500;
const ASKS = "ringfence asks: may this leave the box?";
const NAMES = [
  "fix a failing test (pagination loses the last page)",
  "make a lint rule pass, and have CI run it",
  "write a changelog from the history",
  "report a result to a service on an allowed host",
  "commit a fix, and push it to the tracked branch once it landed",
];

for (const name of NAMES) {
  test(`at a terminal, an ordinary user lands by one key, approves what is held, and sees as many questions as expected: ${name}`, async (t) => {
    const task = TASKS.find((one) => one.name === name);
    assert.ok(task);
    const { place, address, arrived } = await makeWorld(t, task, ordinary());
    const turns = task.turns.map((steps) => [
      ...steps.map(({ tool, input }) => ({ calls: [{ tool, input }] })),
      { text: "Done." },
    ]);
    const screen = open(t, place, ["--model", script(place, JSON.parse(fill(JSON.stringify(turns.flat()), address)))]);
    await screen.see("> ");
    for (const [index] of turns.entries()) {
      screen.type("do what the issue asks for\r");
      if (task.questions > 0 && index === turns.length - 1) {
        await screen.see(ASKS);
        await screen.see("y or N?");
        await sleep(READ_MS);
        screen.type("y\r");
        await screen.see("(sent once)");
      }
      await screen.see("Done.");
      // A turn that changed nothing ends with the prompt alone.
      if (index > 0) continue;
      await screen.see("y lands");
      await sleep(READ_MS);
      screen.type("y\r");
      await screen.see("landed");
    }
    if (task.held.length > 0) {
      screen.type(`/approve ${task.held.join(" ")}\r`);
      await screen.see("land exactly this?");
      await sleep(READ_MS);
      screen.type("yes\r");
      await screen.see("landed");
    }
    await screen.see("> ");
    screen.type("/exit\r");
    assert.equal(await screen.status, 0);
    assert.equal(screen.shown().split(ASKS).length - 1, task.questions);
    const done = await checked(place, fill(task.check, address), arrived());
    assert.equal(done.status, 0, done.text);
  });
}
