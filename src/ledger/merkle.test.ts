import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { EMPTY_TREE, grown, leafHash, pathTo, rootFromPath, rootOf } from "./merkle.ts";

const hex = (hash: Uint8Array) => Buffer.from(hash).toString("hex");

// The inputs and roots that the implementations of certificate transparency test themselves with.
const INPUTS = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
const ROOTS = [
  "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
  "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
  "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
  "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
  "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
  "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
  "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
  "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];
const LEAVES = INPUTS.map((input) => leafHash(Buffer.from(input, "hex")));

test("the roots are those of RFC 6962", () => {
  assert.equal(hex(rootOf(EMPTY_TREE)), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  let tree = EMPTY_TREE;
  for (const [at, leaf] of LEAVES.entries()) {
    tree = grown(tree, leaf);
    assert.equal(hex(rootOf(tree)), ROOTS[at]);
  }
});

test("every leaf has a path to the root of every tree, and no other leaf, place, size or path has it", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 70 }), fc.nat(), fc.nat(), (size, first, second) => {
      const leaves = Array.from({ length: size }, (_, number) => leafHash(Uint8Array.of(number)));
      const root = hex(rootOf(leaves.reduce(grown, EMPTY_TREE)));
      const [at, other] = [first % size, second % size];
      const path = pathTo(leaves, at);
      const computed = (...[leaf, place, whole, way]: Parameters<typeof rootFromPath>) => {
        const found = rootFromPath(leaf, place, whole, way);
        return found && hex(found);
      };
      const leaf = leaves[at] ?? assert.fail();
      assert.equal(computed(leaf, at, size, path), root);
      assert.equal(computed(leaf, other, size, path) === root, other === at);
      assert.equal(computed(leaves[other] ?? leaf, at, size, path) === root, other === at);
      assert.notEqual(computed(leaf, at, size, [...path, leaf]), root);
      if (path.length > 0) assert.notEqual(computed(leaf, at, size, path.slice(1)), root);
      assert.equal(computed(leaf, size, size, path), null);
    }),
    { numRuns: process.env.RINGFENCE_FULL ? 5000 : 300, seed: 20_261_129 },
  );
});
