import { spawn, spawnSync } from "node:child_process";
import { chownSync, closeSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { BEFORE } from "./git-server.ts";
import {
  type Ended,
  type Launch,
  makePlace,
  ordinary,
  type Place,
  ringfence,
  sh,
  type User,
  until,
  who,
} from "./program.ts";

export interface SshPlace extends Place {
  /** The remote's address: an absolute path on a port of its own. */
  readonly url: string;
  readonly port: number;
  /** The private key that opens the account; it lies in the home. */
  readonly key: string;
  /** What the account was asked to run, a line each. */
  readonly asked: () => string[];
  /** Runs git in the server's repository. */
  readonly served: (command: string) => string;
}

export interface SshPlaceOptions {
  readonly user?: User;
  /** Shell that runs in the checkout, after the remote is there. */
  readonly make?: string;
  /** The configuration's `net`, in YAML; URL stands for the repository's address. */
  readonly net?: string;
  /** Whether the server lets the protocol's version through. */
  readonly isVersion2?: boolean;
  /** What the account runs in the place of git, with the command that was asked for in SSH_ORIGINAL_COMMAND. */
  readonly program?: string;
}

const SSHD = "/usr/sbin/sshd";
/** As the person's own git and ssh are told of it. */
const SSH_COMMAND = "ssh -F ~/.ssh/config";

/** A checkout whose branch tracks a repository behind a real sshd of its own, on a port of the loopback. */
export async function makeSshPlace(t: TestContext, options: SshPlaceOptions = {}): Promise<SshPlace> {
  const { make = "", net = "", isVersion2 = true, program = 'exec git shell -c "$SSH_ORIGINAL_COMMAND"' } = options;
  if (!existsSync(SSHD)) throw new Error(`there is no ${SSHD}: run npm test, which installs it`);
  const made = makePlace(t, "echo one >a.txt", options.user === undefined ? {} : { user: options.user });
  // Run by an ordinary user, it lets in that one alone and needs nothing of the system's.
  const account = ordinary();
  const server = join(made.root, "sshd");
  mkdirSync(server, { mode: 0o755 });
  chownSync(server, account.uid, account.gid);
  const port = await freePort();
  const url = `ssh://${account.name}@127.0.0.1:${port}${server}/thing.git`;
  sh(
    made,
    `mkdir -p ~/.ssh ~/.config/ringfence; chmod 700 ~/.ssh
     ssh-keygen -q -t ed25519 -N '' -C canary -f ~/.ssh/id
     printf '[core]\\n\\tsshCommand = ${SSH_COMMAND}\\n' >>~/.gitconfig
     printf 'Host *\\n\\tIdentityFile ${made.home}/.ssh/id\\n\\tIdentitiesOnly yes\\n\\tUserKnownHostsFile ${made.home}/.ssh/known_hosts\\n' >~/.ssh/config`,
  );
  const accept = isVersion2 ? "AcceptEnv GIT_PROTOCOL\n" : "";
  writeFileSync(
    join(server, "config"),
    `ListenAddress 127.0.0.1\nPort ${port}\nHostKey ${server}/host\nPidFile none\nStrictModes no\nUsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nAuthorizedKeysFile ${server}/keys\nLogLevel ERROR\n${accept}`,
  );
  writeFileSync(
    join(server, "serve"),
    `#!/bin/bash\nexport HOME=${server} PATH=/usr/bin:/bin GIT_CONFIG_NOSYSTEM=1\necho "$SSH_ORIGINAL_COMMAND" >>${server}/asked\n${program}\n`,
    { mode: 0o755 },
  );
  const key = readFileSync(join(made.home, ".ssh/id.pub"), "utf8");
  writeFileSync(join(server, "keys"), `command="${server}/serve" ${key}`);
  const atServer: Place = { ...made, user: account, checkout: server, env: { ...made.env, HOME: server } };
  sh(made, "for name in thing other; do git clone -q --bare . ../$name.git; done");
  spawnSync("chown", [
    "-R",
    `${account.uid}:${account.gid}`,
    ...["thing", "other"].map((name) => join(made.root, `${name}.git`)),
  ]);
  sh(atServer, "ssh-keygen -q -t ed25519 -N '' -f host; cp -r ../thing.git ../other.git .");
  const hostKey = readFileSync(join(server, "host.pub"), "utf8");
  sh(made, `printf '%s' '[127.0.0.1]:${port} ${hostKey}' >~/.ssh/known_hosts`);
  // Where it writes, since the one that looks whether it listens breaks off.
  const log = openSync(join(server, "log"), "w");
  const child = spawn(SSHD, ["-D", "-e", "-f", join(server, "config")], {
    ...who(account),
    cwd: server,
    stdio: ["ignore", log, log],
    detached: true,
  });
  t.after(() => {
    if (child.pid !== undefined) spawnSync("kill", ["-KILL", "--", `-${child.pid}`]);
  });
  closeSync(log);
  await listening(port);
  sh(
    made,
    `git remote add origin ${url}; git update-ref refs/remotes/origin/main main
     git config branch.main.remote origin; git config branch.main.merge refs/heads/main
     ${make}`,
  );
  if (net !== "")
    writeFileSync(join(made.home, ".config/ringfence/config.yaml"), `net:\n${net.replaceAll("URL", url)}`);
  const file = join(server, "asked");
  const asked = () => (existsSync(file) ? readFileSync(file, "utf8").trimEnd().split("\n") : []);
  const served = (command: string) => sh({ ...atServer, checkout: join(server, "thing.git") }, command);
  return { ...made, url, port, key: join(made.home, ".ssh/id"), asked, served };
}

/** Runs a shell program in a new session's box, as the person's own command. */
export function inBox(place: SshPlace, program: string, launch: Launch = {}): Promise<Ended> {
  return ringfence(place, ["exec", "--", "bash", "-c", `${BEFORE}${program}`], launch);
}

/** Puts the person's key where their agent alone has it, and gives the agent's socket. */
export async function giveToAgent(t: TestContext, place: SshPlace): Promise<string> {
  const socket = join(place.home, "agent");
  const agent = spawn("/usr/bin/ssh-agent", ["-D", "-a", socket], {
    ...who(place.user),
    env: place.env,
    stdio: "ignore",
  });
  t.after(() => agent.kill("SIGKILL"));
  await until("the agent listens", () => existsSync(socket));
  sh(
    place,
    `SSH_AUTH_SOCK=${socket} ssh-add -q ~/.ssh/id; mv ~/.ssh/id.pub ~/.ssh/key.pub; rm ~/.ssh/id; sed -i 's,/id$,/key.pub,' ~/.ssh/config`,
  );
  return socket;
}

/** Has somebody else push a commit to the server's repository. */
export function othersCommit(place: SshPlace, name: string): void {
  place.served(
    `git config --global user.name Bo; git config --global user.email bo@example.test; cd ..; git clone -q thing.git ${name}; cd ${name}; git checkout -q main; echo ${name} >${name}.txt; git add .; git commit -qm ${name}; git push -q origin main`,
  );
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function listening(port: number): Promise<void> {
  for (let tries = 0; tries < 250; tries += 1) {
    const isUp = await new Promise<boolean>((resolve) => {
      const socket = connect(port, "127.0.0.1");
      socket.on("connect", () => resolve(true)).on("error", () => resolve(false));
      socket.on("connect", () => socket.destroy());
    });
    if (isUp) return;
    await sleep(20);
  }
  throw new Error("sshd does not listen");
}
