import assert from "node:assert/strict";
import { test } from "node:test";
import { proposeRules, ruleLine } from "./net-propose.ts";
import type { NetRequest } from "./net-rules.ts";

function request(method: string, url: string, hasBody = method === "POST"): NetRequest {
  const { protocol, hostname, port, pathname, search } = new URL(url);
  const isPlain = protocol === "http:";
  const path = `${pathname}${search}`;
  return {
    protocol: isPlain ? "http" : "https",
    host: hostname,
    port: Number(port) || (isPlain ? 80 : 443),
    method,
    path,
    hasBody,
  };
}

function lines(...requests: readonly NetRequest[]): string[] {
  return proposeRules(requests).map(ruleLine);
}

test("one address that is read becomes one address, without its query", () => {
  assert.deepEqual(lines(request("GET", "https://api.example.com/v1/items?q=1")), [
    '- "https://api.example.com/v1/items"',
  ]);
  assert.deepEqual(lines(request("HEAD", "http://example.com/a")), ['- "http://example.com/a"']);
  assert.deepEqual(lines(request("GET", "https://example.com:8443/")), ['- "example.com:8443"']);
});

test("addresses of one host become what they begin with, by whole segments, and reading apart from writing", () => {
  const proposed = lines(
    request("GET", "https://api.example.com/v1/items/1"),
    request("GET", "https://api.example.com/v1/items/2"),
    request("HEAD", "https://api.example.com/other"),
    request("POST", "https://api.example.com/v1/items"),
    request("DELETE", "https://api.example.com/v1/items/7"),
    request("GET", "https://cdn.example.com/v10"),
    request("GET", "https://cdn.example.com/v1"),
  );
  assert.deepEqual(proposed, [
    '- {host: "api.example.com", paths: ["/other", "/v1/items"]}',
    '- {host: "api.example.com", methods: ["DELETE", "POST"], paths: ["/v1/items"]}',
    '- {host: "cdn.example.com", paths: ["/v1", "/v10"]}',
  ]);
});

test("where paths say nothing, or too much, the host alone is proposed", () => {
  assert.deepEqual(lines(request("GET", "https://a.example.com/"), request("GET", "https://a.example.com/x")), [
    '- "a.example.com"',
  ]);
  const many = Array.from({ length: 9 }, (_, n) => request("GET", `https://b.example.com/${n}`));
  assert.deepEqual(lines(...many), ['- "b.example.com"']);
  assert.deepEqual(lines(request("GET", "https://c.example.com/a%2fb")), ['- "c.example.com"']);
  const tunnel: NetRequest = {
    ...request("CONNECT", "https://d.example.com:5432/"),
    protocol: "tunnel",
    hasBody: true,
  };
  assert.deepEqual(lines(tunnel), ['- "d.example.com:5432"']);
});

test("what no rule can allow is not proposed", () => {
  assert.deepEqual(
    lines(request("GET", "https://a.example.com/x", true), request("M-SEARCH", "https://a.example.com/")),
    [],
  );
  assert.deepEqual(lines(), []);
});
