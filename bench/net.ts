import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { transformSync } from "esbuild";
import { makeIssuers, makeLeaf } from "../src/egress/certificates.ts";
import type { Subject } from "./launch.ts";
import { type Measured, median, rounded } from "./report.ts";

interface Numbers {
  readonly requestMs: number;
  readonly plainMs: number;
  readonly lookedMs: number;
  readonly tunnelledMs: number;
  readonly lost: number;
}

/** What the program takes: MB more while bodies pass, and how many times more at the end of a long session. */
interface Memory {
  readonly grownMb: number;
  readonly growth: number;
}

/** For the rounds that only take times. */
const NONE = { many: 0, steady: 0, bodyBytes: 0 };
const RUN_MS_MAX = 600_000;
const SAMPLE_MS = 20;
/** What is enough, where the loopback itself gives more: 60 % of it is wanted otherwise. */
const ENOUGH_MB_S = 500;
const WANTED = 0.6;

/** Measures requests through the proxy of a session beside direct ones, with client and server in processes of their own. */
export async function measureNet(exec: Subject, node: string, work: string, isQuick: boolean): Promise<Measured[]> {
  const folder = join(work, "network");
  const home = join(work, "network-home");
  mkdirSync(join(home, ".config/ringfence"), { recursive: true, mode: 0o700 });
  mkdirSync(folder);
  // As the ordinary programs of a checkout do, the client has its Node there.
  copyFileSync(node, join(folder, "node"));
  chmodSync(join(folder, "node"), 0o755);
  writeFileSync(join(folder, "client.mjs"), compiled("net-client.ts"));
  const origin = await startOrigin(node, work);
  try {
    writeFileSync(join(home, ".config/ringfence/config.yaml"), configFor(origin.ports));
    const bytes = isQuick ? 256 << 20 : 1 << 30;
    const bodyBytes = isQuick ? 250e6 : 2.5e9;
    const asked = { ports: origin.ports, requests: 2000, bytes, many: 10_000, held: 1000, steady: 10_000, bodyBytes };
    const client = [join(folder, "node"), join(folder, "client.mjs")];
    const environment = { ...exec.environment, HOME: home, NODE_EXTRA_CA_CERTS: origin.roots };
    const inside = { ...exec, folder, environment };
    const [through, direct]: [(Numbers & Memory)[], Numbers[]] = [[], []];
    for (let round = 0; round < 3; round++) {
      // What takes long and is no time is measured once.
      const once = round === 0 ? asked : { ...asked, ...NONE };
      through.push(await ask(inside, [...inside.command, ...client, JSON.stringify(once)]));
      direct.push(await ask({ ...inside, command: [] }, [...client, JSON.stringify({ ...asked, ...NONE })]));
    }
    return summed(through, direct, bytes);
  } finally {
    origin.stop();
  }
}

function summed(through: readonly (Numbers & Memory)[], direct: readonly Numbers[], bytes: number): Measured[] {
  const of = (numbers: readonly Numbers[], pick: (one: Numbers) => number) => median(numbers.map(pick));
  const [own, floor] = [of(through, (one) => one.requestMs), of(direct, (one) => one.requestMs)];
  const rate = (ms: number) => bytes / 1e3 / ms;
  const [had, possible] = [rate(of(through, (one) => one.plainMs)), rate(of(direct, (one) => one.plainMs))];
  const [looked, tunnelled] = [of(through, (one) => one.lookedMs), of(through, (one) => one.tunnelledMs)];
  return [
    { key: "net_request_over_ms", value: own - floor, note: `${rounded(own)} ms; direct ${rounded(floor)} ms` },
    {
      key: "net_slowdown",
      value: Math.min(WANTED * possible, ENOUGH_MB_S) / had,
      note: `to 60 % of direct or ${ENOUGH_MB_S} MB/s: ${rounded(had)} MB/s; direct ${rounded(possible)} MB/s`,
    },
    {
      key: "net_tls_slowdown",
      value: looked / tunnelled,
      note: `looked into ${rounded(rate(looked))} MB/s; as a tunnel ${rounded(rate(tunnelled))} MB/s`,
    },
    { key: "net_lost", value: through[0]?.lost ?? Number.NaN, note: "of 10,000 requests on 1,000 connections at once" },
    {
      key: "session_20k_growth",
      value: through[0]?.growth ?? Number.NaN,
      note: "of the program's memory, from event 3,000 to event 20,000 of one session",
    },
    { key: "net_body_rss_mb", value: through[0]?.grownMb ?? Number.NaN, note: "more in the program while bodies pass" },
  ];
}

async function ask({ folder, environment }: Subject, [program = "", ...args]: readonly string[]) {
  const child = spawn(program, args, { cwd: folder, env: environment, stdio: ["ignore", "pipe", "inherit"] });
  const timer = setTimeout(() => child.kill("SIGKILL"), RUN_MS_MAX);
  let [before, most] = [Number.NaN, 0];
  const steady: number[] = [];
  let last = "";
  const sampling = setInterval(() => {
    if (!Number.isNaN(before)) most = Math.max(most, residentMb(child.pid));
  }, SAMPLE_MS);
  for await (const line of createInterface({ input: child.stdout })) {
    if (line === "steady") steady.push(residentMb(child.pid));
    if (line === "bodies") before = residentMb(child.pid);
    last = line;
  }
  clearInterval(sampling);
  clearTimeout(timer);
  if (!last.startsWith("{")) throw new Error(`the client of the network's numbers said "${last}"`);
  // What is taken while code is compiled is no growth; and what was not yet collected at one moment is none.
  const growth = steady.length === 0 ? Number.NaN : median(steady.slice(-4)) / median(steady.slice(2, 6));
  return { ...(JSON.parse(last) as Numbers), grownMb: Math.max(0, most - before), growth };
}

function residentMb(pid: number | undefined): number {
  try {
    return Number(/^VmRSS:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) / 1024;
  } catch {
    // It has just ended.
    return 0;
  }
}

async function startOrigin(node: string, work: string) {
  const issuers = await makeIssuers(Date.now());
  const { key, chain } = await makeLeaf(await issuers.issuerFor("127.0.0.1", Date.now()), "127.0.0.1", Date.now());
  const [roots, secrets, program] = ["roots.pem", "origin.json", "origin.mjs"].map((name) => join(work, name)) as [
    string,
    string,
    string,
  ];
  writeFileSync(roots, issuers.root);
  writeFileSync(secrets, JSON.stringify({ key, cert: chain }), { mode: 0o600 });
  writeFileSync(program, compiled("net-origin.ts"));
  const child = spawn(node, [program, secrets], { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
  const stop = () => void child.kill("SIGKILL");
  process.once("exit", stop);
  return { ports: JSON.parse(line) as readonly [number, number, number], roots, stop };
}

function configFor([plain, looked, tunnelled]: readonly [number, number, number]): string {
  return `net:
  sent_mb: 100000
  allow:
    - { host: "http://127.0.0.1:${plain}", methods: [GET, POST] }
    - https://127.0.0.1:${looked}
    - { host: "https://127.0.0.1:${tunnelled}", tls: tunnel }
`;
}

function compiled(name: string): string {
  const source = readFileSync(fileURLToPath(new URL(`./${name}`, import.meta.url)), "utf8");
  return transformSync(source, { loader: "ts", format: "esm" }).code;
}
