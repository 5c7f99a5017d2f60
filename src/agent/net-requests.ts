import { type Packages, packagesOf } from "../box/packages.ts";
import type { Effect } from "../core/effect.ts";
import { type ForgeAsked, forgeAsked, readForge } from "../core/forge.ts";
import { looksLikePush } from "../core/git-remote.ts";
import { isAddress } from "../core/host.ts";
import type { JsonObject } from "../core/json.ts";
import type { Label } from "../core/label.ts";
import {
  addressOf,
  judgeRules,
  type Listed,
  type NetRequest,
  type NetRule,
  type NetRules,
  rulesFor,
} from "../core/net-rules.ts";
import type { Dated, Told } from "../core/package-age.ts";
import type { Openness, Source } from "../core/source.ts";
import type { Take } from "../egress/acceptor.ts";
import { Broker } from "../egress/broker.ts";
import type { Certificates } from "../egress/certificates.ts";
import type { Reach } from "../egress/dial.ts";
import type { Document, ReadOptions } from "../egress/document.ts";
import type { Look } from "../egress/look.ts";
import { NET_LIMITS_DEFAULT, type NetLimits } from "../egress/meter.ts";
import type { ModelDoor } from "../egress/model-door.ts";
import { EgressProxy } from "../egress/proxy.ts";
import type { Judged } from "../egress/proxy-plan.ts";
import type { NetOutcome } from "../egress/route.ts";
import { TokenReplies } from "../egress/token-replies.ts";
import type { Vault } from "../egress/vault.ts";
import type { Gated } from "./gate.ts";
import type { NetPlan } from "./net.ts";
import { classify } from "./net-judge.ts";
import type { NetUsers } from "./net-users.ts";
import { askAboutPackage, PackageYeses } from "./new-package.ts";
import { type AskedEffect, Questions } from "./questions.ts";
import { gitEffect, openRemote, pushHint, type TrackedRemote } from "./remote.ts";
import { explainRun } from "./shell.ts";

/** Hosts that nothing lists and that a session may be looked into for: each costs a certificate. */
const UNLISTED_MAX = 256;
const DOCUMENT_BYTES_MAX = 32 << 20;
/** A client waits for the question that this comes before. */
const AGE_MS_MAX = 10_000;

/** A document, or why there is none: the gate refused it, or it could not be had. */
export type Read =
  | (Document & { readonly ok: true; readonly from: "strangers" | "authors" })
  | { readonly ok: false; readonly code: "refused" | "denied" | "exit"; readonly reason: string };

interface Asked {
  readonly what: string;
  readonly host: string;
  readonly token: string | null;
  /** Whether what answers enters the session at once; or later or never. */
  readonly isHeard: boolean;
}

/** What nobody has been asked about. */
const UNASKED = { approvedBy: "none", shown: null } as const;

const UNKNOWN_PAGE = { kind: "page", host: "a host", openness: "private" } as const;
const GITHUB = "application/vnd.github+json";
const NOTHING_SENT = { status: null, sentBytes: 0, receivedBytes: 0 } as const;

/** What a session's requests are answered with: the proxy, and what the gate says to each request. */
export class NetRequests {
  readonly #plan: NetPlan;
  readonly #users: NetUsers;
  readonly #rules: NetRules;
  readonly #proxy: EgressProxy;
  readonly #packages: Packages;
  readonly #upstream: TrackedRemote | null;
  readonly #unlisted = new Set<string>();
  readonly #questions: Questions | null;
  readonly #yeses = new PackageYeses();
  readonly #model: ModelDoor | null;
  /** Requests on their way, by the decision about each. */
  readonly #asked = new Map<number, Asked>();
  /** What each of them hears: a page of a host. */
  readonly #pages = new Map<number, Source & { readonly kind: "page" }>();
  readonly #broker: Broker;

  constructor(plan: NetPlan, vault: Vault, certificates: Certificates, users: NetUsers) {
    this.#plan = plan;
    this.#users = users;
    this.#rules = plan.config.rules;
    this.#packages = packagesOf({ ...plan.place, get: (...asked) => this.#get(...asked) });
    const { environment, identity } = plan.place;
    this.#upstream = openRemote(vault, plan.box, { environment, home: identity.home });
    const { ask, origin, asksAll, now } = plan;
    const { id: session } = plan.box.folder;
    const [pass, record] = [(effect: Effect) => this.#pass(effect), (event: JsonObject) => this.#seal(event)];
    this.#questions = ask && new Questions({ ask, pass, record, origin, asksAll, session, now });
    this.#model = plan.wrapped?.open((event) => this.#record(event)) ?? null;
    const broker = new Broker(vault.credentials);
    this.#broker = broker;
    this.#proxy = new EgressProxy({
      reaches: (host, port) => this.#reaches(host, port),
      judge: (request, token, look) => this.#judge(request, token, look),
      git: this.#upstream?.git ?? null,
      malformed: (reason, token) => this.#refused(reason, token),
      heard: (seq) => this.#heard(seq),
      ended: (seq, outcome) => this.#ended(seq, outcome),
      secureContext: (host) => certificates.contextFor(host, plan.now()),
      broker: () => (vault.credentials().length > 0 ? broker : null),
      model: this.#model,
      tokens:
        plan.wrapped && new TokenReplies({ endpoints: plan.wrapped.endpoints, vault, record: (e) => this.#record(e) }),
      authorities: plan.box.authorities,
      limits: limitsOf(plan),
      sending: (bytes) => plan.budget.addSent(bytes),
    });
  }

  /** Goes on with a connection of the box, by which of its listeners it came: HTTP, SOCKS, then each service and model. */
  readonly take: Take = (socket, listener) => {
    if (listener === 0) return this.#proxy.takeHttp(socket);
    if (listener === 1) return this.#proxy.takeSocks(socket);
    const index = listener - 2;
    const { services } = this.#plan.config;
    const service = services[index];
    const local = this.#plan.wrapped?.local[index - services.length];
    if (local) return this.#proxy.takeFor(socket, { protocol: "http", host: local.host, port: local.port });
    if (!service) return void socket.destroy();
    const request = tunnelTo(service.host, service.port);
    const why = { listed: "allow", rule: `net.services[${index}]`, origin: "service", command: null } as const;
    this.#proxy.takeService(socket, request, () => this.#pass({ kind: "request", ...request, ...why, ...UNASKED }));
  };

  judgeAgain(): Promise<void> {
    return this.#proxy.judgeAgain();
  }

  close(): void {
    this.#proxy.close();
    this.#upstream?.git.close();
  }

  // TLS to a host that nothing lists is looked into as well: what is asked of a registry's servers is seen in the path
  // alone, and a refusal then says more. Nothing is dialled for it.
  async #reaches(host: string, port: number): Promise<"terminate" | "tunnel" | null> {
    const [rule] = rulesFor(this.#rules, host, port);
    if (rule) return rule.tls;
    if (this.#plan.wrapped?.endpoints.some((place) => place.host === host && place.port === port)) return "terminate";
    if (host === this.#upstream?.tracked.host && port === this.#upstream.port) return "terminate";
    if (this.#unlisted.size >= UNLISTED_MAX && !this.#unlisted.has(host)) return null;
    const isUsual = port === 443 || port === 80;
    if (!isUsual && (await this.#packages.judge(tunnelTo(host, port))) === null) return null;
    this.#unlisted.add(host);
    return "terminate";
  }

  async #judge(request: NetRequest, token: string | null, look: Look): Promise<Judged> {
    const ruled = judgeRules(this.#rules, request);
    if (ruled.verdict !== "deny" && this.#model?.isCall(request)) return this.#judgeModel(request, token);
    if (this.#model?.isSwitch(request)) {
      const reason = "a model is asked by plain requests, not by a WebSocket";
      this.#refused(`${nameOf(request)}: ${reason}`, token);
      // An agent that is told so at once does not try it again.
      return { verdict: "refuse", reason, status: 426 };
    }
    if (look.git !== null || looksLikePush(request)) return this.#judgeGit(request, token, { look, ruled });
    const { asked, listed, rule, origin: read } = await classify(ruled, this.#packages, request);
    const origin = read !== "locked" && this.#isTyped(request) ? "typed" : read;
    const command = this.#users.decisionOf(token);
    const effect = { kind: "request", ...request, listed, rule, origin, command, ...UNASKED } as const;
    const dated = origin !== "package" || asked?.name == null ? null : { ...asked, name: asked.name };
    const gated = await this.#passOrAsk(effect, look, { token, dated });
    if (gated.verdict === "allow") this.#asked.set(gated.permit.seq, this.#askedBy(request, token));
    if (gated.verdict === "allow")
      return { ...gated, reach: ruled.verdict === "unlisted" ? "private" : reachOf(ruled.rule) };
    const more = asked ? await this.#packages.why(request) : ruled.verdict === "unlisted" ? ruled.why : null;
    const reason = more === null ? gated.reason : `${gated.reason}: ${more}`;
    // A line that is missing helps the person; what goes through as it is, a model.
    const missing = ruled.verdict === "unlisted" && !asked ? "ringfence net why URL says which line allows it" : "";
    const hint = this.#plan.isPersons ? missing : (gated.nearest ?? "");
    const instead = hint === "" ? "" : ` (${hint})`;
    // A tool sends that list unasked, and goes on without.
    if (asked?.kind !== "audit") {
      this.#users.tell(`${nameOf(request)}: ${reason}${instead}`, token);
      if (ruled.verdict === "unlisted") this.#users.want(request);
    }
    this.#tellDenied(effect, gated, reason, hint);
    return { verdict: "refuse", reason, nearest: hint, needsPerson: gated.verdict === "ask" };
  }

  #judgeModel(request: NetRequest, token: string | null): Judged {
    const spent = this.#plan.wrapped?.refuses() ?? null;
    if (spent !== null) {
      this.#refused(`${nameOf(request)}: ${spent}`, token);
      return { verdict: "refuse", reason: spent };
    }
    const command = this.#users.decisionOf(token);
    const why = { listed: "allow", rule: "wrap", origin: "model", command } as const;
    const gated = this.#pass({ kind: "request", ...request, ...why, ...UNASKED });
    if (gated.verdict !== "allow") return { verdict: "refuse", reason: gated.reason };
    this.#asked.set(gated.permit.seq, this.#askedBy(request, token));
    return { ...gated, reach: isAddress(request.host) ? "any" : "private" };
  }

  async #judgeGit(
    request: NetRequest,
    token: string | null,
    { look, ruled }: { readonly look: Look; readonly ruled: Listed },
  ): Promise<Judged> {
    const { push: rules } = this.#plan.config;
    const upstream = this.#upstream;
    const effect = gitEffect(request, look.git, { ruled, rules, upstream, command: this.#users.decisionOf(token) });
    const gated = await this.#passOrAsk(effect, look, { token, dated: null });
    if (gated.verdict === "allow") {
      this.#asked.set(gated.permit.seq, this.#askedBy(request, token));
      const [rule] = rulesFor(this.#rules, request.host, request.port);
      return { ...gated, reach: rule === undefined ? "private" : reachOf(rule) };
    }
    const isAsked = gated.verdict === "ask" && effect.kind === "push" && upstream !== null;
    const reason = isAsked ? `${gated.reason}: ${pushHint(effect, upstream)}` : gated.reason;
    this.#users.tell(`${nameOf(request)}: ${reason}`, token);
    this.#tellDenied(effect, gated, reason, gated.nearest ?? "");
    return { verdict: "refuse", reason };
  }

  #tellDenied(effect: AskedEffect, { verdict }: Gated, reason: string, nearest: string): void {
    if (verdict === "allow") return;
    const what = effect.kind === "push" ? `a push to ${addressOf(effect)}` : nameOf(effect);
    this.#plan.denied({ what, verdict, reason, nearest: nearest === "" ? null : nearest, command: effect.command });
  }

  async #passOrAsk(
    effect: AskedEffect,
    look: Look,
    { token, dated }: { readonly token: string | null; readonly dated: Dated | null },
  ): Promise<Gated> {
    const gated = this.#pass(effect);
    if (gated.verdict !== "ask" || this.#questions === null) return gated;
    const text = this.#users.textOf(token);
    const acts = text !== null && this.#users.kindOf(token) === "command" ? await explainRun(text, true) : null;
    const asking = { effect, look, command: text === null ? null : { text, acts } };
    if (this.#plan.asksAll()) this.#yeses.revoke();
    return dated === null
      ? this.#questions.pass(asking, gated)
      : askAboutPackage({ ...asking, dated }, gated, {
          questions: this.#questions,
          yeses: this.#yeses,
          packages: this.#packages,
          pass: () => this.#pass(effect),
          dropped: (seq) => this.#ended(seq, { ...NOTHING_SENT, error: "the person is asked once more" }),
          now: this.#plan.now,
        });
  }

  /** Asks for a document as the host, judged as a request of the command that bears the token. */
  async read(request: NetRequest, token: string, how: ReadOptions & { readonly signal: AbortSignal }): Promise<Read> {
    const look: Look = { headers: [], readBody: null, git: null, gone: () => how.signal };
    const judged = await this.#judge(request, token, look);
    if (judged.verdict === "refuse") {
      const { reason, nearest = "", needsPerson } = judged;
      const instead = nearest === "" ? "" : ` (${nearest})`;
      return { ok: false, code: needsPerson ? "refused" : "denied", reason: `${reason}${instead}` };
    }
    const page = this.#pages.get(judged.permit.seq) ?? UNKNOWN_PAGE;
    const asked = this.#forgeAsked(request, token);
    const read = await this.#proxy.read(judged.permit, judged.reach, asked === null ? how : { ...how, accept: GITHUB });
    const text = asked === null || !read.ok ? null : readForge(asked, read);
    if (asked !== null) {
      const { authors: trusted, where } = asked;
      const of = { trusted, where, openness: page.openness };
      this.#plan.heard(text === null ? page : { kind: "forge", author: text.author, people: text.people, ...of });
    }
    if (!read.ok) return { ok: false, code: "exit", reason: read.reason };
    return text === null ? { ...read, from: "strangers" } : { ...read, body: Buffer.from(text.text), from: "authors" };
  }

  // What a command asks for may be passed on before it is whole.
  #forgeAsked(request: NetRequest, token: string | null): ForgeAsked | null {
    const { forge } = this.#plan;
    return forge === null || this.#users.kindOf(token) !== "fetch" ? null : forgeAsked(forge, request);
  }

  /** Reads what a registry says of a package that is locked, or that the person let be asked for, for the host's own judgement. */
  async #get(url: string, accept: string, allowed: Label | null): Promise<Told | null> {
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
    const why = { listed: "allow", rule: "registry", command: null } as const;
    const asked =
      allowed === null
        ? ({ origin: "locked", ...UNASKED } as const)
        : ({ origin: "package", approvedBy: "person", shown: { label: allowed, headers: [], body: null } } as const);
    const gated = this.#pass({ kind: "request", ...request, ...why, ...asked });
    if (gated.verdict !== "allow") return null;
    const signal = allowed === null ? null : AbortSignal.timeout(AGE_MS_MAX);
    const how = { accept, bytesMax: DOCUMENT_BYTES_MAX, signal };
    const read = await this.#proxy.read(gated.permit, "private", how);
    if (!read.ok || read.status !== 200) return null;
    return { text: read.body.toString("utf8"), modified: read.headers["last-modified"] ?? null };
  }

  #askedBy(request: NetRequest, token: string | null): Asked {
    const isHeard = this.#users.kindOf(token) !== "reader" && this.#forgeAsked(request, token) === null;
    return { what: nameOf(request), host: request.host, token, isHeard };
  }

  #isTyped(request: NetRequest): boolean {
    return ["GET", "HEAD"].includes(request.method) && !request.hasBody && this.#plan.typed.has(addressOf(request));
  }

  // What cannot be recorded does not happen; the session itself ends at its own next event.
  #pass(effect: Effect): Gated {
    try {
      const gated = this.#plan.gate.pass(effect, null);
      if (gated.verdict === "allow" && (effect.kind === "request" || effect.kind === "push"))
        this.#pages.set(gated.permit.seq, { kind: "page", host: effect.host, openness: this.#opennessOf(effect) });
      return gated;
    } catch {
      return { verdict: "deny", reason: "it cannot be recorded" };
    }
  }

  // Anybody can have what a public host says to who bears no credential; of what is not known to be so, nobody.
  #opennessOf(effect: AskedEffect): Openness {
    const [rule] = rulesFor(this.#rules, effect.host, effect.port);
    const isPublic = rule !== undefined && reachOf(rule) === "public" && !this.#broker.isBrokered(effect.host);
    return isPublic ? "public" : "private";
  }

  // What cannot be recorded is not heard.
  #heard(seq: number): void {
    // What a reader is answered stays with it; of text on a forge it is told once it is whole whose it is.
    if (this.#asked.get(seq)?.isHeard === false) return;
    try {
      this.#plan.heard(this.#pages.get(seq) ?? UNKNOWN_PAGE);
    } catch {
      this.#proxy.close();
    }
  }

  #seal(event: JsonObject): void {
    this.#plan.ledger.append({ ...event, at: this.#plan.now() });
    this.#plan.ledger.seal();
  }

  #record(event: JsonObject): void {
    try {
      this.#plan.ledger.append({ ...event, at: this.#plan.now() });
    } catch {
      // As above: the decision before it stands in the record.
    }
  }

  #refused(reason: string, token: string | null): void {
    this.#record({ type: "refused", reason: reason.toWellFormed(), command: this.#users.decisionOf(token) });
    this.#users.tell(reason, token);
  }

  // A command that gets no answer at all learns why from this alone.
  #ended(seq: number, outcome: NetOutcome): void {
    this.#record({ type: "sent", decision: seq, ...outcome });
    const asked = this.#asked.get(seq);
    this.#asked.delete(seq);
    if (asked) this.#plan.budget.costs.addRequest(asked.host, outcome.sentBytes, outcome.receivedBytes);
    this.#pages.delete(seq);
    if (asked && outcome.error !== null && outcome.receivedBytes === 0)
      this.#users.tell(`${asked.what}: ${outcome.error}`, asked.token);
  }
}

function limitsOf({ config: { limits }, budget }: NetPlan): NetLimits {
  return {
    ...NET_LIMITS_DEFAULT,
    sentBytes: Math.min(budget.sentBytesMax, NET_LIMITS_DEFAULT.sentBytes),
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
