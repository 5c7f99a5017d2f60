import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type ModelEndpoint, modelCallOf, modelHeaders, modelPaths } from "./model-endpoint.ts";
import type { NetRequest } from "./net-rules.ts";

const PLACES: Readonly<Record<"openai" | "anthropic" | "google", ModelEndpoint>> = {
  openai: { provider: "openai", protocol: "openai", scheme: "https", host: "api.example.com", port: 443, base: "/v1" },
  anthropic: {
    provider: "anthropic",
    protocol: "anthropic",
    scheme: "https",
    host: "api.example.com",
    port: 443,
    base: "/v1",
  },
  google: {
    provider: "google",
    protocol: "google",
    scheme: "https",
    host: "api.example.com",
    port: 443,
    base: "/v1beta",
  },
};

function ask(method: string, path: string, more: Partial<NetRequest> = {}): NetRequest {
  return { protocol: "https", host: "api.example.com", port: 443, method, path, hasBody: method === "POST", ...more };
}

test("the paths by which an agent talks to its model are calls", () => {
  const cases: readonly (readonly [keyof typeof PLACES, string, string, object])[] = [
    ["openai", "POST", "/v1/chat/completions", { kind: "completions" }],
    ["openai", "POST", "/v1/responses", { kind: "responses" }],
    ["openai", "GET", "/v1/models", { kind: "list" }],
    ["openai", "GET", "/v1/models/vendor/name:free", { kind: "list" }],
    ["anthropic", "POST", "/v1/messages", { kind: "messages" }],
    ["anthropic", "POST", "/v1/messages?beta=true", { kind: "messages" }],
    ["anthropic", "POST", "/v1/messages/count_tokens", { kind: "count" }],
    ["anthropic", "GET", "/v1/models?limit=100", { kind: "list" }],
    ["google", "POST", "/v1beta/models/gemini-2.5-pro:generateContent", { kind: "generate", model: "gemini-2.5-pro" }],
    [
      "google",
      "POST",
      "/v1beta/models/gemini-2.5-pro:streamGenerateContent?alt=sse",
      { kind: "generate", model: "gemini-2.5-pro" },
    ],
    ["google", "POST", "/v1beta/models/g:countTokens", { kind: "google-count", model: "g" }],
    ["google", "GET", "/v1beta/models?pageSize=50&pageToken=x", { kind: "list" }],
  ];
  for (const [name, method, path, call] of cases)
    assert.deepEqual(modelCallOf(PLACES[name], ask(method, path)), call, path);
});

test("everything else at the same host is none", () => {
  const cases: readonly (readonly [keyof typeof PLACES, string, string, Partial<NetRequest>?])[] = [
    ["openai", "GET", "/v1/chat/completions"],
    ["openai", "GET", "/v1/responses/resp_1"],
    ["openai", "POST", "/v1/responses/resp_1/cancel"],
    ["openai", "POST", "/v1/responses/compact"],
    ["openai", "DELETE", "/v1/models/ft"],
    ["openai", "POST", "/v1/files"],
    ["openai", "GET", "/v1/files"],
    ["openai", "POST", "/v1/uploads"],
    ["openai", "POST", "/v1/batches"],
    ["openai", "POST", "/v1/assistants"],
    ["openai", "POST", "/v1/threads/t/messages"],
    ["openai", "POST", "/v1/conversations"],
    ["openai", "POST", "/v1/containers"],
    ["openai", "POST", "/v1/embeddings"],
    ["openai", "POST", "/v1/images/generations"],
    ["openai", "POST", "/v1/realtime/sessions"],
    ["openai", "GET", "/v1/organization/admin_api_keys"],
    ["openai", "POST", "/chat/completions"],
    ["openai", "POST", "/v2/chat/completions"],
    ["openai", "POST", "/v1/chat/completions/"],
    ["openai", "POST", "/v1//chat/completions"],
    ["openai", "POST", "/v1/chat/completions?api_key=x"],
    ["openai", "POST", "/v1/chat/completions?x?y"],
    ["openai", "POST", "/v1/models/../files"],
    ["openai", "POST", "/v1/chat%2fcompletions"],
    ["openai", "GET", "/v1/models/.."],
    ["openai", "GET", "/v1/models/x/y/z/a/b"],
    ["openai", "GET", "/v1/models?q=secret"],
    ["openai", "GET", "/v1/models", { hasBody: true }],
    ["openai", "GET", "/v1/responses", { hasBody: true }],
    ["openai", "POST", "/v1/responses", { hasBody: false }],
    ["openai", "POST", "/v1/chat/completions", { port: 8443 }],
    ["openai", "POST", "/v1/chat/completions", { protocol: "http", port: 443 }],
    ["openai", "POST", "/v1/chat/completions", { host: "other.example.com" }],
    ["openai", "CONNECT", "", { protocol: "tunnel", hasBody: true }],
    ["anthropic", "POST", "/v1/messages?beta=true&key=x"],
    ["anthropic", "POST", "/v1/messages/batches"],
    ["anthropic", "POST", "/v1/files"],
    ["anthropic", "GET", "/v1/files/f/content"],
    ["anthropic", "POST", "/v1/complete"],
    ["anthropic", "POST", "/v1/skills"],
    ["google", "POST", "/v1beta/models/g:generateContent?key=AIzaOther"],
    ["google", "POST", "/v1beta/models/g:batchGenerateContent"],
    ["google", "POST", "/v1beta/models/g:predict"],
    ["google", "POST", "/v1beta/tunedModels/g:generateContent"],
    ["google", "POST", "/v1beta/files"],
    ["google", "POST", "/upload/v1beta/files"],
    ["google", "POST", "/v1beta/cachedContents"],
    ["google", "POST", "/v1beta/models/a/b:generateContent"],
  ];
  for (const [name, method, path, more] of cases)
    assert.equal(modelCallOf(PLACES[name], ask(method, path, more)), null, `${method} ${path}`);
});

test("no path outside the base of an endpoint is a call, however it is written, and none that its key does not cover", () => {
  const piece = fc.constantFrom(
    "/",
    "v1",
    "..",
    ".",
    "models",
    "chat",
    "completions",
    "responses",
    "%2e",
    "%2f",
    "?",
    ";",
    "\\",
    "files",
    ":",
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), fc.constantFrom("GET", "POST"), (pieces, method) => {
      const path = `/${pieces.join("")}`;
      if (modelCallOf(PLACES.openai, ask(method, path)) === null) return;
      const bare = path.split("?")[0] ?? "";
      assert.ok(
        modelPaths(PLACES.openai).some((covered) => bare === covered || bare.startsWith(`${covered}/`)),
        path,
      );
      assert.ok(!/\.\.|%|;|\\|files/.test(path), path);
    }),
    { numRuns: 5000 },
  );
});

test("a gateway gets no header by which it could be told to ask or to tell somebody else", () => {
  const headers = [
    "Host",
    "a",
    "Authorization",
    "Bearer x",
    "X-Portkey-Custom-Host",
    "https://attacker.example",
    "Helicone-Auth",
    "x",
    "Cookie",
    "c",
    "Content-Type",
    "application/json",
    "X-Stainless-Lang",
    "js",
    "cf-aig-metadata",
    "x",
    "X-Forwarded-Host",
    "b",
    "OpenAI-Organization",
    "o",
  ];
  assert.deepEqual(modelHeaders(headers, true), ["Host", "a", "Authorization", "Bearer x", "X-Stainless-Lang", "js"]);
  assert.deepEqual(modelHeaders(headers, false), ["Host", "a", "X-Stainless-Lang", "js"]);
});
