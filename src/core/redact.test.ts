import assert from "node:assert/strict";
import { test } from "node:test";
import { lintSource } from "@secretlint/core";
import { creator as preset } from "@secretlint/secretlint-rule-preset-recommend";
import fc from "fast-check";
import { redactorOf } from "./redact.ts";
import { formatsIn } from "./redact-formats.ts";
import { SECRET_RULES } from "./redact-rules.ts";

const some = (length: number, signs = "aB3dE5gH7jK9mN2pQ4rS6tU8vW") =>
  signs.repeat(Math.ceil(length / signs.length)).slice(0, length);
const hex = (length: number) => some(length, "0f1e2d3c4b5a69788796");
const capitals = (length: number) => some(length, "Q2W3E4R5T6Y7");

/** A canary for each rule, put together here so that no file holds a secret: the text and the part of it that is secret. */
const CANARIES: Readonly<Record<string, readonly (readonly [string, string])[]>> = {
  "aws-access-key-id": [["id = ", `AK${"IA"}${capitals(16)}`]],
  "aws-secret-key": [
    ["aws_secret_access_key = ", some(40)],
    ['"SecretAccessKey": "', some(40)],
  ],
  "github-token": [
    ["token ", `gh${"p_"}${some(36)}`],
    ["", `gh${"o_"}${some(36)}`],
    ["(", `gh${"s_"}${some(36)}`],
  ],
  "github-fine-grained": [["", `github_${"pat_"}${some(22)}_${some(59)}`]],
  "gitlab-token": [["PRIVATE-TOKEN: ", `gl${"pat-"}${some(20)}`]],
  "slack-token": [["", `xo${"xb-"}123456789012-${some(24)}`]],
  "slack-webhook": [["https://hooks.slack.com/services/", `T${capitals(8)}/B${capitals(8)}/${some(24)}`]],
  "stripe-key": [
    ["", `sk_${"live_"}${some(24)}`],
    ["", `rk_${"test_"}${some(24)}`],
  ],
  "stripe-webhook": [["", `wh${"sec_"}${some(32)}`]],
  "npm-token": [["", `np${"m_"}${some(36)}`]],
  "npm-auth": [["//packages.example/:_authToken=", some(24)]],
  "pypi-token": [["password = ", `py${"pi-"}AgE${some(80)}`]],
  "google-api-key": [["?key=", `AI${"za"}${some(35)}`]],
  "google-oauth": [
    ["", `ya${"29."}${some(60)}`],
    ["", `GOC${"SPX-"}${some(28)}`],
  ],
  "anthropic-key": [["", `sk-${"ant-"}api03-${some(80)}`]],
  "openai-key": [
    ["", `sk${"-"}${some(48)}`],
    ["", `sk-${"proj-"}${some(60)}`],
  ],
  "openrouter-key": [["", `sk-${"or-"}v1-${hex(64)}`]],
  "huggingface-token": [["", `h${"f_"}${some(34)}`]],
  "groq-key": [["", `gs${"k_"}${some(52)}`]],
  "sendgrid-key": [["", `S${"G."}${some(22)}.${some(43)}`]],
  "twilio-key": [["", `S${"K"}${hex(32)}`]],
  "twilio-token": [["TWILIO_AUTH_TOKEN=", hex(32)]],
  "mailgun-key": [["", `ke${"y-"}${hex(32)}`]],
  "digitalocean-token": [["", `dop_${"v1_"}${hex(64)}`]],
  "shopify-token": [["", `sh${"pat_"}${hex(32)}`]],
  "vault-token": [["", `hv${"s."}${some(30)}`]],
  "docker-token": [["", `dckr_${"pat_"}${some(27)}`]],
  "linear-key": [["", `lin_${"api_"}${some(40)}`]],
  "notion-token": [["", `nt${"n_"}${some(46)}`]],
  "postman-key": [["", `PM${"AK-"}${hex(24)}-${hex(34)}`]],
  "grafana-token": [["", `gl${"sa_"}${some(32)}_${hex(8)}`]],
  "rubygems-key": [["", `ruby${"gems_"}${hex(48)}`]],
  "telegram-token": [["https://api.telegram.org/bot", `123456789:AA${some(33)}`]],
  "age-key": [["", `AGE-${"SECRET"}-KEY-1${capitals(58)}`]],
  "azure-key": [["AccountName=x;AccountKey=", `${some(86)}==`]],
  jwt: [["", `ey${"J"}${some(30)}.ey${"J"}${some(60)}.${some(43)}`]],
  "url-password": [
    ["postgres://app:", "s3cr3t-pass"],
    ["redis://:", "pa55word"],
  ],
  bearer: [["Authorization: Bearer ", some(32)]],
  basic: [["Authorization: Basic ", btoa(`user:${some(16)}`)]],
};
const AFTER: Readonly<Record<string, string>> = { "url-password": "@db.example/x" };
const PEM = `-----BEGIN ${"RSA PRIVATE"} KEY-----\n${`${some(64)}\n`.repeat(3)}-----END RSA ${"PRIVATE KEY"}-----`;

test("every rule has canaries, and finds each to its last sign", () => {
  assert.deepEqual(
    Object.keys(CANARIES),
    SECRET_RULES.map(({ id }) => id),
  );
  for (const [id, canaries] of Object.entries(CANARIES))
    for (const [before, secret] of canaries) {
      const text = `first\n${before}${secret}${AFTER[id] ?? " rest"}\nlast`;
      const [found, ...more] = formatsIn(text);
      assert.deepEqual([found?.rule, text.slice(found?.start, found?.end), more], [id, secret, []], text);
    }
});

const BY_FIRST = Map.groupBy(
  SECRET_RULES.flatMap((rule) =>
    [...new Set(rule.anchors.map(([first = ""]) => first))].map((first) => [first, rule] as const),
  ),
  ([first]) => first,
);

/** Looks at every place of a text for every beginning of every rule. */
function slowly(text: string): (readonly [number, number, string])[] {
  const found: (readonly [number, number, string])[] = [];
  const small = text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
  for (let start = 0; start < text.length; start += 1) {
    const isInWord =
      start > 0 &&
      /[a-z0-9-]/.test(small[start - 1] ?? "") &&
      !/(?:\\[nrt]|%[0-9a-f]{2})$/.test(small.slice(start - 3 < 0 ? 0 : start - 3, start));
    const rules = (BY_FIRST.get(small[start] ?? "") ?? [])
      .map(([, rule]) => rule)
      .filter(({ anchors }) =>
        anchors.some((anchor) => small.startsWith(anchor, start) && (anchor === "://" || !isInWord)),
      );
    for (const { pattern, id } of rules) {
      pattern.lastIndex = start;
      const { indices } = pattern.exec(text) ?? {};
      const span = indices?.[1] ?? indices?.[0];
      if (!span) continue;
      found.push([...span, id]);
      start = span[1] - 1;
      break;
    }
  }
  return found;
}

test("the quick search finds exactly what is found by looking everywhere", () => {
  const anchors = SECRET_RULES.flatMap(({ anchors: own }) => own);
  const piece = fc.oneof(
    fc.constantFrom(...anchors, ...anchors.map((anchor) => anchor.toUpperCase())),
    fc.constantFrom(...Object.values(CANARIES).flatMap((all) => all.map(([before, secret]) => before + secret))),
    fc.constantFrom(..." \n=:/@.-_\"'x0é\u0141\u0173€", some(40), hex(40), "eyJ", "\\n", "%3D"),
    fc.string({ unit: "binary", maxLength: 6 }),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 24 }), (pieces) => {
      const text = pieces.join("");
      const quick = formatsIn(text).map(({ start, end, rule }) => [start, end, rule]);
      assert.deepEqual(quick, slowly(text));
    }),
    { numRuns: process.env.RINGFENCE_FULL === "1" ? 5000 : 30 },
  );
});

test("a private key goes whole, and so does one whose end is missing", () => {
  const { redact } = redactorOf([]);
  assert.equal(redact(`a\n${PEM}\nb`), "a\n«secret:key#1»\nb");
  const cut = PEM.slice(0, 150);
  assert.equal(redact(`a\n${cut}`), "a\n«secret:key#2»");
});

test("a secret behind an escape is none of its word", () => {
  const token = `gh${"p_"}${some(36)}`;
  const { redact } = redactorOf([]);
  for (const before of [String.raw`{"command":"a\n`, String.raw`"\t`, "/login?next=%2Fx%3Ftoken%3D", "x%3d"])
    assert.equal(redact(`${before}${token} b`), `${before}«secret:github#1» b`);
  assert.equal(redact(`an${token}`), `an${token}`);
});

test("what is no secret stays", () => {
  const { redact } = redactorOf([]);
  for (const text of [
    "risk-assessment task-force-of-people sk-fading-circle disk-usage-of-all-of-the-file-systems",
    "https://example.com/a:b@c postgres://localhost:5432/db ssh://git@github.com:22/x ${USER}:${PASSWORD}@host",
    "postgres://user:${PASSWORD}@db/x http://a.example/<user>:<password>@b",
    "The basic idea: bearer of bad news. Basic authentication is described below.",
    "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
    "«secret:github#1» https://u:«secret:password#1»@h/",
    `sha512-${some(86)}== commit ${hex(40)}`,
  ])
    assert.equal(redact(text), text);
});

test("a secret keeps its placeholder in all texts of a session, and another has another", () => {
  const { redact, met } = redactorOf([]);
  const [first, second] = [`gh${"p_"}${some(36)}`, `gh${"p_"}${some(36, "zY8xW7vU6")}`];
  assert.equal(redact(`${first} ${second}`), "«secret:github#1» «secret:github#2»");
  assert.equal(redact(`again ${second} and ${first}`), "again «secret:github#2» and «secret:github#1»");
  assert.equal(met(), 2);
});

/** Every cut in the full run, some drawn ones in the quick one. */
const isFull = process.env.RINGFENCE_FULL === "1";
const STEP = 7;
const SEED = Number(process.env.RINGFENCE_SEED ?? Math.floor(Math.random() * STEP));

const VALUE = some(24, "kQ7-vX2.mR9_");

/** In the encodings in which a value travels. */
const ENCODED: Readonly<Record<string, string>> = {
  plain: VALUE,
  "base64, offset 0": btoa(VALUE),
  "base64, offset 1": btoa(`a${VALUE}`),
  "base64, offset 2": btoa(`ab${VALUE}`),
  hex: Buffer.from(VALUE).toString("hex"),
  "hex in capitals": Buffer.from(VALUE).toString("hex").toUpperCase(),
  "percent escapes": Array.from(VALUE, (char) => `%${char.charCodeAt(0).toString(16)}`).join(""),
  reversed: [...VALUE].reverse().join(""),
  "broken lines of base64": btoa(`${VALUE}${VALUE}`).replace(/(.{16})/g, "$1\n"),
  "escapes of JSON": Array.from(VALUE, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`).join(""),
};

test("a known value goes in every encoding, and the pieces in which a text comes change nothing", () => {
  for (const [title, encoded] of Object.entries(ENCODED)) {
    const text = `${"x é\n".repeat(3)}before ${encoded} after ${PEM} and gh${"p_"}${some(36)}\nend €`;
    const whole = redactorOf([{ name: "vault", value: VALUE }]).redact(text);
    assert.ok(whole.includes("«secret:vault#1»"), `${title}: ${whole}`);
    assert.ok(!whole.includes(encoded.slice(2, 14)), `${title}: ${whole}`);
    for (let cut = 1 + (isFull ? 0 : (SEED + title.length) % STEP); cut < text.length; cut += isFull ? 1 : STEP) {
      const stream = redactorOf([{ name: "vault", value: VALUE }]).open();
      assert.equal(
        stream.push(text.slice(0, cut)) + stream.push(text.slice(cut)) + stream.end(),
        whole,
        `${title}, cut at ${cut} (RINGFENCE_SEED=${SEED})`,
      );
    }
    const single = redactorOf([{ name: "vault", value: VALUE }]).open();
    assert.equal([...text].map((char) => single.push(char)).join("") + single.end(), whole, title);
  }
});

test("a known value that overlaps itself for long has one placeholder, wherever the pieces end", () => {
  const open = () => redactorOf([{ name: "vault", value: "abcabcabc" }]).open();
  const text = `é ${"abc".repeat(1500)}ab rest abcabcab ${"abc".repeat(3)} é`;
  for (const size of [1, 97, 4100, text.length]) {
    const stream = open();
    let result = "";
    for (let at = 0; at < text.length; at += size) result += stream.push(text.slice(at, at + size));
    assert.equal(result + stream.end(), "é «secret:vault#1»ab rest abcabcab «secret:vault#1» é", String(size));
  }
});

test("a line of megabytes is cut where its text says, not where its pieces end", () => {
  const secret = `gh${"p_"}${some(36)}`;
  const text = `${"word,".repeat(210_000)}${secret},${"word,".repeat(210_000)}${"A".repeat(1_200_000)} ${secret}`;
  const whole = redactorOf([]).redact(text);
  assert.equal(whole.split("«secret:github#1»").length, 3);
  for (const size of [65_521, 700_001]) {
    const stream = redactorOf([]).open();
    let result = "";
    for (let at = 0; at < text.length; at += size) result += stream.push(text.slice(at, at + size));
    assert.ok(result + stream.end() === whole, String(size));
  }
});

test("a second scanner finds nothing in what is left", async () => {
  const rules = [
    "aws-access-key-id",
    "github-token",
    "slack-token",
    "npm-token",
    "sendgrid-key",
    "anthropic-key",
    "openai-key",
    "url-password",
    "basic",
  ];
  const text = `${rules.flatMap((id) => (CANARIES[id] ?? []).map(([before, secret]) => `${before}${secret}${AFTER[id] ?? ""}`)).join("\n")}\n${PEM}\n`;
  const config = { rules: [{ id: "@secretlint/secretlint-rule-preset-recommend", rule: preset, options: {} }] };
  const found = async (content: string) => {
    const source = { content, filePath: "/canaries.txt", ext: ".txt", contentType: "text" as const };
    const { messages } = await lintSource({ source, options: { config, noPhysicFilePath: true } });
    return messages.map(({ message }) => message);
  };
  assert.ok((await found(text)).length >= 5);
  // An address with a password is one to it whatever the password is.
  const left = await found(redactorOf([]).redact(text));
  assert.deepEqual(
    left.filter((message) => !message.includes("«secret:")),
    [],
  );
});
