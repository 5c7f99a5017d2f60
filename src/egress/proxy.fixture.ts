import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import net, { type AddressInfo } from "node:net";
import type { TestContext } from "node:test";
import { createSecureContext, type SecureContext } from "node:tls";
import type { Effect } from "../core/effect.ts";
import type { Label } from "../core/label.ts";
import { judgeRules, type NetRequest, type NetRule, type NetRules, rulesFor } from "../core/net-rules.ts";
import { issueReceipt, mint, recordDecision } from "../core/permit.ts";
import { decide } from "../core/policy.ts";
import { Acceptor } from "./acceptor.ts";
import type { Broker } from "./broker.ts";
import { type Lookup, Resolver } from "./dial.ts";
import type { GitCall, GitRemote } from "./git.ts";
import type { Look } from "./look.ts";
import { NET_LIMITS_DEFAULT, type NetLimits } from "./meter.ts";
import type { ModelDoor } from "./model-door.ts";
import { EgressProxy } from "./proxy.ts";
import type { Judged } from "./proxy-plan.ts";
import type { NetOutcome } from "./route.ts";

const USER: Label = { integrity: "user", secrecy: "private" };

/** A proxy on two ports of the machine's loopback, with what it was asked and what it told. */
export interface Place {
  readonly port: number;
  readonly socksPort: number;
  /** Effects that were judged, in order. */
  readonly judged: (Effect & { readonly kind: "request" })[];
  readonly malformed: string[];
  readonly outcomes: NetOutcome[];
  readonly proxy: EgressProxy;
}

export interface PlaceOptions {
  readonly rules?: Partial<NetRules>;
  /** Addresses of names; every other name has none. */
  readonly names?: Readonly<Record<string, readonly string[]>>;
  readonly label?: Label;
  readonly limits?: Partial<NetLimits>;
  readonly contextFor?: (host: string) => Promise<SecureContext>;
  readonly broker?: Broker;
  readonly model?: ModelDoor;
  /** In PEM, that servers outside are verified with. */
  readonly authorities?: string;
  readonly waitMs?: number;
  /** What a person says to what asks, who is shown this; without one nobody is asked. */
  readonly answer?: (effect: Place["judged"][number], look: Look, body: Buffer | null) => Promise<boolean>;
  /** For git to the tracked repository, and what each such request is to the gate. */
  readonly git?: { readonly remote: GitRemote; readonly effectOf: (request: NetRequest, call: GitCall) => Effect };
  /** In place of `names`. */
  readonly ask?: Lookup;
}

/** A rule that lists one host for whatever is asked, but for what `more` says. */
export function rule(host: string, port: number, more: Partial<NetRule> = {}): NetRule {
  return {
    id: `rule ${host}`,
    host,
    ports: [port],
    methods: ["GET", "HEAD", "OPTIONS", "POST", "PUT"],
    paths: null,
    body: true,
    tls: "terminate",
    private: true,
    ...more,
  };
}

/** Starts a proxy that decides as a session does; ended with the test. */
export async function openProxy(t: TestContext, options: PlaceOptions = {}): Promise<Place> {
  const rules: NetRules = { allow: options.rules?.allow ?? [], deny: options.rules?.deny ?? [] };
  const [judged, malformed, outcomes] = [[], [], []] as unknown as [Place["judged"], string[], NetOutcome[]];
  const names = options.names ?? {};
  const proxy = new EgressProxy({
    reaches: async (host, port) => rulesFor(rules, host, port)[0]?.tls ?? null,
    judge: async (request, _token, look) => {
      if (look.git !== null && options.git) return judgeGit(options.git.effectOf(request, look.git));
      const listed = judgeRules(rules, request);
      const found = listed.verdict === "unlisted" ? null : listed.rule;
      const isModel = options.model?.isCall(request) ?? false;
      const verdict = isModel ? "allow" : listed.verdict;
      const effect = { kind: "request", ...request, listed: verdict, rule: found?.id ?? null } as const;
      const origin = isModel ? "model" : "composed";
      const whole = { ...effect, origin, command: null, approvedBy: "none", shown: null } as const;
      judged.push(whole);
      const label = options.label ?? USER;
      const first = decide(whole, label);
      let final: Place["judged"][number] = whole;
      if (first.verdict === "ask" && options.answer) {
        const read = await look.readBody?.();
        if (read && !read.ok) return { verdict: "refuse", reason: read.reason };
        const body = read ? { bytes: read.body.bytes.length, sha256: read.body.sha256 } : null;
        if (await options.answer(whole, look, read?.body.bytes ?? null))
          final = { ...whole, approvedBy: "person", shown: { label, headers: look.headers, body } };
      }
      const decision = decide(final, label);
      if (decision.verdict !== "allow") return { verdict: "refuse", reason: decision.reason };
      const receipt = issueReceipt(judged.length, "x", recordDecision(final, decision, String));
      const reach = isModel ? "any" : found?.private ? "private" : "public";
      return { verdict: "allow", permit: mint(final, decision, receipt, String), reach };
    },
    malformed: (reason) => malformed.push(reason),
    heard: () => {},
    ended: (_seq, outcome) => outcomes.push(outcome),
    secureContext: options.contextFor ?? (async () => createSecureContext({})),
    broker: () => options.broker ?? null,
    model: options.model ?? null,
    git: options.git?.remote ?? null,
    authorities: options.authorities ?? "",
    limits: { ...NET_LIMITS_DEFAULT, ...options.limits },
    sending: () => {},
    resolver: new Resolver(options.ask ?? (async (name) => names[name] ?? [])),
    ...(options.waitMs === undefined ? {} : { waitMs: options.waitMs }),
  });
  // A server's own handle is a listener as the holder hands one out.
  const [http, socks] = await Promise.all([listening(), listening()]);
  const acceptor = new Acceptor(
    async () => (socket, number) => (number === 0 ? proxy.takeHttp(socket) : proxy.takeSocks(socket)),
  );
  acceptor.listen([http.listener, socks.listener]);
  t.after(() => {
    acceptor.close();
    proxy.close();
  });
  return { port: http.port, socksPort: socks.port, judged, malformed, outcomes, proxy };
}

function judgeGit(effect: Effect): Judged {
  const decision = decide(effect, USER);
  if (decision.verdict !== "allow") return { verdict: "refuse", reason: decision.reason };
  const receipt = issueReceipt(1, "x", recordDecision(effect, decision, String));
  return { verdict: "allow", permit: mint(effect, decision, receipt, String), reach: "private" };
}

/** Starts a server on the machine's loopback; ended with the test. */
export async function startServer(t: TestContext, server: Server | net.Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.close();
    if ("closeAllConnections" in server) server.closeAllConnections();
  });
  return (server.address() as AddressInfo).port;
}

/** An HTTP server that says what it was asked, with the body's length. */
export function echoServer(): Server {
  return createServer((request, answer) => {
    let bytes = 0;
    request.on("data", (piece: Buffer) => {
      bytes += piece.length;
    });
    request.on("end", () => {
      answer.setHeader("Content-Type", "application/json");
      answer.end(JSON.stringify({ method: request.method, url: request.url, headers: request.rawHeaders, bytes }));
    });
  });
}

/** Sends bytes as they are and reads until the other side ends, all is over, or for a while. */
export async function raw(
  port: number,
  bytes: string | Buffer,
  { msMax = 2000, isOver = () => false }: { msMax?: number; isOver?: () => boolean } = {},
): Promise<string> {
  const socket = net.connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  let text = "";
  socket.setEncoding("latin1").on("data", (piece: string) => {
    text += piece;
  });
  socket.on("error", () => {});
  socket.write(bytes);
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();
  const timer = setTimeout(end, msMax);
  const looking = setInterval(() => isOver() && end(), 5);
  socket.on("close", end).on("end", () => socket.end());
  await ended;
  clearTimeout(timer);
  clearInterval(looking);
  socket.destroy();
  return text;
}

/** Waits, for a while, until something is so. */
export async function until(isSo: () => boolean): Promise<void> {
  for (let tried = 0; tried < 400 && !isSo(); tried += 1) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.ok(isSo(), "it never came to that");
}

async function listening(): Promise<{ listener: net.ListenOptions; port: number }> {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return { listener: { port, host: "127.0.0.1" }, port };
}
