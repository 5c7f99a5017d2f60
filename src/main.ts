import { readPackage } from "./agent/config.ts";
import { becomeOwner } from "./agent/config-checkout.ts";
import { runCli } from "./ui/cli.ts";

// The composition root: what the outside gives is read here and handed down.
const { stdin, stdout, stderr } = process;
// Whoever reads the output may stop early (`ringfence sessions | head -1`); what is being done goes on.
for (const stream of [stdout, stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
  });
}

process.exitCode = await runCli(process.argv.slice(2), {
  start: { environment: process.env, folder: currentFolder(), ...readPackage(import.meta.url) },
  becomeOwner: (folder) => becomeOwner(folder, process.env),
  terminal: { stdin, stdout, stderr },
});

/** Says where this program was started; "" when that folder is gone, which is nowhere. */
function currentFolder(): string {
  try {
    return process.cwd();
  } catch {
    return "";
  }
}
