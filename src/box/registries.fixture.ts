import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { TestContext } from "node:test";
import type { Configured } from "../core/registries-config.ts";
import { urlAt } from "../core/registry.ts";
import type { RegistriesPlan } from "./registries.ts";

/** What the tools are asked with, and where. */
export interface Stage extends RegistriesPlan {
  readonly home: string;
  /** Writes a file, with its folders. */
  put(path: string, text: string, mode?: number): void;
}

/** A person with an empty home, and a checkout. */
export function stage(t: TestContext, environment: Readonly<Record<string, string>> = {}): Stage {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "ringfence-registries-")));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const [home, checkout, state] = ["home", "checkout", "state"].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  for (const path of [home, checkout, state]) mkdirSync(path);
  const put = (path: string, text: string, mode = 0o644) => {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    chmodSync(path, mode);
  };
  return {
    home,
    checkout,
    state,
    identity: { home },
    put,
    environment: { PATH: process.env.PATH ?? "", ...environment },
  };
}

/** The registries of one kind that one tool named. */
export function addresses({ registries }: Configured, kind: string, tool: string = kind): string[] {
  return registries.filter((one) => one.kind === kind && one.tool === tool).map(({ base }) => urlAt(base, ""));
}

/** A program of shell that does one thing. */
export function sh(program: string, env: Readonly<Record<string, string>> = {}): string {
  return execFileSync("/bin/bash", ["-ec", program], {
    cwd: "/",
    encoding: "utf8",
    env: { ...process.env, ...env },
  }).trim();
}
