import { Fault, field, printable } from "./fault.ts";
import { type Answer, directFetch, type Fetch, guardFetch } from "./transport.ts";

/** Less than this does not hold the system prompt, the tools and one file. */
const CONTEXT_TOKENS_MIN = 16_384;
const CONTEXT_TOKENS_WANTED = 32_768;
const ANSWER_BYTES_MAX = 8 * 1024 * 1024;

export interface OllamaContext {
  /** Makes sure of the context before a try; throws a Fault when Ollama would cut the prompt. Returns its tokens. */
  ensure(signal: AbortSignal): Promise<number>;
}

/**
 * Watches over the context of one model at an Ollama server, which cuts longer prompts without a word.
 *
 * Its OpenAI protocol has no field for the context, and a request without one makes Ollama load the model again with
 * the server's default. So what counts is what is loaded after a request without options; that is what we ask first.
 */
export function ollamaContext(
  root: string,
  model: string,
  contextTokens: number | undefined,
  fetch: Fetch,
): OllamaContext {
  const call = async (path: string, body: object | null, signal: AbortSignal): Promise<unknown> => {
    const post = body === null ? {} : { method: "POST", body: JSON.stringify(body) };
    const response = await fetch(`${root}${path}`, {
      ...post,
      headers: { "content-type": "application/json" },
      signal,
    });
    return await readJson(response);
  };
  const loaded = async (signal: AbortSignal): Promise<number | null> =>
    loadedTokens(await call("/api/ps", null, signal), model);
  const load = async (options: object, signal: AbortSignal): Promise<number | null> => {
    // An empty prompt loads the model and generates nothing.
    await call("/api/generate", { model, stream: false, keep_alive: "30m", ...options }, signal);
    return await loaded(signal);
  };
  return {
    async ensure(signal) {
      const now = await loaded(signal);
      if (now !== null && now >= CONTEXT_TOKENS_MIN) return now;
      const shown = await call("/api/show", { model }, signal);
      const modelMax = modelTokensMax(shown);
      if (modelMax !== null && modelMax < CONTEXT_TOKENS_MIN) {
        throw new Fault(
          "provider",
          `${model} has a context of ${modelMax} tokens; use a model with ${CONTEXT_TOKENS_MIN} or more`,
        );
      }
      const byDefault = await load({}, signal);
      if (byDefault !== null && byDefault >= CONTEXT_TOKENS_MIN) return byDefault;
      const wanted = Math.min(modelMax ?? CONTEXT_TOKENS_WANTED, contextTokens ?? CONTEXT_TOKENS_WANTED);
      await load({ options: { num_ctx: wanted } }, signal);
      const kept = await load({}, signal);
      if (kept !== null && kept >= CONTEXT_TOKENS_MIN) return kept;
      // An Ollama that does not report the context is old; only the model's own setting is certain then.
      const set = kept === null ? parameterTokens(shown) : null;
      if (set !== null && set >= CONTEXT_TOKENS_MIN) return set;
      throw new Fault("provider", tooSmall(model, kept));
    },
  };
}

export type OllamaFound = { readonly found: true; readonly models: readonly string[] } | { readonly found: false };

/** Looks whether an Ollama answers, and with which models. Never throws; anything odd counts as not found. */
export async function detectOllama(
  baseUrl: string,
  timeoutMs = 300,
  fetch: Fetch = guardFetch(directFetch()),
): Promise<OllamaFound> {
  try {
    const response = await fetch(`${ollamaRoot(baseUrl)}/api/tags`, { signal: AbortSignal.timeout(timeoutMs) });
    const models = field(await readJson(response), "models");
    if (!Array.isArray(models)) return { found: false };
    const names = models.map((entry: unknown) => field(entry, "name"));
    return { found: true, models: names.filter((name) => typeof name === "string").map(printable) };
  } catch {
    return { found: false };
  }
}

/** Gives the address of Ollama's own API, whether or not a person wrote the `/v1` of its OpenAI protocol. */
export function ollamaRoot(baseUrl: string): string {
  return baseUrl.replace(/\/+$/, "").replace(/\/v1$/, "");
}

function tooSmall(model: string, tokens: number | null): string {
  const found = tokens === null ? "does not say how long a context it uses" : `uses a context of ${tokens} tokens`;
  return (
    `the server ${found} for ${model} and would cut longer prompts without a word. ` +
    `Start it with \`OLLAMA_CONTEXT_LENGTH=${CONTEXT_TOKENS_WANTED} ollama serve\`, or make a model from a Modelfile with ` +
    `\`FROM ${model}\` and \`PARAMETER num_ctx ${CONTEXT_TOKENS_WANTED}\``
  );
}

async function readJson(response: Answer): Promise<unknown> {
  let text = "";
  const decoder = new TextDecoder();
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > ANSWER_BYTES_MAX) throw new Fault("provider", "Ollama's answer is too long");
  }
  try {
    return JSON.parse(text);
  } catch {
    throw new Fault("provider", "Ollama's answer is not JSON");
  }
}

/** Reads /api/ps, where a name without a tag stands for `:latest`. */
function loadedTokens(answer: unknown, model: string): number | null {
  const models = field(answer, "models");
  if (!Array.isArray(models)) return null;
  const full = model.includes(":") ? model : `${model}:latest`;
  const entry = models.find((loaded: unknown) => field(loaded, "name") === full || field(loaded, "model") === full);
  return countOf(field(entry, "context_length"));
}

/** Reads /api/show, where the field is called after the architecture, as in `llama.context_length`. */
function modelTokensMax(shown: unknown): number | null {
  const info = field(shown, "model_info");
  const architecture = field(info, "general.architecture");
  return typeof architecture === "string" ? countOf(field(info, `${architecture}.context_length`)) : null;
}

function parameterTokens(shown: unknown): number | null {
  const parameters = field(shown, "parameters");
  const match = typeof parameters === "string" ? /^num_ctx\s+(\d+)\s*$/m.exec(parameters) : null;
  return match === null ? null : countOf(Number(match[1]));
}

function countOf(value: unknown): number | null {
  return typeof value === "number" && Number.isSafeInteger(value) && value > 0 ? value : null;
}
