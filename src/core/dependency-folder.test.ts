import assert from "node:assert/strict";
import { test } from "node:test";
import { countDependencies, dependencyFolder } from "./dependency-folder.ts";

test("what a package manager fills is known by its outermost folder, and a file of such a name is none", () => {
  assert.equal(dependencyFolder("a/node_modules/b/node_modules/c.js"), "a/node_modules/");
  assert.equal(dependencyFolder(".venv/bin/python"), ".venv/");
  assert.equal(dependencyFolder("node_modules"), null);
  assert.equal(dependencyFolder("src/vendor/a.js"), null);
  const counts = countDependencies(["node_modules/a/b", "node_modules/c", "x/node_modules/d", "e"]);
  assert.deepEqual(
    [...counts],
    [
      ["node_modules/", 2],
      ["x/node_modules/", 1],
    ],
  );
});
