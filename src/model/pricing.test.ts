import assert from "node:assert/strict";
import { test } from "node:test";
import { contextTokensOf, priceOf, usdOf } from "./pricing.ts";

test("a model costs the same under its dated name", () => {
  const price = { input: 3, cachedInput: 0.3, cacheWrite: 3.75, output: 15 };
  for (const name of ["claude-sonnet-4-5", "claude-sonnet-4-5-20250929"])
    assert.deepEqual(priceOf("anthropic", name), price);
  assert.deepEqual(priceOf("openai", "gpt-5-2025-08-07"), priceOf("openai", "gpt-5"));
});

test("a model that we do not know has no price, however alike its name", () => {
  for (const name of ["claude-sonnet-4-7", "claude-sonnet", "constructor"])
    assert.equal(priceOf("anthropic", name), null);
  assert.equal(priceOf("openai", "gpt-5.9"), null);
  assert.equal(priceOf("openai-compatible", "gpt-5"), null);
  assert.equal(usdOf(null, { input: 1, cachedInput: 0, cacheWrite: 0, output: 1 }), null);
});

test("cached, written and fresh input are each charged once", () => {
  const tokens = { input: 1_000_000, cachedInput: 500_000, cacheWrite: 400_000, output: 100_000 };
  assert.equal(usdOf(priceOf("anthropic", "claude-sonnet-4-5"), tokens), 0.3 + 0.15 + 1.5 + 1.5);
});

test("a local model is free", () => {
  assert.equal(usdOf(priceOf("ollama", "anything"), { input: 9, cachedInput: 0, cacheWrite: 0, output: 9 }), 0);
});

test("a context is known by family, or not at all", () => {
  assert.equal(contextTokensOf("anthropic", "claude-sonnet-4-5"), 200_000);
  assert.equal(contextTokensOf("google", "gemini-3-pro-preview"), 1_000_000);
  assert.equal(contextTokensOf("openai", "gpt-4.1-mini"), 1_000_000);
  assert.equal(contextTokensOf("vllm", "qwen"), null);
});
