import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { pushOf, requestOf } from "./effect.fixture.ts";
import type { Effect } from "./effect.ts";
import { INTEGRITIES, isWithin, join, type Label, SECRECIES } from "./label.ts";
import { decide } from "./policy.ts";
import { columnOf } from "./sinks.ts";

const RANK = { deny: 0, ask: 1, allow: 2 } as const;
const BOX_KINDS = ["read", "write", "edit", "search", "list", "run", "output", "kill", "sync"];
const TOP: Label = { integrity: "external", secrecy: "secret" };
const BOTTOM: Label = { integrity: "system", secrecy: "public" };

const labels: fc.Arbitrary<Label> = fc
  .record({
    integrity: fc.constantFrom(...INTEGRITIES),
    secrecy: fc.constantFrom(...SECRECIES),
  })
  .map((label) => ({ ...label }));
const text = fc.string({ unit: "grapheme" });
const glob = fc.option(text);
const approvedBy = fc.constantFrom("person" as const, "none" as const);
const requests: fc.Arbitrary<Effect & { readonly kind: "request" }> = fc.record({
  kind: fc.constant("request" as const),
  protocol: fc.constantFrom("http" as const, "https" as const, "tunnel" as const),
  host: text,
  port: fc.nat(),
  method: fc.constantFrom("GET", "POST", "CONNECT"),
  path: text,
  hasBody: fc.boolean(),
  listed: fc.constantFrom("allow" as const, "deny" as const, "unlisted" as const),
  rule: glob,
  origin: fc.constantFrom(
    "locked" as const,
    "fetch" as const,
    "typed" as const,
    "service" as const,
    "composed" as const,
  ),
  command: fc.option(fc.nat()),
  approvedBy,
  shown: fc.option(fc.record({ label: labels, headers: fc.array(text, { maxLength: 2 }), body: fc.constant(null) })),
});
const effects: fc.Arbitrary<Effect> = fc.oneof(
  fc.record({ kind: fc.constant("read" as const), path: text, offset: fc.nat(), limit: fc.nat() }),
  fc.record({ kind: fc.constant("write" as const), path: text, content: text }),
  fc.record({
    kind: fc.constant("edit" as const),
    path: text,
    oldString: text,
    newString: text,
    replaceAll: fc.boolean(),
  }),
  fc.record({ kind: fc.constant("search" as const), pattern: text, path: text, glob }),
  fc.record({ kind: fc.constant("list" as const), path: text, glob }),
  fc.record({ kind: fc.constant("run" as const), command: text, timeoutMs: fc.nat(), background: fc.boolean() }),
  fc.record({ kind: fc.constant("fetch" as const), url: text }),
  fc.record({ kind: fc.constantFrom("output" as const, "kill" as const), id: text }),
  fc.record({
    kind: fc.constant("land" as const),
    paths: fc.array(text),
    digest: text,
    held: fc.array(text, { maxLength: 2 }),
    approvals: fc.array(fc.record({ path: text, hash: text }), { maxLength: 2 }),
    approvedBy,
  }),
  fc.record({
    kind: fc.constant("land-commits" as const),
    how: fc.constantFrom("forward" as const, "branch" as const),
    branch: text,
    oldId: fc.option(text),
    newId: text,
    digest: text,
    approvedBy,
  }),
  fc.record({ kind: fc.constant("sync" as const), paths: fc.array(text), digest: text }),
  fc.record({ kind: fc.constantFrom("discard" as const, "remove" as const, "release" as const), approvedBy }),
  fc.record({ kind: fc.constant("preview" as const), port: fc.nat(), approvedBy, shownAt: fc.option(labels) }),
  requests,
  fc.record({
    kind: fc.constant("push" as const),
    protocol: fc.constant("https" as const),
    host: text,
    port: fc.nat(),
    method: fc.constant("POST"),
    path: text,
    hasBody: fc.constant(true),
    remote: fc.constantFrom("tracked" as const, "other" as const),
    ref: text,
    oldId: text,
    newId: text,
    found: fc.constantFrom("landed" as const, "absent" as const, "diverged" as const),
    digest: text,
    rule: fc.option(text),
    isDenied: fc.boolean(),
    command: fc.option(fc.nat()),
    approvedBy,
    shownAt: fc.option(labels),
  }),
  fc.record({
    kind: fc.constant("undo" as const),
    landing: fc.nat(),
    paths: fc.array(text),
    digest: text,
    approvedBy,
  }),
  fc.record({
    kind: fc.constant("recover" as const),
    what: fc.constantFrom("land" as const, "undo" as const),
    landing: fc.nat(),
    approvedBy,
  }),
);

test("every effect has an answer with a reason, at every label", () => {
  fc.assert(
    fc.property(effects, labels, (effect, label) => {
      const { verdict, reason } = decide(effect, label);
      return verdict in RANK && reason !== "";
    }),
  );
});

test("the same effect at the same label has the same answer, and asking changes neither", () => {
  fc.assert(
    fc.property(effects, labels, (effect, label) => {
      assert.deepEqual(
        decide(Object.freeze({ ...effect }), Object.freeze({ ...label })),
        decide(structuredClone(effect), structuredClone(label)),
      );
    }),
  );
});

test("more taint never allows more: a higher label never turns a denial or a question into less", () => {
  fc.assert(
    fc.property(effects, labels, labels, (effect, low, other) => {
      return RANK[decide(effect, join(low, other)).verdict] <= RANK[decide(effect, low).verdict];
    }),
    { numRuns: 2000 },
  );
});

test("a port of the box is shown on the person's word alone, and where a page could carry something out once they were told", () => {
  fc.assert(
    fc.property(labels, labels, fc.nat(), (label, shownAt, port) => {
      const by = (who: "person" | "none", at: Label | null) =>
        decide({ kind: "preview", port, approvedBy: who, shownAt: at }, label).verdict;
      const isFree = columnOf(label) < 2;
      assert.equal(by("person", null), isFree ? "allow" : "ask");
      assert.equal(by("person", shownAt), isFree || isWithin(label, shownAt) ? "allow" : "ask");
      assert.deepEqual([by("none", null), by("none", label)], ["deny", "deny"]);
    }),
  );
});

test("an effect that no rule names is denied at every label, whatever its other fields say", () => {
  const known = [
    ...BOX_KINDS,
    "preview",
    "land",
    "land-commits",
    "sign-commits",
    "discard",
    "undo",
    "recover",
    "release",
    "remove",
  ];
  const strange = fc.oneof(text, fc.constantFrom("__proto__", "constructor", "toString", "RUN", "run ", "connect", ""));
  fc.assert(
    fc.property(
      strange.filter((kind) => !known.includes(kind)),
      labels,
      (kind, label) => {
        const cast = {
          kind,
          approvedBy: "person",
          held: [],
          approvals: [],
          command: "true",
          paths: [],
        } as unknown as Effect;
        return decide(cast, label).verdict === "deny";
      },
    ),
  );
  for (const kind of [undefined, null, 0, {}, []]) {
    assert.equal(decide({ kind } as unknown as Effect, BOTTOM).verdict, "deny");
  }
});

test("what stays in the box is allowed at the highest label too", () => {
  fc.assert(
    fc.property(
      effects.filter(({ kind }) => BOX_KINDS.includes(kind)),
      (effect) => decide(effect, TOP).verdict === "allow",
    ),
  );
});

test("a file that would run later lands only when a person approved each such file, whatever was seen", () => {
  const names = fc.uniqueArray(fc.constantFrom("a", "b", "c"), { minLength: 1 });
  fc.assert(
    fc.property(labels, approvedBy, names, fc.subarray(["a", "b", "c"]), (label, by, held, approved) => {
      const approvals = approved.map((path) => ({ path, hash: "h" }));
      const { verdict } = decide({ kind: "land", paths: held, digest: "d", held, approvals, approvedBy: by }, label);
      const isCovered = by === "person" && held.every((path) => approved.includes(path));
      return verdict === (isCovered ? "allow" : "deny");
    }),
  );
});

test("source lands unread only while nothing below repo was seen", () => {
  const land = { kind: "land", paths: ["a.ts"], digest: "d", held: [], approvals: [], approvedBy: "none" } as const;
  const verdicts = INTEGRITIES.map((integrity) => decide(land, { integrity, secrecy: "private" }).verdict);
  assert.deepEqual(verdicts, ["allow", "allow", "allow", "ask", "ask"]);
});

test("only the person undoes a landing or puts one right", () => {
  fc.assert(
    fc.property(labels, (label) => {
      const undo = { kind: "undo", landing: 1, paths: ["a.ts"], digest: "d" } as const;
      const recover = { kind: "recover", what: "land", landing: 1 } as const;
      const verdicts = (["person", "none"] as const).flatMap((approvedBy) => [
        decide({ ...undo, approvedBy }, label).verdict,
        decide({ ...recover, approvedBy }, label).verdict,
        decide({ kind: "release", approvedBy }, label).verdict,
      ]);
      assert.deepEqual(verdicts, ["allow", "allow", "allow", "deny", "deny", "deny"]);
    }),
  );
});

test("what a wrapped agent asks its model goes at every label, unless a rule of the person's denies it", () => {
  const asked = requestOf({ method: "POST", path: "/v1/messages", hasBody: true, rule: "wrap", command: null });
  fc.assert(
    fc.property(labels, (label) => {
      const say = (listed: "allow" | "deny" | "unlisted", origin: "model" | "composed") =>
        decide({ ...asked, listed, origin }, label).verdict;
      assert.equal(say("allow", "model"), "allow");
      assert.equal(say("deny", "model"), "deny");
      assert.notEqual(say("unlisted", "model"), "allow");
      if (label.integrity === "external") assert.notEqual(say("allow", "composed"), "allow");
    }),
  );
});

test("commits land for the person alone, whatever was seen", () => {
  const commits = { kind: "land-commits", how: "branch", branch: "b", oldId: null, newId: "n", digest: "d" } as const;
  fc.assert(
    fc.property(labels, (label) => {
      const by = (approved: "person" | "none") => decide({ ...commits, approvedBy: approved }, label).verdict;
      assert.deepEqual([by("person"), by("none")], ["allow", "ask"]);
      const signs = (who: "person" | "none") =>
        decide({ kind: "sign-commits", newId: "n", digest: "d", approvedBy: who }, label).verdict;
      assert.deepEqual([signs("person"), signs("none")], ["allow", "deny"]);
    }),
  );
});

test("only the person discards a layer, or removes a session", () => {
  fc.assert(
    fc.property(labels, (label) => {
      const by = (who: "person" | "none") => decide({ kind: "discard", approvedBy: who }, label).verdict;
      assert.deepEqual([by("person"), by("none")], ["allow", "deny"]);
    }),
  );
});

test("a push is allowed for what landed, to the tracked branch that a rule names, and for the person's own text alone", () => {
  const push = pushOf();
  const user: Label = { integrity: "user", secrecy: "private" };
  assert.deepEqual(decide(push, user), { verdict: "allow", reason: "net.push[0] allows it" });
  for (const integrity of ["local", "external"] as const) {
    assert.equal(decide(push, { integrity, secrecy: "public" }).verdict, "ask");
    const shownAt: Label = { integrity, secrecy: "public" };
    const yes = { ...push, approvedBy: "person", shownAt } as const;
    assert.equal(decide(yes, shownAt).verdict, "allow");
    assert.equal(decide({ ...yes, shownAt: null }, shownAt).verdict, "ask");
    assert.equal(decide({ ...yes, approvedBy: "none" }, shownAt).verdict, "ask");
    assert.equal(decide(yes, { integrity, secrecy: "private" }).verdict, "ask", "more has been within reach since");
  }
  const unnamed = decide({ ...push, rule: null }, user);
  assert.deepEqual([unnamed.verdict, unnamed.reason], ["ask", "no rule of net.push names main"]);
  for (const [more, reason] of [
    [{ isDenied: true, rule: "net.deny[0]" }, /^net\.deny\[0\] denies it$/],
    [{ remote: "other" }, /only the repository that your branch tracks/],
    [{ found: "absent" }, /not on your own branch main: land it first/],
    [{ found: "diverged" }, /has commits that yours has not/],
  ] as const) {
    const decision = decide({ ...push, ...more, approvedBy: "person", shownAt: user }, user);
    assert.equal(decision.verdict, "deny");
    assert.match(decision.reason, reason);
  }
});

test("a fetch from the tracked remote is allowed at any label, also with a body, and a denial wins over it", () => {
  const fetch = requestOf({ method: "POST", hasBody: true, rule: "tracked remote", origin: "fetch" });
  assert.equal(decide(fetch, TOP).verdict, "allow");
  assert.equal(decide({ ...fetch, listed: "deny" }, BOTTOM).verdict, "deny");
});

test("a person's yes answers what asks, once it was shown, and never what is denied", () => {
  fc.assert(
    fc.property(requests, labels, (request, label) => {
      const alone = decide({ ...request, approvedBy: "none", shown: null }, label).verdict;
      const shown = { label, headers: [], body: null };
      const answered = decide({ ...request, approvedBy: "person", shown }, label).verdict;
      assert.equal(answered, alone === "ask" ? "allow" : alone);
      // A yes to what nobody was shown, and what was shown to nobody who said yes.
      assert.equal(decide({ ...request, approvedBy: "person", shown: null }, label).verdict, alone);
      assert.equal(decide({ ...request, approvedBy: "none", shown }, label).verdict, alone);
    }),
  );
  const unlisted = { ...fc.sample(requests, 1)[0], listed: "unlisted", approvedBy: "person" } as Effect;
  const shown = { ...unlisted, shown: { label: TOP, headers: [], body: null } } as Effect;
  assert.equal(decide(shown, { integrity: "external", secrecy: "private" }).verdict, "deny");
});

test("a person's yes is void once the label is higher than the one that they were asked at", () => {
  fc.assert(
    fc.property(requests, labels, labels, (request, asked, now) => {
      const shown = { label: asked, headers: [], body: null };
      const alone = decide({ ...request, approvedBy: "none", shown: null }, now).verdict;
      const risen = join(asked, now);
      const hasRisen = risen.integrity !== asked.integrity || risen.secrecy !== asked.secrecy;
      const answered = decide({ ...request, approvedBy: "person", shown }, now).verdict;
      assert.equal(answered, alone === "ask" && !hasRisen ? "allow" : alone);
    }),
    { numRuns: 1000 },
  );
});
