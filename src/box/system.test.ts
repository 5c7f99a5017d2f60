import assert from "node:assert/strict";
import { test } from "node:test";
import { readSystemLinks, withMountsBelow } from "./system.ts";

test("a folder with a mount of the machine below is named, one that is a mount itself is not for that", () => {
  assert.deepEqual(withMountsBelow(["/", "/proc/self", "/nonexistent"]), ["/"]);
  assert.deepEqual(withMountsBelow(["/proc/sys/kernel"]), []);
});

test("the system's folders are read as links or as folders of their own", () => {
  const links = readSystemLinks();
  assert.ok(links.some(({ name }) => name === "bin"));
  for (const { name, target } of links) assert.ok(target === null || target === `usr/${name}`, name);
});
