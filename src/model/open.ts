import { useWireHeaders } from "./headers.ts";
import { type Model, ModelFailure, UnusableModel } from "./port.ts";
import { contextTokensOf, priceOf, usdOf } from "./pricing.ts";
import { type Account, CLOCK, type Clock, retrying } from "./retry.ts";
import type { AdapterSettings, SdkModel } from "./sdk.ts";
import { directFetch, type Fetch, guardFetch, LIMITS, type TransportLimits } from "./transport.ts";

export interface ProviderSettings {
  readonly apiKey?: string;
  readonly baseUrl?: string;
  readonly contextTokens?: number;
}

export interface ModelSettings {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** From the person's own config file, by provider. The environment wins. */
  readonly providers: Readonly<Record<string, ProviderSettings>>;
  /** Stands in for the network; still guarded. */
  readonly fetch?: Fetch;
  readonly clock?: Clock;
}

/**
 * Opens the model named by `PROVIDER/NAME` or `scripted:FILE`.
 *
 * Loads that provider's package and nothing of the others, and asks the network for nothing; start it early, beside
 * other work. Throws UnusableModel, or ModelFailure when a key is missing or malformed.
 */
export async function openModel(spec: string, settings: ModelSettings): Promise<Model> {
  if (spec.startsWith("scripted:")) return (await import("./scripted.ts")).openScripted(spec.slice("scripted:".length));
  const { provider, name } = parseSpec(spec);
  const place = PROVIDERS[provider];
  const found = settingsOf(provider, place, settings);
  const fetch = guardFetch(settings.fetch ?? directFetch(), { ...LIMITS, ...place.limits });
  const sdk = await openSdk(provider, { ...found, name, fetch: platformFetch(fetch) });
  const { streamReply } = await import("./sdk.ts");
  const price = priceOf(provider, name);
  const account: Account = { provider, apiKey: found.apiKey, keyName: `${prefixesOf(provider)[0]}_API_KEY` };
  const context = provider === "ollama" ? await openContext(found, name, fetch) : null;
  let contextTokensMax = found.contextTokens ?? (context === null ? contextTokensOf(provider, name) : null);
  return {
    name: spec,
    hasPrice: price !== null,
    usdFor: ({ input, output }) => usdOf(price, { input, output, cachedInput: 0, cacheWrite: 0 }),
    get contextTokensMax() {
      return contextTokensMax;
    },
    reply: (request, signal) =>
      retrying(
        async function* (trySignal) {
          if (context !== null) {
            const tokens = await context.ensure(trySignal);
            contextTokensMax = Math.min(tokens, found.contextTokens ?? tokens);
          }
          yield* streamReply(sdk, price, request, trySignal);
        },
        account,
        settings.clock ?? CLOCK,
        signal,
      ),
  };
}

/** Throws what `openModel` throws, and opens nothing. */
export async function checkModel(spec: string, settings: ModelSettings): Promise<void> {
  if (spec.startsWith("scripted:")) await openModel(spec, settings);
  else {
    const { provider } = parseSpec(spec);
    settingsOf(provider, PROVIDERS[provider], settings);
  }
}

interface Place {
  readonly baseUrl: string | null;
  /** What is added to an address that lacks it: always for Anthropic, else only where there is no path at all. */
  readonly version: string;
  readonly needsKey: boolean;
  readonly limits: Partial<TransportLimits>;
}

/** A model on a person's own machine may read a long prompt for minutes before its first word. */
const SLOW: Partial<TransportLimits> = { firstByteMs: 900_000, idleMs: 900_000 };

const PROVIDERS = {
  anthropic: { baseUrl: "https://api.anthropic.com/v1", version: "/v1", needsKey: true, limits: {} },
  // OpenAI sends nothing at all while a model thinks, which may be minutes.
  openai: { baseUrl: "https://api.openai.com/v1", version: "/v1", needsKey: true, limits: { idleMs: 600_000 } },
  google: {
    baseUrl: "https://generativelanguage.googleapis.com/v1beta",
    version: "/v1beta",
    needsKey: true,
    limits: {},
  },
  ollama: { baseUrl: "http://127.0.0.1:11434/v1", version: "/v1", needsKey: false, limits: SLOW },
  llamacpp: { baseUrl: "http://127.0.0.1:8080/v1", version: "/v1", needsKey: false, limits: SLOW },
  vllm: { baseUrl: "http://127.0.0.1:8000/v1", version: "/v1", needsKey: false, limits: SLOW },
  "openai-compatible": { baseUrl: null, version: "/v1", needsKey: false, limits: SLOW },
} as const satisfies Record<string, Place>;

type Provider = keyof typeof PROVIDERS;

/** What may stand before the slash of a model's name, and under `providers` in the configuration. */
export const PROVIDER_NAMES: readonly string[] = Object.keys(PROVIDERS);

/** Where a provider's model is and what opens it, as the person's environment and configuration have it. */
export interface ProviderPlace {
  readonly provider: string;
  readonly baseUrl: string;
  readonly apiKey: string | null;
  /** Variables of the person's in which the key stands, the usual one where it stands in none; the first is the provider's own. */
  readonly keyVariables: readonly string[];
  /** Variables in which they have its address, as it stands there. */
  readonly addresses: Readonly<Record<string, string>>;
}

/** Finds a provider for an agent that speaks to it itself; throws as `openModel` does. */
export function findProvider(name: string, settings: Pick<ModelSettings, "env" | "providers">): ProviderPlace {
  if (!isProvider(name)) throw new UnusableModel(`"${name}" is no provider; known are ${PROVIDER_NAMES.join(", ")}`);
  const { baseUrl, apiKey } = settingsOf(name, PROVIDERS[name], settings);
  const isSet = (variable: string) => Boolean(settings.env[variable]?.trim());
  const keys = prefixesOf(name).map((prefix) => `${prefix}_API_KEY`);
  const set = keys.filter(isSet);
  return {
    provider: name,
    baseUrl,
    apiKey: apiKey ?? null,
    keyVariables: set.length > 0 ? set : keys.slice(0, 1),
    addresses: Object.fromEntries(
      prefixesOf(name)
        .map((prefix) => `${prefix}_BASE_URL`)
        .filter(isSet)
        .map((variable) => [variable, settings.env[variable]?.trim() ?? ""]),
    ),
  };
}

/** Names the providers for which the person's environment or configuration has a key or an address of their own. */
export function knownProviders({ env, providers }: Pick<ModelSettings, "env" | "providers">): string[] {
  return PROVIDER_NAMES.filter((name) => {
    const own = prefixesOf(name as Provider).flatMap((prefix) => [env[`${prefix}_API_KEY`], env[`${prefix}_BASE_URL`]]);
    return [...own, providers[name]?.apiKey, providers[name]?.baseUrl].some((value) => value?.trim());
  });
}

/** Throws UnusableModel where a name is none that `openModel` takes. */
export function checkModelName(spec: string): void {
  if (!spec.startsWith("scripted:")) parseSpec(spec);
}

function parseSpec(spec: string): { provider: Provider; name: string } {
  const slash = spec.indexOf("/");
  const provider = spec.slice(0, Math.max(slash, 0));
  const name = spec.slice(slash + 1);
  if (isProvider(provider) && name !== "") return { provider, name };
  throw new UnusableModel(
    `model: "${spec}" is not PROVIDER/NAME with one of ${PROVIDER_NAMES.join(", ")}, nor scripted:FILE`,
  );
}

function isProvider(typed: string): typed is Provider {
  return Object.hasOwn(PROVIDERS, typed);
}

interface Found {
  readonly baseUrl: string;
  readonly apiKey: string | undefined;
  readonly contextTokens: number | undefined;
}

function settingsOf(provider: Provider, place: Place, { env, providers }: ModelSettings): Found {
  const config = providers[provider];
  const read = (suffix: string) =>
    prefixesOf(provider)
      .map((prefix) => env[`${prefix}${suffix}`]?.trim())
      .find(Boolean);
  const variable = prefixesOf(provider)[0];
  const hint = (suffix: string, key: string) =>
    `Set ${variable}${suffix}, or providers.${provider}.${key} in config.yaml`;
  const apiKey = read("_API_KEY") ?? (config?.apiKey?.trim() || undefined);
  if (place.needsKey && apiKey === undefined) {
    throw new ModelFailure("auth", `${provider}: no key. ${hint("_API_KEY", "api_key")}`);
  }
  if (apiKey !== undefined && !/^[\x21-\x7e]+$/.test(apiKey)) {
    throw new ModelFailure(
      "auth",
      `${provider}: the key has characters that no key has. ${hint("_API_KEY", "api_key")}`,
    );
  }
  const typed = read("_BASE_URL") ?? (config?.baseUrl?.trim() || undefined) ?? place.baseUrl;
  if (typed === null) throw new UnusableModel(`${provider}: no base URL. ${hint("_BASE_URL", "base_url")}`);
  const baseUrl = baseUrlOf(typed, provider === "anthropic", place.version);
  if (baseUrl === null) {
    const problem = "the base URL is not a plain http or https address without a password or query";
    throw new UnusableModel(`${provider}: ${problem}. ${hint("_BASE_URL", "base_url")}`);
  }
  return { baseUrl, apiKey, contextTokens: config?.contextTokens };
}

/** Gives how a provider's variables begin; the first is the one that we tell people about. */
function prefixesOf(provider: Provider): readonly string[] {
  if (provider === "google") return ["GOOGLE", "GEMINI"];
  return [provider.toUpperCase().replaceAll("-", "_")];
}

function baseUrlOf(typed: string, always: boolean, version: string): string | null {
  const url = URL.parse(typed);
  const isPlain =
    url !== null && /^https?:$/.test(url.protocol) && `${url.username}${url.password}${url.search}${url.hash}` === "";
  if (!isPlain) return null;
  const path = url.pathname.replace(/\/+$/, "");
  const lacks = always ? !path.endsWith(version) : path === "";
  return `${url.origin}${path}${lacks ? version : ""}`;
}

/** Shows a fetch of ours to an SDK, whose type asks for more of an answer than it reads. */
function platformFetch(fetch: Fetch): typeof globalThis.fetch {
  useWireHeaders();
  return (input, init) => fetch(typeof input === "string" || input instanceof URL ? input : input.url, init) as never;
}

async function openSdk(provider: Provider, settings: AdapterSettings): Promise<SdkModel> {
  switch (provider) {
    case "anthropic":
      return (await import("./anthropic.ts")).openAnthropic(settings);
    case "openai":
      return (await import("./openai.ts")).openOpenAI(settings);
    case "google":
      return (await import("./google.ts")).openGoogle(settings);
    case "ollama":
    case "llamacpp":
    case "vllm":
    case "openai-compatible":
      return (await import("./compatible.ts")).openCompatible(settings);
  }
}

async function openContext(found: Found, name: string, fetch: Fetch) {
  const { ollamaContext, ollamaRoot } = await import("./ollama.ts");
  return ollamaContext(ollamaRoot(found.baseUrl), name, found.contextTokens, fetch);
}
