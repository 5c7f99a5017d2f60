import { randomBytes } from "node:crypto";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BoxUnavailable, findProgram, findPrograms } from "../box/programs.ts";
import { runSandbox } from "../box/sandbox.ts";
import { readLedger } from "../ledger/verify.ts";
import type { Start } from "./workplace.ts";

/** A throw-away copy of the example project, with a home and secrets planted beside it. */
export interface DemoPlace {
  readonly root: string;
  readonly checkout: string;
  readonly start: Start;
  readonly script: string;
  /** Looks at the planted things and says of each whether it is as it was. */
  check(): readonly Finding[];
  remove(): void;
}

export interface Finding {
  readonly what: string;
  readonly isUntouched: boolean;
}

/** Makes the demo's place: nothing of the person's own is read or written, but `/usr` and this package. */
export async function makeDemoPlace(start: Start): Promise<DemoPlace> {
  const root = realpathSync(mkdtempSync(join(tmpdir(), "ringfence-demo-")));
  const [home, checkout] = [join(root, "home"), join(root, "monthly")];
  mkdirSync(join(home, ".ssh"), { recursive: true, mode: 0o700 });
  // The canaries look like nothing that any vendor issues.
  const canaries = {
    key: `canary-ssh-${randomBytes(12).toString("hex")}`,
    token: `canary-token-${randomBytes(12).toString("hex")}`,
  };
  const files = {
    ".ssh/id_rsa": `${canaries.key}\n`,
    ".bashrc": "# the person's own\n",
    "notes.txt": "keep me\n",
    ".gitconfig": "[user]\n\tname = Demo\n\temail = demo@localhost\n",
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(home, name), text);
  cpSync(join(start.packageRoot, "examples/demo"), checkout, { recursive: true });
  await makeRepository(checkout);
  const environment = {
    PATH: start.environment.PATH ?? "/usr/local/bin:/usr/bin:/bin",
    LANG: start.environment.LANG,
    TERM: start.environment.TERM,
    HOME: home,
    XDG_STATE_HOME: join(root, "state"),
    XDG_CONFIG_HOME: join(root, "config"),
    DEPLOY_TOKEN: canaries.token,
  };
  return {
    root,
    checkout,
    // The example's tests need a Node, and the person's may lie in a home that this demo does not look into.
    start: { ...start, environment, folder: checkout, tools: { node: process.execPath } },
    script: join(start.packageRoot, "examples/demo.script.json"),
    check: () => [
      ...Object.entries(files).map(([name, text]) => ({
        what: `~/${name}`,
        isUntouched: readOr(join(home, name)) === text,
      })),
      { what: "no file was added to the home", isUntouched: readdirSync(home).length === 4 },
      {
        what: ".git/hooks/post-checkout was not made",
        isUntouched: !existsSync(join(checkout, ".git/hooks/post-checkout")),
      },
      { what: ".vscode/tasks.json was not made", isUntouched: !existsSync(join(checkout, ".vscode/tasks.json")) },
      { what: "the link out of the project was not made", isUntouched: !readdirSync(checkout).includes("escape") },
      {
        what: "no secret is in the record of the session",
        isUntouched: !holdsAny(join(root, "state"), Object.values(canaries)),
      },
    ],
    remove: () => rmSync(root, { recursive: true, force: true }),
  };
}

// The person's git is not asked: it would read their configuration and run their templates' hooks.
async function makeRepository(checkout: string): Promise<void> {
  const git = findProgram("git");
  const programs = findPrograms();
  if (git === null) throw new BoxUnavailable('the demo needs git: run "apt-get install git"');
  const commands = [
    "cd /checkout",
    `${git} init -q -b main`,
    `${git} -c user.name=Demo -c user.email=demo@localhost add -A`,
    `${git} -c user.name=Demo -c user.email=demo@localhost commit -q -m 'Sum a bank export by month'`,
  ];
  const result = await runSandbox({
    programs,
    binds: [{ source: checkout, target: "/checkout", access: "write" }],
    command: [programs.bash, "-c", commands.join(" && ")],
    input: Buffer.alloc(0),
    timeoutMs: 20_000,
    stdoutBytesMax: 65_536,
    capability: null,
  });
  if (result.status !== 0) throw new Error(`the demo's repository could not be made: ${result.stderr}`);
}

function holdsAny(state: string, canaries: readonly string[]): boolean {
  const sessions = join(state, "ringfence/sessions");
  const logs = readdirSync(sessions).map((id) => join(sessions, id, "ledger.log"));
  return logs.filter(existsSync).some((log) => {
    for (const { event } of readLedger(log)) {
      const text = JSON.stringify(event);
      if (canaries.some((canary) => text.includes(canary))) return true;
    }
    return false;
  });
}

function readOr(file: string): string {
  return existsSync(file) ? readFileSync(file, "latin1") : "";
}
