import { execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { findProgram } from "./programs.ts";

/** A throw-away checkout with canaries around it. All of it is the doctor's own, so the host may look at it. */
export interface Place {
  readonly folder: string;
  readonly checkout: string;
  /** A file beside the checkout, and what it holds. */
  readonly beside: string;
  readonly besideText: string;
  /** A value that the checkout's `.env` and its remote's address hold. */
  readonly secret: string;
  /** A value that this program's environment holds. */
  readonly canary: string;
  readonly home: string;
  /** Names of the real home that are no toolchains; nothing but their absence is looked at. */
  readonly homeNames: readonly string[];
  /** First names below the home that may show: they lead to toolchains or to the checkout. */
  readonly homeShown: readonly string[];
  readonly toolchainRoots: readonly string[];
  readonly tcpPort: number;
  readonly udpPort: number;
  readonly socketPath: string;
  readonly abstractName: string;
  /** Sockets that programs of the machine listen on, by path. */
  readonly listening: readonly string[];
  /** A process of the host's, known by an argument. */
  readonly marker: string;
  readonly markerPid: number;
  /** How often each listener of the host was reached. */
  readonly reached: { tcp: number; udp: number; path: number; abstract: number };
  readonly isMarkerAlive: () => boolean;
  readonly remove: () => void;
}

export interface PlacePlan {
  readonly temp: string;
  readonly home: string;
  readonly toolchainRoots: readonly string[];
}

const LISTENING_MAX = 200;

/** What the tracked files of the throw-away checkout hold. */
export const CHECKOUT_FILES: Readonly<Record<string, string>> = {
  "README.md": "a throw-away checkout of ringfence doctor\n",
  "src/main.txt": "unchanged\n",
  "keep.txt": "unchanged\n",
};

/** Makes the throw-away checkout, its canaries and its listeners. */
export async function makePlace(plan: PlacePlan): Promise<Place> {
  const folder = mkdtempSync(join(plan.temp, "ringfence-doctor-"));
  const checkout = join(folder, "repo");
  const word = () => randomBytes(8).toString("hex");
  const [secret, besideText, canary] = [`secret-${word()}`, `beside-${word()}`, `canary-${word()}`];
  mkdirSync(join(checkout, "src"), { recursive: true });
  for (const [name, text] of Object.entries(CHECKOUT_FILES)) writeFileSync(join(checkout, name), text);
  writeFileSync(join(folder, "beside.txt"), `${besideText}\n`);
  writeFileSync(join(checkout, ".env"), `TOKEN=${secret}\n`);
  initGit(checkout, secret);
  const listeners = await listen(join(checkout, "host.sock"), `ringfence-${word()}`);
  const marker = `ringfence-marker-${word()}`;
  const process = spawn("/usr/bin/perl", ["-e", "sleep 600", marker], { cwd: "/", env: {}, stdio: "ignore" });
  const homeShown = firstNamesBelow(plan.home, [...plan.toolchainRoots, checkout]);
  return {
    folder,
    checkout,
    beside: join(folder, "beside.txt"),
    besideText,
    secret,
    canary,
    home: plan.home,
    homeNames: namesOf(plan.home).filter((name) => !homeShown.includes(name)),
    homeShown,
    toolchainRoots: plan.toolchainRoots,
    ...listeners.addresses,
    listening: listeningSockets(),
    marker,
    markerPid: process.pid ?? 0,
    reached: listeners.reached,
    isMarkerAlive: () => process.pid !== undefined && process.exitCode === null && process.signalCode === null,
    remove: () => {
      process.kill("SIGKILL");
      listeners.close();
      removeFolder(folder);
    },
  };
}

/** Removes a folder of the doctor's own; an overlay leaves one without any mode in it. */
export function removeFolder(folder: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (!entry.isDirectory()) continue;
    chmodSync(join(folder, entry.name), 0o700);
    removeFolder(join(folder, entry.name));
  }
  rmSync(folder, { recursive: true, force: true });
}

function initGit(checkout: string, secret: string): void {
  const git = findProgram("git");
  mkdirSync(join(checkout, ".git"));
  if (git === null) return;
  const env = { PATH: "/usr/bin:/bin", HOME: checkout, GIT_CONFIG_NOSYSTEM: "1", GIT_CONFIG_GLOBAL: "/dev/null" };
  const person = ["-c", "user.name=doctor", "-c", "user.email=doctor@localhost"];
  const run = (...args: string[]) => execFileSync(git, args, { cwd: checkout, env, stdio: "ignore", timeout: 10_000 });
  run("init", "--quiet", "--template=");
  run("add", ...Object.keys(CHECKOUT_FILES));
  run(...person, "commit", "--quiet", "-m", "start");
  run("remote", "add", "origin", `https://doctor:${secret}@localhost/repo.git`);
}

async function listen(socketPath: string, abstractName: string) {
  const reached: Place["reached"] = { tcp: 0, udp: 0, path: 0, abstract: 0 };
  const serve = (way: "tcp" | "path" | "abstract") =>
    createServer((socket) => {
      reached[way] += 1;
      socket.on("error", () => {});
      socket.end();
    });
  const [tcp, path, abstract] = [serve("tcp"), serve("path"), serve("abstract")];
  const udp = createSocket("udp4", () => {
    reached.udp += 1;
  });
  const ready = [tcp, path, abstract, udp].map((one) => once(one, "listening"));
  tcp.listen(0, "127.0.0.1");
  path.listen(socketPath);
  abstract.listen(`\0${abstractName}`);
  udp.bind(0, "127.0.0.1");
  await Promise.all(ready);
  const address = tcp.address();
  const tcpPort = address !== null && typeof address === "object" ? address.port : 0;
  const close = () => {
    for (const one of [tcp, path, abstract, udp]) one.close();
  };
  return { reached, close, addresses: { tcpPort, udpPort: udp.address().port, socketPath, abstractName } };
}

/** Reads where programs of this machine listen; the flag is the kernel's __SO_ACCEPTCON. */
function listeningSockets(): string[] {
  const lines = readFileSync("/proc/net/unix", "utf8").split("\n");
  const found = lines.map((line) => line.match(/^\S+ \S+ \S+ 00010000 \S+ \S+ +\d+ (\/[\w/.@:+-]+)$/)?.[1]);
  return [...new Set(found.filter((path) => path !== undefined))].slice(0, LISTENING_MAX);
}

function firstNamesBelow(home: string, paths: readonly string[]): string[] {
  const below = paths.filter((path) => path.startsWith(`${home}/`));
  return [...new Set(below.map((path) => path.slice(home.length + 1).split("/")[0] ?? ""))];
}

function namesOf(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
