import { spawn } from "node:child_process";
import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { stripVTControlCharacters } from "node:util";
import { compileCache } from "../../src/box/compile-cache.fixture.ts";
import { type Place, PROGRAM, who } from "./program.ts";

const POLL_MS = 20;
const WAIT_MS_MAX = 20_000;
/** The key, and what begins a sequence that a terminal obeys. */
export const ESC = "\u001b";

/** A real terminal with the program in it. */
export interface Screen {
  type(keys: string): void;
  /** All that was drawn so far, without colours and cursor movements. */
  shown(): string;
  /** Waits until what was drawn since the last call of this holds a text. */
  see(text: string | RegExp): Promise<void>;
  readonly status: Promise<number | null>;
}

/** Starts the program on a pty of 33 rows and 101 columns, as a terminal would, with shell commands around it. */
export function open(t: TestContext, place: Place, args: readonly string[], { before = "", after = "" } = {}): Screen {
  const words = [process.execPath, PROGRAM, ...args].map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(" ");
  const child = spawn("/usr/bin/script", ["-qefc", `stty rows 33 cols 101; ${before}${words}${after}`, "/dev/null"], {
    ...who(place.user),
    cwd: place.checkout,
    env: { ...place.env, ...compileCache(place.user), SHELL: "/bin/bash" },
    stdio: ["pipe", "pipe", "inherit"],
  });
  t.after(() => child.kill("SIGKILL"));
  let isOver = false;
  child.on("close", () => {
    isOver = true;
  });
  let text = "";
  let from = 0;
  child.stdout.setEncoding("utf8").on("data", (piece: string) => {
    text += piece;
  });
  const shown = () => stripVTControlCharacters(text);
  return {
    type: (keys) => child.stdin.write(keys),
    shown,
    see: async (wanted) => {
      for (let tried = 0; ; tried += 1) {
        // Asked before the look: what was drawn last may come after the exit.
        const isLast = isOver || tried > WAIT_MS_MAX / POLL_MS;
        const fresh = shown().slice(from);
        const at = typeof wanted === "string" ? fresh.indexOf(wanted) : fresh.search(wanted);
        if (at >= 0) {
          from += at + 1;
          return;
        }
        if (isLast) throw new Error(`no ${wanted} in ${fresh}`);
        await sleep(POLL_MS);
      }
    },
    status: new Promise((resolve) => child.on("close", resolve)),
  };
}
