import assert from "node:assert/strict";
import { test } from "node:test";
import { credentialOf, hashes, held } from "./credential.fixture.ts";
import type { CredentialRule, Scheme } from "./credential.ts";
import { Secret } from "./credential.ts";
import { incoming, isBrokered, type Outbound, outgoing } from "./credential-broker.ts";
import { parseSignature, sign, writeSignature } from "./credential-sigv4.ts";

const rule = (scheme: Scheme, methods = ["GET"], pathPrefixes = ["/repos/person/thing"]): CredentialRule => ({
  scheme,
  origins: ["https://api.example.com"],
  methods,
  pathPrefixes,
});
const token = credentialOf("ghp_Canary7Hq2mZ0xTq9LmWv4Rk8Nb3Yc6Pd1Sf", [
  rule({ kind: "bearer" }),
  rule({ kind: "basic", user: null }, ["GET", "POST"], ["/person/thing.git"]),
]);
const login = credentialOf("C4naryPassw0rdOfPerson", [rule({ kind: "basic", user: "person" })]);
const key = credentialOf("sk-ant-api03-Canary-0123456789abcdefgh", [
  rule({ kind: "header", name: "x-api-key" }, ["POST"], ["/v1/messages"]),
]);
const ruleless = credentialOf("c0ffee11c0ffee22c0ffee33", []);
const keyId = { placeholder: "AKIAPLACEHOLDER00000", value: new Secret("AKIACANARY0123456789") };
const session = { placeholder: "sessionPlaceholder01", value: new Secret("sessionCanary0123456") };
const signer = credentialOf(
  "rEalSecretKeyOfThePerson0123456789abcdef",
  [rule({ kind: "sigv4", keyId, session }, ["GET", "PUT", "POST"], ["/data"])],
  "pLaceHolderSecretKey0123456789abcdefABCD",
);
const all = held(token, login, key, ruleless, signer);

const ask = (request: Partial<Outbound>) =>
  outgoing(
    all,
    {
      protocol: "https",
      host: "api.example.com",
      port: 443,
      method: "GET",
      path: "/repos/person/thing",
      headers: [],
      bodySha256: null,
      isPlain: false,
      ...request,
    },
    hashes,
  );
const basic = (user: string, password: string) => `Basic ${btoa(`${user}:${password}`)}`;
const sent = (headers: string[], used: string[]) => ({
  kind: "send",
  headers: [...headers, "accept-encoding", "identity"],
  used,
});
const alarmed = (request: Partial<Outbound>, { id }: { id: string }, reason: RegExp) => {
  const answer = ask(request);
  assert.equal(answer.kind, "refused");
  assert.equal(answer.kind === "refused" && answer.alarm, id);
  assert.match(answer.kind === "refused" ? answer.reason : "", reason);
};

test("a placeholder in its header, toward its host, method and path, becomes the value", () => {
  const value = token.value.reveal();
  assert.deepEqual(
    ask({ headers: ["Accept", "*/*", "Authorization", `Bearer ${token.placeholder}`] }),
    sent(["accept", "*/*", "authorization", `Bearer ${value}`], [token.id]),
  );
  assert.deepEqual(
    ask({ headers: ["authorization", `token  ${token.placeholder} `] }),
    sent(["authorization", `token ${value}`], [token.id]),
  );
  const git = { path: "/person/thing.git/git-upload-pack", method: "POST" };
  assert.deepEqual(
    ask({ ...git, headers: ["authorization", basic("x", token.placeholder)] }),
    sent(["authorization", basic("x", value)], [token.id]),
  );
  assert.deepEqual(
    ask({ ...git, headers: ["authorization", basic(token.placeholder, "")] }),
    sent(["authorization", basic(value, "")], [token.id]),
  );
  assert.deepEqual(
    ask({ ...git, headers: ["authorization", basic(token.placeholder, "x-oauth-basic")] }),
    sent(["authorization", basic(value, "x-oauth-basic")], [token.id]),
  );
  assert.deepEqual(
    ask({ headers: ["authorization", basic("person", login.placeholder)] }),
    sent(["authorization", basic("person", login.value.reveal())], [login.id]),
  );
  assert.deepEqual(
    ask({ method: "POST", path: "/v1/messages", headers: ["X-Api-Key", key.placeholder] }),
    sent(["x-api-key", key.value.reveal()], [key.id]),
  );
});

test("a placeholder toward another host, port, protocol, method or path, or without a rule, is an alarm", () => {
  const headers = ["Authorization", `Bearer ${token.placeholder}`];
  alarmed({ headers, host: "evil.example" }, token, /is not for https:\/\/evil\.example$/);
  alarmed({ headers, host: "sub.api.example.com" }, token, /is not for https:\/\/sub\.api/);
  alarmed({ headers, port: 8443 }, token, /is not for https:\/\/api\.example\.com:8443/);
  alarmed({ headers, protocol: "http", port: 80 }, token, /is not for http:/);
  alarmed({ headers, method: "DELETE" }, token, /is not for DELETE of this path/);
  alarmed({ headers, path: "/repos/person/other" }, token, /is not for GET of this path/);
  alarmed({ headers, path: "/repos/person/thing/../other" }, token, /is not for GET of this path/);
  // Each rule stands for itself: the path of one does not go with the scheme of another.
  alarmed({ headers, path: "/person/thing.git/info/refs" }, token, /is not for GET/);
  alarmed({ headers: ["x-token", ruleless.placeholder] }, ruleless, /has no rule, so it is put on nowhere/);
});

test("a placeholder in another header, in an address or in another encoding there, is an alarm", () => {
  const { placeholder } = token;
  const hex = Buffer.from(placeholder).toString("hex");
  for (const headers of [
    ["X-Other", placeholder],
    ["X-Api-Key", placeholder],
    ["Authorization", basic("person", key.placeholder)],
    ["Authorization", `Digest ${placeholder}`],
    ["Authorization", `Bearer ${placeholder}${placeholder}`],
    ["Authorization", basic(`${placeholder}:more`, "x")],
    ["User-Agent", `tool/${btoa(placeholder)}`],
    ["Cookie", `a=${hex}`],
    ["Referer", `https://a.example/?${encodeURIComponent(placeholder).replace("g", "%67")}`],
    [`x-${placeholder.toLowerCase()}`, placeholder],
  ]) {
    const answer = ask({ headers });
    assert.equal(answer.kind === "refused" && answer.alarm !== null, true, headers.join(": "));
  }
  for (const path of [
    placeholder,
    btoa(`ab${placeholder}`),
    hex,
    placeholder.replace("_", "%5F"),
    placeholder.replace("_", "%255f"),
  ])
    alarmed({ host: "other.example", path: `/x?q=${path}` }, token, /stands in the address/);
  alarmed({ host: `${placeholder.toLowerCase()}.evil.example`, path: "/" }, token, /stands in the address/);
  const cut = placeholder.toLowerCase().replace(/.{10}/g, "$&.");
  alarmed({ host: `${cut}evil.example`, path: "/" }, token, /stands in the address/);
});

test("a value in a request is an alarm as well, wherever it goes", () => {
  const value = token.value.reveal();
  alarmed({ headers: ["Authorization", `Bearer ${value}`] }, token, /header that is not its own/);
  alarmed({ path: `/repos/person/thing?t=${value}` }, token, /address/);
  alarmed({ host: "other.example", path: "/", headers: ["X-Amz-Meta", btoa(value)] }, token, /header/);
});

test("a host with a credential is sent no other one", () => {
  for (const headers of [
    ["Authorization", "Bearer of-another"],
    ["Authorization", basic("attacker", "password")],
    ["Proxy-Authorization", "x"],
    ["Cookie", "session=1"],
    ["X-Api-Key", "x"],
    ["Private-Token", "x"],
    ["X-Auth-Token", "x"],
    ["X-Goog-Api-Key", "x"],
    ["X-Amz-Security-Token", "x"],
    ["x_token", "x"],
  ]) {
    const answer = ask({ headers });
    assert.match(
      answer.kind === "refused" ? answer.reason : "",
      /credential of its own for api\.example\.com/,
      headers.join(": "),
    );
    assert.deepEqual(ask({ headers, host: "other.example" }), { kind: "send", headers, used: [] });
  }
  for (const query of [
    "private_token=x",
    "a=1&access_token=x",
    "api_key=x",
    "a;api%5Fkey=x",
    "X-Amz-Signature=x",
    "sig=x",
  ])
    assert.match(JSON.stringify(ask({ path: `/repos/person/thing?${query}` })), /credential of its own/, query);
  const harmless = ["Idempotency-Key", "x", "Accept", "*/*", "If-None-Match", "x", "Sec-WebSocket-Key", "x"];
  assert.equal(ask({ headers: harmless, path: "/anything?page_token=2" }).kind, "send");
});

test("with a credential on it a request is what it seems, whole, and alone", () => {
  const own = ["authorization", `Bearer ${token.placeholder}`];
  for (const name of ["X-HTTP-Method-Override", "X-Original-URL", "X-Rewrite-URL"])
    assert.match(JSON.stringify(ask({ headers: [...own, name, "DELETE"] })), /may make another request of it/);
  assert.deepEqual(
    ask({ headers: [...own, "Range", "bytes=0-9", "If-Range", "x", "Accept-Encoding", "gzip"] }),
    sent(["authorization", `Bearer ${token.value.reveal()}`], [token.id]),
  );
  assert.match(JSON.stringify(ask({ headers: [...own, ...own] })), /two credentials/);
});

const DATE = "20150830T123600Z";
const signedHeaders = ["host", "range", "x-amz-content-sha256", "x-amz-date", "x-amz-security-token"];
const toSign = (payload: string) => [
  ...["host", "api.example.com", "x-amz-date", DATE, "x-amz-content-sha256", payload],
  ...["x-amz-security-token", session.placeholder, "range", "bytes=0-9"],
];
const pairsOf = (flat: readonly string[]) =>
  flat.flatMap((name, at) => (at % 2 === 0 ? [{ name, value: flat[at + 1] ?? "" }] : []));
const signed = (secret: string, headers: string[], payload = "UNSIGNED-PAYLOAD", id = keyId.placeholder) => {
  const scope = { keyId: id, day: "20150830", region: "eu-west-1", service: "s3", signedHeaders };
  const request = { method: "GET", path: "/data/a", headers: pairsOf(headers), bodySha256: null };
  return writeSignature({ ...scope, signature: sign(scope, request, payload, secret, "sent", hashes) });
};

test("a request signed with the placeholders is signed anew with the person's key", () => {
  const headers = toSign("UNSIGNED-PAYLOAD");
  const answer = ask({ path: "/data/a", headers: [...headers, "authorization", signed(signer.placeholder, headers)] });
  assert.ok(answer.kind === "send", JSON.stringify(answer));
  assert.deepEqual(answer.used, [signer.id]);
  const got = Object.fromEntries(pairsOf(answer.headers).map(({ name, value }) => [name, value]));
  assert.equal(got["x-amz-security-token"], session.value.reveal());
  assert.equal(got.range, undefined);
  const signature = parseSignature(got.authorization ?? "");
  assert.equal(signature?.keyId, keyId.value.reveal());
  assert.deepEqual(
    signature?.signedHeaders,
    signedHeaders.filter((name) => name !== "range"),
  );
  const request = { method: "GET", path: "/data/a", headers: pairsOf(answer.headers), bodySha256: null };
  assert.equal(
    signature?.signature,
    sign(signature, request, "UNSIGNED-PAYLOAD", signer.value.reveal(), "sent", hashes),
  );
});

test("a signed request that the placeholders did not sign, or whose body is signed in pieces, is refused", () => {
  const refusal = (headers: string[], authorization: string, more: Partial<Outbound> = {}) => {
    const answer = ask({ path: "/data/a", headers: [...headers, "authorization", authorization], ...more });
    return answer.kind === "refused" ? answer.reason : answer.kind;
  };
  const headers = toSign("UNSIGNED-PAYLOAD");
  assert.match(refusal(headers, signed("another key", headers)), /does not fit/);
  assert.match(refusal(headers, signed(signer.placeholder, headers), { path: "/data/b" }), /does not fit/);
  assert.match(refusal(headers, signed(signer.placeholder, headers), { path: "/other" }), /not for GET of this path/);
  assert.match(
    refusal(headers, signed(signer.placeholder, headers), { host: "s3.example" }),
    /not for https:\/\/s3\.example/,
  );
  assert.match(
    refusal(headers, signed(signer.placeholder, headers, "UNSIGNED-PAYLOAD", "AKIAATTACKER00000000")),
    /credential of its own/,
  );
  const pieces = toSign("STREAMING-AWS4-HMAC-SHA256-PAYLOAD");
  assert.match(refusal(pieces, signed(signer.placeholder, pieces)), /each piece of its body is signed/);
  const unread = headers.filter((_, at) => headers[at - (at % 2)] !== "x-amz-content-sha256");
  assert.equal(refusal(unread, signed(signer.placeholder, unread)), "unread");
});

test("only a host that some rule names is brokered", () => {
  assert.equal(isBrokered(all, "api.example.com"), true);
  assert.equal(isBrokered(all, "example.com"), false);
  assert.equal(isBrokered(held(ruleless), "api.example.com"), false);
});

test("headers of a reply have values masked and set no cookie", () => {
  const value = token.value.reveal();
  assert.deepEqual(incoming(all, ["Location", `/x?t=${value}`, "Set-Cookie", "s=1", "ETag", "é"]), [
    "location",
    `/x?t=${token.placeholder}`,
    "etag",
    "é",
  ]);
});

test("a refusal holds neither placeholder nor value", () => {
  const { placeholder } = token;
  for (const headers of [
    ["X-Other", placeholder],
    ["Authorization", `Bearer ${token.value.reveal()}`],
    ["Authorization", "Bearer attackers"],
  ]) {
    const text = JSON.stringify(ask({ headers }));
    for (const secret of [placeholder, token.value.reveal(), "attackers"]) assert.ok(!text.includes(secret), text);
  }
});

test("where an address tells nothing, the name of a user beside a credential tells nothing either", () => {
  const free = credentialOf("freeUserCanary0123456", [rule({ kind: "basic", user: null }, ["GET"], ["/"])]);
  const own = credentialOf("ownUserCanary01234567", [rule({ kind: "basic", user: "person" }, ["GET"], ["/"])]);
  const asked = (given: Partial<Outbound>, { placeholder }: { placeholder: string }, user: string) => {
    const host = { protocol: "https", host: "api.example.com", port: 443, method: "GET", path: "/thing" } as const;
    const headers = ["Authorization", basic(user, placeholder)];
    return outgoing(held(free, own), { ...host, headers, bodySha256: null, isPlain: true, ...given }, hashes).kind;
  };
  assert.equal(asked({ isPlain: false }, free, "canary-carried-out"), "send");
  assert.equal(asked({}, free, "canary-carried-out"), "refused");
  assert.equal(asked({}, free, "person"), "refused", "the name of another credential's rule");
  for (const user of ["", "__token__", "x-access-token"]) assert.equal(asked({}, free, user), "send", user);
  assert.equal(asked({}, own, "person"), "send");
});

test("the word before a token is spelled in one way", () => {
  const spelled = (word: string) => ask({ headers: ["Authorization", `${word} ${token.placeholder}`] });
  assert.deepEqual(spelled("bEaReR"), spelled("Bearer"));
  assert.deepEqual(spelled("TOKEN"), spelled("token"));
});

test("no run of blanks in a header holds the host up", () => {
  const start = performance.now();
  ask({ headers: ["Authorization", `Bearer a${" ".repeat(64_000)}b`, "Accept", `a${" ".repeat(64_000)}b`] });
  assert.ok(performance.now() - start < 1000);
});
