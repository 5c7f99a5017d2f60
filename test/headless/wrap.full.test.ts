import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { makeAuthority, makeLeaf } from "../../src/egress/certificates.ts";
import { serveModel } from "../wrap/model.ts";
import { makePlace, ordinary, ringfence } from "./program.ts";
import { bash, CANARY, done, KEY, make, plant, wrap } from "./wrapping.ts";

test("another agent works on the checkout with its own model, and its changes wait, as an ordinary user", async (t) => {
  const model = await serveModel(t, [bash("echo new >a.txt; cat a.txt"), done]);
  const place = make(t, ordinary());
  const ended = await wrap(place, model);
  assert.equal(ended.status, 0, ended.stderr);
  assert.equal(ended.stdout, "Done.\n");
  assert.equal(readFileSync(join(place.checkout, "a.txt"), "utf8"), "old\n");
  assert.match(ended.stderr, /^ringfence: 2 replies of the model, 2000 tokens in \(0 cached\), 200 out, \$0\.0045$/m);
  assert.match(ended.stderr, /^ringfence: changes wait in session \S+: ringfence diff \| land \| discard$/m);
  assert.deepEqual(
    model.asked.map(({ headers }) => headers.authorization),
    [`Bearer ${KEY}`, `Bearer ${KEY}`],
  );
  assert.match(model.asked[1]?.body ?? "", /"content":"new\\n"/);
  assert.equal((await ringfence(place, ["land"])).status, 0);
  assert.equal(readFileSync(join(place.checkout, "a.txt"), "utf8"), "new\n");
  assert.equal((await ringfence(place, ["log", "verify"])).status, 0);
});

test("of the home only what is named is there, without its secrets", async (t) => {
  const model = await serveModel(t, []);
  const place = make(t);
  plant(place, ".agent/config.toml", `model = "x"\nkey = "${KEY}"\nother_token = "abcdefgh12345678ijkl"\n`);
  plant(place, ".agent/auth.json", `{"refresh":"${CANARY}"}`);
  plant(place, ".agent/deep/notes.md", "hello\n");
  const ended = await wrap(
    place,
    model,
    ["--config", ".agent", "--config", "../x"],
    ["bash", "-c", "cd; find . -type f | sort; cat .agent/config.toml; echo $OPENAI_API_KEY"],
  );
  const [first, second, ...lines] = ended.stdout.split("\n");
  assert.deepEqual([first, second, lines[0]], ["./.agent/config.toml", "./.agent/deep/notes.md", 'model = "x"']);
  const [, key] = /^key = "(.*)"$/.exec(lines[1] ?? "") ?? [];
  assert.equal(key, lines[3]);
  assert.match(key ?? "", /^sk-[a-z0-9-]{23}$/);
  for (const secret of [KEY, CANARY, "abcdefgh12345678ijkl"]) assert.ok(!ended.stdout.includes(secret));
  assert.match(
    ended.stderr,
    /^ringfence: \.agent\/auth\.json of your home is not copied into the box: it holds credentials, by its name$/m,
  );
  assert.match(
    ended.stderr,
    /^ringfence: \.\.\/x of your home is not copied into the box: it is no path below your home$/m,
  );
});

test("an agent whose model has cost what it may is stopped, with exit status 30", async (t) => {
  const model = await serveModel(
    t,
    Array.from({ length: 50 }, () => bash("true")),
  );
  const place = make(t);
  const ended = await wrap(place, model, ["--max-usd", "0.006"]);
  assert.equal(ended.status, 30, ended.stderr);
  assert.match(ended.stderr, /^ringfence: stopped at \$0\.0067 of \$0\.006$/m);
  // One reply costs $0.00225; that at which the budget is reached is the last.
  assert.equal(model.asked.length, 3);
});

test("an agent is held to tokens and minutes too, and where money has a ceiling asks no model without a price", async (t) => {
  const model = await serveModel(
    t,
    Array.from({ length: 50 }, () => bash("sleep 0.1")),
  );
  const place = make(t);
  const tokens = await wrap(place, model, ["--max-tokens", "2000"]);
  assert.deepEqual([tokens.status, model.asked.length], [30, 2]);
  assert.match(tokens.stderr, /^ringfence: stopped at 2200 of 2000 tokens$/m);
  const minutes = await wrap(place, model, ["--max-minutes", "0.05"], ["sleep", "300"]);
  assert.deepEqual([minutes.status, /^ringfence: stopped after 0\.05 minutes$/m.test(minutes.stderr)], [32, true]);
  const body = `{"model":"gpt-99","messages":[{"role":"user","content":"hi"}]}`;
  const strange = `curl -sS -H 'content-type: application/json' -d '${body}' $OPENAI_BASE_URL/chat/completions; sleep 20`;
  const before = model.asked.length;
  const unpriced = await wrap(place, model, ["--max-usd", "5"], ["bash", "-c", strange]);
  assert.deepEqual([unpriced.status, model.asked.length - before], [30, 0], unpriced.stdout + unpriced.stderr);
  assert.match(unpriced.stderr, /the price of openai\/gpt-99 is not known, so --max-usd cannot be kept/);
  const free = await wrap(place, model, [], ["bash", "-c", strange.replace("; sleep 20", "")]);
  assert.deepEqual([free.status, model.asked.length - before], [0, 1], free.stdout + free.stderr);
});

test("what an agent writes to the terminal only draws", async (t) => {
  const model = await serveModel(t, []);
  const ended = await wrap(make(t), model, [], ["printf", "a\\033]52;c;eA==\\007\\033[6n\\033[31mb\\033[?1049h\\n"]);
  assert.equal(ended.stdout, "a\x1b[31mb\x1b[?1049h\n\x1b[?1049l\x1b[0m");
});

test("a model behind TLS gets its key in its own header, and the count of what it took is read there too", async (t) => {
  const authority = await makeAuthority(["127.0.0.1"], Date.now());
  const { key, chain } = await makeLeaf(authority, "127.0.0.1", Date.now());
  const seen: string[] = [];
  const server = createSecureServer({ key, cert: chain }, (request, response) => {
    seen.push(
      `${request.method} ${request.url} ${request.headers["x-api-key"]} ${request.headers["anthropic-version"]}`,
    );
    response.end('{"usage":{"input_tokens":1000,"output_tokens":10}}');
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  const place = makePlace(t);
  writeFileSync(join(place.home, "roots.pem"), authority.root);
  const ask = `curl -sS --noproxy '' -H "x-api-key: $ANTHROPIC_API_KEY" -H 'anthropic-version: 2023-06-01' "$ANTHROPIC_BASE_URL"/v1/`;
  const body = '{"model":"claude-sonnet-4-5","max_tokens":1,"messages":[]}';
  const words = ["bash", "-c", `${ask}messages -d '${body}'; ${ask}files; ${ask}models`];
  const ended = await ringfence(place, ["wrap", "--provider", "anthropic", "--", ...words], {
    env: {
      ANTHROPIC_API_KEY: KEY,
      ANTHROPIC_BASE_URL: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
      NODE_EXTRA_CA_CERTS: join(place.home, "roots.pem"),
    },
  });
  assert.equal(ended.status, 0, ended.stderr);
  assert.deepEqual(seen, [`POST /v1/messages ${KEY} 2023-06-01`, `GET /v1/models ${KEY} 2023-06-01`]);
  assert.match(ended.stdout, /ringfence: not listed/);
  assert.match(ended.stderr, /1 reply of the model, 1000 tokens in \(0 cached\), 10 out, \$0\.0032/);
});

test("without a model, or with two, nothing runs and the message says what to name", async (t) => {
  const place = makePlace(t);
  const none = await ringfence(place, ["wrap", "--", "true"]);
  assert.deepEqual([none.status, /name one by --provider.*\bOLLAMA_BASE_URL\b/.test(none.stderr)], [2, true]);
  const unpriced = await ringfence(place, ["wrap", "--max-usd", "1", "--", "true"], {
    env: { OPENAI_COMPATIBLE_BASE_URL: "http://127.0.0.1:9/v1" },
  });
  assert.deepEqual([unpriced.status, /--max-usd cannot be kept/.test(unpriced.stderr)], [2, true]);
  const two = await ringfence(place, ["wrap", "--", "true"], { env: { OPENAI_API_KEY: KEY, ANTHROPIC_API_KEY: KEY } });
  assert.deepEqual([two.status, /the models of anthropic, openai: name/.test(two.stderr)], [2, true]);
  const short = await ringfence(place, ["wrap", "--", "true"], { env: { OPENAI_API_KEY: "sk-1" } });
  assert.deepEqual([short.status, /too short to be a key/.test(short.stderr)], [2, true]);
});
