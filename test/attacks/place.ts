import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Case } from "./cases.ts";
import { type Listener, listen, listenForNames, touch } from "./listeners.ts";
import { fillAll, makeCanaries, type Variables } from "./variables.ts";

/** Listeners at addresses that there is only one of. */
export interface Shared {
  readonly names: Listener;
  readonly metadata: Listener;
  readonly docker: Listener;
}

/** A throw-away home, checkout and outside for one case, with secrets in all the usual places. */
export interface Place {
  readonly base: string;
  readonly home: string;
  readonly ws: string;
  readonly out: string;
  readonly mark: string;
  readonly env: Readonly<Record<string, string>>;
  readonly variables: Variables;
  readonly attacker: Listener;
  readonly allowed: Listener;
  readonly local: Listener;
  readonly shared: Shared;
  close(): void;
}

export const STAGE_PLACE = "/mnt/place";
export const STAGE_TOOLS = "/mnt/tools";
export const STAGE_PROJECT = "/mnt/ringfence";

export async function makeShared(): Promise<Shared> {
  return {
    names: await listenForNames(53),
    metadata: await listen({ host: "169.254.169.254", port: 80 }),
    docker: await listen("/run/docker.sock"),
  };
}

/** Makes the place of a case and fills the case's variables with what was made. */
export async function makePlace(number: number, shared: Shared, path: string): Promise<Place> {
  const base = join(STAGE_PLACE, String(number));
  const [home, ws, out, mark] = ["home", "ws", "out", "mark"].map((name) => join(base, name)) as [
    string,
    string,
    string,
    string,
  ];
  for (const folder of [home, ws, out]) mkdirSync(folder, { recursive: true });
  const canaries = makeCanaries();
  const loopback = { host: "127.0.0.1", port: 0 };
  const [attacker, allowed, local] = await Promise.all([listen(loopback), listen(loopback), listen(loopback)]);
  // A bus and a key agent of the person's; the bus obeys whoever reaches it.
  const bus = await listen(join(base, "bus"), () => touch(mark));
  const agent = await listen(join(base, "ssh-agent.sock"));
  const [attHost = "", attPort = ""] = attacker.address.split(":");
  const variables = {
    ...canaries,
    HOME: home,
    WS: ws,
    OUT: out,
    MARK: mark,
    ATT: attacker.address,
    ATT_HOST: attHost,
    ATT_PORT: attPort,
    ALLOW: allowed.address,
    DNS: "127.0.0.1",
    DNSPORT: "53",
    LOCAL_SVC_PORT: local.address.split(":")[1] ?? "",
    AGENT_CONFIG_PATHS: `${home}/.config/ringfence/config.yaml ${home}/.config/ringfence/policy.yaml`,
    AUDIT_LOG_PATHS: `${home}/.local/state/ringfence/sessions/*/ledger.log`,
  };
  const env = {
    HOME: home,
    PATH: path,
    USER: "person",
    LANG: "C.UTF-8",
    TERM: "xterm",
    CAN_VAR: (variables as Readonly<Record<string, string>>).CAN_VAR ?? "",
    SSH_AUTH_SOCK: join(base, "ssh-agent.sock"),
    DBUS_SESSION_BUS_ADDRESS: `unix:path=${join(base, "bus")}`,
    XDG_RUNTIME_DIR: base,
  };
  plant(home, ws, variables);
  commitAll(ws, env);
  const listeners = [attacker, allowed, local, bus, agent];
  const close = () => {
    for (const listener of listeners) listener.close();
  };
  return { base, home, ws, out, mark, env, variables, attacker, allowed, local, shared, close };
}

/** Fills a case for its place, and does what the person did before. */
export function prepare(attack: Case, place: Place): Case {
  const filled = {
    ...fillAll({ ...attack, action: null, afterwards: null }, place.variables),
    afterwards: attack.afterwards,
    action: attack.action,
  };
  if (filled.setup !== null) {
    const { status, stderr } = spawnSync("bash", ["-c", filled.setup], {
      cwd: place.ws,
      env: place.env,
      encoding: "utf8",
      timeout: 20_000,
    });
    if (status !== 0) throw new Error(`${attack.id}: its setup failed: ${stderr}`);
  }
  // An action may hold what a file holds by now.
  return fillAll(filled, place.variables);
}

function plant(home: string, ws: string, { CAN_SSH, CAN_AWS, CAN_NETRC, CAN_NPMRC, CAN_ENV, ALLOW }: Variables): void {
  const files: Record<string, string> = {
    // The secret comes first: an attack that sends 30 bytes sends it.
    [`${home}/.ssh/id_rsa`]: `${CAN_SSH}\n-----BEGIN OPENSSH PRIVATE KEY-----\n${CAN_SSH}\n-----END OPENSSH PRIVATE KEY-----\n`,
    [`${home}/.aws/credentials`]: `[default]\naws_secret_access_key = ${CAN_AWS}\n`,
    [`${home}/.netrc`]: `machine git.example login person password ${CAN_NETRC}\n`,
    [`${home}/.npmrc`]: `//registry.example/:_authToken=${CAN_NPMRC}\n`,
    [`${home}/.bashrc`]: "# shell of the person\n",
    [`${home}/.profile`]: "# login of the person\n",
    [`${home}/.gitconfig`]: "[user]\n\tname = Person\n\temail = person@example.test\n[init]\n\tdefaultBranch = main\n",
    [`${home}/.config/ringfence/config.yaml`]: `net:\n  allow:\n    - { host: "http://${ALLOW}", methods: [GET, POST, PUT] }\n`,
    [`${ws}/package.json`]: '{"name":"w","version":"1.0.0","scripts":{"test":"node src/main.js"}}\n',
    [`${ws}/README.md`]: "# A project\n\nplain text\n",
    [`${ws}/src/main.js`]: 'console.log("main");\n',
    [`${ws}/.gitignore`]: ".env\nnode_modules\n",
    [`${ws}/.env`]: `K=${CAN_ENV}\n`,
  };
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  for (const folder of [home, `${home}/.ssh`]) chmodSync(folder, 0o700);
  chmodSync(`${home}/.ssh/id_rsa`, 0o600);
}

function commitAll(ws: string, env: Readonly<Record<string, string>>): void {
  const script = "git init -q . && git add -A && git commit -qm start";
  const { status, stderr } = spawnSync("bash", ["-c", script], { cwd: ws, env, encoding: "utf8", timeout: 20_000 });
  if (status !== 0) throw new Error(`the checkout of a case: ${stderr}`);
}

/** Shows our ripgrep to the attacks that need one, and the program to the person who takes a landing back. */
export function showTools(): void {
  const name = `ripgrep-${process.platform}-${process.arch}`;
  symlinkSync(`${STAGE_PROJECT}/bin/ringfence.js`, `${STAGE_TOOLS}/ringfence`);
  symlinkSync(`${STAGE_PROJECT}/node_modules/@vscode/${name}/bin/rg`, `${STAGE_TOOLS}/rg`);
}
