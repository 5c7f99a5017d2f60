import { isPlainPath, type NetRequest } from "./net-rules.ts";

export const MODEL_PROTOCOLS = ["openai", "anthropic", "google"] as const;
export type ModelProtocol = (typeof MODEL_PROTOCOLS)[number];

/** Where the model of a wrapped agent is, and which wire protocol it speaks. */
export interface ModelEndpoint {
  /** As people and the price list know it. */
  readonly provider: string;
  readonly protocol: ModelProtocol;
  readonly scheme: "http" | "https";
  /** Canonical. */
  readonly host: string;
  readonly port: number;
  /** What all paths begin with, without a slash at its end: `/v1`; "" for none. */
  readonly base: string;
}

/** What a request asks of a model; `model` is the one that its path names. */
export type ModelCall =
  | { readonly kind: "completions" | "responses" | "messages" | "count" }
  | { readonly kind: "generate" | "google-count"; readonly model: string }
  | { readonly kind: "list" };

const NAME = "[A-Za-z0-9][\\w.@-]*";
/** Gateways name a model by its vendor and its name. */
const NAMES = `${NAME}(?:[/:]${NAME}){0,3}`;

interface Path {
  readonly method: "GET" | "POST";
  readonly match: RegExp;
  readonly kind: ModelCall["kind"];
  /** Parameters that its query may have: each a whole `name=value`. */
  readonly query: RegExp;
}

const NO_QUERY = /^$/;
const PAGE = /^(?:limit|after_id|before_id|pageSize|pageToken)=[\w.=-]{1,200}$/;

const PATHS: Readonly<Record<ModelProtocol, readonly Path[]>> = {
  openai: [
    { method: "POST", match: /^\/chat\/completions$/, kind: "completions", query: NO_QUERY },
    { method: "POST", match: /^\/responses$/, kind: "responses", query: NO_QUERY },
    { method: "GET", match: new RegExp(`^/models(?:/${NAMES})?$`), kind: "list", query: NO_QUERY },
  ],
  anthropic: [
    { method: "POST", match: /^\/messages$/, kind: "messages", query: /^beta=true$/ },
    { method: "POST", match: /^\/messages\/count_tokens$/, kind: "count", query: /^beta=true$/ },
    { method: "GET", match: new RegExp(`^/models(?:/${NAME})?$`), kind: "list", query: PAGE },
  ],
  google: [
    {
      method: "POST",
      match: new RegExp(`^/models/(${NAME}):(?:generateContent|streamGenerateContent)$`),
      kind: "generate",
      query: /^alt=(?:sse|json)$/,
    },
    { method: "POST", match: new RegExp(`^/models/(${NAME}):countTokens$`), kind: "google-count", query: NO_QUERY },
    { method: "GET", match: new RegExp(`^/models(?:/${NAME})?$`), kind: "list", query: PAGE },
  ],
};

/** What the rule of the key covers; which of these paths are let through at all is for `modelCallOf` to say. */
const COVERED: Readonly<Record<ModelProtocol, readonly string[]>> = {
  openai: ["/chat/completions", "/responses", "/models"],
  anthropic: ["/messages", "/models"],
  google: ["/models"],
};

/** Tells what a request asks of the model at an endpoint; null when it is none of what an agent needs to talk to one. */
export function modelCallOf(endpoint: ModelEndpoint, request: NetRequest): ModelCall | null {
  const { scheme, host, port, base, protocol } = endpoint;
  if (request.protocol !== scheme || request.host !== host || request.port !== port) return null;
  if (!isPlainPath(request.path) || !request.path.startsWith(`${base}/`)) return null;
  const [path = "", ...queries] = request.path.slice(base.length).split("?");
  if (queries.length > 1) return null;
  const parameters = (queries[0] ?? "").split("&").filter((parameter) => parameter !== "");
  for (const { method, match, kind, query } of PATHS[protocol]) {
    const found = match.exec(path);
    if (found === null || method !== request.method || request.hasBody !== (method === "POST")) continue;
    if (!parameters.every((parameter) => query.test(parameter))) return null;
    return kind === "generate" || kind === "google-count" ? { kind, model: found[1] ?? "" } : { kind };
  }
  return null;
}

/** The beginnings of the paths at which an endpoint's key is put on. */
export function modelPaths({ protocol, base }: ModelEndpoint): string[] {
  return COVERED[protocol].map((path) => `${base}${path}`);
}

/** Headers that a model's server needs to tell who asks and how, and those that clients tell of themselves; none of the body's. */
const HEADERS =
  /^(?:host|accept|accept-language|user-agent|authorization|x-api-key|x-goog-api-key|anthropic-(?:version|beta|dangerous-direct-browser-access)|openai-beta|x-goog-api-client|x-app|originator|version|session[-_]id|thread[-_]id|conversation_id|x-(?:client-)?request-id|x-session-(?:id|affinity)|x-codex-[a-z-]+|x-stainless-[a-z-]+)$/i;
const CREDENTIAL = /^(?:authorization|x-api-key|x-goog-api-key)$/i;

/**
 * Leaves of a request's headers those that a model's server needs: to a gateway another one may name a server of its own
 * to ask, or one to tell. Where the person has no key, none is sent.
 */
export function modelHeaders(headers: readonly string[], hasKey: boolean): string[] {
  const kept: string[] = [];
  for (let at = 0; at + 1 < headers.length; at += 2) {
    const name = headers[at] ?? "";
    if (HEADERS.test(name) && (hasKey || !CREDENTIAL.test(name))) kept.push(name, headers[at + 1] ?? "");
  }
  return kept;
}
