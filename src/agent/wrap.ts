import { addressKind } from "../core/address.ts";
import { originOf } from "../core/credential.ts";
import type { Totals } from "../core/event.ts";
import { canonicalHost } from "../core/host.ts";
import type { JsonObject } from "../core/json.ts";
import { type ModelEndpoint, type ModelProtocol, modelPaths } from "../core/model-endpoint.ts";
import { ModelDoor, type ModelReply } from "../egress/model-door.ts";
import type { ModelKey } from "../egress/vault-model.ts";
import { findProvider, knownProviders, type ModelSettings, type ProviderPlace } from "../model/open.ts";
import { priceOf, usdOf } from "../model/pricing.ts";
import type { Budget } from "./budget.ts";
import { UsageError } from "./config.ts";
import type { AgentNeeds } from "./workplace.ts";

/** An agent of another make in the box: where its model is, and what its replies have cost. */
export interface Wrapped {
  readonly endpoints: readonly (ModelEndpoint & { readonly hasKey: boolean })[];
  /** Endpoints on the machine's own loopback, which the box sees at the same port of its own; in the order of `AgentNeeds.ports`. */
  readonly local: readonly ModelEndpoint[];
  /** Why no further request goes to a model; null while one may. */
  readonly refuses: () => string | null;
  /** Opens the way to the models; `record` writes down what came of each request. */
  readonly open: (record: (event: JsonObject) => void) => ModelDoor;
}

/** What a wrapped agent's replies took so far. */
export interface Spent extends Totals {
  /** Tools of the vendor's that were taken out of its requests, by their kind. */
  readonly removed: readonly string[];
}

/** Of a reply that broke off or said nothing: no vendor's tokens are shorter on the whole. */
const BYTES_A_TOKEN = 4;
/** Where agents look for a key besides: codex, opencode and gemini, and whatever speaks OpenAI's protocol to a server of its own. */
const FURTHER_VARIABLES: Readonly<Record<string, readonly string[]>> = {
  openai: ["CODEX_API_KEY"],
  google: ["GEMINI_API_KEY", "GOOGLE_GENERATIVE_AI_API_KEY"],
  "openai-compatible": ["OPENAI_API_KEY"],
};
const PROTOCOLS: Readonly<Record<string, ModelProtocol>> = { anthropic: "anthropic", google: "google" };

/** Chooses the providers of an agent: those that the person named, else the one that their environment knows. */
export function chooseProviders(
  named: readonly string[],
  settings: Pick<ModelSettings, "env" | "providers">,
): ProviderPlace[] {
  const known = named.length > 0 ? [...new Set(named)] : knownProviders(settings);
  if (known.length === 0)
    throw new UsageError(
      "wrap needs a model for the agent: set its key as you do for the agent itself, ANTHROPIC_API_KEY or OPENAI_API_KEY say, or name one by --provider",
    );
  if (named.length === 0 && known.length > 1)
    throw new UsageError(
      `your environment knows the models of ${known.join(", ")}: name the one that the agent may ask by --provider ${known[0]}; it may be given again`,
    );
  return known.map((name) => findProvider(name, settings));
}

/** Writes where a provider's model is, as requests are matched against. */
function endpointOf({ provider, baseUrl, apiKey }: ProviderPlace): ModelEndpoint & { readonly hasKey: boolean } {
  const url = new URL(baseUrl);
  const host = canonicalHost(url.hostname);
  if (host === null) throw new UsageError(`${provider}: ${baseUrl} names no host`);
  const scheme = url.protocol === "https:" ? "https" : "http";
  const port = Number(url.port) || (scheme === "https" ? 443 : 80);
  const base = url.pathname.replace(/\/+$/, "");
  return { provider, protocol: PROTOCOLS[provider] ?? "openai", scheme, host, port, base, hasKey: apiKey !== null };
}

/** Says what an agent needs in the box to reach its models: keys, addresses, ports. */
export function needsOf(places: readonly ProviderPlace[], homePaths: readonly string[]): AgentNeeds {
  const own = new Set(places.flatMap(({ keyVariables }) => keyVariables));
  const keys = places.flatMap((place) => {
    if (place.apiKey === null) return [];
    const further = (FURTHER_VARIABLES[place.provider] ?? []).filter((variable) => !own.has(variable));
    return [keyOf(place, place.apiKey, [...place.keyVariables, ...further])];
  });
  const addresses = places.flatMap(({ addresses }) => Object.entries(addresses));
  return {
    keys,
    variables: Object.fromEntries(addresses),
    homePaths,
    ports: localOf(places.map(endpointOf)).map(({ port }) => port),
  };
}

function keyOf(place: ProviderPlace, value: string, variables: readonly string[]): ModelKey {
  const endpoint = endpointOf(place);
  const rule = {
    origins: [originOf({ ...endpoint, protocol: endpoint.scheme })],
    methods: ["GET", "POST"],
    pathPrefixes: modelPaths(endpoint),
  };
  const header = (name: string) => ({ ...rule, scheme: { kind: "header", name } as const });
  const bearer = { ...rule, scheme: { kind: "bearer" } as const };
  const rules = {
    openai: [bearer],
    anthropic: [header("x-api-key"), bearer],
    google: [header("x-goog-api-key"), bearer],
  };
  return {
    value,
    source: `env ${place.keyVariables[0]}`,
    variables,
    rules: rules[endpoint.protocol],
  };
}

function localOf<T extends ModelEndpoint>(endpoints: readonly T[]): T[] {
  const isLocal = ({ scheme, host }: T) =>
    scheme === "http" && (host === "localhost" || addressKind(host) === "loopback");
  const local = endpoints.filter(isLocal);
  return local.filter(({ port }, at) => local.findIndex((other) => other.port === port) === at);
}

/** Makes what a session needs to let an agent ask its models, within the session's budget. */
export function wrapModels(
  places: readonly ProviderPlace[],
  budget: Budget,
): Wrapped & { readonly spent: () => Spent; readonly account: (reply: ModelReply) => JsonObject } {
  const endpoints = places.map(endpointOf);
  let removed: readonly string[] = [];
  const account = (reply: ModelReply): JsonObject => {
    const { provider, model, isWhole } = reply;
    const { tokens, usd } = costOf(reply);
    budget.addReply({ ...tokens, usd });
    // Which ends the agent where that was the last one.
    budget.exhausted();
    return { type: "model-reply", provider, model, isWhole, ...tokens, usd };
  };
  const open: Wrapped["open"] = (record) =>
    new ModelDoor({
      endpoints,
      refuses: (provider, model) => {
        budget.refuseUnpriced(`${provider}/${model}`, priceOf(provider, model) !== null);
        return budget.exhausted()?.message ?? null;
      },
      replied: (reply) => record(account(reply)),
      removed: (tools) => {
        removed = [...new Set([...removed, ...tools])];
        record({ type: "model-tools-removed", tools: [...tools] });
      },
    });
  return {
    endpoints,
    local: localOf(endpoints),
    refuses: () => budget.exhausted()?.message ?? null,
    open,
    account,
    spent: () => ({ ...budget.totals, removed }),
  };
}

function costOf({ provider, model, tokens, isWhole, sentBytes, receivedBytes }: ModelReply) {
  const guess = (bytes: number) => Math.ceil(bytes / BYTES_A_TOKEN);
  const said = tokens ?? { input: guess(sentBytes), cachedInput: 0, cacheWrite: 0, output: 0 };
  const output = isWhole && tokens !== null ? said.output : Math.max(said.output, guess(receivedBytes));
  const counted = { ...said, output };
  return { tokens: counted, usd: usdOf(priceOf(provider, model), counted) };
}
