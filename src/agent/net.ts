import { randomBytes } from "node:crypto";
import type { Box } from "../box/box.ts";
import type { CommandNetwork } from "../box/oneshot.ts";
import { type Packages, type PackagesPlan, packagesOf } from "../box/packages.ts";
import type { Effect } from "../core/effect.ts";
import { isAddress } from "../core/host.ts";
import type { JsonObject } from "../core/json.ts";
import { addressOf, judgeRules, type NetRequest, type NetRule, type NetRules, rulesFor } from "../core/net-rules.ts";
import { Broker } from "../egress/broker.ts";
import { Certificates, makeIssuers } from "../egress/certificates.ts";
import type { Reach } from "../egress/dial.ts";
import type { Look } from "../egress/look.ts";
import { NET_LIMITS_DEFAULT, type NetLimits } from "../egress/meter.ts";
import {
  type Document,
  EgressProxy,
  type Judged,
  type Listener,
  type NetOutcome,
  type ReadOptions,
} from "../egress/proxy.ts";
import type { Vault } from "../egress/vault.ts";
import type { Ledger } from "../ledger/append.ts";
import type { NetConfig } from "./config-net.ts";
import type { Gate, Gated } from "./gate.ts";
import { classify } from "./net-judge.ts";
import { type AskPerson, Questions } from "./questions.ts";

/** A command that may use the network, and what it was refused. */
export interface NetUser extends CommandNetwork {
  /** A sentence each, in the order of the first of its kind. */
  readonly refusals: readonly string[];
}

export interface NetPlan {
  /** Whose tools and lockfiles say which packages may come. */
  readonly place: Omit<PackagesPlan, "get">;
  readonly box: Box;
  readonly gate: Gate;
  readonly ledger: Ledger;
  readonly config: NetConfig;
  /** The person's credentials, of which the box has placeholders. */
  readonly vault: Vault;
  /** Addresses that the person typed, as `addressOf` names them. */
  readonly typed: ReadonlySet<string>;
  /** Asks the person about a request; null where nobody is there to be asked, and what asks is refused. */
  readonly ask: AskPerson | null;
  readonly now: () => number;
}

const TOKEN_BYTES = 12;
const REFUSALS_MAX = 20;
const DOCUMENT_BYTES_MAX = 32 << 20;
const WANTED_MAX = 2000;
/** Hosts that nothing lists and that a session may be looked into for: each costs a certificate. */
const UNLISTED_MAX = 256;

interface User {
  readonly seq: number;
  readonly command: string;
  readonly refusals: Set<string>;
}

/** A document, or why there is none: the gate refused it, or it could not be had. */
export type Read =
  | (Document & { readonly ok: true })
  | { readonly ok: false; readonly code: "refused" | "exit"; readonly reason: string };

/** What nobody has been asked about. */
const UNASKED = { approvedBy: "none", shown: null } as const;

/** The network of a session: the proxy of its box, and what the gate says to each request. */
export class Net {
  readonly #plan: NetPlan;
  readonly #rules: NetRules;
  readonly #proxy: EgressProxy;
  readonly #packages: Packages;
  readonly #certificates: Promise<Certificates>;
  readonly #unlisted = new Set<string>();
  /** Requests on their way, by the decision about each. */
  readonly #asked = new Map<number, { readonly what: string; readonly token: string | null }>();
  readonly #wanted = new Map<string, NetRequest>();
  readonly #users = new Map<string, User>();
  readonly #questions: Questions | null;

  private constructor(plan: NetPlan) {
    this.#plan = plan;
    this.#rules = plan.config.rules;
    this.#packages = packagesOf({ ...plan.place, get: (url, accept) => this.#get(url, accept) });
    this.#certificates = makeIssuers(plan.now()).then((issuers) => new Certificates(issuers));
    const { ask } = plan;
    this.#questions = ask && new Questions({ ask, pass: (effect) => this.#pass(effect), record: (e) => this.#sync(e) });
    const broker = new Broker(plan.vault.credentials);
    this.#proxy = new EgressProxy({
      reaches: (host, port) => this.#reaches(host, port),
      judge: (request, token, look) => this.#judge(request, token, look),
      malformed: (reason, token) => this.#refused(reason, token),
      ended: (seq, outcome) => this.#ended(seq, outcome),
      secureContext: async (host) => (await this.#certificates).contextFor(host, plan.now()),
      broker: () => (plan.vault.credentials().length > 0 ? broker : null),
      authorities: plan.box.authorities,
      limits: limitsOf(plan.config),
    });
  }

  /** Opens the way out of a box that stands, and has what runs in it trust the session's own authority. */
  static async open(plan: NetPlan): Promise<Net> {
    const net = new Net(plan);
    plan.box.trust((await net.#certificates).root);
    const [http, socks, ...services] = (await plan.box.takeListeners()) as readonly [Listener, Listener, ...Listener[]];
    net.#proxy.listen({ http, socks });
    for (const [index, { host, port }] of plan.config.services.entries()) {
      const request = tunnelTo(host, port);
      const why = { listed: "allow", rule: `net.services[${index}]`, origin: "service", command: null } as const;
      const effect = { kind: "request", ...request, ...why, ...UNASKED } as const;
      net.#proxy.show(services[index], request, () => net.#pass(effect));
    }
    return net;
  }

  /** Lets a command of this decision be known to the proxy, and to the person by its text. */
  enter(seq: number, command: string): NetUser {
    const token = randomBytes(TOKEN_BYTES).toString("hex");
    const refusals = new Set<string>();
    this.#users.set(token, { seq, command, refusals });
    return {
      token,
      end: () => this.#users.delete(token),
      get refusals() {
        return [...refusals];
      },
    };
  }

  /** Asks for a document for a tool of the model's, as if a command of this decision asked; `reason` says why it has none. */
  async read(seq: number, request: NetRequest, how: ReadOptions & { readonly signal: AbortSignal }): Promise<Read> {
    const user = this.enter(seq, `fetch ${addressOf(request)}`);
    const look: Look = { headers: [], readBody: null, gone: () => how.signal };
    try {
      const judged = await this.#judge(request, user.token, look);
      if (judged.verdict === "refuse") return { ok: false, code: "refused", reason: judged.reason };
      const read = await this.#proxy.read(judged.permit, judged.reach, how);
      return read.ok ? read : { ok: false, code: "exit", reason: read.reason };
    } finally {
      user.end();
    }
  }

  /** Requests that no rule lists and that were refused, each address once whatever its query. */
  get wanted(): readonly NetRequest[] {
    return [...this.#wanted.values()];
  }

  close(): void {
    this.#proxy.close();
  }

  // TLS to a host that nothing lists is looked into as well: what is asked of a registry's servers is seen in the path
  // alone, and a refusal then says more. Nothing is dialled for it.
  async #reaches(host: string, port: number): Promise<"terminate" | "tunnel" | null> {
    const [rule] = rulesFor(this.#rules, host, port);
    if (rule) return rule.tls;
    if (this.#unlisted.size >= UNLISTED_MAX && !this.#unlisted.has(host)) return null;
    const isUsual = port === 443 || port === 80;
    if (!isUsual && (await this.#packages.judge(tunnelTo(host, port))) === null) return null;
    this.#unlisted.add(host);
    return "terminate";
  }

  async #judge(request: NetRequest, token: string | null, look: Look): Promise<Judged> {
    const { ruled, asked, listed, rule, isLocked } = await classify(this.#rules, this.#packages, request);
    const origin = isLocked ? "locked" : this.#isTyped(request) ? "typed" : "composed";
    const command = this.#userOf(token)?.seq ?? null;
    const effect = { kind: "request", ...request, listed, rule, origin, command, ...UNASKED } as const;
    const gated = await this.#passOrAsk(effect, look, token);
    if (gated.verdict === "allow") this.#asked.set(gated.permit.seq, { what: nameOf(request), token });
    if (gated.verdict === "allow")
      return { ...gated, reach: ruled.verdict === "unlisted" ? "private" : reachOf(ruled.rule) };
    const more = asked ? await this.#packages.why(request) : ruled.verdict === "unlisted" ? ruled.why : null;
    const reason = more === null ? gated.reason : `${gated.reason}: ${more}`;
    // A tool sends that list unasked, and goes on without.
    if (asked?.kind !== "audit") this.#tell(`${nameOf(request)}: ${reason}`, token);
    if (asked?.kind !== "audit" && ruled.verdict === "unlisted") this.#want(request);
    return { verdict: "refuse", reason };
  }

  async #passOrAsk(effect: Effect & { readonly kind: "request" }, look: Look, token: string | null): Promise<Gated> {
    const gated = this.#pass(effect);
    if (gated.verdict !== "ask" || this.#questions === null) return gated;
    return this.#questions.pass(effect, gated, look, this.#userOf(token)?.command ?? null);
  }

  /** Reads what a registry says of a locked package, for the host's own judgement. */
  async #get(url: string, accept: string): Promise<string | null> {
    const { protocol, hostname, port, pathname, search } = new URL(url);
    const request: NetRequest = {
      protocol: protocol === "http:" ? "http" : "https",
      host: hostname,
      port: Number(port) || (protocol === "http:" ? 80 : 443),
      method: "GET",
      path: `${pathname}${search}`,
      hasBody: false,
    };
    if (judgeRules(this.#rules, request).verdict === "deny") return null;
    const why = { listed: "allow", rule: "registry", origin: "locked", command: null } as const;
    const gated = this.#pass({ kind: "request", ...request, ...why, ...UNASKED });
    if (gated.verdict !== "allow") return null;
    const how = { accept, bytesMax: DOCUMENT_BYTES_MAX, signal: null };
    const read = await this.#proxy.read(gated.permit, "private", how);
    return read.ok && read.status === 200 ? read.body.toString("utf8") : null;
  }

  #isTyped(request: NetRequest): boolean {
    return ["GET", "HEAD"].includes(request.method) && !request.hasBody && this.#plan.typed.has(addressOf(request));
  }

  // What cannot be recorded does not happen; the session itself ends at its own next event.
  #pass(effect: Effect): Gated {
    try {
      return this.#plan.gate.pass(effect, null);
    } catch {
      return { verdict: "deny", reason: "it cannot be recorded" };
    }
  }

  #sync(event: JsonObject): void {
    this.#plan.ledger.append({ ...event, at: this.#plan.now() });
    this.#plan.ledger.sync();
  }

  #record(event: JsonObject): void {
    try {
      this.#plan.ledger.append({ ...event, at: this.#plan.now() });
    } catch {
      // As above: the decision before it stands in the record.
    }
  }

  #refused(reason: string, token: string | null): void {
    this.#record({ type: "refused", reason: reason.toWellFormed(), command: this.#userOf(token)?.seq ?? null });
    this.#tell(reason, token);
  }

  // A command that gets no answer at all learns why from this alone.
  #ended(seq: number, outcome: NetOutcome): void {
    this.#record({ type: "sent", decision: seq, ...outcome });
    const asked = this.#asked.get(seq);
    this.#asked.delete(seq);
    if (asked && outcome.error !== null && outcome.receivedBytes === 0)
      this.#tell(`${asked.what}: ${outcome.error}`, asked.token);
  }

  #tell(text: string, token: string | null): void {
    const refusals = this.#userOf(token)?.refusals;
    if (refusals && refusals.size < REFUSALS_MAX) refusals.add(text);
  }

  #want(request: NetRequest): void {
    if (this.#wanted.size < WANTED_MAX)
      this.#wanted.set(nameOf({ ...request, path: request.path.split("?", 1)[0] ?? "" }), request);
  }

  #userOf(token: string | null) {
    return token === null ? undefined : this.#users.get(token);
  }
}

function limitsOf({ limits }: NetConfig): NetLimits {
  return {
    ...NET_LIMITS_DEFAULT,
    ...(limits.sentMb === null ? {} : { sentBytes: limits.sentMb * 2 ** 20 }),
    ...(limits.requests === null ? {} : { requests: limits.requests }),
  };
}

// A rule that names an address means that very one, wherever it lies.
function reachOf(rule: NetRule): Reach {
  return isAddress(rule.host) ? "any" : rule.private ? "private" : "public";
}

function tunnelTo(host: string, port: number): NetRequest {
  return { protocol: "tunnel", host, port, method: "CONNECT", path: "", hasBody: true };
}

function nameOf(request: NetRequest): string {
  const { protocol, method, host, port } = request;
  return protocol === "tunnel" ? `a tunnel to ${host}:${port}` : `${method} ${addressOf(request)}`;
}
