import assert from "node:assert/strict";
import { test } from "node:test";
import { fetched, listed, redirect } from "./fetching.ts";

test("an address that the model composed, a redirect, and a host that nothing lists are not asked for by a run", async (t) => {
  const { asked, address, place } = await listed(t, {
    "/start": (answer) => redirect(`${address}/next?leak`)(answer),
    "/away": redirect("http://elsewhere.example.com/"),
    "/script": redirect("javascript:alert(1)"),
  });
  const typed = ["/start", "/away", "/script"].map((path) => `${address}${path}`);
  const composed = [
    `${address}/?q=private`,
    "https://elsewhere.example.com/",
    "file:///etc/passwd",
    "http://u:p@127.0.0.1/",
  ];
  const { results, status } = await fetched(place, `read ${typed.join(" ")}`, [...typed, ...composed]);
  assert.deepEqual(asked, ["GET /start", "GET /away", "GET /script"]);
  const texts = results.map(({ text }) => text);
  assert.match(texts[0] ?? "", /^refused: GET http:\/\/127\.0\.0\.1:\d+\/next\?leak: .*a person looks at the address/);
  assert.match(texts[1] ?? "", /^refused: GET http:\/\/elsewhere\.example\.com\/: not listed/);
  assert.match(texts[2] ?? "", /redirects to no web address/);
  assert.match(texts[3] ?? "", /^refused: GET .*a person looks at the address/);
  assert.match(texts[4] ?? "", /^refused: .*not listed/);
  for (const text of texts.slice(5)) assert.match(text, /^fetch: the address must begin with http/);
  assert.equal(status, 21);
});
