import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { becomeOwner } from "./agent/config-checkout.ts";
import { runCli } from "./ui/cli.ts";

// The composition root: what the outside gives is read here and handed down.
const packageRoot = fileURLToPath(new URL("..", import.meta.url));
const { version } = JSON.parse(readFileSync(`${packageRoot}/package.json`, "utf8")) as { version: string };
const { stdin, stdout, stderr } = process;

process.exitCode = await runCli(process.argv.slice(2), {
  start: { environment: process.env, folder: process.cwd(), packageRoot, version },
  becomeOwner: (folder) => becomeOwner(folder, process.env),
  terminal: { stdin, stdout, stderr },
});
