import assert from "node:assert/strict";
import { test } from "node:test";
import { relativePlace } from "./place.ts";

test("however a path of the checkout is spelled, rules find it by one name, and what lies outside by its own", () => {
  for (const path of [
    "v/a",
    "./v/a",
    "v//a",
    "v/./a/",
    "s/../v/a",
    "/r/c/v/a",
    "//r/./c/v/a",
    "../c/v/a",
    "/r/c/../c/v/a",
  ])
    assert.equal(relativePlace("/r/c", path), "v/a", path);
  for (const path of ["", ".", "/r/c", "/r/c/", "v/.."]) assert.equal(relativePlace("/r/c", path), "", path);
  for (const path of ["/r/cv/a", "../cv/a", "/r/c/../cv/a"]) assert.equal(relativePlace("/r/c", path), "/r/cv/a", path);
  assert.equal(relativePlace("/r/c", "../../../../etc"), "/etc");
});
