import { utimesSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { type Place, ringfence, run, script, sh, start, until } from "./program.ts";

/** A session as `sessions --json` lists it. */
export interface Listed {
  readonly id: string;
  readonly state: string;
  readonly bytes: number;
  readonly task: string;
  readonly checkout: string;
}

/** What the program lists, newest first. */
export async function sessionsOf(place: Place, ...args: string[]): Promise<Listed[]> {
  return JSON.parse((await ringfence(place, ["sessions", "--json", ...args])).stdout) as Listed[];
}

/** Runs one task that does one command; returns the session. */
export async function runOnce(place: Place, task: string, command: string, ...args: string[]): Promise<string> {
  const spec = script(place, [run(command), { text: "ok" }]);
  const done = await ringfence(place, ["run", task, "--model", spec, "--output-format", "json", ...args]);
  return String((JSON.parse(done.stdout) as { session_id: unknown }).session_id);
}

/** Where a session lies. */
export function folderOf(place: Place, id: string): string {
  return join(place.home, ".local/state/ringfence/sessions", id);
}

/** Sets all of a session back by days. */
export function makeOld(place: Place, id: string, days: number): void {
  const then = Date.now() / 1000 - days * 86_400;
  utimesSync(join(folderOf(place, id), "ledger.log"), then, then);
  const facts = `${folderOf(place, id)}/session.json`;
  sh(place, `sed -i 's/"startedAt":[0-9]*/"startedAt":${Math.floor(then * 1000)}/' ${facts}`);
}

/** Keeps a session going until the test is over. */
export async function keepRunning(t: TestContext, place: Place): Promise<void> {
  const going = start(place, ["exec", "--", "sh", "-c", "echo up; exec sleep 300"]);
  t.after(async () => {
    going.child.kill("SIGTERM");
    await going.ended;
  });
  await until("the session is up", () => going.seen().includes("up"));
}
