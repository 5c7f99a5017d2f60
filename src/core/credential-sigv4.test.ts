import assert from "node:assert/strict";
import { test } from "node:test";
import { hashes } from "./credential.fixture.ts";
import {
  checkSignature,
  parseSignature,
  payloadOf,
  type SignedRequest,
  sign,
  writeSignature,
} from "./credential-sigv4.ts";

// The numbers were computed with Python's hmac and hashlib by a program that gives the published one of "get-vanilla" too.
const EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const PLACEHOLDER = "pLaceHolderSecretKey0123456789abcdefABCD";
const DATE = "20150830T123600Z";
const headersOf = (record: Record<string, string>) => Object.entries(record).map(([name, value]) => ({ name, value }));

const vanilla: SignedRequest = {
  method: "GET",
  path: "/",
  headers: headersOf({ Host: "example.amazonaws.com", "X-Amz-Date": DATE }),
  bodySha256: EMPTY,
};
const object: SignedRequest = {
  method: "GET",
  path: "/data/a%20b.txt?prefix=a%2Fb&list-type=2",
  headers: headersOf({
    host: "bucket.example.test",
    "x-amz-date": DATE,
    "x-amz-content-sha256": "UNSIGNED-PAYLOAD",
    "x-amz-security-token": "sessionPlaceholder01",
  }),
  bodySha256: null,
};
const table: SignedRequest = {
  method: "POST",
  path: "/a%20b",
  headers: headersOf({
    host: "db.example.test",
    "content-type": "  application/x-amz-json-1.0 ",
    "x-amz-date": DATE,
    "x-amz-target": "DynamoDB_20120810.DescribeTable",
  }),
  bodySha256: "f28af92fc15f446717e10364e12f5128ef4611dfaeb8469b0ca93776dd9d3f5a",
};
const signatureOf = (service: string, signedHeaders: string, signature: string) => {
  const text = `AWS4-HMAC-SHA256 Credential=AKIAPLACEHOLDER00000/20150830/eu-west-1/${service}/aws4_request, SignedHeaders=${signedHeaders}, Signature=${signature}`;
  const parsed = parseSignature(text);
  assert.ok(parsed);
  assert.equal(writeSignature(parsed), text);
  return parsed;
};
const OBJECT = signatureOf(
  "s3",
  "host;x-amz-content-sha256;x-amz-date;x-amz-security-token",
  "4bc55752700323349c81b8275c465dd5f42a46282d22f8d2227ae36fe74033d4",
);
const TABLE = signatureOf(
  "dynamodb",
  "content-type;host;x-amz-date;x-amz-target",
  "c5dedf9a6bc38ff3206cc5775632721db518ce5f62ca35f4c8637dc962cd4ea2",
);

test("the published example is signed as published", () => {
  const scope = { day: "20150830", region: "us-east-1", service: "service", signedHeaders: ["host", "x-amz-date"] };
  assert.equal(
    sign(scope, vanilla, EMPTY, "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "sent", hashes),
    "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
  );
});

test("a signature made with the placeholder is known by it, path and query in the form of its service", () => {
  assert.deepEqual(checkSignature(OBJECT, object, "UNSIGNED-PAYLOAD", PLACEHOLDER, hashes), { ok: true, form: "sent" });
  assert.deepEqual(checkSignature(TABLE, table, table.bodySha256 ?? "", PLACEHOLDER, hashes), {
    ok: true,
    form: "escaped",
  });
});

test("whatever of a request was changed after it was signed shows", () => {
  const change = (request: Partial<SignedRequest>) =>
    checkSignature(OBJECT, { ...object, ...request }, "UNSIGNED-PAYLOAD", PLACEHOLDER, hashes);
  const other = (name: string, value: string) =>
    object.headers.map((header) => (header.name === name ? { name, value } : header));
  const misfit = { ok: false, reason: "its signature does not fit the request" };
  assert.deepEqual(change({ method: "PUT" }), misfit);
  assert.deepEqual(change({ path: "/data/a%20b.txt?prefix=a%2Fc&list-type=2" }), misfit);
  assert.deepEqual(change({ path: "/data/other?prefix=a%2Fb&list-type=2" }), misfit);
  assert.deepEqual(change({ headers: other("host", "other.example.test") }), misfit);
  assert.deepEqual(change({ headers: other("x-amz-security-token", "sessionPlaceholder02") }), misfit);
  assert.deepEqual(checkSignature(OBJECT, object, EMPTY, PLACEHOLDER, hashes), misfit);
  assert.deepEqual(checkSignature(OBJECT, object, "UNSIGNED-PAYLOAD", `${PLACEHOLDER}x`, hashes), misfit);
  assert.match(JSON.stringify(change({ headers: other("x-amz-date", "20150831T123600Z") })), /another day/);
  assert.match(JSON.stringify(change({ headers: other("x-amz-date", "yesterday") })), /no x-amz-date/);
  const added = [...object.headers, { name: "X-Amz-Acl", value: "public-read" }];
  assert.match(JSON.stringify(change({ headers: added })), /its x-amz-acl is not signed/);
});

test("a body counts by its declared hash, by being unsigned, or must be read; pieces that are signed are refused", () => {
  const payload = (value: string) => payloadOf({ ...vanilla, headers: headersOf({ "X-Amz-Content-Sha256": value }) });
  assert.deepEqual(payload(EMPTY), { kind: "hash", hash: EMPTY });
  assert.deepEqual(payload("UNSIGNED-PAYLOAD"), { kind: "hash", hash: "UNSIGNED-PAYLOAD" });
  assert.deepEqual(payload("STREAMING-UNSIGNED-PAYLOAD-TRAILER").kind, "hash");
  assert.deepEqual(payload("STREAMING-AWS4-HMAC-SHA256-PAYLOAD").kind, "refused");
  assert.deepEqual(payload("something").kind, "refused");
  assert.deepEqual(payloadOf(vanilla), { kind: "hash", hash: EMPTY });
  assert.deepEqual(payloadOf({ ...vanilla, bodySha256: null }), { kind: "unread" });
});

test("no other form of the header is taken for a signature", () => {
  const text = writeSignature(OBJECT);
  for (const other of [
    text.replace("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"),
    text.replace("aws4_request", "aws4_other"),
    text.replace(/Signature=\w{4}/, "Signature="),
    text.replace("/s3/", "/s3/x/"),
    `${text}, Signature=${OBJECT.signature}`,
    "Bearer x",
    "",
  ])
    assert.equal(parseSignature(other), null, other);
});
