import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { detectOllama } from "./ollama.ts";
import { openModel } from "./open.ts";
import { vllm } from "./protocols.fixture.ts";
import { bodyOf, collect, fakeClock, json, request, serve, sse, type WireServer } from "./wire.fixture.ts";

interface Ollama {
  /** The context it loads a model with when a request names none. */
  readonly byDefault: number;
  readonly modelMax: number;
  /** Whether a model stays as it was loaded when the next request names no context; real ones load it again. */
  readonly keeps?: boolean;
  /** Whether /api/ps tells the context; old ones do not. */
  readonly isSilent?: boolean;
  readonly parameters?: string;
}

/** Starts a server that loads models as Ollama does. */
async function ollama(
  t: TestContext,
  { byDefault, modelMax, keeps, isSilent, parameters }: Ollama,
): Promise<WireServer> {
  let loaded: number | null = null;
  return await serve(t, (response, seen) => {
    const answer = (body: unknown) => json(200, body)(response, seen);
    const context = isSilent ? {} : { context_length: loaded };
    switch (seen.path) {
      case "/api/ps":
        return answer({ models: loaded === null ? [] : [{ name: "qwen3:latest", ...context }] });
      case "/api/show":
        return answer({
          parameters,
          model_info: { "general.architecture": "qwen3", "qwen3.context_length": modelMax },
        });
      case "/api/generate": {
        const { num_ctx } = Object(bodyOf(seen).options);
        loaded = num_ctx ?? (keeps && loaded !== null ? loaded : byDefault);
        return answer({ done: true });
      }
      case "/api/tags":
        return answer({ models: [{ name: "qwen3:latest" }, { name: "a\u001b[2J" }, { size: 1 }] });
      case "/v1/chat/completions":
        return sse(...vllm.events({ text: "hi" }))(response, seen);
      default:
        return json(404, { error: "no such path" })(response, seen);
    }
  });
}

const open = (server: WireServer, contextTokens?: number) =>
  openModel("ollama/qwen3", {
    env: { OLLAMA_BASE_URL: server.url },
    providers: contextTokens === undefined ? {} : { ollama: { contextTokens } },
    clock: fakeClock(),
  });

const paths = (server: WireServer) => server.seen.map(({ path }) => path);

test("a context that is large enough by default is used as it is, and looked at before each reply", async (t) => {
  const server = await ollama(t, { byDefault: 65_536, modelMax: 131_072 });
  const model = await open(server);
  assert.equal(model.contextTokensMax, null);
  await collect(model, request());
  assert.equal(model.contextTokensMax, 65_536);
  await collect(model, request());
  const first = ["/api/ps", "/api/show", "/api/generate", "/api/ps", "/v1/chat/completions"];
  assert.deepEqual(paths(server), [...first, "/api/ps", "/v1/chat/completions"]);
});

test("a small default is raised, to no more than the model has or the person wants", async (t) => {
  for (const [modelMax, contextTokens, wanted] of [
    [131_072, undefined, 32_768],
    [20_000, undefined, 20_000],
    [131_072, 65_536, 65_536],
  ] as const) {
    const server = await ollama(t, { byDefault: 4096, modelMax, keeps: true });
    const model = await open(server, contextTokens);
    await collect(model, request());
    const asked = server.seen.filter(({ path }) => path === "/api/generate").map((seen) => bodyOf(seen).options);
    assert.deepEqual(asked, [undefined, { num_ctx: wanted }, undefined]);
    assert.equal(model.contextTokensMax, wanted);
  }
});

test("no prompt is sent to a server that would load the model again with a small context", async (t) => {
  const server = await ollama(t, { byDefault: 4096, modelMax: 131_072 });
  await assert.rejects(
    open(server).then((model) => collect(model, request())),
    {
      kind: "provider",
      message: /4096 tokens for qwen3.*OLLAMA_CONTEXT_LENGTH=32768 ollama serve.*PARAMETER num_ctx 32768/,
    },
  );
  assert.ok(!paths(server).includes("/v1/chat/completions"));
});

test("a server that does not tell the context is trusted only where the model itself sets it", async (t) => {
  const unset = await ollama(t, { byDefault: 4096, modelMax: 131_072, isSilent: true });
  await assert.rejects(
    open(unset).then((model) => collect(model, request())),
    { message: /does not say how long a context/ },
  );
  const parameters = 'stop "<|im_end|>"\nnum_ctx                        32768\ntemperature 1';
  const set = await ollama(t, { byDefault: 32_768, modelMax: 131_072, isSilent: true, parameters });
  const model = await open(set);
  await collect(model, request());
  assert.equal(model.contextTokensMax, 32_768);
});

test("a model whose own context is too small is refused", async (t) => {
  const server = await ollama(t, { byDefault: 4096, modelMax: 8192 });
  await assert.rejects(
    open(server).then((model) => collect(model, request())),
    { message: /has a context of 8192 tokens/ },
  );
});

test("a model that Ollama does not have is named by Ollama's own error", async (t) => {
  const server = await serve(t, json(200, { models: [] }), json(404, { error: "model 'qwen3' not found" }));
  const reply = open(server).then((model) => collect(model, request()));
  await assert.rejects(reply, { kind: "provider", message: "ollama: 404 model 'qwen3' not found" });
});

test("Ollama is found with its models, and nothing else is", async (t) => {
  const server = await ollama(t, { byDefault: 4096, modelMax: 4096 });
  // A generous limit: this asks what is found, not how fast.
  for (const url of [server.url, `${server.url}/v1/`]) {
    assert.deepEqual(await detectOllama(url, 10_000), { found: true, models: ["qwen3:latest", "a\\u{1b}[2J"] });
  }
  const other = await serve(t, json(200, { hello: "I am no Ollama" }));
  assert.deepEqual(await detectOllama(other.url, 10_000), { found: false });
  const silent = await serve(t, () => {});
  assert.deepEqual(await detectOllama(silent.url, 30), { found: false });
  assert.deepEqual(await detectOllama("http://127.0.0.1:1"), { found: false });
});
