import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type GitPlace, PASSWORD } from "./git-server.ts";

/** What must not reach the remote. */
export const CANARY = "canary-of-the-box-01";

/** The same as an id of git could hold it. */
export const HEX = Buffer.from(CANARY).toString("hex");

/** Of the server's own address, in a way that says something. */
export const SPELLING = "0x7f.1";

/** A request that carries the canary out, or moves what it must not. */
export interface Attack {
  readonly name: string;
  readonly path: string;
  readonly headers?: readonly string[];
  /** Without one it is a GET. */
  readonly body?: Buffer | string;
  /** In the place of the login in the netrc. */
  readonly login?: string;
}

/** A line in git's wire format. */
export const packet = (text: string) => `${(text.length + 4).toString(16).padStart(4, "0")}${text}`;

/** Writes the bodies beside a program that sends all of them, and says what was answered. */
export function prepare(place: GitPlace, attacks: readonly Attack[]): void {
  const folder = join(place.checkout, "attacks");
  mkdirSync(folder);
  const lines = attacks.map(({ name, path, headers = [], body, login }, at) => {
    if (body !== undefined) writeFileSync(join(folder, String(at)), body);
    const told = headers.map((header) => ` -H '${header}'`).join("");
    const sent = body === undefined ? "" : ` --data-binary @attacks/${at}`;
    const who = login === undefined ? "$LOGIN" : `-u "${login}"`;
    return `curl -sS ${who}${told}${sent} -o out -w '%{http_code} ${name}\\n' '${new URL(place.url).origin}${path}'; grep -aq 'ng refs' out && echo ng ${name}`;
  });
  writeFileSync(join(folder, "send"), `${lines.join("\n")}\ntrue\n`);
}

/** What of the canary the server was sent, in its own words or as an id. */
export function leaks(place: GitPlace): string[] {
  const texts = place.got.map(({ line, headers, body }) => `${line}\n${headers}\n${body.toString("latin1")}`);
  return texts.filter((text) =>
    [CANARY, HEX, SPELLING, btoa(`me:${CANARY}`), btoa(CANARY).slice(0, -4)].some((one) => text.includes(one)),
  );
}

/** Sends the attacks without the box between. */
export async function unprotected(place: GitPlace): Promise<void> {
  const env = {
    ...place.env,
    WORD: PASSWORD,
    LOGIN: `-u person:${PASSWORD}`,
    CURL_CA_BUNDLE: join(place.home, "roots.pem"),
  };
  const child = spawn("/bin/bash", ["attacks/send"], { cwd: place.checkout, env, stdio: "ignore" });
  await new Promise((resolve) => child.on("close", resolve));
}
