import { type Json, type JsonObject, recordOf } from "./json.ts";
import { parseObject, type Shape } from "./json-shape.ts";
import type { ModelCall } from "./model-endpoint.ts";
import { messagesRequest } from "./model-request-anthropic.ts";
import { generateRequest, googleCountRequest } from "./model-request-google.ts";
import { completionsRequest, responsesRequest } from "./model-request-openai.ts";

/** What goes to the model in the place of a request's body, or why nothing does. */
export type JudgedModelRequest =
  | {
      readonly ok: true;
      /** Written anew from what was judged, so that no two readers can disagree about it. */
      readonly body: string;
      readonly model: string;
      /** Tools of the vendor's that were taken out, by their kind. */
      readonly removed: readonly string[];
    }
  | { readonly ok: false; readonly reason: string };

const BOUNDS = { depthMax: 64, valuesMax: 500_000 };
/** Of gateways and vendors: these names stand for a model that searches the web by itself. */
const SEARCHES = /(?:^|[-/:._])(?:online|search|sonar|deep-research|compound)(?:$|[-/:._])/i;
/** Of a gateway: what is kept there under this name chooses model, tools and all. */
const STORED = /(?:^|@)preset\//i;
const NAME = /^[\w.:/@+-]{1,200}$/;
const SHAPES: Readonly<Record<Exclude<ModelCall["kind"], "list">, Shape>> = {
  completions: completionsRequest,
  responses: responsesRequest,
  messages: messagesRequest,
  count: messagesRequest,
  generate: generateRequest,
  "google-count": googleCountRequest,
};

/**
 * Judges the body of a request to a model by the table of its protocol.
 *
 * Only what a table names goes on. No tool that the vendor carries out, nothing that its servers fetch, no file or
 * conversation that is kept there, no call back: for all of these the person's key would do what the box may not.
 */
export function judgeModelRequest(call: Exclude<ModelCall, { kind: "list" }>, bodyText: string): JudgedModelRequest {
  const parsed = parseObject(bodyText, BOUNDS);
  if (typeof parsed === "string") return refused(parsed);
  const { value, removed } = call.kind === "responses" ? withoutSearch(parsed) : { value: parsed, removed: [] };
  const wrong = SHAPES[call.kind](value, "request");
  if (wrong !== null) return refused(wrong);
  const model = "model" in call ? call.model : value.model;
  if (typeof model !== "string" || !NAME.test(model)) return refused("it names no model");
  if (STORED.test(model)) return refused("nothing that is kept at the vendor is named");
  if (SEARCHES.test(model)) return refused(`the model ${model} searches the web by itself`);
  return { ok: true, body: JSON.stringify(call.kind === "completions" ? withUsage(value) : value), model, removed };
}

// A stream tells what it took only if it is asked to, and what a model thought it does not show: it would cost nothing.
function withUsage(value: JsonObject): JsonObject {
  if (value.stream !== true) return value;
  return { ...value, stream_options: { ...(recordOf(value.stream_options) as JsonObject), include_usage: true } };
}

// Agents offer a search of the web unasked, and work without it. What the vendor is not told to forget, it keeps.
function withoutSearch(value: JsonObject): { readonly value: JsonObject; readonly removed: readonly string[] } {
  const { tools } = value;
  const kept = Array.isArray(tools) ? tools.filter((tool) => !isSearch(tool)) : tools;
  const removed = Array.isArray(tools) && Array.isArray(kept) && kept.length < tools.length ? ["web_search"] : [];
  return { value: { ...value, ...(kept === undefined ? {} : { tools: kept }), store: value.store ?? false }, removed };
}

function isSearch(tool: Json): boolean {
  const { type } = recordOf(tool);
  return typeof type === "string" && /^web_search(?:_|$)/.test(type);
}

function refused(reason: string): JudgedModelRequest {
  return { ok: false, reason: `not sent to the model: ${reason}` };
}
