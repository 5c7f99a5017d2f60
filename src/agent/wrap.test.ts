import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "../core/json.ts";
import type { ModelReply } from "../egress/model-door.ts";
import { ModelFailure } from "../model/port.ts";
import { Budget } from "./budget.ts";
import { UsageError } from "./config.ts";
import { chooseProviders, needsOf, wrapModels } from "./wrap.ts";

const KEY = "sk-0123456789abcdef";
const choose = (named: readonly string[], env: Record<string, string>, providers = {}) =>
  chooseProviders(named, { env, providers });

test("the provider is the one that the environment or the configuration knows, or those that were named", () => {
  assert.deepEqual(
    choose([], { ANTHROPIC_API_KEY: KEY }).map(({ provider }) => provider),
    ["anthropic"],
  );
  assert.deepEqual(
    choose([], {}, { openai: { apiKey: KEY } }).map(({ provider }) => provider),
    ["openai"],
  );
  assert.deepEqual(
    choose([], { OLLAMA_BASE_URL: "http://127.0.0.1:11434" }).map(({ provider }) => provider),
    ["ollama"],
  );
  const both = { ANTHROPIC_API_KEY: KEY, GEMINI_API_KEY: KEY };
  assert.throws(() => choose([], both), UsageError);
  assert.throws(() => choose([], {}), UsageError);
  assert.deepEqual(
    choose(["google", "google"], both).map(({ provider }) => provider),
    ["google"],
  );
  assert.throws(() => choose(["openai"], both), ModelFailure);
  assert.throws(() => choose(["nobody"], both), /"nobody" is no provider/);
});

test("a key is bound to its endpoint's host, in its own header, and to the paths of the conversation", () => {
  const [openai] = needsOf(
    choose([], { OPENAI_API_KEY: KEY, OPENAI_BASE_URL: "https://gate.example.com:8443/x/v1/" }),
    [],
  ).keys;
  assert.deepEqual(openai, {
    value: KEY,
    source: "env OPENAI_API_KEY",
    variables: ["OPENAI_API_KEY", "CODEX_API_KEY"],
    rules: [
      {
        origins: ["https://gate.example.com:8443"],
        methods: ["GET", "POST"],
        pathPrefixes: ["/x/v1/chat/completions", "/x/v1/responses", "/x/v1/models"],
        scheme: { kind: "bearer" },
      },
    ],
  });
  const google = needsOf(choose([], { GOOGLE_API_KEY: KEY, GEMINI_API_KEY: KEY }), []);
  assert.deepEqual(google.keys[0]?.variables, ["GOOGLE_API_KEY", "GEMINI_API_KEY", "GOOGLE_GENERATIVE_AI_API_KEY"]);
  assert.deepEqual(google.keys[0]?.rules[0]?.scheme, { kind: "header", name: "x-goog-api-key" });
  assert.deepEqual(google.keys[0]?.rules[0]?.origins, ["https://generativelanguage.googleapis.com"]);
});

test("only an endpoint of this machine without TLS gets a port of the box, and only an address that is set a variable", () => {
  const ports = (env: Record<string, string>) => needsOf(choose(["openai"], { OPENAI_API_KEY: KEY, ...env }), []).ports;
  assert.deepEqual(ports({}), []);
  assert.deepEqual(ports({ OPENAI_BASE_URL: "http://127.0.0.1:8080/v1" }), [8080]);
  assert.deepEqual(ports({ OPENAI_BASE_URL: "http://localhost:8081" }), [8081]);
  assert.deepEqual(ports({ OPENAI_BASE_URL: "https://127.0.0.1:8443/v1" }), []);
  assert.deepEqual(ports({ OPENAI_BASE_URL: "http://192.168.1.5:8080/v1" }), []);
  const { variables } = needsOf(
    choose([], { ANTHROPIC_API_KEY: KEY, ANTHROPIC_BASE_URL: "https://a.example.com" }),
    [],
  );
  assert.deepEqual(variables, { ANTHROPIC_BASE_URL: "https://a.example.com" });
});

const REPLY: ModelReply = {
  provider: "openai",
  model: "gpt-5",
  tokens: { input: 1_000_000, cachedInput: 0, cacheWrite: 0, output: 100_000 },
  isWhole: true,
  sentBytes: 4000,
  receivedBytes: 400,
};

/** What a door told of one reply, which is all that it is used for here. */
function account(usdMax: number | null, ...replies: readonly ModelReply[]) {
  const recorded: JsonObject[] = [];
  const budget = new Budget({ turnsMax: null, ceilings: usdMax === null ? {} : { usd: usdMax } }, Date.now, () => {});
  const wrapped = wrapModels(choose([], { OPENAI_API_KEY: KEY }), budget);
  for (const reply of replies) recorded.push(wrapped.account(reply));
  const isEnded = budget.signal.aborted;
  return { isEnded, recorded, spent: wrapped.spent(), refuses: wrapped.refuses() };
}

test("replies are counted at their price, and the budget once reached refuses the next and ends the agent", () => {
  const { isEnded, recorded, spent, refuses } = account(3, REPLY, REPLY, REPLY);
  assert.deepEqual(recorded[0], {
    type: "model-reply",
    provider: "openai",
    model: "gpt-5",
    isWhole: true,
    input: 1_000_000,
    cachedInput: 0,
    cacheWrite: 0,
    output: 100_000,
    usd: 2.25,
  });
  assert.deepEqual([spent.replies, spent.usd], [3, 6.75]);
  assert.deepEqual([isEnded, refuses], [true, "stopped at $6.7500 of $3"]);
  assert.deepEqual([account(3, REPLY).isEnded, account(3, REPLY).refuses], [false, null]);
});

test("a model whose price is not known ends a budget, and nothing else", () => {
  const strange = { ...REPLY, model: "gpt-99" };
  assert.match(account(3, strange).refuses ?? "", /a reply came without its cost/);
  assert.deepEqual([account(null, strange).refuses, account(null, strange).spent.usd], [null, null]);
});

test("a reply that broke off counts for what was sent and came, so that leaving early saves nothing", () => {
  const cut = { ...REPLY, tokens: null, isWhole: false };
  const [silent] = account(null, cut).recorded;
  assert.deepEqual([silent?.input, silent?.output], [1000, 100]);
  const begun = { ...cut, tokens: { input: 5000, cachedInput: 0, cacheWrite: 0, output: 1 } };
  const [some] = account(null, begun).recorded;
  assert.deepEqual([some?.input, some?.output], [5000, 100]);
});
