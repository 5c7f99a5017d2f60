import { randomBytes } from "node:crypto";
import type { Box } from "../box/box.ts";
import type { CommandNetwork } from "../box/oneshot.ts";
import type { Effect } from "../core/effect.ts";
import { isAddress } from "../core/host.ts";
import type { JsonObject } from "../core/json.ts";
import { addressOf, judgeRules, type NetRequest, type NetRule, type NetRules, rulesFor } from "../core/net-rules.ts";
import { Certificates, makeIssuers } from "../egress/certificates.ts";
import type { Reach } from "../egress/dial.ts";
import { NET_LIMITS_DEFAULT, type NetLimits } from "../egress/meter.ts";
import { EgressProxy, type Judged, type Listener } from "../egress/proxy.ts";
import type { Ledger } from "../ledger/append.ts";
import type { NetConfig } from "./config-net.ts";
import type { Gate, Gated } from "./gate.ts";

/** A command that may use the network, and what it was refused. */
export interface NetUser extends CommandNetwork {
  /** A sentence each, in the order of the first of its kind. */
  readonly refusals: readonly string[];
}

export interface NetPlan {
  readonly box: Box;
  readonly gate: Gate;
  readonly ledger: Ledger;
  readonly config: NetConfig;
  /** Addresses that the person typed, as `addressOf` names them. */
  readonly typed: ReadonlySet<string>;
  readonly now: () => number;
}

const TOKEN_BYTES = 12;
const REFUSALS_MAX = 20;

/** The network of a session: the proxy of its box, and what the gate says to each request. */
export class Net {
  readonly #plan: NetPlan;
  readonly #rules: NetRules;
  readonly #proxy: EgressProxy;
  readonly #certificates: Promise<Certificates>;
  readonly #users = new Map<string, { readonly seq: number; readonly refusals: Set<string> }>();

  private constructor(plan: NetPlan) {
    this.#plan = plan;
    this.#rules = plan.config.rules;
    this.#certificates = makeIssuers(plan.now()).then((issuers) => new Certificates(issuers));
    this.#proxy = new EgressProxy({
      reaches: (host, port) => rulesFor(this.#rules, host, port)[0]?.tls ?? null,
      judge: async (request, token) => this.#judge(request, token),
      malformed: (reason, token) => this.#refused(reason, token),
      ended: (seq, outcome) => this.#record({ type: "sent", decision: seq, ...outcome }),
      secureContext: async (host) => (await this.#certificates).contextFor(host, plan.now()),
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
      const request: NetRequest = { protocol: "tunnel", host, port, method: "CONNECT", path: "", hasBody: true };
      const verdict = { listed: "allow", rule: `net.services[${index}]`, origin: "service", command: null } as const;
      net.#proxy.show(services[index], request, () => net.#pass({ kind: "request", ...request, ...verdict }));
    }
    return net;
  }

  /** Lets a command of this decision be known to the proxy. */
  enter(seq: number): NetUser {
    const token = randomBytes(TOKEN_BYTES).toString("hex");
    const refusals = new Set<string>();
    this.#users.set(token, { seq, refusals });
    return {
      token,
      end: () => this.#users.delete(token),
      get refusals() {
        return [...refusals];
      },
    };
  }

  close(): void {
    this.#proxy.close();
  }

  #judge(request: NetRequest, token: string | null): Judged {
    const found = judgeRules(this.#rules, request);
    const rule = found.verdict === "unlisted" ? null : found.rule;
    const gated = this.#pass({
      kind: "request",
      ...request,
      listed: found.verdict,
      rule: rule?.id ?? null,
      origin: this.#isTyped(request) ? "typed" : "composed",
      command: this.#userOf(token)?.seq ?? null,
    });
    if (gated.verdict === "allow") return { ...gated, reach: reachOf(rule) };
    const reason = found.verdict === "unlisted" ? `${gated.reason}: ${found.why}` : gated.reason;
    this.#tell(`${nameOf(request)}: ${reason}`, token);
    return { verdict: "refuse", reason };
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

  #record(event: JsonObject): void {
    try {
      this.#plan.ledger.append({ ...event, at: this.#plan.now() });
    } catch {
      // As above: the decision before it stands in the record.
    }
  }

  #refused(reason: string, token: string | null): void {
    this.#record({ type: "malformed", reason: reason.toWellFormed(), command: this.#userOf(token)?.seq ?? null });
    this.#tell(reason, token);
  }

  #tell(text: string, token: string | null): void {
    const refusals = this.#userOf(token)?.refusals;
    if (refusals && refusals.size < REFUSALS_MAX) refusals.add(text);
  }

  #userOf(token: string | null) {
    return token === null ? undefined : this.#users.get(token);
  }
}

function limitsOf({ limits }: NetConfig): NetLimits {
  return {
    sentBytes: limits.sentMb === null ? NET_LIMITS_DEFAULT.sentBytes : limits.sentMb * 2 ** 20,
    requests: limits.requests ?? NET_LIMITS_DEFAULT.requests,
  };
}

// A rule that names an address means that very one, wherever it lies.
function reachOf(rule: NetRule | null): Reach {
  if (rule === null) return "public";
  return isAddress(rule.host) ? "any" : rule.private ? "private" : "public";
}

function nameOf(request: NetRequest): string {
  const { protocol, method, host, port } = request;
  return protocol === "tunnel" ? `a tunnel to ${host}:${port}` : `${method} ${addressOf(request)}`;
}
