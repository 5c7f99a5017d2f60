import assert from "node:assert/strict";
import { test } from "node:test";
import { maskConfig } from "./secret-config.ts";

const KNOWN = "sk-person-0123456789abcdef";
const PAIRS = [{ value: KNOWN, placeholder: "PLACEHOLDER-1" }];
const fill = (name: string, value: string) => (value.length >= 16 ? `PLACEHOLDER-of-${name}` : null);
const mask = (text: string) => maskConfig(text, PAIRS, fill);

test("a known value, wherever it stands, becomes its placeholder", () => {
  assert.equal(mask(`a = "${KNOWN}"\n`), 'a = "PLACEHOLDER-1"\n');
  assert.equal(mask(`{"x":["--key=${KNOWN}"]}`), '{"x":["--key=PLACEHOLDER-1"]}');
  assert.equal(mask(`# see ${KNOWN}`), "# see PLACEHOLDER-1");
});

test("no sign of a placeholder is taken for the value", () => {
  assert.equal(maskConfig(`key: ${KNOWN}\n`, [{ value: KNOWN, placeholder: "pq$&'x$$1" }], fill), "key: pq$&'x$$1\n");
});

test("what looks like a credential by its beginning or by its name does not come through", () => {
  const secrets = [
    'token = "abcdefgh12345678ijkl"',
    '"api_key": "abcdefgh12345678ijkl",',
    "apiKey: abcdefgh12345678ijkl",
    '"accessToken":"abcdefgh12345678ijkl"',
    "OPENAI_API_KEY=abcdefgh12345678ijkl",
    "note: ghp_abcdefgh12345678ijkl",
    '["sk-ant-api03-abcdefgh12345678ijkl"]',
    '"x": "eyJabcdefgh12345678ijkl.eyJzdWIiOiJ4In0.sig"',
    'url = "https://me:abcdefgh12345678ijkl@host/x"',
    "AKIAABCDEFGH12345678",
    "password: abcdefgh12345678ijkl",
    'client_secret="abcdefgh12345678ijkl"',
  ];
  for (const text of secrets)
    assert.doesNotMatch(mask(text) ?? "", /abcdefgh12345678ijkl|ABCDEFGH12345678|eyJzdWI/i, text);
  assert.equal(mask("password: hunter2"), "password: ringfence-masked");
  assert.equal(mask('url = "https://me:hunter2@host/x"'), 'url = "https://me:ringfence-masked@host/x"');
});

test("what is none stays as it is", () => {
  for (const text of [
    'model = "gpt-5"\nenv_key = "OPENAI_API_KEY"\nbase_url = "https://host/v1"\n',
    '{"apiKey":"{env:OPENAI_API_KEY}","key":"ctrl+x","max_token":"100000"}',
    "keybind:\n  leader: ctrl+x\n",
    'api_key: "${OPENAI_API_KEY}"\n',
    "token: true\nexpires: 1700000000000\n",
    "# a comment on the password\n",
  ])
    assert.equal(mask(text), text);
});

test("a placeholder stays one, so that a copy of a copy is the same", () => {
  const once = mask(`api_key = "${KNOWN}"`);
  assert.equal(once, 'api_key = "PLACEHOLDER-1"');
  assert.equal(mask(once), once);
});

test("a file with a private key in it has no copy", () => {
  assert.equal(mask("x\n-----BEGIN OPENSSH PRIVATE KEY-----\nabc"), null);
  assert.equal(mask("-----BEGIN PRIVATE KEY-----"), null);
});
