import assert from "node:assert/strict";
import { test } from "node:test";
import { requestOf } from "../core/effect.fixture.ts";
import type { Look } from "../egress/look.ts";
import { PackageYeses } from "./new-package.ts";

const LABEL = { integrity: "external", secrecy: "private" } as const;
const LOOK: Look = { headers: [], readBody: null, git: null, gone: () => new AbortController().signal };
const BASE = { protocol: "https", host: "packages.example", port: 443, path: "" } as const;

function about(version: string | null, name = "left", command: number | null = 1) {
  const dated = { registry: { kind: "npm", tool: "npm", base: BASE } as const, name, version };
  return { effect: { ...requestOf(), command }, look: LOOK, command: null, dated };
}

function asked(seq: number, label: { integrity: "external"; secrecy: "private" | "secret" } = LABEL) {
  return { verdict: "ask", reason: "why", seq, label } as const;
}

test("a yes to a package holds for its one version, that command and that label, and for a few files", () => {
  const yeses = new PackageYeses();
  yeses.add(about(null), asked(5));
  assert.equal(yeses.take(about("1.0.0", "other"), asked(6)), null);
  assert.equal(yeses.take(about("1.0.0", "left", 2), asked(6)), null);
  assert.equal(yeses.take(about("1.0.0", "left", null), asked(6)), null);
  assert.equal(yeses.take(about("1.0.0"), asked(6, { ...LABEL, secrecy: "secret" })), null);
  assert.equal(yeses.take(about(null), asked(6)), null);
  for (let file = 0; file < 8; file += 1) {
    assert.equal(yeses.take(about("1.0.0"), asked(7)), 5);
    assert.equal(yeses.take(about("1.1.0"), asked(7)), null);
  }
  yeses.add(about(null), asked(8));
  assert.equal(yeses.take(about("1.0.0"), asked(9)), null);
});
