import { readIdentity } from "../box/identity.ts";
import { packagesOf } from "../box/packages.ts";
import { findPrograms } from "../box/programs.ts";
import { findRegistries } from "../box/registries.ts";
import { readRemote } from "../box/remote.ts";
import { addressKind } from "../core/address.ts";
import type { Credential } from "../core/credential.ts";
import { addressOfTracked, type Remote, trackedOf } from "../core/git-remote.ts";
import { isAddress } from "../core/host.ts";
import { PERSONS_COMMAND, UNKNOWN_SOURCE } from "../core/label.ts";
import { proposeRules, ruleLine } from "../core/net-propose.ts";
import { addressOf, judgeRules, type NetRequest, type NetRule, requestFor, rulesFor } from "../core/net-rules.ts";
import type { Decision } from "../core/policy.ts";
import { decideWithin } from "../core/policy-decide.ts";
import type { Registry } from "../core/registry.ts";
import { readConfig, stateFolder, UsageError } from "./config.ts";
import { findCheckout } from "./config-checkout.ts";
import type { NetConfig } from "./config-net.ts";
import { openPolicy } from "./config-policy-open.ts";
import { netWithin } from "./config-policy-tiers.ts";
import { classify } from "./net-judge.ts";
import { openVaultOf, type Start } from "./workplace.ts";

/** What the gate would say to a request, and by what. */
export interface NetWhy {
  readonly request: NetRequest;
  readonly address: string;
  /** The rule or preset that allows or denies it; null when none names it. */
  readonly rule: string | null;
  readonly listed: "allow" | "deny" | "unlisted";
  /** To a command that the person types, and to one of a model's session. */
  readonly person: Decision;
  readonly model: Decision;
  /** What more there is to know, a sentence each. */
  readonly notes: readonly string[];
  /** A line for `net.allow`; null where none is missing. */
  readonly add: string | null;
  /** What to think of before that line is added; null for a host like any other. */
  readonly warning: string | null;
}

/** The rules that hold in a folder. */
export interface NetInForce {
  readonly config: NetConfig;
  /** Credentials that were found, by where; of none the value. */
  readonly found: readonly Pick<Credential, "source" | "rules">[];
  readonly registries: readonly Registry[];
  readonly notes: readonly string[];
  /** Where the checked-out branch is fetched from, and by what; `by` is null where git in the box does not reach it. Null without one. */
  readonly remote: { readonly address: string; readonly by: "https" | "http" | "ssh" | null } | null;
}

const GIT = /\/(?:info\/refs\?service=git-|git-)(?:upload|receive)-pack$/;
const PUSH = /\/(?:info\/refs\?service=)?git-receive-pack$/;
const BODIED = ["POST", "PUT", "PATCH"];

/** Says what the gate would say to a request of the box, without sending anything. */
export async function whyRequest(start: Start, url: string, method: string): Promise<NetWhy> {
  const { config, place, policy } = await prepare(start);
  const { rules } = config;
  const asked = readRequest(url, method);
  const isTunnel = rulesFor(rules, asked.host, asked.port)[0]?.tls === "tunnel";
  const request: NetRequest = isTunnel
    ? { ...asked, protocol: "tunnel", method: "CONNECT", path: "", hasBody: true }
    : asked;
  // Nothing is sent, so a registry is not asked either where a file of a locked package lies.
  let isUnasked = false;
  const get = async () => {
    isUnasked = true;
    return null;
  };
  const packages = packagesOf({ ...place, get });
  const ruled = judgeRules(rules, request);
  const { asked: about, listed, rule, origin } = await classify(ruled, packages, request);
  const unasked = { command: null, approvedBy: "none", shown: null } as const;
  const effect = { kind: "request", ...request, listed, rule, origin, ...unasked } as const;
  const why = about === null ? null : await packages.why(request);
  // No line of net.allow lets a push through.
  const [missing] = listed === "unlisted" && !PUSH.test(request.path) ? proposeRules([request]) : [];
  const warned = missing === undefined ? null : warnOf(request.host);
  return {
    request,
    address: isTunnel ? `a tunnel to ${request.host}:${request.port}` : `${request.method} ${addressOf(request)}`,
    rule,
    listed,
    person: decideWithin(policy, effect, PERSONS_COMMAND),
    model: decideWithin(policy, effect, UNKNOWN_SOURCE),
    notes: [
      ...(ruled.verdict === "unlisted" && why === null ? [ruled.why] : []),
      ...(ruled.verdict === "unlisted" ? [] : noteOf(ruled.rule, request)),
      ...(why === null ? [] : [why]),
      ...noteOfService(config.services, request),
      ...(GIT.test(request.path)
        ? [
            "git at the tracked remote is judged by what it does: it may fetch, and a command of yours push what net.push lists",
          ]
        : []),
      ...(isUnasked && origin !== "locked"
        ? ["in a session the registry is asked too whether it is a locked package's"]
        : []),
      ...packages.notes(),
    ],
    add: missing === undefined ? null : ruleLine(missing),
    warning: warned,
  };
}

/** Reads the rules that hold in a folder, and asks the person's tools for their registries. */
export async function netInForce(start: Start): Promise<NetInForce> {
  const { config, place, whole } = await prepare(start);
  const { state, environment, checkout, identity } = place;
  const { home } = identity;
  const remote = readRemote({ checkout, state, home, environment, programs: findPrograms() });
  const [registries, vault, tracked] = await Promise.all([
    findRegistries(place),
    openVaultOf(start, { home, checkout, state, config: whole, remote: () => remote }),
    remote,
  ]);
  const found = vault.credentials().map(({ source, rules }) => ({ source, rules }));
  return { config, found, ...registries, remote: tracked && wayTo(tracked) };
}

function wayTo({ url, written }: Remote): NonNullable<NetInForce["remote"]> {
  const tracked = trackedOf(url);
  if (tracked === null) return { address: written, by: null };
  const by = tracked.ssh !== null ? "ssh" : tracked.origin.startsWith("https:") ? "https" : "http";
  return { address: addressOfTracked(tracked), by };
}

async function prepare(start: Start) {
  const { environment, folder } = start;
  const [identity, whole, { current }] = await Promise.all([
    readIdentity(environment),
    readConfig(environment),
    openPolicy(start),
  ]);
  const place = { state: stateFolder(environment), identity, environment, checkout: findCheckout(folder).path };
  const config = netWithin(whole.net, current);
  return { config, policy: current, whole: { ...whole, net: config }, place };
}

function readRequest(text: string, method: string): NetRequest {
  const whole = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `https://${text}`;
  const request = requestFor(whole, method);
  if (request === null)
    throw new UsageError(`"${text}" is no address of http or https: ringfence net why https://api.example.com/v1`);
  if (!/^[A-Z]{1,20}$/.test(method)) throw new UsageError(`--method takes a method in capitals, not "${method}"`);
  return { ...request, hasBody: BODIED.includes(method) };
}

// A tool in the box goes to a loopback address itself, past the proxy, and finds the loopback of the box.
function noteOfService(services: NetConfig["services"], { host, port }: NetRequest): string[] {
  if (host !== "localhost" && addressKind(host) !== "loopback") return [];
  if (services.some((service) => service.port === port))
    return [`net.services shows port ${port} of your machine at the same port of the box, whatever net.allow says`];
  const address = host === "localhost" ? "127.0.0.1" : host;
  return [
    `in the box ${host} is the box itself; to show it what listens at that port of your machine, add "${address}:${port}" to net.services`,
  ];
}

const NAMES_OF_METADATA = /^metadata(?:\.[a-z0-9-]+)*\.internal$|^(?:instance-data|metadata)$/;

/** Warns of a host that is no public one. */
function warnOf(host: string): string | null {
  if (NAMES_OF_METADATA.test(host)) return WARNINGS.metadata;
  return isAddress(host) ? WARNINGS[addressKind(host)] : null;
}

const WARNINGS = {
  public: null,
  metadata:
    "WARNING: that is where a cloud's machine asks for its own credentials: whatever runs in the box would get them. Do not allow it",
  loopback: "WARNING: that is your machine itself: whatever listens there would hear whatever the box says",
  private: "WARNING: that is a private network: what answers there may trust whoever reaches it",
  "link-local":
    "WARNING: that is a neighbour of this machine, found by no name: what answers there may trust whoever reaches it",
  reserved: "WARNING: that is an address of nobody's on the internet",
} as const;

function noteOf(rule: NetRule, request: NetRequest): string[] {
  if (request.protocol === "tunnel") return [`${rule.id} lets it through whole: method, path and body are not seen`];
  return isAddress(request.host) || rule.private
    ? []
    : ["it is dialled only where all addresses of its name are public"];
}
